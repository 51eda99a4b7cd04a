"""One judgement: its scores are those of the surrogate's own answers."""

from dataclasses import replace

import numpy as np
import pytest

from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate import known_table
from ganas.bench.surrogate.judging import scores
from ganas.bench.surrogate.judging.evaluate import COLUMNS, Judgement, judge, references, sparse_step
from ganas.bench.surrogate.judging.population import read_population, with_known_tables
from ganas.bench.surrogate.judging.splits import make_split, split_rng
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.spaces.errors import InvalidSetting, UnknownName

TIMES = ("fit_seconds", "predict_seconds")


@pytest.fixture(scope="module")
def population():
    with pytest.MonkeyPatch.context() as patch:
        # What is learnt of the other table need not be good here.
        patch.setattr(known_table, "_STEPS", 50)
        return with_known_tables(
            read_population(
                load_benchmark("nasbench201-cifar100"),
                most=2000,
                known=[load_benchmark("nasbench201-cifar10")],
                rng=np.random.default_rng(0),
            )
        )


def without_times(row):
    return {name: value for name, value in row.items() if name not in TIMES}


@pytest.mark.parametrize("known", [False, True])
def test_scores_are_those_of_predict_and_interval(population, known):
    row = judge(population, Judgement("gaussian-process", known, "random", 60, 3), "random")
    rng = split_rng("random", 60, 3)
    split = make_split(population, "random", 60, rng=rng)
    labels = population.measure(split.train, "random", rng=rng)
    fresh = population.measure(split.test, "random", rng=rng)
    train, test = ([population.architectures[place] for place in rows] for rows in (split.train, split.test))
    tables = population.tables if known else ()
    surrogate = Surrogate(population.space, "gaussian-process", seed=3, tables=tables).fit(train, labels)
    said = surrogate.predict(test).mean
    truth = population.means[split.test]
    assert row["tests"] == len(test)
    assert row["kendall_tau"] == pytest.approx(scores.kendall_tau(truth, said))
    assert row["sparse_kendall_tau"] == pytest.approx(scores.sparse_kendall_tau(truth, said, 0.1))
    assert row["rmse"] == pytest.approx(scores.rmse(truth, said))
    low, high = surrogate.interval(test, 0.9)
    assert row["coverage_90"] == pytest.approx(((fresh >= low) & (fresh <= high)).mean(), abs=1.5 / len(test))
    assert row["width_90"] == pytest.approx(np.median(high - low))
    shares = []
    for level in np.arange(0.05, 1.0, 0.05):
        low, high = surrogate.interval(test, level)
        shares.append(abs(((fresh >= low) & (fresh <= high)).mean() - level))
    assert row["calibration_error"] == pytest.approx(np.mean(shares), abs=2e-3)


def test_a_judgement_repeats(population):
    judgement = Judgement("gaussian-process", False, "extrapolation", 40, 7)
    first, second = (judge(population, judgement, "random") for _ in range(2))
    assert tuple(first) == COLUMNS
    assert without_times(first) == without_times(second)
    assert all(first[name] >= 0 for name in TIMES)


def test_more_to_learn_from_ranks_better(population):
    few, many = (
        np.mean(
            [
                judge(population, Judgement("gaussian-process", False, "random", size, s), "mean")["kendall_tau"]
                for s in range(3)
            ]
        )
        for size in (10, 300)
    )
    assert many > few + 0.1


def test_rankings_without_training_are_judged_on_the_same_tests(population):
    assert references(population) == (("parameter-count", False), ("known-values", True))
    split = make_split(population, "random", 50, rng=split_rng("random", 50, 1))
    truth = population.means[split.test]
    sizes = np.array([population.space.parameter_count(population.architectures[row]) for row in split.test])
    row = judge(population, Judgement("parameter-count", False, "random", 50, 1), "random")
    assert row["kendall_tau"] == pytest.approx(scores.kendall_tau(truth, sizes))
    assert np.isnan(row["rmse"]) and np.isnan(row["coverage_90"])
    row = judge(population, Judgement("known-values", True, "random", 50, 1), "random")
    assert row["kendall_tau"] == pytest.approx(scores.kendall_tau(truth, population.known[split.test, 0]))
    assert row["kendall_tau"] > 0.8


def test_lower_may_be_better():
    """The best of a metric that is to be low are the lowest, and predictions of them as good."""
    seconds = read_population(
        load_benchmark("nasbench201-cifar10"), "train_seconds", most=1500, rng=np.random.default_rng(0)
    )
    assert not seconds.metric.higher_is_better
    row = judge(seconds, Judgement("gaussian-process", False, "random", 200, 0), "random")
    assert row["kendall_tau"] > 0.8
    assert np.isnan(row["sparse_kendall_tau"])
    split = make_split(seconds, "random", 200, rng=split_rng("random", 200, 0))
    truth = seconds.means[split.test]
    sizes = np.array([seconds.space.parameter_count(seconds.architectures[row]) for row in split.test], dtype=float)
    row = judge(seconds, Judgement("parameter-count", False, "random", 200, 0), "random")
    # Large networks take long: the ranking says the values, whichever way is better.
    assert row["kendall_tau"] == pytest.approx(scores.kendall_tau(truth, sizes)) and row["kendall_tau"] > 0
    assert row["top_choice_rank"] == scores.top_choice_rank(-truth, -sizes)


def test_a_tenth_of_a_point_is_in_the_unit_of_the_metric():
    assert sparse_step(Metric("a", "percent", "valid")) == 0.1
    assert sparse_step(Metric("a", "fraction", "valid")) == 0.001
    assert sparse_step(Metric("a", "seconds")) is None


def test_what_is_known_must_be_made_ready(population):
    plain = replace(population, tables=())
    with pytest.raises(InvalidSetting, match="nothing is known of other tables"):
        judge(plain, Judgement("gaussian-process", True, "random", 50, 0), "random")


def test_unknown_models_are_named(population):
    with pytest.raises(UnknownName, match="unknown surrogate model 'gaussian-proces'"):
        judge(population, Judgement("gaussian-proces", False, "random", 50, 0), "random")
