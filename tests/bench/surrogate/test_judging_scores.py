"""Scores against scipy, scikit-learn and cases by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata
from sklearn.metrics import mean_squared_error, r2_score

from ganas.bench.surrogate.judging import scores

SMALL = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12)


def by_pairs(truth, predicted):
    """Kendall's tau-b by its definition."""
    pairs = list(itertools.combinations(range(len(truth)), 2))
    concordant = sum(np.sign((truth[a] - truth[b]) * (predicted[a] - predicted[b])) for a, b in pairs)
    untied = [sum(values[a] != values[b] for a, b in pairs) for values in (truth, predicted)]
    return concordant / math.sqrt(untied[0] * untied[1]) if all(untied) else math.nan


@given(SMALL)
def test_kendall_tau_is_its_definition_over_pairs(values):
    truth, predicted = np.array(values, dtype=float).T
    found = scores.kendall_tau(truth, predicted)
    assert found == pytest.approx(by_pairs(truth, predicted), nan_ok=True, abs=1e-12)


@given(SMALL)
def test_spearman_is_the_correlation_of_ranks(values):
    truth, predicted = np.array(values, dtype=float).T
    found = scores.spearman(truth, predicted)
    if len(set(truth)) < 2 or len(set(predicted)) < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(rankdata(truth), rankdata(predicted))[0, 1], abs=1e-9)


def test_sparse_kendall_tau_ties_what_is_predicted_the_same_to_a_tenth_of_a_point():
    truth = np.array([90.0, 91.0, 92.0, 93.0])
    # The first two are in the wrong order by less than the step.
    predicted = np.array([90.04, 90.01, 92.0, 93.0])
    assert scores.kendall_tau(truth, predicted) == pytest.approx(4 / 6)
    assert scores.sparse_kendall_tau(truth, predicted, 0.1) == pytest.approx(5 / math.sqrt(6 * 5))
    assert scores.sparse_kendall_tau(truth / 100, predicted / 100, 0.001) == pytest.approx(5 / math.sqrt(6 * 5))
    # The truth is not rounded: values that differ by less than the step still have an order.
    assert scores.sparse_kendall_tau(np.array([0.01, 0.02, 0.03]), np.array([1.0, 2.0, 3.0]), 0.1) == 1.0


def test_distances_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.normal(70, 10, 50)
    predicted = truth + rng.normal(0, 4, 50)
    assert scores.r2(truth, predicted) == pytest.approx(r2_score(truth, predicted))
    assert scores.rmse(truth, predicted) == pytest.approx(math.sqrt(mean_squared_error(truth, predicted)))
    assert math.isnan(scores.r2(np.ones(3), truth[:3]))


def test_precision_at_counts_the_truly_best_among_the_predicted_best():
    truth = np.array([10.0, 9.0, 8.0, 7.0, 6.0, 5.0])
    predicted = np.array([5.0, 1.0, 6.0, 0.0, 7.0, 2.0])
    assert scores.precision_at(truth, predicted, 1) == 0
    assert scores.precision_at(truth, predicted, 2) == 0
    assert scores.precision_at(truth, predicted, 3) == pytest.approx(2 / 3)
    assert scores.precision_at(truth, truth, 3) == 1
    # Who equals the last of the best is as good as it.
    assert scores.precision_at(np.array([9.0, 8.0, 8.0, 1.0]), np.array([3.0, 1.0, 2.0, 0.0]), 2) == 1
    assert math.isnan(scores.precision_at(truth, predicted, 6))
    assert math.isnan(scores.precision_at(truth, predicted, 0))


def test_the_top_is_judged_alone():
    truth = np.arange(300.0)
    predicted = truth.copy()
    predicted[-3:] = predicted[-3:][::-1]
    assert scores.top_tau(truth, predicted) == -1
    assert scores.top_found(truth, predicted) == 1
    assert scores.top_choice_rank(truth, predicted) == 3
    predicted[0] = 1000
    assert scores.top_found(truth, predicted) == pytest.approx(2 / 3)
    assert scores.top_choice_rank(truth, predicted) == 300
    assert scores.top_choice_rank(truth, np.zeros(300)) == pytest.approx(150.5)
    assert math.isnan(scores.top_tau(truth[:100], predicted[:100]))


def test_coverage_of_normal_measurements_is_the_level():
    exact = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for level in (0.1, 0.5, 0.9):
        assert scores.coverage(exact, level) == pytest.approx(level, abs=1e-3)
    assert scores.calibration_error(exact) < 1e-3
    # Deviations that are half as large as they should be: the share inside a level is that of half its width.
    levels = np.arange(0.05, 1.0, 0.05)
    shares = 2 * norm.cdf(norm.ppf(0.5 + levels / 2) / 2) - 1
    assert scores.calibration_error(2 * exact) == pytest.approx(np.abs(shares - levels).mean(), abs=1e-3)


def test_negative_log_likelihood_is_that_of_scipy():
    rng = np.random.default_rng(0)
    measured, mean, deviation = rng.normal(size=20), rng.normal(size=20), rng.uniform(0.5, 2, 20)
    found = scores.negative_log_likelihood((measured - mean) / deviation, deviation)
    assert found == pytest.approx(-norm.logpdf(measured, mean, deviation).mean())


def test_what_knows_nothing_scores_as_the_definitions_say():
    exact = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert scores.negative_log_likelihood(exact, np.ones(20_000)) == pytest.approx(1.419, abs=1e-3)
