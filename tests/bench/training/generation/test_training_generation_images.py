"""What a generator learns from and is compared with: splits, digests, and files that are not as they should be."""

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.training.generation.images import GENERATION_DATASETS, GeneratedImages, PreparedImages
from ganas.bench.training.generation.protocol import FULL, INCEPTION, MINI
from ganas.bench.training.generation.weights_file import WEIGHTS_FILE
from ganas.data.images.catalog import load_images
from ganas.data.images.image_set import ImageSet
from ganas.spaces.errors import DataError, InvalidSetting, NotEnoughMemory, UnknownName
from tests.bench.training.generation.tiny_generation import TINY
from tests.data.images.image_files import pictures, write_cifar_binary, write_fashion_mnist

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
Image = pytest.importorskip("PIL.Image")

from ganas.bench.training.generation import classifier  # noqa: E402
from ganas.bench.training.generation.extractor import Extracted, Extractor  # noqa: E402


class MeanPixels(Extractor):
    """Compares images in the means of their rows, and says which weights it has."""

    distance_name, score_name, features, classes = "row_distance", "row_score", 8, 2

    def __init__(self, weights):
        self.weights, self.looks = weights, 0

    @property
    def weights_digest(self):
        return self.weights

    def extract(self, pixels):
        self.looks += 1
        return Extracted(pixels.float().mean(dim=(1, 3)), torch.full((len(pixels), 2), 0.5))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def nothing_is_trained(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a classifier was trained")

    monkeypatch.setattr(classifier, "trained_classifier", refuse)


@pytest.fixture
def short_classifiers(monkeypatch, home):
    recipe = replace(classifier.RECIPE, least_epochs=1, least_steps=5)
    monkeypatch.setattr(classifier, "trained_classifier", partial(classifier.trained_classifier, recipe=recipe))


def grey(count, seed=0, name="grey"):
    return ImageSet(name, pictures(count, 1, 8, seed), np.arange(count) % 2, ("even", "odd"))


def prepared_of(train, valid, test, weights="abc"):
    return PreparedImages(train, valid, test, MeanPixels(weights))


def each(*sets):
    """How often each image is in them."""
    return Counter(image.tobytes() for images in sets for image in images.images)


# --- splits -----------------------------------------------------------------------------------------------------------


def test_digits_are_a_half_and_two_quarters(classifier_at_hand):
    whole, prepared = load_images("digits"), GeneratedImages("digits").read(TINY)
    assert prepared.counts == {"train": 899, "valid": 449, "test": 449}
    splits = prepared._splits
    # All of them, and no image more often than it is there: the splits are apart.
    assert each(*splits.values()) == each(whole)
    assert prepared.train is splits["train"] and prepared.bottom_width == 1
    half, held_out = whole.halves()
    assert each(prepared.train) == each(half)
    assert [each(splits[name]) for name in ("valid", "test")] == [each(quarter) for quarter in held_out.halves()]
    # What the classifier has learned from is what the generator learns from.
    assert prepared.extractor.weights_digest == classifier.trained_classifier(whole).weights_digest
    assert GeneratedImages("digits").read(TINY) is prepared
    assert GeneratedImages("digits").bottom_width(replace(TINY, image_size=16)) == 2


def test_scorers_compare_with_their_split(classifier_at_hand):
    prepared = GeneratedImages("digits").read(TINY)
    for split in ("valid", "test"):
        images = torch.from_numpy(prepared._splits[split].images).float() / 127.5 - 1
        scores = {name: scorer.score([images], len(images)) for name, scorer in prepared.scorers.items()}
        other = "test" if split == "valid" else "valid"
        assert scores[split].distance < 0.2 * scores[other].distance
        assert scores[split].floor > scores[split].distance


def test_all_images_published_to_train_on_and_those_for_the_test(tmp_path, monkeypatch, short_classifiers):
    images, _ = write_cifar_binary(tmp_path, monkeypatch, count=70)
    whole, parts = replace(TINY, whole=True, image_size=16), replace(TINY, image_size=16)
    source = GeneratedImages("cifar10", tmp_path)
    assert source.missing(parts) is None and "test_batch" in str(source.missing(whole))
    with pytest.raises(DataError, match="test_batch"):
        source.read(whole)
    write_cifar_binary(tmp_path, monkeypatch, count=70, part="test")
    assert source.missing(whole) is None
    prepared = source.read(whole)
    assert prepared.counts == {"train": 350, "valid": 350, "test": 70}
    train, valid, test = prepared._splits.values()
    assert valid is train
    assert each(train) == each(load_images("cifar10", tmp_path, size=16))
    assert each(test) == each(load_images("cifar10", tmp_path, part="test", size=16))
    # Real images are those of the test where validation compares with what is learned from.
    assert prepared.scorers["valid"].floor == pytest.approx(prepared.scorers["test"].floor) and len(images) == 350
    held_out = source.read(parts)
    assert held_out.counts == {"train": 175, "valid": 88, "test": 87}
    assert each(*held_out._splits.values()) == each(train)
    assert held_out.digest != prepared.digest


def test_all_images_of_a_set_without_a_test_are_refused(nothing_is_trained):
    with pytest.raises(InvalidSetting, match="whole of protocol 'mini' must be false for digits"):
        GeneratedImages("digits").read(replace(TINY, whole=True))


@pytest.mark.parametrize("whole", [False, True])
def test_the_digest_is_of_every_split_and_of_the_weights(whole):
    def digest(changed=None, weights="abc"):
        train, valid, test = (grey(20, seed) for seed in range(3))
        splits = {"train": train, "valid": train if whole else valid, "test": test}
        if changed is not None:
            splits[changed].images[3, 0, 2, 2] ^= 1
        return prepared_of(*splits.values(), weights=weights).digest

    digests = {digest(), digest(weights="abd"), *map(digest, ("train", "valid", "test"))}
    # Where validation is what is learned from, to change one changes the other.
    assert len(digests) == (4 if whole else 5)
    assert digest() in digests


def test_facts_say_what_real_images_and_noise_get(classifier_at_hand):
    prepared = GeneratedImages("digits").read(TINY)
    facts = prepared.facts(200)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["images"] == prepared.counts and facts["classifier_accuracy_percent"] > 95
    assert prepared.extractor.facts().items() <= facts.items()
    assert facts["valid_distance_of_real_images"] == prepared.scorers["valid"].floor
    assert facts["valid_distance_of_noise"] > 10 * facts["valid_distance_of_real_images"]


def test_facts_are_found_once_and_are_nobody_elses():
    prepared = prepared_of(grey(30), grey(20, 1), grey(20, 2))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    facts = prepared.facts(1100)  # of several batches
    looks = prepared.extractor.looks
    facts["images"]["train"] = 0
    assert prepared.facts(1100)["images"] == {"train": 30, "valid": 20, "test": 20}
    assert prepared.extractor.looks == looks
    assert prepared.facts(40)["valid_distance_of_noise"] != facts["valid_distance_of_noise"]
    assert torch.equal(torch.get_rng_state(), state)


# --- what is missing or wrong -----------------------------------------------------------------------------------------


def test_missing_files_are_one_line(home):
    assert set(GENERATION_DATASETS) == {"digits", "cifar10", "stl10", "fashionmnist", "png"}
    for name in ("cifar10", "stl10", "fashionmnist", "png"):
        line = str(GeneratedImages(name).missing(MINI))
        assert str(home / "images" / name) in line and "\n" not in line
        with pytest.raises(DataError, match="home"):
            GeneratedImages(name).read(replace(TINY, image_size=16))
    assert GeneratedImages("digits").missing(MINI) is None
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        GeneratedImages("digit")


def test_inception_needs_its_weights_and_no_others(tmp_path, home, nothing_is_trained):
    protocol = replace(TINY, extractor=INCEPTION, samples=3000)
    assert str(home / "weights" / WEIGHTS_FILE) in str(GeneratedImages("digits").missing(protocol))
    with pytest.raises(DataError, match=f"there is no file .*{WEIGHTS_FILE}"):
        GeneratedImages("digits").read(protocol)
    path = tmp_path / "weights.pth"
    source = GeneratedImages("digits", inception=path)
    assert f"there is no file {path}" in str(source.missing(protocol))
    path.write_bytes(b"something else")
    assert source.missing(protocol) is None
    with pytest.raises(DataError, match=r"weights\.pth is not the published file: its SHA-256 begins with"):
        source.read(protocol)


def test_too_few_samples_are_refused_before_anything_is_trained(classifier_at_hand):
    source = GeneratedImages("digits")
    source.read(replace(TINY, samples=65))
    with pytest.raises(InvalidSetting, match=r"samples of protocol 'mini' must be more than 64, .*not 64: .* singular"):
        source.read(replace(TINY, samples=64))


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_too_few_images_are_refused_before_anything_is_trained(split):
    counts = {"train": 9, "valid": 9, "test": 9}
    prepared_of(*map(grey, counts.values()))
    counts[split] = 8
    with pytest.raises(DataError, match=f"grey has 8 images for {split}, and row_distance needs more than 8: .*singul"):
        prepared_of(*map(grey, counts.values()))


def test_images_that_no_generator_makes_are_refused_before_a_classifier_is_trained(
    tmp_path, monkeypatch, nothing_is_trained
):
    write_fashion_mnist(tmp_path, monkeypatch)
    source = GeneratedImages("fashionmnist", tmp_path)
    own = replace(TINY, image_size=None)
    message = "fashionmnist has images of 28 pixels, and generators make multiples of 8: choose an image_size"
    for ask in (source.read, source.bottom_width):
        with pytest.raises(DataError, match=message):
            ask(own)
    assert source.bottom_width(replace(TINY, image_size=32)) == 4
    with pytest.raises(DataError, match="grey has images of 12 pixels"):
        prepared_of(*[ImageSet("grey", pictures(20, 1, 12), np.zeros(20, np.int64), ("a",))] * 3)


def test_size_and_channels_are_known_without_files(home, nothing_is_trained):
    assert GeneratedImages("cifar10").bottom_width(FULL) == 4
    channels = {name: GeneratedImages(name).channels(FULL) for name in GENERATION_DATASETS if name != "png"}
    assert channels == {"cifar10": 3, "stl10": 3, "fashionmnist": 1, "digits": 1}
    with pytest.raises(DataError, match="there is no such folder"):
        GeneratedImages("png").channels(MINI)


def save(path, pixels, mode="L"):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(pixels).convert(mode).save(path)


def write_classes(folder, count, size=8, mode="RGB"):
    """Folders of dark and of light images."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        for number in range(count):
            shades = rng.integers(0, 100, (size, size)) + 100 * label
            save(folder / name / f"{number}.png", shades.astype(np.uint8), mode)


def black(height, width, mode="L"):
    """What writes a file of this size and mode into a folder."""
    return lambda folder: save(folder / "a.png", np.zeros((height, width), np.uint8), mode)


def write_without_classes(folder, count):
    for number, image in enumerate(pictures(count, 1, 8)):
        save(folder / f"{number}.png", image[0])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: folder.mkdir(), "there are none in it"),
        (black(8, 8, "RGBA"), "has the mode RGBA: convert it"),
        (black(8, 9), "has 9 x 8 pixels: images must be square"),
        (black(12, 12), "has images of 12 pixels, and generators make multiples of 8"),
        (lambda folder: write_without_classes(folder, 3), "png has too few images for a half .*: 3, and at least 4"),
        (lambda folder: write_without_classes(folder, 9), "png has no images whose class is known"),
        (lambda folder: write_classes(folder, 20), "png has 20 images for train, and classifier_frechet_distance"),
    ],
)
def test_folders_of_png_files_that_cannot_be_used(tmp_path, short_classifiers, write, message):
    write(tmp_path / "mine")
    with pytest.raises(DataError, match=message):
        GeneratedImages("png", tmp_path / "mine").read(replace(TINY, image_size=None))


def test_a_folder_of_png_files_of_ones_own(tmp_path, short_classifiers):
    write_classes(tmp_path / "mine", 131)
    source = GeneratedImages("png", tmp_path / "mine")
    own = replace(TINY, image_size=None)
    assert source.missing(own) is None
    prepared = source.read(own)
    assert prepared.counts == {"train": 131, "valid": 66, "test": 65}
    assert (source.channels(own), source.bottom_width(own)) == (3, 1)


def test_images_that_do_not_fit_into_memory_are_one_line(monkeypatch):
    def full(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("ganas.bench.training.generation.images.load_images", full)
    with pytest.raises(NotEnoughMemory, match="reading digits needs more memory than there is"):
        GeneratedImages("digits", Path("elsewhere")).read(TINY)
