"""The score of classes, nearest neighbours and collapse, each against a plain computation of it."""

import numpy as np
import pytest

from ganas.bench.training.generation.class_scores import ClassScoreStream
from ganas.bench.training.generation.collapse import Diversity, PixelVariance
from ganas.bench.training.generation.neighbours import neighbour_scores
from ganas.spaces.errors import DataError, InvalidSetting

# --- the score of classes ---------------------------------------------------------------------------------------------


def some_probabilities(count, classes):
    values = np.random.default_rng(0).random((count, classes)) ** 4
    return values / values.sum(axis=1, keepdims=True)


def plain_score(part):
    mean = part.mean(axis=0)
    return np.exp(np.mean([np.sum(row * np.log(row / mean)) for row in part]))


@pytest.mark.parametrize("sizes", [(103,), (1, 102), (50, 0, 53), (1,) * 103])
def test_the_score_of_ten_parts_in_batches_of_any_size(sizes):
    probabilities = some_probabilities(103, 7)
    stream = ClassScoreStream(7, 103)
    for batch in np.split(probabilities, np.cumsum(sizes)[:-1]):
        stream.add(batch)
    expected = [plain_score(part) for part in np.array_split(probabilities, 10)]
    assert stream.score() == pytest.approx((np.mean(expected), np.std(expected)))


def test_the_bounds_of_the_score():
    sure, unsure, one = (ClassScoreStream(5, 100) for _ in range(3))
    sure.add(np.eye(5)[np.arange(100) % 5])
    unsure.add(np.full((100, 5), 0.2))
    one.add(np.eye(5)[np.zeros(100, int)])
    assert sure.score() == pytest.approx((5.0, 0.0), abs=1e-9)
    assert unsure.score() == pytest.approx((1.0, 0.0), abs=1e-9)
    assert one.score() == pytest.approx((1.0, 0.0), abs=1e-9)


def test_wrong_numbers_of_images():
    with pytest.raises(InvalidSetting, match="9 images cannot be cut into 10 parts"):
        ClassScoreStream(5, 9)
    stream = ClassScoreStream(2, 10)
    stream.add(np.full((9, 2), 0.5))
    with pytest.raises(DataError, match="there were 9 images and 10 announced"):
        stream.score()
    with pytest.raises(DataError, match="more than the 10 images"):
        stream.add(np.full((2, 2), 0.5))


# --- nearest neighbours -----------------------------------------------------------------------------------------------


def plain_neighbours(real, made, k):
    def distances(one, two):
        return np.array([[np.linalg.norm(a - b) for b in two] for a in one])

    real_radii, made_radii = (np.sort(distances(samples, samples))[:, k] for samples in (real, made))
    between = distances(made, real)
    inside = between <= real_radii
    recalled = (between <= made_radii[:, None]).any(axis=0).mean()
    covered = (between.min(axis=0) <= real_radii).mean()
    return inside.any(axis=1).mean(), recalled, inside.sum() / (k * len(made)), covered


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("shift", [0.0, 0.7, 3.0])
def test_neighbours_are_those_of_the_definition(k, shift):
    rng = np.random.default_rng(5)
    real, made = 1000 + rng.normal(size=(50, 3)), 1000 + shift + rng.normal(size=(40, 3))
    found = neighbour_scores(real, made, k)
    mine = (found.precision, found.recall, found.density, found.coverage)
    assert mine == pytest.approx(plain_neighbours(real, made, k), abs=1e-12)


def test_pieces_do_not_change_the_numbers(monkeypatch):
    rng = np.random.default_rng(6)
    real, made = rng.normal(size=(70, 4)), rng.normal(size=(50, 4))
    whole = neighbour_scores(real, made)
    monkeypatch.setattr("ganas.bench.training.generation.neighbours._AT_ONCE", 7)
    assert neighbour_scores(real, made) == whole


def test_samples_of_one_distribution_and_a_collapsed_one():
    rng = np.random.default_rng(7)
    real, made = rng.normal(size=(500, 4)), rng.normal(size=(500, 4))
    good = neighbour_scores(real, made)
    assert good.density == pytest.approx(1.0, abs=0.2) and good.coverage > 0.9
    assert min(good.precision, good.recall) > 0.85
    one = neighbour_scores(real, np.repeat(real[:1], 500, axis=0))
    assert one.precision == 1.0 and one.recall < 0.01 and one.coverage < 0.05


def test_too_few_images_have_no_neighbours():
    few, many = np.zeros((5, 2)), np.zeros((9, 2))
    with pytest.raises(InvalidSetting, match="5 neighbours need more images of each kind, and there are 9 real and 5"):
        neighbour_scores(many, few)
    with pytest.raises(InvalidSetting, match="cannot be compared"):
        neighbour_scores(many, np.zeros((9, 3)))


# --- collapse ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(40,), (1, 39), (13, 0, 13, 14)])
def test_the_variance_of_pixels_in_batches_of_any_size(sizes):
    pixels = np.random.default_rng(8).integers(0, 256, (40, 3, 5, 5), dtype=np.uint8)
    variance = PixelVariance()
    for batch in np.split(pixels, np.cumsum(sizes)[:-1]):
        variance.add(batch)
    assert variance.total() == pytest.approx(pixels.reshape(40, -1).var(axis=0, ddof=1).sum())


def test_one_image_has_no_variance():
    variance = PixelVariance()
    assert variance.total() == 0.0
    variance.add(np.full((1, 1, 2, 2), 9, np.uint8))
    assert variance.total() == 0.0


def test_what_is_a_collapse():
    assert Diversity(0.5, 0.5).collapse is None
    assert Diversity(0.001, 0.5).collapse == "the pixels have 0.10% of the variance of real images, below 1%"
    assert "the features have" in str(Diversity(0.5, 0.001).collapse)
