"""The converter of NAS-Bench-101: what the records say is what the table answers, or nothing is written."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

import ganas
from ganas.bench.conformance.asking import close
from ganas.bench.tabular import TabularBenchmark
from ganas.bench.testing import check_benchmark
from ganas.data import table_writer
from ganas.data.card import read_card
from ganas.data.catalog import card as catalog_card
from ganas.data.catalog import cards, verify
from ganas.data.convert import nasbench101
from ganas.data.convert.nasbench101 import CARDS, convert
from ganas.data.convert.nasbench101_records import BUDGETS
from ganas.data.sources import sources
from ganas.spaces.errors import (
    DataError,
    DuplicateName,
    EpochNotMeasured,
    RunNotMeasured,
    TrialNotMeasured,
    UnknownName,
)
from ganas.spaces.nasbench101.notation import INTERIOR_OPERATIONS
from ganas.spaces.nasbench101.official_hash import official_hash
from tests.data.nasbench101_files import (
    SPACE,
    frame,
    made_rows,
    official_entries,
    official_rows,
    payload_of,
    write_file,
)

CELLS = 60
NAMES = {
    "train_seconds": "training_time",
    "train_accuracy": "train_accuracy",
    "valid_accuracy": "validation_accuracy",
    "test_accuracy": "test_accuracy",
}


def by_cell(rows):
    """Identity key to budget to the records of it, in the order of the file."""
    found = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[SPACE.from_matrix(row.adjacency, row.operations).identity][row.epochs].append(row)
    return found


def files_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file of all four budgets in random order: its rows and the folder of its table."""
    folder = tmp_path_factory.mktemp("nasbench101")
    rows = made_rows(0, cells=CELLS)
    rows = [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]
    (card,) = convert(write_file(folder / "records.tfrecord", rows), folder=folder / "tables")
    return rows, card


@pytest.fixture(scope="module")
def bench(written):
    return TabularBenchmark.from_card(written[1])


# --- what was written is answered ---------------------------------------------------------------------------------


