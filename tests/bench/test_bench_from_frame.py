"""A user's own table, on any registered space and any part of it."""

import numpy as np
import pandas
import pytest

from ganas.bench.metric import Metric
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    InvalidSetting,
    MalformedArchitecture,
    TrialNotMeasured,
    UnknownMetric,
    UnknownName,
    WrongSpace,
)
from ganas.spaces.registry import load_space

ACCURACY = Metric("acc", unit="percent", split="valid", higher_is_better=True)
SECONDS = Metric("seconds", unit="seconds", higher_is_better=False)


def cells(space_name, count, seed=0):
    """Distinct architectures of a space, in random order."""
    space = load_space(space_name)
    drawn = space.sample(3 * count, rng=np.random.default_rng(seed))
    return list({space.identity_key(cell): cell for cell in drawn}.values())[:count]


@pytest.fixture
def frame():
    space = load_space("nasbench201")
    rng = np.random.default_rng(4)
    return pandas.DataFrame(
        {
            "arch": [space.format(cell) for cell in cells("nasbench201", 40)],
            "acc": rng.uniform(80, 90, 40),
            "acc_1": rng.uniform(80, 90, 40),
            "acc_2": np.where(rng.random(40) < 0.5, np.nan, rng.uniform(80, 90, 40)),
            "test": rng.uniform(80, 90, 40),
            "hours": rng.integers(1, 9, 40),
        }
    )


def make(frame, metrics=None, **settings):
    metrics = {"acc": ACCURACY} if metrics is None else metrics
    return TabularBenchmark.from_frame(
        **({"name": "mine", "space": "nasbench201", "frame": frame, "metrics": metrics} | settings)
    )


@pytest.mark.parametrize("space_name", ["nasbench101", "nasbench201"])
@pytest.mark.parametrize("as_objects", [False, True])
def test_a_frame_on_every_space(space_name, as_objects):
    space, held = load_space(space_name), cells(space_name, 60)
    rng = np.random.default_rng(6)
    frame = pandas.DataFrame(
        {
            "cell": held if as_objects else [space.format(cell) for cell in held],
            "acc": rng.uniform(80, 90, 60),
            "loss": rng.uniform(0, 1, 60),
            "seconds": rng.uniform(10, 20, 60),
        }
    )
    loss = Metric("loss", "nats", "valid", higher_is_better=False)
    bench = TabularBenchmark.from_frame(
        name="mine",
        space=space if as_objects else space_name,
        frame=frame,
        architecture="cell",
        metrics={"acc": ACCURACY, "loss": loss, "seconds": SECONDS},
        cost="seconds",
    )
    for row, cell in enumerate(held):
        assert bench.query(cell).value == frame["acc"][row]
        assert bench.query(cell).cost_seconds == frame["seconds"][row]
    assert np.array_equal(bench.query_many(held, ["loss"])[:, 0], frame["loss"])
    assert np.array_equal(bench.query_many(space.encode_many(held), ["acc"])[:, 0], frame["acc"])
    assert bench.optimum("loss").value == frame["loss"].min()
    assert space.identity_key(bench.optimum().architecture) == space.identity_key(held[int(frame["acc"].idxmax())])
    check_benchmark(bench)


def test_columns_of_trials(frame):
    bench = make(frame, {("acc", "acc_1", "acc_2"): ACCURACY, "hours": Metric("hours", "hours")})
    space = bench.space
    for row, text in enumerate(frame["arch"]):
        trials = [value for value in frame.loc[row, ["acc", "acc_1", "acc_2"]].tolist() if value == value]
        result = bench.query(space.parse(text))
        assert result.value == sum(trials) / len(trials)
        assert result.trials == tuple(range(len(trials)))
        assert bench.trial_values(space.parse(text)) == tuple(trials)
        if len(trials) == 2:
            with pytest.raises(TrialNotMeasured):
                bench.query(space.parse(text), trial=2)
    check_benchmark(bench)


