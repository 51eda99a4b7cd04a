import numpy as np
import pytest
import scipy.stats

from ganas.report.statistics import (
    bootstrap_means,
    censored_quantile,
    first_reached,
    incumbents,
    mean_ranks,
    paired_tests,
)
from ganas.spaces.errors import InvalidSetting


def test_incumbent_is_the_earliest_best_and_skips_failures():
    scores = np.array([[np.nan, 2.0, np.nan, 2.0, 5.0, 4.0], [np.nan] * 6])
    assert incumbents(scores).tolist() == [[-1, 1, 1, 1, 4, 4], [-1] * 6]


def test_incumbents_equal_a_loop():
    scores = np.random.default_rng(0).integers(0, 9, size=(20, 30)).astype(float)
    scores[np.random.default_rng(1).random(scores.shape) < 0.2] = np.nan
    for row, found in zip(scores, incumbents(scores), strict=True):
        best, column = -np.inf, -1
        for position, value in enumerate(row):
            if value > best:
                best, column = value, position
            assert found[position] == column


def test_first_reached():
    reached = np.array([[False, True, False], [False] * 3, [True] * 3])
    assert first_reached(reached).tolist() == [2.0, np.inf, 1.0]
    assert first_reached(np.zeros((2, 0), dtype=bool)).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("values", "quantile", "expected"),
    [
        ([5, 1, 3], 0.5, 3),
        ([1, 2, 3, 4], 0.5, 2),
        ([1, 2, np.inf, np.inf], 0.5, 2),
        ([1, 2, np.inf, np.inf], 0.9, np.inf),
        (list(range(1, 11)), 0.9, 9),
        ([np.inf], 0.5, np.inf),
    ],
)
def test_censored_quantile_by_hand(values, quantile, expected):
    assert censored_quantile(np.array(values, dtype=float), quantile) == expected


def test_bootstrap_agrees_with_scipy():
    values = np.random.default_rng(3).gamma(1.5, 2.0, size=(40, 3))
    ours = bootstrap_means(values, rng=np.random.default_rng(0), resamples=8_000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=8_000, method="percentile", axis=0, rng=np.random.default_rng(1)
    ).confidence_interval
    np.testing.assert_allclose(ours.mean, values.mean(axis=0), rtol=1e-12)
    width = theirs.high - theirs.low
    assert (np.abs(ours.low - theirs.low) < 0.06 * width).all()
    assert (np.abs(ours.high - theirs.high) < 0.06 * width).all()


def test_bootstrap_is_reproducible_and_its_interval_narrows_with_seeds():
    values = np.random.default_rng(0).normal(size=(400, 2))
    first = bootstrap_means(values, rng=np.random.default_rng(5))
    again = bootstrap_means(values, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(first.low, again.low)
    few = bootstrap_means(values[:25], rng=np.random.default_rng(5))
    assert ((first.high - first.low) < 0.5 * (few.high - few.low)).all()


def test_bootstrap_of_equal_values_is_a_point():
    means = bootstrap_means(np.full((7, 2), 0.1), rng=np.random.default_rng(0))
    np.testing.assert_allclose([means.low, means.high], 0.1, rtol=1e-12)
    assert (means.low <= means.mean).all()
    assert (means.mean <= means.high).all()


def test_bootstrap_leaves_missing_values_out():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan], [2.0, 7.0, np.nan]])
    means = bootstrap_means(values, rng=np.random.default_rng(0))
    assert means.mean[:2].tolist() == [2.0, 6.0]
    assert means.low[1] == 5.0
    assert means.high[1] == 7.0
    assert np.isnan([means.mean[2], means.low[2], means.high[2]]).all()


def test_bootstrap_of_one_seed_has_no_interval():
    means = bootstrap_means(np.array([[2.0, 4.0]]), rng=np.random.default_rng(0))
    assert means.mean.tolist() == [2.0, 4.0]
    assert np.isnan(means.low).all()
    assert np.isnan(means.high).all()


def test_bootstrap_refuses_a_confidence_of_one():
    with pytest.raises(InvalidSetting, match="confidence"):
        bootstrap_means(np.ones((3, 1)), rng=np.random.default_rng(0), confidence=1.0)


def by_seed(values):
    return dict(enumerate(values))


def test_paired_tests_are_scipys_with_holms_correction():
    rng = np.random.default_rng(0)
    scores = {name: rng.normal(shift, 1.0, 20) for name, shift in (("a", 0.0), ("b", 0.5), ("c", 1.5))}
    tests = paired_tests({name: by_seed(values) for name, values in scores.items()})
    assert [(test.first, test.second) for test in tests] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [scipy.stats.wilcoxon(scores[test.first], scores[test.second]).pvalue for test in tests]
    assert [test.p_value for test in tests] == pytest.approx(raw)
    # Holm by hand: the smallest times three, the next times two, the last times one, never decreasing, at most 1.
    order = np.argsort(raw)
    expected = np.minimum(np.maximum.accumulate(np.array(raw)[order] * [3, 2, 1]), 1.0)
    assert np.array([test.corrected for test in tests])[order] == pytest.approx(expected)
    assert tests[0].advantage == pytest.approx((scores["a"] - scores["b"]).mean())


def test_paired_test_by_hand():
    # Six differences of one sign: of 2^6 sign patterns two are as extreme, so p = 2 / 64.
    scores = {"a": by_seed([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), "b": by_seed([0.0] * 6)}
    (test,) = paired_tests(scores)
    assert test.p_value == pytest.approx(2 / 64)
    assert test.advantage == 3.5
    assert test.seeds == 6


def test_equal_strategies_have_p_of_one():
    values = [91.6, 91.5, 91.4, 91.6, 91.6, 91.6]
    (test,) = paired_tests({"a": by_seed(values), "b": by_seed([value * (1 + 1e-16) for value in values])})
    assert test.p_value == 1.0
    assert test.corrected == 1.0
    assert test.advantage == 0.0


def test_too_few_shared_seeds_are_not_tested_and_do_not_count_in_the_correction():
    many = {seed: float(seed) for seed in range(10)}
    scores = {"a": many, "b": {seed: 0.5 + value for seed, value in many.items()}, "c": {0: 1.0, 1: 2.0, 99: 3.0}}
    tests = {(test.first, test.second): test for test in paired_tests(scores)}
    assert tests["a", "c"].p_value is None
    assert tests["a", "c"].corrected is None
    assert tests["a", "c"].seeds == 2
    assert tests["a", "b"].corrected == tests["a", "b"].p_value


def test_seeds_without_a_value_are_left_out():
    scores = {"a": by_seed([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan]), "b": by_seed([0.0] * 7)}
    (test,) = paired_tests(scores)
    assert test.seeds == 6
    assert test.p_value == pytest.approx(2 / 64)


def test_one_strategy_has_no_tests():
    assert paired_tests({"a": by_seed([1.0] * 8)}) == ()


def test_mean_ranks_share_ties_and_skip_seeds_that_some_lack():
    scores = {"a": {0: 3.0, 1: 1.0, 2: 9.0}, "b": {0: 2.0, 1: 1.0}, "c": {0: 1.0, 1: 0.0}}
    assert mean_ranks(scores) == {"a": 1.25, "b": 1.75, "c": 3.0}
    assert mean_ranks({"a": {0: 1.0}, "b": {1: 1.0}}) == {}
