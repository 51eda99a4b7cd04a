"""``ganas train`` of generators of images, their data sets in lists and facts, with a protocol of milliseconds."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ganas.bench import registry
from ganas.bench.training.generation import classifier
from ganas.bench.training.generation import protocol as protocols
from ganas.bench.training.loop import Progress
from ganas.bench.training.trainers import task_for
from ganas.cli.train import _place, _with_inception, progress_note
from ganas.data.images.catalog import IMAGE_SETS
from ganas.spaces.registry import load_space
from tests.ganas.cli.answers import answer, refusal

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
Image = pytest.importorskip("PIL.Image", reason="PNG files need Pillow")

TINY = replace(
    protocols.MINI,
    epochs=2,
    steps=3,
    channels=4,
    discriminator_channels=4,
    latent=8,
    batch=8,
    generator_batch=8,
    samples=80,
)
TRAIN = ["train", "alphagan", "alphaGAN_s", "--dataset", "digits", "--protocol", "mini"]
DISTANCE = "classifier_frechet_distance"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    recipe = classifier.ClassifierRecipe(least_epochs=1, least_steps=20)
    monkeypatch.setattr(classifier, "trained_classifier", partial(classifier.trained_classifier, recipe=recipe))
    monkeypatch.setattr(protocols, "MINI", TINY)
    registry._opened.cache_clear()
    yield
    registry._opened.cache_clear()


def train_mine():
    # A process reads a folder once, and every test has its own.
    return ["train", "alphagan", "alphaGAN_s", "--dataset", "png", "--data", str(Path("mine").resolve())]


def save(path, *, size=20, seed=0, mode="RGB"):
    """Save an image whose brightness goes with the name of its folder."""
    path = Path("mine") / path
    path.parent.mkdir(parents=True, exist_ok=True)
    light = 130 * (path.parent.name == "light")
    pixels = np.random.default_rng(seed).integers(0, 120, (size, size, 3), dtype=np.uint8) + np.uint8(light)
    Image.fromarray(pixels).convert(mode).save(path)


def save_classes(count=280):
    for number in range(count):
        save(f"{('dark', 'light')[number % 2]}/{number:03}.png", seed=number)


# --- what is printed -------------------------------------------------------------------------------------------------


def test_best_and_last_evaluation_pictures_and_what_compares_are_printed(capsys):
    said = json.loads(answer([*TRAIN, "--json"], capsys))
    assert said["epochs"] == len(said["curve"]) == said["pictures"] == 2
    assert said[f"valid_{DISTANCE}"] == min(epoch[f"valid_{DISTANCE}"] for epoch in said["curve"])
    assert said[f"epoch_valid_{DISTANCE}"] == said["curve"][-1][f"valid_{DISTANCE}"]
    assert said["train_loss"] == said["curve"][-1]["train_loss"]
    assert {f"test_{DISTANCE}", f"last_test_{DISTANCE}", "test_coverage"} <= said.keys()
    assert said["last_picture"].endswith("-epoch-002.png") and Path(said["last_picture"]).is_file()
    assert 0 <= said["classifier_accuracy_percent"] <= 100
    assert said["valid_distance_of_real_images"] < said["valid_distance_of_noise"]
    assert re.fullmatch("[0-9a-f]{64}", said["extractor_weights_sha256"])

    text = answer(TRAIN, capsys)
    pairs = dict(re.split(r" {2,}", line, maxsplit=1) for line in text.splitlines())
    assert (pairs["pictures"], pairs["last picture"]) == ("2", said["last_picture"])
    assert pairs["images"] == "train 899, valid 449, test 449" and pairs["image_size"] == "8 pixels a side"
    assert pairs[f"valid_{DISTANCE}"] == f"{said[f'valid_{DISTANCE}']:.4f}"
    assert pairs[f"epoch_valid_{DISTANCE}"] == f"{said[f'epoch_valid_{DISTANCE}']:.4f}, of the last epoch"
    assert pairs["test_coverage"] == f"{said['test_coverage']:.4f} share"
    digest = said["extractor_weights_sha256"]
    assert pairs["extractor_weights_sha256"] == f"{digest[:12]}, of the network that images are compared in"
    assert digest not in text


def test_a_query_finds_what_was_trained(capsys):
    said = json.loads(answer([*TRAIN, "--json"], capsys))
    for metric in (f"valid_{DISTANCE}", f"last_test_{DISTANCE}", "epoch_valid_collapsed", "parameters"):
        asked = ["query", "train-alphagan-digits", "alphaGAN_s", "--metric", metric, "--json"]
        assert json.loads(answer(asked, capsys))["value"] == said[metric]
    records = list(Path("home/trainings").rglob("*.json"))
    assert [str(path.resolve()) for path in records] == [said["kept_in"]]


def test_a_discriminator_is_trained(capsys):
    space = load_space("alphagan-discriminator")
    chosen = space.format(space.sample(1, rng=np.random.default_rng(0))[0])
    said = json.loads(answer(["train", space.name, chosen, "--dataset", "digits", "--json"], capsys))
    assert said["architecture"] == chosen and said["trainer"] == "train-alphagan-discriminator-digits"


def test_the_progress_tells_the_objective_only():
    task = task_for(load_space("alphagan"), "digits")
    values = {"train_loss": 1.0, f"valid_{DISTANCE}": 42.25, "valid_coverage": 0.5, "valid_collapsed": 0.0}
    trained = Progress(2, 5, 0.25, 100.0, "images", 30.0, values)
    assert progress_note(trained, task) == f"25%, 100 images/s, 30 s left, valid_{DISTANCE} 42.25"
    assert progress_note(replace(trained, values={}), task) == "25%, 100 images/s, 30 s left"
    language = task_for(load_space("rnn"), "bbcnews")
    assert progress_note(replace(trained, values={"train_loss": 1.0, "valid_perplexity": 9.5}), language).endswith(
        "30 s left, valid_perplexity 9.5"
    )


# --- images and weights of one's own ---------------------------------------------------------------------------------


def test_png_files_in_folders_of_their_classes(capsys):
    save_classes()
    said = json.loads(answer([*train_mine(), "--json"], capsys))
    assert (said["image_size"], said["images"]) == (16, {"train": 140, "valid": 70, "test": 70})
    assert re.search(r"/train-alphagan-png-[0-9a-f]{8}/mini-", said["kept_in"])


def test_weights_that_are_named_belong_to_tasks_that_compare_in_inception(tmp_path):
    space = load_space("alphagan")
    task = task_for(space, "cifar10", "full")
    named = _with_inception(task, Path("some.pth"))
    assert (task.source.inception, named.source.inception) == (None, Path("some.pth"))
    chosen = space.parse("alphaGAN_s")
    folders = {
        _place("train-alphagan-cifar10-full", task, chosen, 0, None, *files).folder
        for files in ((None, None), (None, Path("a")), (None, Path("b")), (Path("a"), None), (Path("a"), Path("a")))
    }
    assert len(folders) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "FID and Inception Score need pt_inception-2015-12-05-6726825d.pth: there is no file "),
        (["--inception", "nowhere.pth"], "there is no file nowhere.pth; get it from https://"),
        (["--inception", "mine"], "there is no file mine; get it from https://"),
        (["--inception", "wrong.pth"], "wrong.pth is not the published file: its SHA-256 begins with c814b209"),
    ],
)
def test_weights_of_inception_that_are_missing_or_others(capsys, options, message):
    for number in range(12):
        save(f"{number}.png", seed=number)
    Path("wrong.pth").write_bytes(b"no weights")
    assert message in refusal([*train_mine(), "--protocol", "full", *options], capsys)
    assert not Path("home/trainings").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: None, "/mine: there is no such folder"),
        (lambda: Path("mine").mkdir(), "/mine: there are none in it"),
        (
            lambda: [save(f"{n}.png") for n in range(4)],
            "no images whose class is known, so a classifier has nothing to learn",
        ),
        (lambda: [save(f"dark/{n}.png") for n in range(4)], "images of one class only: a classifier has nothing to"),
        (lambda: [save("a/a.png"), save("a/b.png", mode="RGBA")], "mine/a/b.png has the mode RGBA: convert it to L"),
        (lambda: [save("a/a.png"), save("a/b.png", size=24)], "b.png has 24 x 24 pixels, in colour, and a.png has 20"),
        (lambda: [save("a/a.png"), save("a/b.png", mode="L")], "b.png has 20 x 20 pixels, grey, and a.png has 20 x 20"),
        (lambda: save_classes(40), "needs more than 64: the covariance of fewer is singular"),
    ],
)
def test_images_that_cannot_be_learned_from(capsys, make, message):
    make()
    assert message in refusal(train_mine(), capsys)
    assert not Path("home/trainings").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TRAIN, "--inception", "some.pth"], "mini of alphagan on digits compares no images in Inception: leave"),
        ([*TRAIN[:-1], "full", "--inception", "some.pth"], "full on cifar10, stl10, png does"),
        (
            ["train", "rnn", "DARTS_V2", "--dataset", "bbcnews", "--inception", "x"],
            "mini of rnn on bbcnews compares no",
        ),
        (["train", "alphagan", "alphaGAN_x", "--dataset", "digits"], "did you mean 'alphaGAN_"),
        (["train", "alphagan", "alphaGAN_s", "--dataset", "digits", "--data", "x"], "have no files: leave the folder"),
        (["train", "alphagan", "alphaGAN_s", "--dataset", "ptb"], "are not trained on ptb, but on digits, cifar10"),
        (
            ["train", "alphagan", "alphaGAN_s", "--dataset", "cifar10"],
            "CIFAR-10 needs cifar-10-batches-py/data_batch_1",
        ),
    ],
)
def test_bad_input_is_one_clear_line(capsys, arguments, message):
    assert message in refusal(arguments, capsys)
    assert not Path("home/trainings").exists()


# --- lists and facts -------------------------------------------------------------------------------------------------


def test_data_sets_of_images_are_listed(capsys):
    rows = {row["name"]: row["title"] for row in json.loads(answer(["list", "datasets", "--json"], capsys))}
    assert set(IMAGE_SETS) < set(rows)
    assert not rows["digits"].endswith("(files not at hand)") and rows["stl10"].endswith("(files not at hand)")


def test_info_of_images(capsys):
    said = json.loads(answer(["info", "stl10", "--json"], capsys))
    assert (said["pixels_a_side"], said["channels"]) == (96, 3) and said["classes"].startswith("airplane, bird, car")
    assert {"what": "images of unlabeled", "count": 100_000} in said["published_counts"]
    assert said["counts_from"] == said["from"] == "https://cs.stanford.edu/~acoates/stl10/"
    assert said["state"].startswith("STL-10 needs stl10_binary/train_X.bin") and said["folder"] in said["state"]
    assert said["files"][0].endswith("stl10_binary/test_X.bin, stl10_binary/test_y.bin")
    assert said["trainers"] == ["train-alphagan-stl10", "train-alphagan-stl10-full"]
    assert said["spaces"] == "alphagan, alphagan-discriminator"
    digits = json.loads(answer(["info", "digits", "--json"], capsys))
    assert digits["state"] == "at hand" and "folder" not in digits
    assert "train-alphagan-discriminator-digits" in digits["trainers"]
    own = json.loads(answer(["info", "png", "--json"], capsys))
    assert own["command"] == "ganas train SPACE ARCHITECTURE --dataset png [--data FOLDER]"
    assert own["files"] == ["*.png", "CLASS/*.png"] and "counts_from" not in own


def test_info_of_a_trainer_of_images_and_of_its_space(capsys):
    said = json.loads(answer(["info", "train-alphagan-digits", "--json"], capsys))
    assert (said["objective"], said["data"]) == (f"valid_{DISTANCE}", "at hand")
    assert said["kept_in"].endswith(f"/train-alphagan-digits/{TINY.label}")
    values = {row["value of"]: row for row in said["protocol_values"]}
    assert values["steps"]["is"] == 3
    known = json.loads(answer(["info", "alphagan", "--json"], capsys))
    assert known["trained_on"] == ", ".join(IMAGE_SETS)
    assert json.loads(answer(["info", "nasbench201", "--json"], capsys))["trained_on"].startswith("no data set")


def test_info_says_what_settings_of_none_and_of_choices_are(capsys):
    said = json.loads(answer(["info", "ess", "--json"], capsys))
    assert "a value of None is that of the recipe" in said["about_the_settings"][0]
    types = {row["setting"]: row["type"] for row in said["settings"]}
    assert "typing." not in " ".join(types.values())
    assert "None" in types["epochs"].split(" | ")
