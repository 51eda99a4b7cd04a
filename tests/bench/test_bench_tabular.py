"""The embedded tables as benchmarks: answers, errors, and the two quick paths beside the slow one."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ganas.bench.metric import Metric, Result
from ganas.bench.registry import load_benchmark
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark, parametrize_with_checks
from ganas.data.card import table_path
from ganas.data.catalog import card, verify
from ganas.data.tables import file_sha256, read_values
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import (
    ArchitectureNotMeasured,
    DataError,
    DuplicateName,
    EpochNotMeasured,
    GanasError,
    InvalidArchitecture,
    InvalidSetting,
    NotMeasured,
    SplitNotMeasured,
    TrialNotMeasured,
    UnknownMetric,
    WrongSpace,
)
from ganas.spaces.registry import load_space

TABLES = ["nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16"]
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


@pytest.fixture(scope="module")
def bench():
    return load_benchmark("nasbench201-cifar10")


@pytest.fixture(scope="module")
def best(bench):
    return bench.space.parse(BEST)


@pytest.fixture(scope="module")
def two_trials(bench):
    """An architecture with two trials."""
    return next(cell for cell in bench.space.enumerate() if bench.num_trials(cell) == 2)


@parametrize_with_checks(TABLES)
def test_the_embedded_tables_keep_the_interface(subject, check):
    check(subject)


# --- answers ---


def test_a_result_says_what_it_is(bench, best):
    seconds = bench.query(best, "train_seconds").value
    trials = bench.trial_values(best)
    result = bench.query(best, "valid_accuracy")
    assert result == Result(
        value=sum(trials) / len(trials),
        metric="valid_accuracy",
        unit="percent",
        split="valid",
        epoch=200,
        trials=(0, 1, 2),
        reduction="mean",
        cost_seconds=seconds,
        source=f"table:{card('nasbench201-cifar10').sha256[:12]}",
    )
    assert round(result.value, 3) == 91.607
    assert bench.query(best) == result
    assert type(result.value) is float and type(result.cost_seconds) is float
    single = bench.query(best, trial=1)
    assert (single.value, single.trials, single.reduction) == (trials[1], (1,), "single")
    assert single.cost_seconds == seconds == bench.cost_seconds(best) == bench.cost_seconds(best, epoch=200)
    parameters = bench.query(best, "parameters")
    assert (parameters.value, parameters.unit, parameters.split) == (bench.space.parameter_count(best), "count", None)
    assert (parameters.epoch, parameters.trials, parameters.reduction) == (None, (), "none")
    assert parameters.cost_seconds == seconds


def test_quick_and_slow_path_answer_the_same(bench):
    fresh = TabularBenchmark.from_card(card(bench.name))
    for cell in bench.space.sample(50, rng=np.random.default_rng(1)):
        for name in bench.metrics:
            epoch = bench.metrics[name].epochs[-1] if bench.metrics[name].epochs else None
            asked = Architecture(cell.space, cell.operations, cell.edges)  # carries no identity
            answers = {bench.query(cell, name), bench.query(cell, name, epoch=epoch), bench.query(asked, name)}
            assert answers == {fresh._query(cell, name)}


@pytest.mark.parametrize("name", TABLES)
def test_every_number_is_the_one_of_the_file(name):
    bench = load_benchmark(name)
    columns = [f"valid_accuracy_{trial}" for trial in range(3)]
    stored = read_values(table_path(card(name)), [*columns, "train_seconds"])
    for rank in np.random.default_rng(2).integers(bench.space.size, size=300).tolist():
        cell = bench.architecture_at(rank)
        trials = [value for value in stored[rank, :3].tolist() if value == value]
        assert bench.trial_values(cell) == tuple(trials)
        assert bench.num_trials(cell) == len(trials)
        assert bench.query(cell).value == sum(trials) / len(trials)
        assert bench.query(cell).cost_seconds == stored[rank, 3]


def test_optimum_and_top(bench, best):
    everything = bench.query_many(np.arange(bench.num_rows))[:, 0]
    found = bench.optimum()
    assert (found.value, found.architecture, found.metric) == (everything.max(), best, "valid_accuracy")
    top = bench.top(25)
    assert top[0] == found
    assert [entry.value for entry in top] == sorted(everything, reverse=True)[:25]
    assert all(bench.query(entry.architecture).value == entry.value for entry in top)
    lightest = bench.top(3, "parameters")
    assert [entry.value for entry in lightest] == [73_306.0] * 3
    # Equal values stand in the order of the rows.
    ranks = [bench.space.identity_key(entry.architecture) for entry in lightest]
    assert ranks == sorted(ranks) and lightest[0] == bench.optimum("parameters")
    assert len(bench.top(np.int64(20_000))) == bench.num_rows
    for count in (0, -1, 1.5, True, "3"):
        with pytest.raises(InvalidSetting, match="count must be"):
            bench.top(count)


def test_frame(bench, best):
    frame = bench.frame()
    assert list(frame.columns) == ["architecture", *bench.metrics]
    assert len(frame) == 15_625
    assert frame["architecture"].is_unique
    assert frame.set_index("architecture")["valid_accuracy"].idxmax() == BEST
    frame["valid_accuracy"] = 0.0  # the caller's own copy
    assert bench.query(best).value > 91


# --- many ---


def test_query_many_takes_objects_genotypes_and_rows(bench):
    names = ["valid_accuracy", "parameters", "valid_accuracy", "train_seconds"]
    cells = bench.space.sample(200, rng=np.random.default_rng(3))
    wanted = np.array([[bench.query(cell, name).value for name in names] for cell in cells])
    genotypes = bench.space.encode_many(cells)
    rows = np.array([bench.space.identity_key(cell) for cell in cells])
    for given in (
        cells,
        tuple(cells),
        iter(cells),
        np.array(cells, dtype=object),
        [Architecture(cell.space, cell.operations, cell.edges) for cell in cells],
        genotypes,
        genotypes.astype(np.uint8),
        np.asfortranarray(genotypes),
        rows,
        rows.astype(np.uint16),
    ):
        found = bench.query_many(given, names)
        assert found.dtype == np.float64
        assert np.array_equal(found, wanted)
    assert np.array_equal(bench.query_many(cells, names[::3], epoch=np.int64(200)), wanted[:, ::3])
    assert bench.query_many(genotypes[:0], names).shape == (0, 4)
    assert bench.query_many(cells, []).shape == (200, 0)


def test_an_answer_is_the_callers_own(bench):
    found = bench.query_many(np.arange(10))
    before = found.copy()
    found[:] = 0
    assert np.array_equal(bench.query_many(np.arange(10)), before)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.full((2, 6), 5), InvalidArchitecture, "out of range"),
        (np.full((2, 6), -1), InvalidArchitecture, "out of range"),
        (np.zeros((2, 5), dtype=int), InvalidArchitecture, "shape"),
        (np.zeros((2, 6, 1), dtype=int), InvalidArchitecture, "shape"),
        (np.zeros((2, 6)), InvalidArchitecture, "an Architecture is wanted, not ndarray"),
        (np.array([0, 15_625]), ArchitectureNotMeasured, "rows 0 to 15624, not 15625"),
        (np.array([-1]), ArchitectureNotMeasured, "not -1"),
        (np.array([True, False]), InvalidArchitecture, "an Architecture is wanted"),
        ([(0, 0, 0, 0, 0, 0)], InvalidArchitecture, "an Architecture is wanted, not tuple"),
        ([3], InvalidArchitecture, "an Architecture is wanted, not int"),
        (BEST, InvalidArchitecture, "not str"),
        ([BEST], InvalidArchitecture, r"not str: read notation with space\.parse"),
        (7, InvalidArchitecture, "not int"),
        (None, InvalidArchitecture, "not NoneType"),
    ],
)
def test_query_many_refuses_what_is_no_architecture(bench, given, error, message):
    with pytest.raises(error, match=message):
        bench.query_many(given)


def test_query_many_refuses_a_single_architecture_and_a_single_name(bench, best):
    with pytest.raises(InvalidArchitecture, match="not Architecture"):
        bench.query_many(best)
    with pytest.raises(InvalidSetting, match=r"write \['parameters'\]"):
        bench.query_many([best], "parameters")


# --- what is not there ---


def test_unknown_metrics_name_the_closest(bench, best):
    for ask in (bench.query, bench.num_trials, bench.trial_values, lambda cell, name: bench.query_many([cell], [name])):
        with pytest.raises(UnknownMetric, match="did you mean 'valid_accuracy'"):
            ask(best, "valid_acuracy")
    for name in (7, ("valid_accuracy",), ["valid_accuracy"]):
        with pytest.raises(UnknownMetric, match="unknown metric of 'nasbench201-cifar10'"):
            bench.query(best, name)


def test_another_split_says_what_is_held(bench, best):
    for ask in (
        lambda: bench.query(best, "test_accuracy"),
        lambda: bench.query_many([best], ["test_accuracy"]),
        lambda: bench.metric("test_accuracy"),
        lambda: bench.optimum("train_accuracy"),
    ):
        with pytest.raises(SplitNotMeasured, match=r"no t.* values: 't.*' was not measured; 'valid_accuracy' was$"):
            ask()
    # train_seconds is not of a split, so this is only an unknown name.
    with pytest.raises(UnknownMetric, match="known are latency_seconds, parameters"):
        bench.query(best, "test_seconds")


def test_epochs_that_are_not_held(bench, best):
    with pytest.raises(EpochNotMeasured, match="holds 'valid_accuracy' at epoch 200, not at 12; the closest is 200"):
        bench.query(best, epoch=12)
    with pytest.raises(EpochNotMeasured, match="not at 0"):
        bench.query(best, epoch=0)
    with pytest.raises(EpochNotMeasured, match="'parameters' of 'nasbench201-cifar10' does not belong to an epoch"):
        bench.query(best, "parameters", epoch=200)
    with pytest.raises(EpochNotMeasured):
        bench.query_many([best], epoch=199)
    with pytest.raises(EpochNotMeasured):
        bench.cost_seconds(best, epoch=12)
    assert bench.query(best, epoch=np.int32(200)).epoch == 200


def test_trials_that_are_not_held(bench, best, two_trials):
    with pytest.raises(TrialNotMeasured, match=r"trials 0 to 2 of 'valid_accuracy', not 777\. .*by position"):
        bench.query(best, trial=777)
    with pytest.raises(TrialNotMeasured, match="source does not say which seeds"):
        bench.query(best, trial=-1)
    with pytest.raises(TrialNotMeasured, match=r"has 2 trial\(s\) of 'valid_accuracy' .*, at 0, 1, and none at 2"):
        bench.query(two_trials, trial=2)
    with pytest.raises(TrialNotMeasured, match="one value an architecture: it has no trial 0"):
        bench.query(best, "train_seconds", trial=0)
    assert bench.num_trials(best, "train_seconds") == 0
    assert bench.trial_values(best, "train_seconds") == ()
    assert bench.query(best, trial=np.int64(2)) == bench.query(best, trial=2)


@pytest.mark.parametrize("given", [True, False, np.True_, 1.0, "1", (1,)])
def test_what_is_no_whole_number_is_no_epoch_and_no_trial(bench, best, given):
    with pytest.raises(InvalidSetting, match="trial must be a whole number"):
        bench.query(best, trial=given)
    with pytest.raises(InvalidSetting, match="epoch must be a whole number"):
        bench.query(best, epoch=given)


def test_foreign_and_impossible_architectures(bench, best):
    foreign = Architecture("nasbench101", best.operations, best.edges)
    bench.query(best)  # so that the quick path is open
    for trial in (None, 0):
        with pytest.raises(WrongSpace, match="of 'nasbench201' is wanted, not of 'nasbench101'"):
            bench.query(foreign, trial=trial)
        with pytest.raises(InvalidArchitecture, match=r"not str: read notation with space\.parse"):
            bench.query(BEST, trial=trial)
        with pytest.raises(InvalidArchitecture):
            bench.query(Architecture("nasbench201", ["input", "output"], [(0, 1)]), trial=trial)
        with pytest.raises(InvalidArchitecture):
            bench.query(None, trial=trial)
    with pytest.raises(WrongSpace):
        bench.query_many([best, foreign])
    with pytest.raises(ArchitectureNotMeasured):
        bench.architecture_at(15_625)


def test_every_error_is_one_line(bench, best, two_trials):
    for ask in (
        lambda: bench.query(best, "acc"),
        lambda: bench.query(best, "test_accuracy"),
        lambda: bench.query(best, epoch=12),
        lambda: bench.query(best, trial=777),
        lambda: bench.query(two_trials, trial=2),
        lambda: bench.query(BEST),
    ):
        with pytest.raises(GanasError) as caught:
            ask()
        assert str(caught.value) and "\n" not in str(caught.value)


# --- from arrays ---


def table(**changed):
    settings = {
        "name": "mine",
        "space": load_space("nasbench201"),
        "identities": np.array([5, 9, 700]),
        "metrics": [Metric("acc", "percent", "valid", epochs=(4, 12)), Metric("cost", "seconds", epochs=(4, 12))],
        "values": {
            "acc": np.array([[[1.0, 2.0], [3.0, 5.0]], [[1.0, np.nan], [np.nan, 7.0]], [[np.nan] * 2, [8.0, 9.0]]]),
            "cost": np.array([[[10.0], [30.0]], [[20.0], [60.0]], [[15.0], [45.0]]]),
        },
        "cost": "cost",
    }
    return TabularBenchmark(**(settings | changed))


def test_several_epochs():
    bench = table()
    first, second, third = (bench.architecture_at(row) for row in range(3))
    assert bench.query(first).value == 4.0
    assert bench.query(first).cost_seconds == 30.0
    early = bench.query(first, epoch=4)
    assert (early.value, early.epoch, early.cost_seconds) == (1.5, 4, 10.0)
    assert bench.cost_seconds(second, epoch=4) == 20.0
    # The trials measured at the epoch that is asked for count.
    assert bench.query(second).trials == (1,) and bench.query(second, epoch=4).trials == (0,)
    assert bench.trial_values(second, epoch=4) == (1.0,)
    with pytest.raises(TrialNotMeasured, match=r"has 1 trial\(s\) of 'acc' in 'mine', at 1, and none at 0"):
        bench.query(second, trial=0)
    with pytest.raises(ArchitectureNotMeasured, match=r"'acc' of .* was not measured in 'mine'"):
        bench.query(third, epoch=4)
    with pytest.raises(ArchitectureNotMeasured, match=r"'acc' of .* was not measured"):
        bench.query_many([first, third], epoch=4)
    assert bench.query_many([first, second], ["acc", "cost"], epoch=4).tolist() == [[1.5, 10.0], [1.0, 20.0]]
    with pytest.raises(EpochNotMeasured, match="at epoch 4 and 12, not at 11; the closest is 12"):
        bench.query(first, epoch=11)


def test_an_architecture_that_the_table_does_not_hold():
    bench = table()
    absent = bench.space.decode((0, 0, 0, 0, 0, 0))
    beyond = bench.space.decode((4, 4, 4, 4, 4, 4))
    for cell in (absent, beyond):
        for ask in (bench.query, bench.num_trials, bench.cost_seconds, lambda one: bench.query_many([one])):
            with pytest.raises(ArchitectureNotMeasured, match="is not among the 3 architectures of 'mine'"):
                ask(cell)
        with pytest.raises(ArchitectureNotMeasured, match="is not among the 3"):
            bench.query_many(bench.space.encode_many([bench.architecture_at(1), cell]))


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"identities": np.array([5, 5, 700])}, DataError, "strictly increasing"),
        ({"identities": [9, 5, 700]}, DataError, "strictly increasing"),
        ({"identities": []}, DataError, "at least one row"),
        ({"metrics": [Metric("acc", "percent", "valid")] * 2}, DuplicateName, "two metrics are named 'acc'"),
        ({"objective": "accuracy"}, UnknownMetric, "did you mean 'acc'"),
        ({"cost": "acc"}, InvalidSetting, "must be in seconds, not in 'percent'"),
        ({"cost": "costs"}, UnknownMetric, "did you mean 'cost'"),
        (
            {"metrics": [Metric("acc", "percent", "test", epochs=(4, 12)), Metric("cost", "seconds", epochs=(4, 12))]}
            | {"objective": "acc"},
            InvalidSetting,
            "'acc' is a test metric: it cannot be the objective",
        ),
        ({"metrics": [Metric("acc", "percent", "test")], "cost": None}, InvalidSetting, "has only test metrics"),
    ],
)
def test_tables_that_do_not_fit_are_refused(changed, error, message):
    with pytest.raises(error, match=message):
        table(**changed)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(2), "3 rows, 2 epoch"),
        (np.zeros((3, 2)), "3 rows, 2 epoch"),
        (np.zeros((3, 2, 0)), "at least one trial"),
        (np.array([[[1.0], [np.inf]]] * 3), "infinite in row 0"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, message):
    bench = table(source="table:0", values={"acc": values, "cost": np.ones((3, 2, 1))})
    with pytest.raises(DataError, match=message):
        bench.query(bench.architecture_at(0))


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_a_cost_that_is_not_known_or_negative_is_refused(bad):
    cost = np.array([[[10.0], [30.0]], [[20.0], [bad]], [[15.0], [45.0]]])
    bench = table(values={"acc": np.ones((3, 2, 1)), "cost": cost})
    with pytest.raises(DataError, match="the cost of every architecture must be known"):
        bench.query(bench.architecture_at(0))


def test_nothing_measured_has_no_optimum():
    bench = table(values={"acc": np.full((3, 2, 1), np.nan), "cost": np.ones((3, 2, 1))})
    with pytest.raises(NotMeasured, match="holds no value of 'acc'"):
        bench.optimum()


def test_keys_beyond_64_bits():
    cells = [load_space("nasbench201").decode((0, 0, 0, 0, 0, last)) for last in range(3)]

    class Wide(type(load_space("nasbench201"))):
        def identity_key(self, architecture):
            return super().identity_key(architecture) + 2**70

    wide = Wide()
    bench = TabularBenchmark(
        name="wide",
        space=wide,
        identities=[wide.identity_key(cell) for cell in cells],
        metrics=[Metric("acc", "percent", "valid")],
        values={"acc": np.array([1.0, 2.0, 3.0])},
        architectures=cells,
    )
    assert [bench.query(cell).value for cell in cells] == [1.0, 2.0, 3.0]
    assert bench.optimum().architecture == cells[2]
    assert bench.cost_seconds(cells[0]) == 0.0


def test_the_source_is_a_hash_of_the_content():
    one = table().source
    assert one == table().source and one.startswith("table:") and len(one) == 18
    values = {"acc": np.ones((3, 2, 1)), "cost": np.ones((3, 2, 1))}
    others = [table(identities=[5, 9, 701]), table(values=values)]
    renamed = [Metric("acc", "percent", "valid", epochs=(4, 12)), Metric("cost", "seconds", epochs=(4, 13))]
    others.append(table(metrics=renamed))
    assert len({one, *(other.source for other in others)}) == 4
    assert table(name="other").source == one


# --- process ---


def test_a_table_can_be_pickled(bench, best):
    copy = pickle.loads(pickle.dumps(bench))
    assert copy.query(best) == bench.query(best)


def test_opening_and_asking_loads_no_pandas():
    program = (
        "import sys; from ganas.bench.registry import load_benchmark; b = load_benchmark('nasbench201-cifar100');"
        "b.query(b.optimum().architecture); b.query_many(b.space.encode_many([b.architecture_at(7)]));"
        "print(sorted({'pandas', 'torch', 'scipy', 'sklearn', 'networkx', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_converted_table_in_notation(tmp_path, monkeypatch):
    """A card and a parquet file in the cache folder, on a space whose identity keys are not ranks."""
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    (tmp_path / "tables" / "mine").mkdir(parents=True)
    space = load_space("nasbench101")
    drawn = space.sample(40, rng=np.random.default_rng(2))
    held = sorted({space.identity_key(cell): cell for cell in drawn}.values(), key=space.identity_key)
    values = np.arange(len(held), dtype=float)
    notation = [space.format(cell) for cell in held]
    file = tmp_path / "tables" / "mine" / "mine.parquet"
    parquet.write_table(pyarrow.table({"cell": notation, "acc": values}), file)
    (tmp_path / "tables" / "mine" / "card.toml").write_text(
        f"""
        name = "mine"
        title = "A table of one metric"
        space = "nasbench101"
        dataset = "none"
        file = "mine.parquet"
        sha256 = "{file_sha256(file)}"
        bytes = {file.stat().st_size}
        rows = {len(held)}
        architecture = "cell"
        objective = "acc"
        licence = "CC0-1.0"
        citation = "none"
        trials = "There are none."
        trial_counts = {{}}
        source = {{package = "p", version = "1", file = "f", sha256 = "0", licence = "CC0-1.0", authors = "a"}}
        metrics = [{{name = "acc", unit = "percent", split = "valid", columns = ["acc"], best_mean = {values[-1]}}}]
        """
    )
    assert verify(card("mine"))
    bench = TabularBenchmark.from_card(card("mine"))
    assert [bench.query(cell).value for cell in held] == values.tolist()
    assert bench.optimum().architecture == held[-1]
    assert bench.query(held[0]).cost_seconds == 0.0
    check_benchmark(bench)


def test_a_card_that_lies_about_its_rows_is_refused():
    with pytest.raises(DataError, match="has 15,625 rows, and its card says 10"):
        TabularBenchmark.from_card(replace(card(TABLES[0]), rows=10))
