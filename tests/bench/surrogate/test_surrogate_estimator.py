"""The estimator of scikit-learn on plain numbers: its own checks, and what it adds."""

import pickle
import sys

import numpy as np
import pytest

from ganas.bench.surrogate.models import MODELS
from ganas.spaces.errors import DataError, InvalidSetting, MissingDependency, UnknownName

sklearn_checks = pytest.importorskip("sklearn.utils.estimator_checks")
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import PolynomialFeatures  # noqa: E402

from ganas.bench.surrogate.estimator import SurrogateRegressor  # noqa: E402

MODEL = "gaussian-process"
SLOW = ["random-forest", "lightgbm", "mlp-ensemble", "stacked"]


def numbers(count=80, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-2, 2, (count, 4))
    return rows, np.exp(rows[:, 0]) + rows[:, 1] * rows[:, 2]


@sklearn_checks.parametrize_with_checks([SurrogateRegressor(MODEL)])
def test_conventions(estimator, check):
    check(estimator)


@pytest.mark.slow
@sklearn_checks.parametrize_with_checks([SurrogateRegressor(model) for model in SLOW])
def test_conventions_of_slower_models(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=[pytest.mark.slow] * ("mlp" in name)) for name in MODELS if name != "gnn-ensemble"],
)
def test_it_predicts(model):
    rows, labels = numbers(300)
    fitted = SurrogateRegressor(model, seed=1).fit(rows[:150], labels[:150])
    assert fitted.score(rows[150:], labels[150:]) > 0.5
    mean, deviation = fitted.predict(rows[150:], return_std=True)
    assert np.array_equal(mean, fitted.predict(rows[150:])) and (deviation > 0).all()
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict(rows[150:]), mean)
    assert np.array_equal(fitted.predict(rows[150:], return_std=True)[1], deviation)


def test_it_goes_into_pipelines_and_cross_validation():
    rows, labels = numbers()
    scores = cross_val_score(make_pipeline(PolynomialFeatures(2), SurrogateRegressor(MODEL)), rows, labels, cv=3)
    assert scores.min() > 0.6


def test_a_class_is_a_model():
    from ganas.bench.surrogate.gaussian_process import GaussianProcess

    rows, labels = numbers()
    by_name, by_class = (SurrogateRegressor(model).fit(rows, labels) for model in (MODEL, GaussianProcess))
    assert np.array_equal(by_name.predict(rows), by_class.predict(rows))


def test_seeds_and_equal_rows():
    rows, labels = numbers()
    first, again, other = (SurrogateRegressor("random-forest", seed=seed).fit(rows, labels) for seed in (1, 1, 2))
    assert np.array_equal(first.predict(rows), again.predict(rows))
    assert not np.array_equal(first.predict(rows), other.predict(rows))
    # Each row twice with one label of noise: who sees the other copy would know it.
    noise = np.repeat(np.random.default_rng(0).standard_normal(40), 2)
    fitted = SurrogateRegressor(MODEL).fit(np.repeat(rows[:40], 2, axis=0), noise)
    assert np.corrcoef(fitted.regressor_.left_out()[0], noise)[0, 1] < 0.4


def test_noise_of_labels():
    rows, labels = numbers()
    wrong = labels.copy()
    wrong[:20] += 6
    noise = np.where(np.arange(80) < 20, 6.0, 0.0)
    tests, truth = numbers(100, seed=1)
    told = SurrogateRegressor(MODEL).fit(rows, wrong, noise=noise).score(tests, truth)
    assert told > SurrogateRegressor(MODEL).fit(rows, wrong).score(tests, truth)
    for bad in (-noise, noise[:5]):
        with pytest.raises(DataError, match="standard deviations"):
            SurrogateRegressor(MODEL).fit(rows, labels, noise=bad)
    with pytest.raises(ValueError, match="noise contains NaN"):
        SurrogateRegressor(MODEL).fit(rows, labels, noise=np.full(80, np.nan))


def test_columns_of_any_size():
    rows, labels = numbers()
    plain = SurrogateRegressor(MODEL).fit(rows, labels).predict(rows)
    scaled = np.column_stack([rows * [1e-200, 1e150, 1.0, 1e300], np.full(80, 7.0), np.zeros(80)])
    np.testing.assert_allclose(SurrogateRegressor(MODEL).fit(scaled, labels).predict(scaled), plain, rtol=1e-3)


@pytest.mark.parametrize(
    ("model", "rows", "labels", "error", "words"),
    [
        (MODEL, numbers()[0], np.ones(80), DataError, "nothing to learn"),
        (MODEL, np.ones((80, 3)), numbers()[1], DataError, "none of the 3 columns varies"),
        (MODEL, numbers()[0][:4], numbers()[1][:4], ValueError, "minimum of 5"),
        (MODEL, np.where(numbers()[0] > 1.9, np.nan, numbers()[0]), numbers()[1], ValueError, "NaN"),
        (MODEL, numbers()[0], np.where(numbers()[1] > 3, np.inf, numbers()[1]), ValueError, "infinity"),
        ("gnn-ensemble", *numbers(), InvalidSetting, "reads graphs"),
        ("stackd", *numbers(), UnknownName, "did you mean 'stacked'"),
    ],
)
def test_bad_input(model, rows, labels, error, words):
    with pytest.raises(error, match=words):
        SurrogateRegressor(model).fit(rows, labels)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "ganas.bench.surrogate.estimator")
    with pytest.raises(MissingDependency, match=r"ganas\[surrogates\]"):
        __import__("ganas.bench.surrogate.estimator")
