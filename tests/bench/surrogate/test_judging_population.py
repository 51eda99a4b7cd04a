"""What is read of a table to judge surrogates on."""

import numpy as np
import pandas
import pytest

from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.judging.evaluate import references
from ganas.bench.surrogate.judging.population import read_population
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, InvalidSetting, NotSupported, WrongSpace
from ganas.spaces.registry import load_space


@pytest.fixture(scope="module")
def table():
    return load_benchmark("nasbench201-cifar100")


@pytest.fixture(scope="module")
def population(table):
    return read_population(table, most=500, known=[load_benchmark("nasbench201-cifar10")], rng=np.random.default_rng(0))


def part_of_the_space(count, missing=0):
    space = load_space("nasbench201")
    architectures = list({a.identity: a for a in space.sample(2 * count, rng=np.random.default_rng(5))}.values())[
        :count
    ]
    values = np.arange(count, dtype=float)
    values[:missing] = np.nan
    frame = pandas.DataFrame({"arch": architectures, "acc": values})
    return TabularBenchmark.from_frame(
        name="part", space=space, frame=frame, metrics={"acc": Metric("acc", "percent", "valid")}
    )


def test_values_are_those_of_the_tables(table, population):
    assert len(population) == population.drawn == 500
    other = load_benchmark("nasbench201-cifar10")
    for row in range(0, 500, 37):
        architecture = population.architectures[row]
        assert population.means[row] == table.query(architecture).value
        assert population.known[row, 0] == other.query(architecture).value
        held = population.trials[row]
        assert tuple(held[~np.isnan(held)]) == table.trial_values(architecture)


def test_a_label_is_a_trial_drawn_at_random(population):
    rows = np.repeat(np.arange(200), 60)
    drawn = population.measure(rows, "random", rng=np.random.default_rng(0)).reshape(200, 60)
    for row in range(200):
        trials = population.trials[row][~np.isnan(population.trials[row])]
        # Sixty draws of two or three trials miss one in less than 1 of 10 ** 9 cases.
        assert set(drawn[row]) == set(trials)
    means = population.measure(np.arange(5), "mean", rng=np.random.default_rng(0))
    assert means.tolist() == population.means[:5].tolist()


def test_a_metric_without_trials_is_measured_once():
    population = read_population(load_benchmark("nasbenchgraph-arxiv"), most=50, rng=np.random.default_rng(0))
    rows = np.arange(50)
    labels = population.measure(rows, "random", rng=np.random.default_rng(0))
    assert labels.tolist() == population.means.tolist()


def test_parameters_are_those_of_the_space_or_the_table(table, population):
    space = table.space
    assert population.parameters is not None
    assert population.parameters.tolist() == [space.parameter_count(one) for one in population.architectures]


@pytest.mark.parametrize("held", [False, True])
def test_parameters_may_be_a_column_or_unknown(held):
    space = load_space("nasbench101")
    assert not space.has_parameter_count
    cells = {space.identity_key(cell): cell for cell in space.sample(60, rng=np.random.default_rng(0))}
    values = np.arange(float(len(cells)))
    frame = pandas.DataFrame({"arch": list(cells.values()), "acc": values, "size": 2 * values})
    metrics = {"acc": Metric("acc", "fraction", "valid")}
    if held:
        metrics["size"] = Metric("parameters", "count", higher_is_better=False)
    table = TabularBenchmark.from_frame(name="cells", space=space, frame=frame, metrics=metrics)
    population = read_population(table, rng=np.random.default_rng(0))
    if held:
        assert population.parameters is not None
        assert population.parameters.tolist() == (2 * population.means).tolist()
        assert references(population) == (("parameter-count", False),)
    else:
        assert population.parameters is None
        assert references(population) == ()


def test_rows_of_a_part_do_not_follow_the_table(table, population):
    numbers = [architecture.identity for architecture in population.architectures]
    assert numbers != sorted(numbers)
    again = read_population(table, most=500, rng=np.random.default_rng(0))
    assert [architecture.identity for architecture in again.architectures] == numbers


def test_what_was_visited_is_added_behind_what_was_drawn(table):
    visited = {"one": table.space.sample(40, rng=np.random.default_rng(9))}
    population = read_population(table, most=100, visited=visited, rng=np.random.default_rng(0))
    assert population.drawn == 100 < len(population)
    rows = population.visited["one"]
    wanted = {architecture.identity for architecture in visited["one"]}
    assert {population.architectures[row].identity for row in rows.tolist()} == wanted
    assert population.means[rows].tolist() == [table.query(population.architectures[row]).value for row in rows]


def test_what_was_not_measured_is_left_out():
    table = part_of_the_space(60, missing=10)
    population = read_population(table, rng=np.random.default_rng(0))
    assert len(population) == 50
    assert not np.isnan(population.means).any()
    # A part is as large as it should be, whatever is missing.
    part = read_population(table, most=45, rng=np.random.default_rng(0))
    assert len({architecture.identity for architecture in part.architectures}) == len(part) == 45
    assert not np.isnan(part.means).any()


def test_visits_that_failed_are_left_out():
    table = part_of_the_space(60, missing=10)
    everything = [table.architecture_at(row) for row in range(60)]
    outside = next(a for a in table.space.enumerate() if a.identity not in {b.identity for b in everything})
    population = read_population(table, most=20, visited={"one": [*everything, outside]}, rng=np.random.default_rng(0))
    assert len(population.visited["one"]) == 50


def test_bad_input_is_one_line(table):
    rng = np.random.default_rng(0)
    with pytest.raises(NotSupported, match=r"judged on tables, and .* is a"):
        read_population(ToyBenchmark(load_space("nasbench201")), rng=rng)
    with pytest.raises(WrongSpace, match="of another space"):
        read_population(table, known=[load_benchmark("nasbenchgraph-arxiv")], rng=rng)
    with pytest.raises(ArchitectureNotMeasured):
        read_population(table, known=[part_of_the_space(60)], rng=rng)
    with pytest.raises(DataError, match="has 15 values of 'acc': at least 20"):
        read_population(part_of_the_space(25, missing=10), rng=rng)
    for most in (19, True, 30.0):
        with pytest.raises(InvalidSetting, match="at least 20 architectures"):
            read_population(table, most=most, rng=rng)
