"""Splits: no functional twin of what is judged was learnt from, and each split is what its name says."""

import numpy as np
import pandas
import pytest

from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.judging.population import read_population
from ganas.bench.surrogate.judging.splits import (
    EXTRAPOLATION,
    RANDOM,
    WITH_TWINS,
    make_split,
    split_names,
    split_rng,
    strategy_split,
)
from ganas.bench.tabular import TabularBenchmark
from ganas.spaces.errors import InvalidSetting, UnknownName
from ganas.spaces.registry import load_space


def cells_of_nasbench101():
    """A made-up table of random cells, with several that compute the same."""
    space = load_space("nasbench101")
    rng = np.random.default_rng(3)
    cells = {space.identity_key(cell): cell for cell in space.sample(400, rng=rng)}
    frame = pandas.DataFrame({"arch": list(cells.values()), "acc": rng.random(len(cells))})
    return TabularBenchmark.from_frame(
        name="cells", space=space, frame=frame, metrics={"acc": Metric("acc", "fraction", "valid")}
    )


@pytest.fixture(scope="module")
def populations():
    table = load_benchmark("nasbench201-cifar100")
    rng = np.random.default_rng(1)
    visited = {"one": table.space.sample(150, rng=rng), "two": table.space.sample(200, rng=rng)}
    return {
        "nasbench201": read_population(table, most=3000, visited=visited, rng=np.random.default_rng(0)),
        "nasbenchgraph": read_population(
            load_benchmark("nasbenchgraph-arxiv"), most=1500, rng=np.random.default_rng(0)
        ),
        "nasbench101": read_population(cells_of_nasbench101(), rng=np.random.default_rng(0)),
    }


@pytest.mark.parametrize("name", ["nasbench201", "nasbenchgraph", "nasbench101"])
def test_no_functional_twin_crosses_a_split(populations, name):
    population = populations[name]
    # The keys are asked for here, one by one: nothing of how the split finds twins is used.
    keys = [population.space.functional_key(architecture) for architecture in population.architectures]
    twins = len(keys) - len(set(keys))
    for split_name in set(split_names(population)) - {WITH_TWINS}:
        for size in (5, 60):
            for seed in range(4):
                split = make_split(population, split_name, size, rng=split_rng(split_name, size, seed))
                learnt = {keys[row] for row in split.train.tolist()}
                judged = {keys[row] for row in split.test.tolist()}
                assert learnt.isdisjoint(judged)
                assert len(split.train) == len(set(split.train.tolist())) == size
                assert len(split.test) == len(set(split.test.tolist()))
    if name == "nasbench201":
        # Otherwise the test would show nothing.
        assert twins > 500


def test_twins_are_left_out_of_the_tests_and_nothing_else(populations):
    population = populations["nasbench201"]
    split = make_split(population, RANDOM, 60, rng=split_rng(RANDOM, 60, 0))
    left_out = np.setdiff1d(np.arange(population.drawn), np.concatenate([split.train, split.test]))
    assert len(left_out) > 10
    assert np.isin(population.groups[left_out], population.groups[split.train]).all()
    assert split.train.max() < population.drawn and split.test.max() < population.drawn


def test_with_twins_learns_from_the_same_and_is_judged_on_all_the_rest(populations):
    population = populations["nasbench201"]
    split, twins = (make_split(population, name, 60, rng=split_rng(name, 60, 0)) for name in (RANDOM, WITH_TWINS))
    assert split.train.tolist() == twins.train.tolist()
    everything = np.concatenate([twins.train, twins.test])
    assert sorted(everything.tolist()) == list(range(population.drawn))
    assert len(twins.test) > len(split.test)


def test_extrapolation_learns_from_nothing_of_the_best(populations):
    for population in populations.values():
        best = np.sort(population.means[: population.drawn])[-max(1, round(population.drawn / 100)) :]
        for seed in range(3):
            split = make_split(population, EXTRAPOLATION, 100, rng=split_rng(EXTRAPOLATION, 100, seed))
            assert population.means[split.train].max() < best.min()
            assert np.isin(best, population.means[split.test]).all()


def test_extrapolation_heeds_the_direction_of_the_metric():
    space = load_space("nasbench201")
    architectures = space.sample(300, rng=np.random.default_rng(0))
    unique = {space.identity_key(architecture): architecture for architecture in architectures}
    frame = pandas.DataFrame({"arch": list(unique.values()), "loss": np.arange(len(unique), dtype=float)})
    table = TabularBenchmark.from_frame(
        name="losses",
        space=space,
        frame=frame,
        metrics={"loss": Metric("loss", "nats", "valid", higher_is_better=False)},
    )
    population = read_population(table, rng=np.random.default_rng(0))
    split = make_split(population, EXTRAPOLATION, 200, rng=split_rng(EXTRAPOLATION, 200, 0))
    assert population.means[split.train].min() > 2


def test_a_strategy_is_left_out(populations):
    population = populations["nasbench201"]
    split = make_split(population, strategy_split("one"), 80, rng=split_rng("one", 80, 0))
    assert set(split.test.tolist()) == set(population.visited["one"].tolist())
    assert set(split.train.tolist()) <= set(population.visited["two"].tolist())
    # What both visited, or twins of it, is only judged.
    assert not np.isin(population.groups[split.train], population.groups[population.visited["one"]]).any()


def test_a_split_depends_on_seed_and_size_only(populations):
    population = populations["nasbench201"]

    def train(size, seed):
        return make_split(population, RANDOM, size, rng=split_rng(RANDOM, size, seed)).train.tolist()

    assert train(50, 0) == train(50, 0)
    assert train(50, 0) != train(50, 1)
    assert train(50, 0) != train(60, 0)[:50]


def test_what_cannot_be_split_is_refused(populations):
    population = populations["nasbench201"]
    with pytest.raises(
        UnknownName,
        match="known are extrapolation, random, with-twins, without one, without two; did you mean 'random'",
    ):
        make_split(population, "randon", 50, rng=np.random.default_rng(0))
    with pytest.raises(UnknownName, match="unknown split 'one'"):
        make_split(population, "one", 50, rng=np.random.default_rng(0))
    with pytest.raises(InvalidSetting, match=r"has 3,000 architectures to learn from: 3,001 cannot be drawn"):
        make_split(population, RANDOM, 3001, rng=np.random.default_rng(0))
    with pytest.raises(InvalidSetting, match="left to judge on"):
        make_split(population, RANDOM, 3000, rng=np.random.default_rng(0))
