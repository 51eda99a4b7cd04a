"""The classifier that images are compared in, and scores of samples in its features."""

from dataclasses import replace

import numpy as np
import pytest

from ganas.data.images.catalog import load_images
from ganas.data.images.image_set import NO_CLASS, ImageSet
from ganas.spaces.errors import DataError, InvalidSetting, TrainingFailed

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from ganas.bench.training.checkpoint import read_checkpoint  # noqa: E402
from ganas.bench.training.generation.classifier import (  # noqa: E402
    RECIPE,
    classifier_path,
    trained_classifier,
)
from ganas.bench.training.generation.pixels import as_bytes, as_numbers, image_tensor  # noqa: E402
from ganas.bench.training.generation.sample_scores import SampleScorer  # noqa: E402

SHORT = replace(RECIPE, least_epochs=1, least_steps=20)


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


@pytest.fixture(scope="module")
def classifier(digits, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANAS_HOME", str(tmp_path_factory.mktemp("home")))
        yield trained_classifier(digits)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    return tmp_path


# --- the classifier ---------------------------------------------------------------------------------------------------


def test_it_reads_digits_that_it_has_not_seen(digits, classifier):
    held_out = digits.halves()[1]
    found = classifier.extract(image_tensor(held_out))
    assert found.features.shape == (898, 64) and found.probabilities.shape == (898, 10)
    accuracy = (found.probabilities.argmax(dim=1).numpy() == held_out.labels).mean()
    assert accuracy >= 0.95
    assert classifier.accuracy_percent == pytest.approx(100 * accuracy)
    assert classifier.facts() == {
        "extractor_weights_sha256": classifier.weights_digest,
        "classifier_accuracy_percent": classifier.accuracy_percent,
    }


def test_it_is_the_same_twice_and_leaves_the_generators_alone(digits, home):
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first = trained_classifier(digits, SHORT)
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads
    path = classifier_path(digits, SHORT)
    summary, state = read_checkpoint(path)
    path.unlink()
    torch.manual_seed(6)
    assert trained_classifier(digits, SHORT).weights_digest == first.weights_digest
    again, weights = read_checkpoint(path)
    assert again == summary
    for name, values in state["weights"].items():
        np.testing.assert_array_equal(weights["weights"][name], values)
    assert trained_classifier(digits, replace(SHORT, seed=1)).weights_digest != first.weights_digest


def test_it_is_kept_and_not_trained_again(digits, home, monkeypatch):
    first = trained_classifier(digits, SHORT)
    monkeypatch.setattr("ganas.bench.training.generation.classifier._train", None)
    before = torch.get_rng_state()
    kept = trained_classifier(digits, SHORT)
    # A training draws the same whether the classifier was read in this process before or is read only now.
    assert torch.equal(torch.get_rng_state(), before)
    assert (kept.weights_digest, kept.accuracy_percent) == (first.weights_digest, first.accuracy_percent)
    pixels = image_tensor(digits)[:50]
    assert torch.equal(kept.extract(pixels).features, first.extract(pixels).features)
    with pytest.raises(TypeError):
        trained_classifier(digits.resized(16), SHORT)  # other images have another one


def test_a_kept_file_that_was_changed_is_found(digits, home):
    trained_classifier(digits, SHORT)
    path = classifier_path(digits, SHORT)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"the classifier .* is damaged, remove it to train anew"):
        trained_classifier(digits, SHORT)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is damaged, remove it"):
        trained_classifier(digits, SHORT)
    path.unlink()
    other = digits.subset(np.arange(500))
    trained_classifier(other, SHORT)
    classifier_path(other, SHORT).replace(path)
    with pytest.raises(DataError, match="its digests are not those of its content"):
        trained_classifier(digits, SHORT)


def test_images_without_class_are_not_learned_from(digits, home):
    labels = digits.labels.copy()
    labels[::2] = NO_CLASS
    some = replace(digits, labels=labels)
    found = trained_classifier(some, SHORT)
    assert found.weights_digest != trained_classifier(digits, SHORT).weights_digest
    held_out = some.halves()[1].labelled()
    assert 400 < len(held_out) < 500
    right = found.extract(image_tensor(held_out)).probabilities.argmax(dim=1).numpy() == held_out.labels
    assert found.accuracy_percent == pytest.approx(100 * right.mean())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: replace(images, labels=np.full(len(images), NO_CLASS)), "no images whose class is known"),
        (lambda images: replace(images, labels=np.zeros(len(images), np.int64)), "images of one class only"),
        (lambda images: images.resized(4), "has images of 4 pixels, and the classifier needs 8"),
    ],
)
def test_what_a_classifier_cannot_learn_from(digits, home, change, message):
    with pytest.raises(DataError, match=message):
        trained_classifier(change(digits), SHORT)


