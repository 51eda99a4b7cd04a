"""The penalised tables: the formula, and their use by place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.spaces.registry import load_place

ROOT = Path(__file__).parents[2]
FILE = ROOT / "examples" / "penalised_tables.py"
NOT_LIVE = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|skip_connect~1|nor_conv_3x3~2|"


@pytest.fixture(scope="module")
def table():
    return ganas.load_benchmark(f"{FILE}:cifar100")


def test_formula_counts_live_edges_only(table):
    original = ganas.load_benchmark("nasbench201-cifar100")
    space = table.space

    def penalty(text):
        cell = space.parse(text)
        return original.query(cell).value - table.query(cell).value

    six = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    assert penalty(six) == pytest.approx(9.0)
    assert penalty(six.replace("3x3", "1x1")) == pytest.approx(1.0)
    assert penalty(six.replace("nor_conv_3x3", "avg_pool_3x3")) == pytest.approx(0.0)
    # Live are the 3x3 of 0->1 (through the skip of 1->3) and the 1x1; nothing reaches the 3x3 of 2->3.
    assert penalty(NOT_LIVE) == pytest.approx(9 * (9 + 1) / 54)


def test_every_trial_is_penalised_alike_and_the_rest_is_kept(table):
    original = ganas.load_benchmark("nasbench201-cifar100")
    for cell in table.space.sample(50, rng=np.random.default_rng(0)):
        ours, theirs = table.query(cell), original.query(cell)
        assert ours.trials == theirs.trials and ours.epoch == theirs.epoch and ours.split == "valid"
        assert ours.cost_seconds == theirs.cost_seconds > 0
        losses = np.subtract(original.trial_values(cell), table.trial_values(cell))
        assert losses == pytest.approx(theirs.value - ours.value)
        assert table.query(cell, "parameters").value == original.query(cell, "parameters").value


@pytest.mark.parametrize("dataset,best", [("cifar10", 89.057), ("cifar100", 69.510), ("imagenet16", 43.517)])
def test_optimum_lies_inside_the_space(dataset, best):
    penalised = ganas.load_benchmark(f"{FILE}:{dataset}")
    first, second = penalised.top(2)
    assert penalised.name == f"nasbench201-{dataset}-penalised" and penalised.num_rows == 15_625
    assert first.value == pytest.approx(best, abs=5e-4) and first.value > second.value
    assert first.architecture.operations.count("nor_conv_3x3") == 1


def test_report_has_short_names_and_the_optimum(tmp_path):
    run = ganas.compare(
        [f"{FILE}:cifar100"], ["largest-first", "local-search"], seeds=2, budget=12, out=tmp_path, stop_at_optimum=True
    )
    files = ganas.report_run(run)
    summary = files.summary_csv.read_text(encoding="utf-8")
    assert "nasbench201-cifar100-penalised" in summary and "penalised_tables.py" not in summary
    assert "69.51" in files.html.read_text(encoding="utf-8")


def test_places_of_one_name_keep_their_places(tmp_path):
    copy = tmp_path / "copy.py"
    copy.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    places = [f"{FILE}:cifar100", f"{copy}:cifar100"]
    run = ganas.compare(places, ["random-search"], seeds=2, budget=5, out=tmp_path / "run")
    summary = ganas.report_run(run).summary_csv.read_text(encoding="utf-8")
    assert all(place in summary for place in places)


def test_script_prints_its_table():
    printed = subprocess.run([sys.executable, str(FILE)], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert len(printed.splitlines()) == 7
    assert "nasbench201-imagenet16-penalised    43.517         1  |" in printed


@pytest.mark.slow
def test_from_the_command_line_in_several_processes(tmp_path):
    place = "examples/penalised_tables.py"
    command = [
        *(sys.executable, "-m", "ganas.cli.main", "compare", "--benchmarks", f"{place}:cifar100,{place}:imagenet16"),
        *("--strategies", "largest-first,local-search", "--seeds", "2", "--budget", "20", "--stop-at-optimum"),
        *("--jobs", "2", "--no-report", "--out", str(tmp_path)),
    ]
    subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    from ganas.store import Store

    with Store(tmp_path, create=False) as store:
        studies = store.studies()
    assert (studies["state"] == "finished").all() and len(studies) == 8
    assert load_place("benchmark", f"{FILE}:cifar100")().source in set(studies["source"])
