"""Real accuracies of small NAS-Bench-101 cells: a made-up file, and the real one where it is at hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import ganas
from ganas.spaces.errors import ArchitectureNotMeasured, DataError
from ganas.spaces.registry import load_place

ROOT = Path(__file__).parents[2]
FILE = ROOT / "examples" / "nasbench101_small_cells.py"
NAME = "ecnas_4epochs_results.jsonl.gz"
DATA = ROOT.parent / "shared" / "data" / "nb101_ecnas_4v5v"

small_cells = load_place("example", f"{FILE}:small_cells")
FEW_VERTICES = load_place("example", f"{FILE}:FEW_VERTICES")


def record(space, repeat, operation, accuracy):
    at = [{"epochs": epochs, "training_time": 10.0 * epochs} for epochs in (0.0, 2.0, 4.0)]
    for item in at:
        item["validation_accuracy"] = accuracy * item["epochs"] / 4
        item["test_accuracy"] = item["validation_accuracy"] - 0.01
    return {
        "space": space,
        "repeat": repeat,
        "adjacency": [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
        "ops": [-1, operation, -2],
        "trainable_params": 100 + operation,
        "evaluation_results": at,
    }


def write(folder, records):
    with gzip.open(folder / NAME, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    return folder


def test_file_with_repeats(tmp_path):
    records = [record("4V9E", 1, 0, 0.6), record("5V9E", 1, 0, 0.5), record("5V9E", 1, 2, 0.3)]
    table = small_cells(write(tmp_path, [*records, record("4V9E", 2, 0, 0.7)]))
    large = table.space.parse("010001000:input,conv3x3-bn-relu,output")
    pooling = table.space.parse("010001000:input,maxpool3x3,output")
    assert table.num_rows == 2
    assert table.trial_values(large) == (0.5, 0.6, 0.7) and table.trial_values(pooling) == (0.3,)
    answer = table.query(large)
    assert (answer.value, answer.epoch, answer.split) == (pytest.approx(0.6), 4, "valid")
    assert answer.cost_seconds == 40.0
    assert table.query(pooling, "test_accuracy").value == pytest.approx(0.29)
    assert table.query(pooling, "parameters").value == 102


@pytest.mark.parametrize("text", [b"{}\n", b"[1]\n", b"{\n", b""])
def test_bad_files_are_one_line(tmp_path, text):
    (tmp_path / NAME).write_bytes(gzip.compress(text))
    with pytest.raises(DataError, match=NAME) as caught:
        small_cells(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_gzip(tmp_path):
    with pytest.raises(DataError, match=f"there is no {NAME} in"):
        small_cells(tmp_path)
    (tmp_path / NAME).write_bytes(b"not compressed")
    with pytest.raises(DataError, match="cannot be read"):
        small_cells(tmp_path)


@pytest.fixture(scope="module")
def real():
    if not (DATA / NAME).is_file():
        pytest.skip(f"the data of EC-NAS are not at hand: {DATA.name} is no folder beside the checkout")
    return small_cells(DATA)


def test_real_cells_are_all_of_at_most_five_vertices(real):
    assert real.num_rows == 2_532
    assert sum(len(real.trial_values(real.architecture_at(row))) == 4 for row in range(real.num_rows)) == 91
    assert real.optimum().value == pytest.approx(0.7701, abs=1e-4)
    with pytest.raises(ArchitectureNotMeasured, match="2,532"):
        real.query(real.space.from_key(real.space.size - 1))


@pytest.mark.parametrize("strategy", ["random-search", "local-search", "regularized-evolution"])
def test_studies_outlast_what_was_not_measured(real, strategy):
    study = ganas.Study(real, strategy, budget=150, seed=0).run()
    failures = [entry.evaluation.failure for entry in study.entries if entry.evaluation.failure is not None]
    assert study.stop == "budget" and 0 < len(failures) < 150
    inside = ganas.Study(real, strategy, budget=150, seed=0, constraints=[FEW_VERTICES]).run()
    assert inside.stop == "budget" and not any(entry.evaluation.failure for entry in inside.entries)
    assert inside.best.values["valid_accuracy"] >= study.best.values["valid_accuracy"]