def test_columns_of_epochs(frame):
    metric = Metric("acc", "percent", "valid", epochs=(10, 20))
    bench = make(frame, {("acc", "acc_1", "test", "hours"): metric})
    first = bench.space.parse(frame["arch"][0])
    assert bench.trial_values(first, epoch=10) == (frame["acc"][0], frame["acc_1"][0])
    assert bench.trial_values(first) == (frame["test"][0], frame["hours"][0])
    with pytest.raises(InvalidSetting, match="a column for each trial of each of its 2 epoch"):
        make(frame, {("acc", "acc_1", "test"): metric})
    with pytest.raises(InvalidSetting, match="give a tuple of columns, epoch by epoch"):
        make(frame, {"acc": metric})
    check_benchmark(bench)


def test_what_is_missing_is_not_measured(frame):
    bench = make(frame, {"acc": ACCURACY, "acc_2": Metric("second", "percent", "valid")})
    missing = frame["acc_2"].isna().to_numpy()
    held = [bench.space.parse(text) for text in frame["arch"]]
    absent = held[int(missing.argmax())]
    with pytest.raises(ArchitectureNotMeasured, match=r"'second' of .* was not measured in 'mine'"):
        bench.query(absent, "second")
    with pytest.raises(ArchitectureNotMeasured, match="'second'"):
        bench.query_many(held, ["acc", "second"])
    present = [cell for cell, gone in zip(held, missing, strict=True) if not gone]
    assert np.array_equal(bench.query_many(present, ["second"])[:, 0], frame["acc_2"][~missing])
    assert bench.optimum("second").value == frame["acc_2"].max()
    assert len(bench.top(100, "second")) == len(present)
    assert bench.frame()["second"].isna().sum() == missing.sum()
    # A comparison with a NaN must not open the quick path.
    assert bench.query(present[0], "second").value == bench.query(present[0], "second").value
    with pytest.raises(ArchitectureNotMeasured):
        bench.query(absent, "second")
    check_benchmark(bench)


@pytest.mark.parametrize(
    "column",
    [
        pandas.array([1, None, 3], dtype="Int64"),
        pandas.array([1.0, None, 3.0], dtype="Float64"),
        pandas.array([1.0, None, 3.0], dtype="float64[pyarrow]"),
        np.array([1.0, None, 3.0], dtype=object),
        np.array([1.0, np.nan, 3.0], dtype=np.float32),
    ],
)
def test_columns_of_every_kind_of_number(column):
    held = cells("nasbench201", 3)
    bench = make(pandas.DataFrame({"arch": held, "acc": column}))
    assert [bench.query(held[0]).value, bench.query(held[2]).value] == [1.0, 3.0]
    with pytest.raises(ArchitectureNotMeasured):
        bench.query(held[1])


def test_a_copy_is_taken(frame):
    bench = make(frame)
    cell, value = bench.space.parse(frame["arch"][3]), frame["acc"][3]
    frame.loc[:, "acc"] = 0.0
    assert bench.query(cell).value == value


def test_the_source_depends_on_the_content_and_not_on_the_order(frame):
    one = make(frame).source
    assert make(frame.sample(frac=1, random_state=1)).source == one
    assert make(frame.assign(acc=frame["acc"] + 1e-12)).source != one
    assert make(frame.iloc[1:]).source != one
    assert make(frame, {"acc": Metric("acc", "percent", "valid", higher_is_better=False)}).source != one


def test_the_objective_is_never_a_test_metric(frame):
    test = Metric("test_acc", "percent", "test")
    bench = make(frame, {"test": test, "hours": Metric("hours", "hours"), "acc": ACCURACY})
    assert bench.objective == "acc"
    # It can be asked for; a search cannot have it as its objective.
    cell = bench.space.parse(frame["arch"][0])
    assert bench.query(cell, "test_acc").split == "test"
    assert make(frame, {"test": test, "hours": Metric("hours", "hours")}).objective == "hours"
    with pytest.raises(InvalidSetting, match="is a test metric"):
        make(frame, {"test": test, "acc": ACCURACY}, objective="test_acc")
    with pytest.raises(InvalidSetting, match="only test metrics"):
        make(frame, {"test": test})


