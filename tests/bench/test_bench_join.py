"""Joined tables: hardware metrics of a frame, and what another table measured."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas
import pytest

import ganas
from ganas.bench.metric import Metric
from ganas.bench.registry import load_benchmark
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    DuplicateName,
    GanasError,
    InvalidSetting,
    MalformedArchitecture,
    RunNotMeasured,
    TrialNotMeasured,
    UnknownMetric,
    UnknownName,
    WrongSpace,
)
from ganas.spaces.registry import load_space
from ganas.strategy import MeasuredConstraint

LATENCIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "nb201_latency" / "latency_ms.csv.gz"
PHONE = Metric("phone", "milliseconds", higher_is_better=False)


class Counted(Mapping[str, np.ndarray]):
    """Columns that note what is taken out of them."""

    def __init__(self, columns):
        self.columns = columns
        self.taken = []

    def __getitem__(self, key):
        self.taken.append(key)
        return self.columns[key]

    def __iter__(self):
        return iter(self.columns)

    def __len__(self):
        return len(self.columns)


def two_runs(rows=(5, 9, 700), name="mine", space="nasbench201", shift=0.0):
    """A table of two runs, a cost and three trials with seeds, whose columns note when they are taken."""
    count = len(rows)
    rng = np.random.default_rng(3)
    values = Counted(
        {
            "acc@4": rng.uniform(10, 20, (count, 2, 3)) + shift,
            "acc@12": rng.uniform(20, 30, (count, 2, 3)).astype(np.float32),
            "test@12": rng.uniform(20, 30, (count, 1, 3)),
            "cost@4": np.array([[10.0], [20.0]])[None].repeat(count, 0),
            "cost@12": np.array([[30.0], [60.0]])[None].repeat(count, 0),
        }
    )
    found = load_space(space)
    return TabularBenchmark(
        name=name,
        space=found,
        identities=np.array(rows),
        metrics=[
            Metric("acc", "percent", "valid", epochs=(2, 4), run=4, seeds=(7, 8, 9)),
            Metric("acc", "percent", "valid", epochs=(6, 12), run=12, seeds=(7, 8, 9)),
            Metric("test", "percent", "test", epochs=(12,), run=12),
            Metric("cost", "seconds", epochs=(2, 4), run=4),
            Metric("cost", "seconds", epochs=(6, 12), run=12),
        ],
        values=values,
        cost="cost",
        source=f"table:{name}",
        trial_meaning="A trial has a seed.",
        fidelity="run",
        checked=True,
    ), values


def frame_of(bench, rows, **columns):
    return pandas.DataFrame({"arch": [bench.space.format(bench.architecture_at(row)) for row in rows]} | columns)


@pytest.fixture(scope="module")
def cifar10():
    return load_benchmark("nasbench201-cifar10")


# --- frames ---


@pytest.mark.parametrize("as_objects", [False, True])
def test_a_frame_in_any_order_goes_to_the_right_rows(cifar10, as_objects):
    rng = np.random.default_rng(0)
    rows = rng.permutation(cifar10.num_rows)[:2000]
    milliseconds = rng.uniform(1, 50, 2000)
    frame = frame_of(cifar10, rows, ms=milliseconds)
    if as_objects:
        frame["arch"] = [cifar10.architecture_at(row) for row in rows]
    bench = cifar10.join(frame, metrics={"ms": PHONE})
    for row, value in zip(rows[:200].tolist(), milliseconds.tolist(), strict=False):
        cell = cifar10.architecture_at(row)
        result = bench.query(cell, "phone")
        assert (result.value, result.unit, result.trials, result.epoch) == (value, "milliseconds", (), None)
        assert result.source == bench.source != cifar10.source
        # Looked up, not measured again: a query is one training, as before.
        assert result.cost_seconds == cifar10.query(cell).cost_seconds
        assert bench.query(cell).value == cifar10.query(cell).value
        assert bench.trial_values(cell) == cifar10.trial_values(cell)
    assert np.array_equal(bench.query_many(rows, ["phone"])[:, 0], milliseconds)
    assert bench.num_rows == cifar10.num_rows
    assert bench.optimum("phone").value == milliseconds.min()
    assert [*bench.metrics] == [*cifar10.metrics, "phone"]
    kept = ("objective", "cost", "trial_meaning", "fidelity", "space")
    assert all(getattr(bench, name) == getattr(cifar10, name) for name in kept)
    assert "phone" not in cifar10.metrics


def test_what_the_frame_lacks_was_not_measured(cifar10):
    frame = frame_of(cifar10, [3, 4, 5], ms=[1.0, np.nan, 3.0])
    bench = cifar10.join(frame, metrics={"ms": PHONE})
    for row in (0, 4):
        with pytest.raises(ArchitectureNotMeasured, match=r"'phone' of .* was not measured in 'nasbench201-cifar10"):
            bench.query(bench.architecture_at(row), "phone")
    assert bench.frame()["phone"].notna().sum() == 2
    assert [entry.value for entry in bench.top(10, "phone")] == [1.0, 3.0]
    check_benchmark(bench)


def test_trials_and_epochs_of_a_frame(cifar10):
    frame = frame_of(cifar10, [8, 2], a=[1.0, 4.0], b=[2.0, np.nan])
    metric = Metric("other", "percent", "valid", epochs=(200,), seeds=(777, 888))
    bench = cifar10.join(frame, metrics={("a", "b"): metric, "a": PHONE})
    assert bench.trial_values(bench.architecture_at(8), "other") == (1.0, 2.0)
    assert bench.query(bench.architecture_at(8), "other", seed=888).value == 2.0
    assert bench.query(bench.architecture_at(2), "other").trials == (0,)
    with pytest.raises(TrialNotMeasured):
        bench.query(bench.architecture_at(2), "other", trial=1)
    check_benchmark(bench)


def test_names_and_sources(cifar10):
    frame = frame_of(cifar10, [3, 4], a=[1.0, 2.0], b=[3.0, 4.0])
    metrics = [Metric(f"m {number}", "count") for number in range(4)]
    one = cifar10.join(frame, metrics={"a": metrics[0]})
    assert (one.name, one.source[:6], len(one.source)) == ("nasbench201-cifar10+m_0", "table:", 18)
    assert cifar10.join(frame, metrics={"a": metrics[0], "b": metrics[1]}).name == "nasbench201-cifar10+m_0+m_1"
    assert cifar10.join(frame, metrics={("a", "b"): metrics[0]}, name="own").name == "own"
    frame["c"], frame["d"] = 0, 0
    many = cifar10.join(frame, metrics=dict(zip("abcd", metrics, strict=True)))
    assert many.name == "nasbench201-cifar10+4-metrics"
    # The same numbers have the same source, whatever their order; other numbers or another table have another.
    assert cifar10.join(frame[::-1], metrics={"a": metrics[0]}, name="x").source == one.source
    others = [
        cifar10.join(frame, metrics={"b": metrics[0]}),
        cifar10.join(frame, metrics={"a": metrics[1]}),
        cifar10.join(frame[:1], metrics={"a": metrics[0]}),
        load_benchmark("nasbench201-cifar100").join(frame, metrics={"a": metrics[0]}),
    ]
    assert len({cifar10.source, one.source, *(other.source for other in others)}) == 6


def test_joining_reads_nothing_of_the_table_and_keeps_all_of_it():
    table, values = two_runs()
    frame = frame_of(table, [1, 0], ms=[1.0, 2.0])
    bench = table.join(frame, metrics={"ms": PHONE})
    assert values.taken == []
    first, last = bench.architecture_at(0), bench.architecture_at(2)
    assert bench.query(first, "phone").value == 2.0
    assert set(values.taken) == {"cost@12"}
    assert bench.query(first, "phone").cost_seconds == 60.0
    for asked in ({}, {"run": 4}, {"run": 4, "epoch": 2}, {"epoch": 6, "seed": 8}, {"reduction": "min"}):
        mine, theirs = bench.query(last, "acc", **asked), table.query(last, "acc", **asked)
        assert (mine.value, mine.cost_seconds, mine.run, mine.seeds) == (
            theirs.value,
            theirs.cost_seconds,
            theirs.run,
            theirs.seeds,
        )
    assert bench.curve(first, "acc", run=4).values.tolist() == table.curve(first, "acc", run=4).values.tolist()
    assert (bench.runs, bench.fidelity, bench.fidelities("acc")) == ((4, 12), "run", (4, 12))
    with pytest.raises(TrialNotMeasured, match=r"A trial has a seed\."):
        bench.query(first, "acc", trial=5)
    check_benchmark(bench)


def test_memory_mapped_columns_stay_mapped(tmp_path):
    written = np.random.default_rng(1).uniform(0, 1, (4, 3, 2)).astype(np.float32)  # epochs, rows, trials
    np.save(tmp_path / "acc.npy", written)
    mapped = np.load(tmp_path / "acc.npy", mmap_mode="r")
    table = TabularBenchmark(
        name="mine",
        space=load_space("nasbench201"),
        identities=[2, 4, 8],
        metrics=[Metric("acc", "fraction", "valid", epochs=(1, 2, 3, 4))],
        values={"acc": np.asarray(mapped).transpose(1, 0, 2)},
        source="table:mapped",
        checked=True,
    )
    bench = table.join(frame_of(table, [2], ms=[4.0]), metrics={"ms": PHONE})
    assert np.shares_memory(bench._column("acc").values, mapped)
    assert bench.query(bench.architecture_at(1), epoch=2, trial=1).value == written[1, 1, 1]


def test_architectures_beyond_the_table(cifar10):
    small = cifar10.where("valid_accuracy", low=91)
    frame = frame_of(cifar10, range(0, 15_625, 5), ms=np.arange(3125.0))
    with pytest.raises(ArchitectureNotMeasured, match=r"^\|.* is not among the .* architectures of .*, nor are .*left"):
        small.join(frame, metrics={"ms": PHONE})
    bench = small.join(frame, metrics={"ms": PHONE}, how="left")
    assert bench.num_rows == small.num_rows
    held = bench.where("phone")
    assert 0 < held.num_rows < bench.num_rows
    for row in range(held.num_rows):
        cell = held.architecture_at(row)
        assert held.query(cell, "phone").value == bench.space.identity_key(cell) / 5
    check_benchmark(bench)
    outside = next(row for row in range(15_625) if cifar10.query(cifar10.architecture_at(row)).value < 91)
    for how in ("strict", "left"):
        with pytest.raises(DataError, match="none of the 1 architectures to be joined is in"):
            small.join(frame_of(cifar10, [outside], ms=[1.0]), metrics={"ms": PHONE}, how=how)


@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        (lambda f: f, {"metrics": {}}, InvalidSetting, "at least one metric"),
        (lambda f: f, {"metrics": {"ms": "phone"}}, InvalidSetting, "column to Metric"),
        (lambda f: f, {"metrics": ["ms"]}, InvalidSetting, r"a mapping of what is taken .*, not \['ms'\]"),
        (lambda f: f, {"metrics": {"mss": PHONE}}, UnknownName, "unknown column 'mss'.*did you mean 'ms'"),
        (lambda f: f, {"architecture": "cell"}, UnknownName, "unknown column 'cell'"),
        (
            lambda f: f,
            {"how": "lef"},
            InvalidSetting,
            "how must be one of strict, left, not 'lef'; did you mean 'left'",
        ),
        (lambda f: f, {"metrics": {"ms": Metric("acc", "ms")}}, DuplicateName, "has a metric 'acc' already"),
        (lambda f: f, {"metrics": {"ms": PHONE, ("ms",): PHONE}}, DuplicateName, "two metrics are named 'phone'"),
        (lambda f: f.assign(arch=[0, 1]), {}, MalformedArchitecture, "row 0: 0 is neither .*an index is of no use"),
        (
            lambda f: f.assign(arch=[None, "x"]),
            {},
            MalformedArchitecture,
            "row 0: nan is neither text nor",
        ),
        (lambda f: f.assign(arch="x"), {}, MalformedArchitecture, "row 0"),
        (lambda f: pandas.concat([f, f]), {}, DataError, r"rows \d and \d are the same architecture"),
        (lambda f: f.assign(ms="fast"), {}, DataError, "column 'ms' does not hold numbers"),
        (lambda f: f.assign(ms=np.inf), {}, DataError, "column 'ms' is infinite in row 0"),
        (lambda f: f[:0], {}, DataError, "no rows"),
        (lambda f: f.to_dict(), {}, InvalidSetting, "a pandas frame or another table, not dict"),
        (
            lambda f: f,
            {"metrics": {"ms": Metric("other", "percent", epochs=(3,), run=12)}},
            InvalidSetting,
            "'other' is held at epoch 3, up to which 'mine' does not know the cost",
        ),
        (
            lambda f: f,
            {"metrics": {"ms": Metric("other", "percent", epochs=(4,), run=36)}},
            InvalidSetting,
            "'other' is of a run over 36 epochs, and 'mine' knows the cost .* of runs over 4, 12",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(change, settings, error, message):
    table, _ = two_runs()
    frame = change(frame_of(table, [0, 2], ms=[1.0, 2.0]))
    with pytest.raises(error, match=message) as caught:
        table.join(frame, **({"metrics": {"ms": PHONE}} | settings))
    assert isinstance(caught.value, GanasError) and "\n" not in str(caught.value)


def test_a_space_without_ranks():
    space = load_space("nasbench101")
    cells = list({space.identity_key(c): c for c in space.sample(60, rng=np.random.default_rng(1))}.values())
    rng = np.random.default_rng(5)
    frame = pandas.DataFrame({"arch": cells, "acc": rng.uniform(0, 1, len(cells)), "ms": rng.uniform(1, 9, len(cells))})
    table = TabularBenchmark.from_frame(
        name="cells", space=space, frame=frame[:40], metrics={"acc": Metric("acc", "fraction", "valid")}
    )
    bench = table.join(frame[20:], metrics={"ms": PHONE}, how="left")
    for row, cell in enumerate(cells[:40]):
        assert bench.query(cell).value == frame["acc"][row]
        if row < 20:
            with pytest.raises(ArchitectureNotMeasured):
                bench.query(cell, "phone")
        else:
            assert bench.query(cell, "phone").value == frame["ms"][row]
    fast = bench.where("phone", high=5)
    assert fast.num_rows == (frame["ms"][20:40] <= 5).sum()
    check_benchmark(bench)
    check_benchmark(fast)


# --- tables ---


def test_another_table_brings_its_metrics_with_runs_trials_and_seeds():
    table, values = two_runs()
    other, others = two_runs(rows=(1, 5, 700, 800), name="other", shift=100.0)
    with pytest.raises(ArchitectureNotMeasured, match="is not among the 3 architectures of 'mine', nor are 1 others"):
        table.join(other, metrics={"acc": "acc_2"})
    bench = table.join(other, metrics={"acc": "acc_2", "test": "trainval test"}, how="left")
    assert values.taken == others.taken == []
    assert bench.name == "mine+acc_2+trainval_test"
    assert [*bench.metrics] == ["acc", "test", "cost", "acc_2", "trainval test"]
    first, second = bench.architecture_at(0), bench.architecture_at(2)
    for cell in (first, second):
        for asked in ({}, {"run": 4}, {"run": 4, "epoch": 2, "seed": 9}, {"epoch": 6, "trial": 0}):
            mine, theirs = bench.query(cell, "acc_2", **asked), other.query(cell, "acc", **asked)
            assert (mine.value, mine.seeds, mine.epoch, mine.run) == (
                theirs.value,
                theirs.seeds,
                theirs.epoch,
                theirs.run,
            )
            assert (mine.metric, mine.split, mine.source) == ("acc_2", "valid", bench.source)
    assert bench._column("acc_2").values.dtype == np.float32
    assert bench.metric("trainval test").split == "test"
    with pytest.raises(ArchitectureNotMeasured, match="'acc_2' of"):
        bench.query(bench.architecture_at(1), "acc_2")
    with pytest.raises(RunNotMeasured):
        bench.query(first, "trainval test", run=4)
    # One training costs what it cost in this table.
    assert bench.query(first, "acc_2", run=4).cost_seconds == 20.0
    check_benchmark(bench)
    again = table.join(other, metrics={"test": "trainval test", "acc": "acc_2"}, how="left")
    assert again.source == bench.source != table.join(other, metrics={"acc": "acc_3"}, how="left").source


def test_embedded_tables_side_by_side(cifar10):
    bench = cifar10.join(load_benchmark("nasbench201-cifar100"), metrics={"valid_accuracy": "cifar100_valid_accuracy"})
    rows = np.arange(0, 15_625, 7)
    wanted = load_benchmark("nasbench201-cifar100").query_many(rows)
    assert np.array_equal(bench.query_many(rows, ["cifar100_valid_accuracy"]), wanted)
    assert np.array_equal(bench.query_many(rows), cifar10.query_many(rows))
    check_benchmark(bench)


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ({"acc": "acc"}, DuplicateName, "'mine' has a metric 'acc' already"),
        ({"ac": "b"}, UnknownMetric, "unknown metric of 'other' 'ac'"),
        ({"acc": PHONE}, InvalidSetting, "a name there to a name here"),
        ({"acc": ""}, InvalidSetting, "a name there to a name here"),
        ({"acc": "x", "test": "x"}, DuplicateName, "two metrics of 'other' are to be named 'x'"),
        ({}, InvalidSetting, "at least one metric"),
        (["acc"], InvalidSetting, "a mapping"),
    ],
)
def test_metrics_of_a_table_that_do_not_fit_are_refused(metrics, error, message):
    with pytest.raises(error, match=message):
        two_runs()[0].join(two_runs(name="other")[0], metrics=metrics)


def test_tables_of_two_spaces_are_not_joined(cifar10):
    with pytest.raises(WrongSpace, match="'nasbench201-cifar10' is a table of 'nasbench201', and 'small' of"):
        cifar10.join(two_runs(name="small", space="nasbench101", rows=(1, 2, 3))[0], metrics={"acc": "acc_2"})


def test_infinite_values_of_another_table_are_found(cifar10):
    other = TabularBenchmark(
        name="other",
        space=cifar10.space,
        identities=np.arange(15_625),
        metrics=[Metric("ms", "milliseconds")],
        values={"ms": np.full(15_625, np.inf)},
        source="table:1",
    )
    bench = cifar10.join(other, metrics={"ms": "phone"})
    with pytest.raises(DataError, match="'phone' is infinite in row 0"):
        bench.query(bench.architecture_at(0), "phone")


# --- uses ---


def test_a_joined_table_can_be_pickled(cifar10):
    bench = cifar10.join(frame_of(cifar10, [7, 9], ms=[1.0, 2.0]), metrics={"ms": PHONE})
    bench = bench.join(load_benchmark("nasbench201-cifar100"), metrics={"valid_accuracy": "other"})
    for table in (bench, bench.where("phone", high=1)):
        copy = pickle.loads(pickle.dumps(table))
        cell = table.architecture_at(0 if table is not bench else 7)
        assert [copy.query(cell, name) for name in table.metrics] == [table.query(cell, name) for name in table.metrics]


def test_a_search_under_a_bound_on_a_joined_metric(cifar10):
    rng = np.random.default_rng(2)
    measured = rng.permutation(15_625)[:12_000]
    frame = frame_of(cifar10, measured, ms=rng.uniform(1, 20, 12_000))
    bench = cifar10.join(frame, metrics={"ms": PHONE})
    constraint = MeasuredConstraint(bench.metric("phone"), high=8.0)
    study = ganas.search(bench, "regularized-evolution", budget=60, seed=1, constraints=[constraint])
    trace = study.trace
    assert len(trace) == 60 and {"phone", "value"} <= {*trace.columns}
    unmeasured = trace["failure"].notna()
    assert 0 < unmeasured.sum() < 40 and trace["failure"][unmeasured].str.contains("'phone' of").all()
    within = trace[trace["phone"] <= 8.0]
    assert 0 < len(within) < 60 - unmeasured.sum()
    assert study.best.values["phone"] <= 8.0
    assert study.best.values["valid_accuracy"] == within["value"].max()
    # What is told is what the tables say, and a query costs one training.
    cells = [bench.space.parse(text) for text in trace["architecture"][~unmeasured]]
    assert np.array_equal(bench.query_many(cells, ["phone"])[:, 0], trace["phone"][~unmeasured])
    assert np.array_equal(cifar10.query_many(cells)[:, 0], trace["value"][~unmeasured])
    paid = sum(cifar10.query(cell).cost_seconds for cell in cells)
    assert trace["simulated_seconds"].iloc[-1] == pytest.approx(paid)


# --- real latencies ---


@pytest.fixture(scope="module")
def latencies():
    if not LATENCIES.is_file():
        pytest.skip(f"needs the latencies of HELP, {LATENCIES.name}, beside the checkout")
    return pandas.read_csv(LATENCIES)


def dominated(points, point):
    return ((points >= point).all(axis=1) & (points > point).any(axis=1)).any()


def test_latencies_of_27_devices(cifar10, latencies):
    devices = [name for name in latencies.columns if name != "architecture"]
    assert (len(devices), len(latencies)) == (27, 15_625)
    metrics = {
        name: Metric(f"{name}_latency", "milliseconds", higher_is_better=False, description="Measured by HELP")
        for name in devices
    }
    bench = cifar10.join(latencies, architecture="architecture", metrics=metrics)
    assert bench.name == "nasbench201-cifar10+27-metrics"
    told = bench.frame().set_index("architecture")
    wanted = latencies.set_index("architecture").loc[told.index]
    for name in devices:
        assert np.array_equal(told[f"{name}_latency"], wanted[name])
    assert np.array_equal(told["valid_accuracy"], cifar10.frame()["valid_accuracy"])
    cell = bench.space.parse(latencies["architecture"][1])
    result = bench.query(cell, "raspi4_latency")
    assert (result.value, result.unit, result.split) == (54.7774, "milliseconds", None)

    front = bench.pareto(["valid_accuracy", "raspi4_latency"])
    points = told[["valid_accuracy", "raspi4_latency"]].to_numpy() * [1, -1]
    wanted_rows = {row for row, point in enumerate(points) if not dominated(points, point)}
    assert {*front.index} == wanted_rows and len(front) == len(wanted_rows) > 20
    assert front["architecture"].tolist() == [told.index[row] for row in front.index]
    assert front["valid_accuracy"].is_monotonic_decreasing and front["raspi4_latency"].is_monotonic_decreasing
    quick = bench.where("raspi4_latency", high=20)
    assert quick.optimum().value == told["valid_accuracy"][(told["raspi4_latency"] <= 20)].max()
    one = cifar10.join(latencies, architecture="architecture", metrics={"raspi4": PHONE})
    check_benchmark(one)
    check_benchmark(one.where("phone", high=20))

    constraint = MeasuredConstraint(bench.metric("raspi4_latency"), high=20.0)
    study = ganas.search(bench, "local-search", budget=100, seed=0, constraints=[constraint])
    assert study.best.values["raspi4_latency"] <= 20.0
    assert study.best.values["valid_accuracy"] <= quick.optimum().value