def test_images_of_another_size_are_refused(classifier):
    with pytest.raises(DataError, match=r"reads images of shape \(1, 8, 8\), not \(3, 8, 8\)"):
        classifier.extract(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


# --- scores -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scorer(digits, classifier):
    return SampleScorer(classifier, *digits.halves()[::-1])


def noise(count, seed=0):
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_real_images_are_at_the_floor_and_noise_is_far_away(digits, scorer):
    real = scorer.score([as_numbers(image_tensor(digits.halves()[0]))], 899)
    assert real.distance == pytest.approx(scorer.floor, rel=1e-4)
    assert real.values()["classifier_frechet_distance"] == real.distance
    assert real.score > 8 and real.neighbours.coverage > 0.9 and real.diversity.collapse is None
    bad = scorer.score([noise(1000)], 1000)
    assert bad.distance > 10 * scorer.floor and bad.score < 3 and bad.neighbours.recall < 0.3
    blurred = as_numbers(image_tensor(digits.halves()[0])) * 0.6 + noise(899) * 0.4
    assert real.distance < scorer.score([blurred], 899).distance < bad.distance


def test_the_record_says_all_that_a_score_needs_beside_it(scorer, classifier):
    scores = scorer.score([noise(300)], 300)
    record = scores.record()
    assert record["real_floor"] == scorer.floor and record["samples"] == 300
    assert record["classifier_accuracy_percent"] == classifier.accuracy_percent
    assert record["extractor_weights_sha256"] == classifier.weights_digest
    assert not any("fid" in name.split("_") for name in record)
    assert record["collapse"] is None and record["collapsed"] == 0.0
    text = str(scores)
    assert f"real images {scorer.floor:.2f}, accuracy {classifier.accuracy_percent:.1f} %" in text
    assert text.startswith("classifier_frechet_distance")


@pytest.mark.parametrize("sizes", [(300,), (1, 299), (64, 64, 64, 64, 64)])
def test_batches_pass_by_and_do_not_change_the_score(scorer, sizes):
    whole = scorer.score([noise(320)[:300]], 300)
    batches = iter(noise(320)[: sum(sizes)].split(list(sizes)))
    found = scorer.score(batches, 300)
    assert found.values() == pytest.approx(whole.values(), rel=1e-4, abs=1e-6)


def test_a_collapsed_generator_is_recorded_as_such(digits, scorer):
    one = noise(1).expand(200, -1, -1, -1)
    collapsed = scorer.score([one + 0.01 * noise(200)], 200)
    assert collapsed.values()["collapsed"] == 1.0 and "the pixels have" in collapsed.record()["collapse"]
    assert "; collapsed: the pixels have" in str(collapsed)


def test_features_without_variance_are_a_collapse_too(digits, classifier):
    class Blind(type(classifier)):
        def __init__(self):
            self.__dict__.update(classifier.__dict__)

        def extract(self, pixels):
            found = super().extract(pixels)
            same = found.features[:1].expand_as(found.features) + 1e-3 * found.features
            return found._replace(features=torch.where(pixels.float().mean() > 100, same, found.features))

    scores = SampleScorer(Blind(), *digits.halves()[::-1]).score([noise(200)], 200)
    assert scores.diversity.pixel_share > 0.1 and "the features have" in str(scores.diversity.collapse)


def test_what_cannot_be_scored(digits, scorer, classifier):
    with pytest.raises(InvalidSetting, match="needs more than 64 samples, not 64: the covariance of fewer is singular"):
        scorer.score([noise(64)], 64)
    with pytest.raises(DataError, match="100 samples were to be scored, and there are 70"):
        scorer.score([noise(70)], 100)
    broken = noise(100)
    broken[7, 0, 0, 0] = float("nan")
    with pytest.raises(TrainingFailed, match="no finite numbers"):
        scorer.score([broken], 100)
    with pytest.raises(DataError, match="reads images of shape"):
        scorer.score([torch.zeros(100, 1, 16, 16)], 100)
    with pytest.raises(DataError, match="as many rows as columns"):
        scorer.score([torch.zeros(100, 1, 16, 8)], 100)
    few = digits.subset(np.arange(100))
    with pytest.raises(InvalidSetting, match="needs more than 64 samples, and there are 50"):
        _ = SampleScorer(classifier, *few.halves()[::-1]).floor


def test_bytes_and_numbers():
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    numbers = as_numbers(every)
    assert numbers.min() == -1.0 and numbers.max() == 1.0
    assert (as_bytes(numbers).int() - every.int()).abs().max() <= 1  # a fraction is dropped, as in the official code
    assert as_bytes(torch.tensor([-7.0, 7.0, 0.0, 0.999]).reshape(1, 1, 2, 2)).flatten().tolist() == [0, 255, 127, 254]


def test_colour_images_of_a_size_that_is_no_power_of_two(home):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    shades = rng.integers(0, 100, (300, 3, 13, 13)) + 100 * labels[:, None, None, None]
    images = ImageSet("shades", shades.astype(np.uint8), labels, ("dark", "light"))
    found = trained_classifier(images, replace(SHORT, least_steps=60))
    assert found.accuracy_percent > 95
    assert SampleScorer(found, *images.halves()[::-1]).score([as_numbers(image_tensor(images))], 300).samples == 300
