"""The Frechet distance against scipy, and means and covariances of samples that pass by."""

import numpy as np
import pytest
from scipy import linalg

from ganas.bench.training.generation.frechet import Gaussian, MomentStream, frechet_distance
from ganas.spaces.errors import DataError, InvalidSetting


def gaussian(rng, features, rank=None):
    root = rng.normal(size=(features, rank or features))
    return Gaussian(2 * features, rng.normal(size=features), root @ root.T / features)


def by_scipy(first, second):
    root = linalg.sqrtm(first.covariance @ second.covariance)
    difference = first.mean - second.mean
    return difference @ difference + np.trace(first.covariance + second.covariance - 2 * np.real(root))


@pytest.mark.parametrize("features", [1, 2, 16, 64, 200])
def test_it_is_that_of_scipy(features):
    rng = np.random.default_rng(features)
    for _ in range(3):
        first, second = gaussian(rng, features), gaussian(rng, features)
        assert frechet_distance(first, second) == pytest.approx(by_scipy(first, second), rel=1e-4)
        assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_features_that_never_change_are_no_trouble():
    # The square root of a singular product is where sqrtm is inexact, so the exact value is known by construction.
    rng = np.random.default_rng(0)
    first, second = np.diag([4.0, 9.0, 0.0, 0.0]), np.diag([1.0, 0.0, 16.0, 0.0])
    turn = linalg.qr(rng.normal(size=(4, 4)))[0]
    pair = [Gaussian(9, np.zeros(4), turn @ covariance @ turn.T) for covariance in (first, second)]
    assert frechet_distance(*pair) == pytest.approx(1.0 + 9.0 + 16.0, rel=1e-6)


def test_nothing_is_nearer_than_itself():
    rng = np.random.default_rng(1)
    for rank in (30, 3):
        one = gaussian(rng, 30, rank)
        assert 0.0 <= frechet_distance(one, one) < 1e-5
        moved = Gaussian(one.count, one.mean + 2.0, one.covariance)
        assert frechet_distance(one, moved) == pytest.approx(30 * 4.0, rel=1e-6)


def test_other_numbers_of_features_have_no_distance():
    rng = np.random.default_rng(2)
    with pytest.raises(InvalidSetting, match="Gaussians of 3 and 4 features have no distance"):
        frechet_distance(gaussian(rng, 3), gaussian(rng, 4))


@pytest.mark.parametrize("sizes", [(100,), (1, 99), (33, 0, 33, 34), (1,) * 100])
def test_batches_of_any_size_give_the_same_moments(sizes):
    # Far from 0, where sums of squares would have lost everything in single precision.
    samples = (1e4 + np.random.default_rng(3).normal(size=(100, 5))).astype(np.float32)
    stream = MomentStream(5)
    for batch in np.split(samples, np.cumsum(sizes)[:-1]):
        stream.add(batch)
    found = stream.gaussian()
    assert found.count == 100
    np.testing.assert_allclose(found.mean, samples.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(samples.astype(np.float64), rowvar=False), rtol=1e-8, atol=1e-9)
    assert found.total_variance == pytest.approx(np.trace(found.covariance))


def test_too_few_samples_are_an_error():
    stream = MomentStream(4)
    stream.add(np.eye(4))
    with pytest.raises(InvalidSetting, match=r"4 features needs more than 4 samples, and there are 4: .* singular"):
        stream.gaussian()
    stream.add(np.ones((1, 4)))
    assert stream.gaussian().count == 5


def test_what_are_no_samples():
    stream = MomentStream(4)
    with pytest.raises(InvalidSetting, match=r"samples of 4 features are wanted, not of shape \(2, 3\)"):
        stream.add(np.ones((2, 3)))
    with pytest.raises(DataError, match="no finite number"):
        stream.add(np.array([[1.0, 2.0, np.nan, 0.0]]))
    assert stream.count == 0
