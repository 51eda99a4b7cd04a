"""Parts of a table: the architectures within bounds, and the Pareto front."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ganas
from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    EpochNotMeasured,
    GanasError,
    InvalidSetting,
    NotMeasured,
    RunNotMeasured,
    SplitNotMeasured,
    UnknownMetric,
)
from ganas.spaces.registry import load_space
from tests.bench.benchmarks_of_runs import table_of_runs

ACCURACY = Metric("acc", "percent", "valid")
LATENCY = Metric("latency", "milliseconds", higher_is_better=False)
TEST = Metric("test_acc", "percent", "test")


@pytest.fixture(scope="module")
def cifar10():
    return load_benchmark("nasbench201-cifar10")


def table(metrics=(ACCURACY, LATENCY, TEST), **columns):
    values = {metric.name: np.array(columns[metric.name], dtype=float) for metric in metrics}
    count = len(next(iter(values.values())))
    return TabularBenchmark(
        name="mine",
        space=load_space("nasbench201"),
        identities=np.arange(count) * 3,
        metrics=metrics,
        values=values,
    )


@pytest.fixture
def small():
    return table(acc=[1, 2, np.nan, 4, 5], latency=[3, np.nan, 1, 2, 9], test_acc=[5, 4, 3, 2, np.nan])


def rows_of(part, whole):
    return [whole._rows.row(part.architecture_at(row)) for row in range(part.num_rows)]


# --- where ---


@pytest.mark.parametrize(
    ("metric", "low", "high", "rows", "name"),
    [
        ("acc", 2, 4, [1, 3], "mine[2<=acc<=4]"),
        ("acc", 2, None, [1, 3, 4], "mine[acc>=2]"),
        ("acc", None, 4.5, [0, 1, 3], "mine[acc<=4.5]"),
        ("acc", None, None, [0, 1, 3, 4], "mine[acc]"),
        ("latency", -np.inf, 2, [2, 3], "mine[-inf<=latency<=2]"),
        ("latency", np.float32(9), np.int64(9), [4], "mine[9<=latency<=9]"),
        ("test_acc", 3, np.inf, [0, 1, 2], "mine[3<=test_acc<=inf]"),
    ],
)
def test_where_keeps_what_is_within_the_bounds(small, metric, low, high, rows, name):
    part = small.where(metric, low, high)
    assert (rows_of(part, small), part.name, part.num_rows) == (rows, name, len(rows))
    assert part.source.startswith("table:") and part.source != small.source
    assert part.frame().equals(small.frame().loc[rows].reset_index(drop=True))
    assert (part.objective, part.space) == (small.objective, small.space)
    for row, cell in enumerate(part.architecture_at(row) for row in range(part.num_rows)):
        assert part.query(cell, metric).value == small.query(cell, metric).value
        assert part.query_many(np.array([row]), [metric])[0, 0] == part.query(cell, metric).value
    outside = next(row for row in range(5) if row not in rows)
    with pytest.raises(ArchitectureNotMeasured, match="is not among the"):
        part.query(small.architecture_at(outside), metric)


@pytest.mark.parametrize(
    ("metric", "low", "high", "error", "message"),
    [
        ("latency", 3.5, 4, NotMeasured, "no architecture of 'mine' has 'latency' from 3.5 to 4: .* 1 to 9 millisec"),
        ("latency", 10, None, NotMeasured, "from 10 to inf: it goes from 1 to 9"),
        ("latency", 5, 4, InvalidSetting, "low must not be above high: 5 and 4 were given"),
        ("latency", np.nan, None, InvalidSetting, "low must be a number or None, not nan"),
        ("latency", None, np.nan, InvalidSetting, "high must be a number or None, not nan"),
        ("latency", True, None, InvalidSetting, "low must be a number or None, not True"),
        ("latency", None, "4", InvalidSetting, "high must be a number or None, not '4'"),
        ("latency", None, 1j, InvalidSetting, "high must be a number"),
        ("latncy", 1, 2, UnknownMetric, "did you mean 'latency'"),
        ("valid_acc", 1, 2, SplitNotMeasured, "holds no valid values"),
    ],
)
def test_bounds_that_do_not_fit_are_refused(small, metric, low, high, error, message):
    with pytest.raises(error, match=message) as caught:
        small.where(metric, low, high)
    assert isinstance(caught.value, GanasError) and "\n" not in str(caught.value)


def test_a_metric_without_values_has_no_part():
    empty = table(acc=[1, 2], latency=[np.nan] * 2, test_acc=[1, 2])
    with pytest.raises(NotMeasured, match="'mine' holds no value of 'latency'"):
        empty.where("latency")
    with pytest.raises(NotMeasured, match="no architecture of 'mine' has a value of 'acc' and 'latency'"):
        empty.pareto(["acc", "latency"])


def test_parts_of_a_real_table(cifar10):
    accuracy = cifar10.frame()["valid_accuracy"]
    good = cifar10.where("valid_accuracy", 90)
    assert good.num_rows == (accuracy >= 90).sum()
    assert good.optimum() == cifar10.optimum()
    assert good.top(5) == cifar10.top(5)
    light = good.where("parameters", high=500_000)
    assert light.name == "nasbench201-cifar10[valid_accuracy>=90][parameters<=500000]"
    assert light.optimum("parameters").value == good.optimum("parameters").value
    for row in range(0, light.num_rows, 20):
        cell = light.architecture_at(row)
        mine, theirs = light.query(cell), cifar10.query(cell)
        assert (mine.value, mine.trials, mine.cost_seconds) == (theirs.value, theirs.trials, theirs.cost_seconds)
        assert light.trial_values(cell) == cifar10.trial_values(cell)
    check_benchmark(good)
    check_benchmark(light)


def test_a_source_says_which_rows():
    whole = table(acc=[1, 2, 3], latency=[1, 2, 3], test_acc=[3, 2, 1])
    assert whole.where("acc", 2).source == whole.where("latency", 1.5).source != whole.where("acc", 1).source
    assert table(acc=[0, 2, 3], latency=[1, 2, 3], test_acc=[3, 2, 1]).where("acc", 2).source != (
        whole.where("acc", 2).source
    )
    assert whole.where("acc", 2, name="top two").name == "top two"


def test_runs_epochs_and_costs_are_kept():
    rng = np.random.default_rng(0)
    whole = TabularBenchmark(
        name="runs",
        space=load_space("nasbench201"),
        identities=[3, 5, 8, 9],
        metrics=[
            Metric("acc", "percent", "valid", epochs=(2, 4), run=4, seeds=(1, 2)),
            Metric("acc", "percent", "valid", epochs=(6, 12), run=12, seeds=(1, 2)),
            Metric("cost", "seconds"),
        ],
        values={"acc@4": rng.random((4, 2, 2)), "acc@12": rng.random((4, 2, 2)), "cost": np.arange(4.0)},
        cost="cost",
        fidelity="run",
        trial_meaning="A trial has a seed.",
    )
    means = [whole.query(whole.architecture_at(row)).value for row in range(4)]
    part = whole.where("acc", sorted(means)[1])
    assert rows_of(part, whole) == [row for row in range(4) if means[row] != min(means)]
    for row in range(3):
        cell = part.architecture_at(row)
        for asked in ({"run": 4}, {"run": 4, "epoch": 2, "seed": 2}, {"epoch": 6}):
            mine, theirs = part.query(cell, **asked), whole.query(cell, **asked)
            assert (mine.value, mine.cost_seconds, mine.seeds) == (theirs.value, theirs.cost_seconds, theirs.seeds)
        assert np.array_equal(part.curve(cell).values, whole.curve(cell).values)
    assert (part.runs, part.fidelity, part.fidelities()) == ((4, 12), "run", (4, 12))
    assert part.trial_meaning == whole.trial_meaning
    check_benchmark(part)


def test_a_search_pays_for_what_is_not_in_a_part(cifar10):
    study = ganas.search(cifar10.where("valid_accuracy", 90), "random-search", budget=50, seed=0)
    failed = study.trace["failure"].notna()
    assert 0 < failed.sum() < 50
    assert (study.trace["value"][~failed] >= 90).all()


def test_asking_for_a_part_loads_no_more_than_a_table_needs():
    program = (
        "import sys; from ganas.bench.registry import load_benchmark; b = load_benchmark('nasbench201-cifar10');"
        "b.where('valid_accuracy', 91).top(3);"
        "print(sorted({'moocore', 'pandas', 'torch', 'scipy', 'networkx', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- at a run and an epoch ---

ASKED = [{}, {"run": 2}, {"run": 2, "epoch": 1}, {"epoch": 3}, {"run": 6, "epoch": 6}]


@pytest.mark.parametrize("asked", ASKED)
def test_every_view_takes_a_run_and_an_epoch(asked):
    bench = table_of_runs()
    cells = [bench.architecture_at(row) for row in range(bench.num_rows)]
    means = np.array([bench.query(cell, "acc", **asked).value for cell in cells])
    seconds = np.array([bench.query(cell, "seconds", **asked).value for cell in cells])
    frame = bench.frame(**asked)
    assert np.array_equal(frame["acc"], means) and np.array_equal(frame["seconds"], seconds)
    assert list(frame.columns) == ["architecture", "size", "acc", "seconds"]
    best = bench.top(3, "acc", **asked)
    assert [one.value for one in best] == sorted(means, reverse=True)[:3]
    assert best[0] == bench.optimum("acc", **asked) and cells.index(best[0].architecture) == means.argmax()
    assert bench.optimum("seconds", **asked).value == seconds.min()
    part = bench.where("acc", 70, 80, **asked)
    assert rows_of(part, bench) == np.flatnonzero((means >= 70) & (means <= 80)).tolist()
    # The size does not belong to a run, and is what it always is.
    front = bench.pareto(["acc", "seconds", "size"], **asked)
    points = np.stack([-means, seconds, frame["size"]], 1)
    beaten = [((points <= point).all(1) & (points < point).any(1)).any() for point in points]
    assert sorted(front.index) == np.flatnonzero(~np.array(beaten)).tolist()


def test_the_name_of_a_part_says_where():
    bench = table_of_runs()
    assert bench.where("acc", 80).name == "runs[acc>=80]"
    assert bench.where("acc", 80, run=2, epoch=1).name == "runs[acc@run=2@epoch=1>=80]"
    assert bench.where("acc", 80, run=2, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"run": 4}, RunNotMeasured, "runs of 2, 6 epochs, not of 4"),
        ({"epoch": 4}, EpochNotMeasured, "at epoch 3 and 6 in the run over 6 epochs, not at 4"),
        ({"epoch": 2}, EpochNotMeasured, "ask for run=2"),
        ({"run": 2, "epoch": 6}, EpochNotMeasured, "6 epochs were a run of their own"),
        ({"run": "2"}, InvalidSetting, "run must be a whole number"),
        ({"epoch": 1.5}, InvalidSetting, "epoch must be a whole number"),
    ],
)
def test_what_was_not_measured_there(asked, error, message):
    bench = table_of_runs()
    for view in (
        lambda: bench.optimum(**asked),
        lambda: bench.top(2, **asked),
        lambda: bench.where("acc", 1, **asked),
        lambda: bench.pareto(["acc", "size"], **asked),
        lambda: bench.frame(**asked),
    ):
        with pytest.raises(error, match=message):
            view()


def test_a_run_of_what_belongs_to_none(small, cifar10):
    bench = table_of_runs()
    for view in (lambda: bench.top(1, "size", run=2), lambda: bench.where("size", run=2), lambda: small.frame(run=2)):
        with pytest.raises(RunNotMeasured, match="does not belong to a run, so not to one of 2 epochs"):
            view()
    with pytest.raises(EpochNotMeasured, match="does not belong to an epoch, so not to 2"):
        small.pareto(["acc", "latency"], epoch=2)
    # What is not held at an epoch has no column of it.
    half = TabularBenchmark(
        name="half",
        space=load_space("nasbench201"),
        identities=[1, 2],
        metrics=[
            Metric("acc", "percent", "valid", epochs=(4,)),
            Metric("loss", "nats", "valid", higher_is_better=False, epochs=(2, 4)),
        ],
        values={"acc": np.ones((2, 1, 1)), "loss": np.array([[[1.0], [2.0]], [[3.0], [4.0]]])},
    )
    assert list(half.frame().columns) == ["architecture", "acc", "loss"]
    assert half.frame(epoch=2).drop(columns="architecture").to_dict("list") == {"loss": [1.0, 3.0]}
    assert cifar10.frame(epoch=200)["valid_accuracy"].equals(cifar10.frame()["valid_accuracy"])


# --- Pareto fronts ---


def test_a_front_keeps_ties_and_leaves_out_what_was_not_measured():
    bench = table(
        acc=[5, 5, 4, 4, 3, np.nan, 9, 4],
        latency=[9, 9, 2, 3, 1, 0, np.nan, 2],
        test_acc=[1] * 8,
    )
    front = bench.pareto(["acc", "latency"])
    assert list(front.columns) == ["architecture", "acc", "latency"]
    assert front.index.tolist() == [0, 1, 2, 7, 4]
    assert front[["acc", "latency"]].to_numpy().tolist() == [[5, 9], [5, 9], [4, 2], [4, 2], [3, 1]]
    assert front.drop(columns="architecture").equals(bench.frame().loc[front.index, ["acc", "latency"]])
    assert front["architecture"].tolist() == bench.frame()["architecture"][front.index].tolist()
    # The first metric is the one to sort by, in its own direction.
    assert bench.pareto(("latency", "acc")).index.tolist() == [4, 2, 7, 0, 1]
    # A test metric may be looked at, and a metric in which all are equal changes nothing.
    assert {*bench.pareto(["test_acc", "latency", "acc"]).index} == {0, 1, 2, 4, 7}


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        (["acc"], InvalidSetting, "two or more different metrics"),
        ([], InvalidSetting, "two or more different metrics"),
        ("acc", InvalidSetting, r"not of \['acc'\]"),
        (["acc", "acc"], InvalidSetting, "two or more different metrics"),
        (["acc", "latncy"], UnknownMetric, "did you mean 'latency'"),
    ],
)
def test_fronts_that_do_not_fit_are_refused(small, metrics, error, message):
    with pytest.raises(error, match=message):
        small.pareto(metrics)


def test_the_front_is_one_of_means_over_trials(cifar10):
    front = cifar10.pareto(["valid_accuracy", "parameters", "train_seconds"])
    frame = cifar10.frame()
    points = frame[["valid_accuracy", "parameters", "train_seconds"]].to_numpy() * [-1, 1, 1]
    beaten = [((points <= point).all(axis=1) & (points < point).any(axis=1)).any() for point in points]
    assert sorted(front.index) == np.flatnonzero(~np.array(beaten)).tolist()
    assert front["architecture"].iloc[0] == cifar10.space.format(cifar10.optimum().architecture)


@st.composite
def tables(draw):
    """Few values, so that ties are frequent; some missing."""
    metrics = draw(st.integers(2, 5))
    row = st.tuples(*[st.sampled_from([np.nan, -1.0, -0.0, 0.0, 1.0, 2.5, 1e9]) for _ in range(metrics)])
    directions = draw(st.lists(st.booleans(), min_size=metrics, max_size=metrics))
    return draw(st.lists(row, min_size=1, max_size=40)), directions


@settings(max_examples=150, deadline=None)
@given(tables())
def test_fronts_are_those_of_brute_force(drawn):
    rows, directions = drawn
    metrics = [Metric(f"m{place}", "count", higher_is_better=up) for place, up in enumerate(directions)]
    bench = table(
        metrics=metrics, **{metric.name: [row[place] for row in rows] for place, metric in enumerate(metrics)}
    )
    names = [metric.name for metric in metrics]
    scores = [[metric.score(value) for metric, value in zip(metrics, row, strict=True)] for row in rows]
    complete = [row for row, score in enumerate(scores) if not np.isnan(score).any()]

    def dominates(first, second):
        pairs = list(zip(scores[first], scores[second], strict=True))
        return all(one >= two for one, two in pairs) and any(one > two for one, two in pairs)

    if not complete:
        with pytest.raises(NotMeasured):
            bench.pareto(names)
        return
    front = bench.pareto(names)
    kept = [row for row in complete if not any(dominates(other, row) for other in complete)]
    # Sorting is stable: equal rows stay in their order.
    assert front.index.tolist() == sorted(kept, key=lambda row: [-score for score in scores[row]])
    assert front[names].to_numpy().tolist() == [list(rows[row]) for row in front.index]