def test_every_number_of_every_record(written, bench):
    rows, _ = written
    cells = by_cell(rows)
    assert bench.num_rows == len(cells) == CELLS
    assert [SPACE.identity_key(bench.architecture_at(row)) for row in range(CELLS)] == sorted(cells)
    for key, budgets in cells.items():
        cell = SPACE.from_key(key)
        for budget, records in budgets.items():
            for trial, record in enumerate(records):
                for epoch, evaluation in ((budget // 2, record.halfway), (budget, record.final)):
                    for name, official in NAMES.items():
                        result = bench.query(cell, name, run=budget, epoch=epoch, trial=trial)
                        assert result.value == getattr(evaluation, official)
                        assert (result.run, result.epoch, result.trials) == (budget, epoch, (trial,))
                total = bench.query(cell, "total_seconds", run=budget, trial=trial)
                assert (total.value, total.epoch) == (record.total_time, budget)
        assert bench.query(cell, "parameters").value == record.trainable_parameters


def test_a_query_is_of_the_end_of_the_longest_run_unless_it_says_otherwise(written, bench):
    rows, _ = written
    for key, budgets in by_cell(rows).items():
        cell = SPACE.from_key(key)
        ends = [record.final for record in budgets[108]]
        result = bench.query(cell)
        assert result.value == sum(end.validation_accuracy for end in ends) / 3
        assert (result.run, result.epoch, result.trials, result.reduction) == (108, 108, (0, 1, 2), "mean")
        assert (result.unit, result.split, result.seeds) == ("fraction", "valid", ())
        assert result.cost_seconds == sum(end.training_time for end in ends) / 3
        half = bench.query(cell, epoch=54)
        assert half.value == sum(record.halfway.validation_accuracy for record in budgets[108]) / 3
        assert half.cost_seconds == sum(record.halfway.training_time for record in budgets[108]) / 3
        short = bench.query(cell, run=36, reduction="median")
        assert short.value == median(record.final.validation_accuracy for record in budgets[36])
        assert short.cost_seconds == sum(record.final.training_time for record in budgets[36]) / 3
        curve = bench.curve(cell, "test_accuracy", run=12, trial=1)
        records = (budgets[12][1].halfway, budgets[12][1].final)
        assert curve.epochs.tolist() == [6, 12] and curve.values.tolist() == [one.test_accuracy for one in records]


def test_what_the_benchmark_declares(bench):
    assert (bench.name, bench.space.name, bench.objective, bench.cost) == (
        "nasbench101",
        "nasbench101",
        "valid_accuracy",
        "train_seconds",
    )
    assert bench.runs == BUDGETS and bench.fidelity == "run" and bench.fidelities() == BUDGETS
    assert bench.fidelities("parameters") == ()
    assert {*bench.metrics} == {*NAMES, "total_seconds", "parameters"}
    for budget in BUDGETS:
        assert bench.metric("valid_accuracy", run=budget).epochs == (budget // 2, budget)
        assert bench.metric("total_seconds", run=budget).epochs == (budget,)


@pytest.mark.parametrize(
    ("question", "error", "message"),
    [
        ({"epoch": 36}, EpochNotMeasured, "36 epochs were a run of their own, .* ask for run=36$"),
        ({"epoch": 4}, EpochNotMeasured, "ask for run=4$"),
        ({"epoch": 107}, EpochNotMeasured, "at epoch 54.* 108 in the run over 108 epochs, not at 107"),
        ({"run": 36, "epoch": 108}, EpochNotMeasured, "ask for run=108$"),
        ({"run": 36, "epoch": 54}, EpochNotMeasured, "at epoch 18.* 36 in the run over 36 epochs, not at 54"),
        ({"run": 54}, RunNotMeasured, "in runs of 4.* 108 epochs, not of 54"),
        ({"metric": "parameters", "run": 108}, RunNotMeasured, "does not belong to a run"),
        ({"trial": 3}, TrialNotMeasured, "trials 0 to 2 .* by its place in the official file"),
        ({"seed": 0}, TrialNotMeasured, "the seeds .* are not known"),
    ],
)
def test_what_was_not_measured_is_an_error(bench, question, error, message):
    with pytest.raises(error, match=message):
        bench.query(bench.architecture_at(0), **question)


def test_the_kit_passes(bench):
    check_benchmark(bench)


def test_numbers_that_need_more_bits_are_kept(tmp_path):
    rows = made_rows(3, cells=5)
    changed = replace(rows[40], final=replace(rows[40].final, test_accuracy=0.1))
    assert float(np.float32(0.1)) != 0.1
    rows[40] = changed
    (card,) = convert(write_file(tmp_path / "records", rows), folder=tmp_path / "tables")
    table = TabularBenchmark.from_card(card)
    for key, budgets in by_cell(rows).items():
        for budget, records in budgets.items():
            values = table.trial_values(SPACE.from_key(key), "test_accuracy", run=budget)
            assert values == tuple(record.final.test_accuracy for record in records)
    widths = {
        metric.run: np.load(card.folder / str(metric.array)).dtype.itemsize
        for metric in card.metrics
        if metric.name == "test_accuracy"
    }
    assert widths == {run: 8 if run == changed.epochs else 4 for run in BUDGETS}


# --- the card -----------------------------------------------------------------------------------------------------


def test_the_table_is_found_by_name_and_verified(written, bench, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    rows, card = written
    source = write_file(tmp_path / "nasbench_full.tfrecord", rows)
    (made,) = convert(source)
    assert made == replace(card, folder=made.folder, source=made.source, notes=made.notes)
    assert made.folder == tmp_path / "tables" / "nasbench101"
    assert cards()["nasbench101"] == made == read_card(made.folder / "card.toml", made.folder)
    loaded = ganas.load_benchmark("nasbench101")
    cell = bench.architecture_at(3)
    assert loaded.query(cell) == bench.query(cell)
    confirmed = verify(made)
    assert f"rows: {CELLS}" in confirmed
    assert len([line for line in confirmed if "best mean" in line]) == len(made.metrics) == 21
    (made.folder / "valid_accuracy@36.npy").write_bytes(b"")
    with pytest.raises(DataError):
        verify(made)
    loaded.query(cell, run=12)  # nothing else is touched


def test_the_card_says_what_the_file_is(written):
    rows, card = written
    assert card.rows == CELLS and card.trial_counts == ((3, CELLS),) and not card.embedded
    assert card.source.file == "records.tfrecord" and len(card.source.sha256) == 64
    assert card.known_defects == CARDS[0].known_defects
    said = " ".join(card.notes)
    assert "The file holds 60 of the 423,624 cells." in said
    assert "records.tfrecord is not nasbench_full.tfrecord as its authors published it" in said
    objective = max((metric for metric in card.metrics if metric.name == "valid_accuracy"), key=lambda one: one.run)
    best = max(
        sum(record.final.validation_accuracy for record in budgets[108]) / 3 for budgets in by_cell(rows).values()
    )
    assert objective.best_mean == best


def test_an_official_file_is_known_by_its_digest(written, tmp_path, monkeypatch):
    rows, card = written
    known = replace(CARDS[0], source=replace(CARDS[0].source, sha256=card.source.sha256))
    monkeypatch.setattr(nasbench101, "CARDS", (known, CARDS[1]))
    path = write_file(tmp_path / "renamed", rows)
    (made,) = convert(path, folder=tmp_path / "tables")
    assert made.notes == ("The file holds 60 of the 423,624 cells.",)
    # That there is a table already is said before minutes are spent on the records.
    monkeypatch.setattr(nasbench101, "CollectedRuns", None)
    with pytest.raises(DuplicateName, match="nasbench101 exists"):
        convert(path, folder=tmp_path / "tables")


def test_the_cards_before_a_file_is_read():
    assert [card.name for card in CARDS] == ["nasbench101", "nasbench101-only108"]
    for card in CARDS:
        official = sources()[card.name]
        assert official.makes == (card.name,) and official.format == "nasbench101"
        assert (card.source.sha256, card.source.file) == (official.sha256, official.files[0])
        assert card.rows == 0 and card.objective in {metric.name for metric in card.metrics}
        assert all(metric.description for metric in card.metrics)
    assert len(CARDS[0].metrics) == 21 and len(CARDS[1].metrics) == 6
    assert {metric.run for metric in CARDS[1].metrics} == {108, None}


# --- official records ---------------------------------------------------------------------------------------------


def test_the_thirty_official_records(tmp_path):
    entries = official_entries()
    (card,) = convert(write_file(tmp_path / "nasbench_only108.tfrecord", official_rows()), folder=tmp_path)
    assert card.name == "nasbench101-only108" and card.rows == 30
    table = TabularBenchmark.from_card(card)
    assert table.runs == (108,) and table.fidelities() == ()
    for entry in entries:
        cell = SPACE.from_matrix(entry["module_adjacency"], entry["module_operations"])
        assert official_hash(cell) == entry["module_hash"]
        assert table.query(cell, "parameters").value == entry["trainable_parameters"]
        for name, official in NAMES.items():
            for epoch, when in ((54, "halfway"), (108, "final")):
                published = tuple(run[f"{when}_{official}"] for run in entry["epochs"]["108"])
                assert table.trial_values(cell, name, epoch=epoch) == published
    with pytest.raises(RunNotMeasured, match="in runs of 108 epochs, not of 36"):
        table.query(table.architecture_at(0), run=36)
    check_benchmark(table)
    # All of these numbers fit into 32 bits, so none takes more.
    stored = {np.load(file).dtype.str for file in card.folder.glob("*_accuracy@108.npy")}
    assert stored == {"<f4"}


def test_the_hashes_of_the_official_records_are_those_of_nasbench_pytorch():
    graph_util = pytest.importorskip("nasbench_pytorch.model.graph_util")
    for entry in official_entries():
        matrix, operations = np.asarray(entry["module_adjacency"]), entry["module_operations"]
        labels = [-1, *map(INTERIOR_OPERATIONS.index, operations[1:-1]), -2]
        assert graph_util.hash_module(matrix, labels) == entry["module_hash"]


@pytest.mark.slow
def test_the_parameters_of_the_official_records_are_those_of_nasbench_pytorch():
    model = pytest.importorskip("nasbench_pytorch.model.model")
    for entry in official_entries():
        matrix, operations = np.asarray(entry["module_adjacency"]), entry["module_operations"]
        network = model.Network((matrix, operations))
        parameters = sum(one.numel() for one in network.parameters() if one.requires_grad)
        # It gives a parameter that is never used to every place without an operation.
        unused = sum(
            one.numel()
            for module in network.modules()
            if isinstance(module, model.Placeholder)
            for one in module.parameters()
        )
        assert parameters - unused == entry["trainable_parameters"]


# --- what does not fit is refused ---------------------------------------------------------------------------------


def refused(tmp_path, rows, match, **options):
    """The message of a conversion that leaves nothing."""
    folder = tmp_path / "tables"
    with pytest.raises(DataError, match=match) as caught:
        convert(write_file(tmp_path / "records", rows), folder=folder, **options)
    assert files_in(folder) == [] and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", [0, 5, 35])
def test_a_record_that_is_lacking(tmp_path, place):
    rows = made_rows(0, cells=3)
    lost = rows.pop(place)
    message = refused(tmp_path, rows, rf"has 2 record\(s\) of a run over {lost.epochs} epochs, not 3")
    assert f"the cell {lost.module_hash} (" in message


def test_a_budget_that_is_lacking(tmp_path):
    rows = made_rows(0, cells=3)
    kept = [row for row in rows if row.module_hash != rows[-1].module_hash or row.epochs != 36]
    message = refused(tmp_path, kept, r"has 0 record\(s\) of a run over 36 epochs, not 3")
    assert rows[-1].module_hash in message


def test_a_fourth_record(tmp_path):
    rows = made_rows(0, cells=3)
    message = refused(tmp_path, [*rows, rows[14]], f"more than 3 records of a run over {rows[14].epochs} epochs")
    assert rows[14].module_hash in message


@pytest.mark.parametrize("budgets", [(4,), (36, 108), (4, 12, 36), (108, 12, 4)])
def test_other_budgets(tmp_path, budgets):
    held = ", ".join(str(budget) for budget in sorted(budgets))
    message = refused(tmp_path, made_rows(0, cells=2, budgets=budgets), f"holds runs over {held} epochs: wanted is")
    assert "nasbench_full.tfrecord" in message and "nasbench_only108.tfrecord" in message


def test_parameters_that_differ(tmp_path):
    rows = made_rows(0, cells=2)
    rows[7] = replace(rows[7], trainable_parameters=rows[7].trainable_parameters + 1)
    message = refused(tmp_path, rows, "parameters, another")
    assert rows[7].module_hash in message and f"{rows[7].trainable_parameters:,}" in message


def isomorphic_pair():
    """A cell written with its vertices in two orders."""
    first = SPACE.parse("0110000100010000:input,conv3x3-bn-relu,maxpool3x3,output")
    second = SPACE.parse("0110000100010000:input,maxpool3x3,conv3x3-bn-relu,output")
    assert first != second and first.identity == second.identity
    return first, second


def rewritten(rows, cell, **changes):
    """Records as they are, of another cell."""
    matrix, operations = SPACE.to_matrix(cell)
    wiring = tuple(map(tuple, matrix.tolist()))
    changes = {"module_hash": official_hash(cell), **changes}
    return [replace(row, adjacency=wiring, operations=tuple(operations), **changes) for row in rows]


def test_a_cell_with_its_vertices_in_another_order_is_the_same_cell(tmp_path):
    first, second = isomorphic_pair()
    rows = made_rows(0, cells=1)
    mixed = rewritten(rows[:5], first) + rewritten(rows[5:], second)
    assert len({row.module_hash for row in mixed}) == 1
    (card,) = convert(write_file(tmp_path / "records", mixed), folder=tmp_path / "tables")
    assert card.rows == 1
    assert TabularBenchmark.from_card(card).query(second, run=4, trial=0).value == rows[0].final.validation_accuracy


def test_two_hashes_of_one_cell(tmp_path):
    first, second = isomorphic_pair()
    rows = made_rows(0, cells=1)
    both = rewritten(rows, first) + rewritten(rows, second, module_hash="0" * 32)
    message = refused(tmp_path, both, "is the same cell as", check_hash=False)
    assert official_hash(first) in message and "0" * 32 in message
    refused(tmp_path, both, "record 13 at byte .*: the hash is 0000")


def test_two_cells_with_one_hash(tmp_path):
    rows = made_rows(0, cells=1)
    other = SPACE.parse("010001000:input,maxpool3x3,output")
    mixed = rows[:3] + rewritten(rows[3:], other, module_hash=rows[0].module_hash)
    message = refused(tmp_path, mixed, f"two cells have the hash {rows[0].module_hash}", check_hash=False)
    assert SPACE.format(other) in message
    refused(tmp_path, mixed, "record 4 at byte .*: the hash is")


def test_a_file_that_is_cut_off_or_damaged_leaves_nothing(tmp_path):
    content = b"".join(frame(payload_of(row)) for row in made_rows(0, cells=4))
    path, folder = tmp_path / "records", tmp_path / "tables"
    rng = np.random.default_rng(0)
    for place in [0, 1, 11, 12, *rng.integers(13, len(content), size=25).tolist(), len(content) - 1]:
        path.write_bytes(content[:place])
        with pytest.raises(DataError):
            convert(path, folder=folder)
        path.write_bytes(content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :])
        with pytest.raises(DataError, match="damaged"):
            convert(path, folder=folder)
        assert files_in(folder) == []


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "pickle"])
def test_what_is_no_file_of_records(tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind != "absent":
        path.write_bytes(b"# NAS-Bench-101, a README" if kind == "text" else b"\x80\x04cposix\nsystem\n")
    with pytest.raises(DataError, match=kind):
        convert(path, folder=tmp_path / "tables")
    assert files_in(tmp_path / "tables") == []


# --- whole or not at all ------------------------------------------------------------------------------------------


def test_a_table_is_replaced_only_where_that_is_allowed(written, tmp_path):
    rows, _ = written
    few = [row for row in rows if row.module_hash in {rows[0].module_hash, rows[1].module_hash}]
    path = write_file(tmp_path / "records", rows)
    convert(path, folder=tmp_path / "tables")
    smaller = write_file(tmp_path / "smaller", few)
    with pytest.raises(DuplicateName, match="nasbench101 exists: remove it, or allow it to be overwritten"):
        convert(smaller, folder=tmp_path / "tables")
    folder = tmp_path / "tables" / "nasbench101"
    assert read_card(folder / "card.toml", folder).rows == CELLS
    (card,) = convert(smaller, folder=tmp_path / "tables", overwrite=True)
    assert card.rows == 2 and files_in(tmp_path / "tables") == ["nasbench101"]


def test_progress_goes_from_0_to_1(tmp_path):
    parts = []
    convert(
        write_file(tmp_path / "records", made_rows(0, cells=350)), folder=tmp_path / "tables", progress=parts.append
    )
    assert len(parts) == 3 and parts == sorted(parts) and 0 < parts[0] < 0.5 and parts[-1] == 1


@pytest.fixture()
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_nothing(written, tmp_path, small_disk):
    path = write_file(tmp_path / "records", written[0])
    with pytest.raises(DataError, match=f"no space left to write {small_disk}") as caught:
        convert(path, folder=small_disk)
    assert files_in(small_disk) == [] and "\n" not in str(caught.value)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_at_any_array_leaves_nothing(written, tmp_path, monkeypatch, code):
    path, write = write_file(tmp_path / "records", written[0]), table_writer.write_array
    for allowed in (0, 7, 19):
        count = iter(range(100))

        def fill(file, values, count=count, allowed=allowed):
            if next(count) == allowed:
                raise OSError(code, os.strerror(code))
            write(file, values)

        monkeypatch.setattr(table_writer, "write_array", fill)
        with pytest.raises(DataError, match="no space left"):
            convert(path, folder=tmp_path / "tables")
        assert files_in(tmp_path / "tables") == []


KILLED = """
import sys, time
from pathlib import Path
from ganas.data import table_writer
from ganas.data.convert.nasbench101 import convert

write, written = table_writer.write_array, []
def wait_at_the_fifth(path, values):
    write(path, values)
    written.append(path)
    if len(written) == 5:
        print("writing", flush=True)
        time.sleep(600)
table_writer.write_array = wait_at_the_fifth
convert(Path(sys.argv[1]))
"""


def test_a_killed_conversion_leaves_nothing_that_opens_and_the_next_one_cleans_up(written, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    path = write_file(tmp_path / "records", written[0])
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    (left,) = files_in(tmp_path / "tables")
    assert left == f".nasbench101.{process.pid}.part"
    assert len(files_in(tmp_path / "tables" / left)) == 5
    assert "nasbench101" not in cards()
    with pytest.raises(UnknownName, match="nasbench101"):
        catalog_card("nasbench101")
    (card,) = convert(path)
    assert files_in(tmp_path / "tables") == ["nasbench101"]
    assert cards()["nasbench101"] == card and verify(card)


# --- a study ------------------------------------------------------------------------------------------------------


class ShortFirst(ganas.Strategy):
    """Asks for every cell at each run in turn, the shortest first."""

    name = "short-first"
    title = "every run of some cells"

    def __init__(self, problem, *, rng, settings=None):
        super().__init__(problem, rng=rng, settings=settings)
        assert problem.fidelities == BUDGETS and problem.fidelity == "run"
        self.waiting = []

    def ask(self, count=1):
        if not self.waiting:
            cell = HELD[int(self.rng.integers(len(HELD)))]
            self.waiting = [ganas.Proposal(cell, fidelity) for fidelity in self.problem.fidelities]
        return [self.waiting.pop(0)]

    def tell(self, evaluations):
        pass


HELD = []


@pytest.mark.parametrize("metric", ["valid_accuracy", "train_accuracy"])
def test_a_study_pays_for_the_run_that_it_asks_for(bench, written, metric):
    cells = by_cell(written[0])
    HELD[:] = [bench.architecture_at(row) for row in range(bench.num_rows)]
    study = ganas.search(bench, ShortFirst, budget=40, seed=0, metric=metric)
    assert study.ledger.queries == 40
    seconds = 0.0
    for entry in study.ledger.entries:
        evaluation = entry.evaluation
        records = cells[evaluation.architecture.identity][evaluation.fidelity]
        assert close(evaluation.values[metric], np.mean([getattr(record.final, NAMES[metric]) for record in records]))
        assert close(evaluation.cost_seconds, np.mean([record.final.training_time for record in records]))
        seconds += evaluation.cost_seconds
    assert study.ledger.simulated_seconds == seconds
    assert study.trace["fidelity"].tolist()[:4] == [*BUDGETS]


def test_a_study_that_draws_trials_gets_those_of_the_run(bench, written):
    cells = by_cell(written[0])
    HELD[:] = [bench.architecture_at(row) for row in range(bench.num_rows)]
    study = ganas.search(bench, ShortFirst, budget=40, seed=1, signal="random")
    for entry in study.ledger.entries:
        evaluation = entry.evaluation
        record = cells[evaluation.architecture.identity][evaluation.fidelity][evaluation.trial]
        assert evaluation.values == {"valid_accuracy": record.final.validation_accuracy}
    assert {entry.evaluation.trial for entry in study.ledger.entries} == {0, 1, 2}


def test_a_registered_strategy_runs_on_a_table_of_part_of_the_space(bench):
    study = ganas.search(bench, "random-search", budget=20, seed=0)
    failures = [entry.evaluation.failure for entry in study.ledger.entries]
    assert study.stop == "budget" and study.ledger.simulated_seconds == 0
    assert all(failure.endswith("is not among the 60 architectures of 'nasbench101'") for failure in failures)


def test_keys_that_are_not_those_of_the_table(written, tmp_path):
    _, card = written
    shutil.copytree(card.folder, tmp_path / "copy")
    copied = replace(card, folder=tmp_path / "copy")
    path = copied.folder / "identity_key.npy"
    keys = np.load(path)
    assert keys.tolist() == sorted(by_cell(written[0]))
    np.save(path, keys[::-1])
    with pytest.raises(DataError, match="the keys beside the table are not those in it"):
        verify(copied)
    with pytest.raises(DataError, match="strictly increasing"):
        TabularBenchmark.from_card(copied)
    # Keys of a large space need 64 bits, so both widths are read.
    np.save(path, keys.astype(np.int64))
    assert TabularBenchmark.from_card(copied).frame().equals(TabularBenchmark.from_card(card).frame())
    for wrong in (keys[1:], keys.astype(np.float64), keys.astype(np.uint32), keys[:, None]):
        np.save(path, wrong)
        with pytest.raises(DataError, match=r"identity_key\.npy has shape"):
            TabularBenchmark.from_card(copied)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        TabularBenchmark.from_card(copied)