@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        (lambda frame: frame, {"architecture": "arhc"}, UnknownName, "unknown column 'arhc': .*did you mean 'arch'"),
        (lambda frame: frame, {"metrics": {"accc": ACCURACY}}, UnknownName, "did you mean 'acc'"),
        (lambda frame: frame, {"metrics": {}}, InvalidSetting, "at least one metric"),
        (lambda frame: frame, {"metrics": {(): ACCURACY}}, InvalidSetting, "and 0 were given"),
        (lambda frame: frame, {"space": "nasbench202"}, UnknownName, "did you mean 'nasbench201'"),
        (lambda frame: frame, {"objective": "accuracy"}, UnknownMetric, "did you mean 'acc'"),
        (lambda frame: frame, {"cost": "acc"}, InvalidSetting, "must be in seconds"),
        (lambda frame: frame.iloc[:0], {}, DataError, "no rows"),
        (lambda frame: frame.assign(acc="high"), {}, DataError, "column 'acc' does not hold numbers"),
        (lambda frame: frame.assign(acc=True), {}, DataError, "column 'acc' does not hold numbers: .*truth values"),
        (lambda frame: frame.assign(acc=np.inf), {}, DataError, "column 'acc' is infinite in row 0"),
        (lambda frame: frame.assign(arch=None), {}, MalformedArchitecture, "row 0: None is neither text nor"),
        (lambda frame: frame.assign(arch=3), {}, MalformedArchitecture, "row 0: 3 is neither text nor"),
        (lambda frame: frame.assign(arch="|conv~0|"), {}, MalformedArchitecture, r"row 0: '\|conv~0\|' is not"),
        (lambda frame: pandas.concat([frame, frame[["acc"]]], axis=1), {}, DataError, "2 columns named 'acc'"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        make(change(frame), **settings)
    assert "\n" not in str(caught.value)


def test_a_duplicate_is_named_and_nothing_is_merged(frame):
    twice = pandas.concat([frame, frame.iloc[[7]].assign(acc=1.0)], ignore_index=True)
    with pytest.raises(DataError, match="rows 7 and 40 are the same architecture") as caught:
        make(twice)
    assert frame["arch"][7] in str(caught.value)


def test_the_same_architecture_written_in_two_ways_is_a_duplicate():
    space = load_space("nasbench101")
    labels = ["input", "conv3x3-bn-relu", "maxpool3x3", "output"]
    edges = [(0, 1), (0, 2), (1, 3), (2, 3)]
    one = Architecture("nasbench101", labels, edges)
    other = Architecture("nasbench101", [labels[0], labels[2], labels[1], labels[3]], edges)
    assert one != other and space.identity_key(one) == space.identity_key(other)
    with pytest.raises(DataError, match="rows 0 and 1 are the same architecture"):
        make(pandas.DataFrame({"arch": [one, other], "acc": [1.0, 2.0]}), space="nasbench101")
    # Either way of writing it finds the entry.
    bench = make(pandas.DataFrame({"arch": [one], "acc": [1.0]}), space="nasbench101")
    assert bench.query(other).value == bench.query(one).value == 1.0


def test_an_architecture_of_another_space_names_its_row(frame):
    mixed = [*cells("nasbench201", 2), *cells("nasbench101", 1)]
    with pytest.raises(WrongSpace, match="row 2: an architecture of 'nasbench201' is wanted, not of 'nasbench101'"):
        make(pandas.DataFrame({"arch": mixed, "acc": [1.0, 2.0, 3.0]}))


def test_a_whole_space_in_any_order_is_found_by_rank():
    space = load_space("nasbench201")
    order = np.random.default_rng(9).permutation(space.size)
    everything = list(space.enumerate())
    frame = pandas.DataFrame({"arch": [everything[rank] for rank in order], "acc": order.astype(float)})
    bench = make(frame)
    assert bench.query_many(space.encode_many(everything))[:, 0].tolist() == list(range(space.size))
    assert [bench.query(everything[rank]).value for rank in (0, 77, 15_624)] == [0.0, 77.0, 15_624.0]
