"""Surrogates of small NAS-Bench-101 cells are judged by a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "nb101_ecnas_4v5v"
NAME = "ecnas_4epochs_results.jsonl.gz"


def run(arguments, folder):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "judge_small_cells.py", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "usage: python"),
        (["nowhere", "out"], f"there is no {NAME} in nowhere"),
        (["nowhere", "out", "gaussian"], "unknown surrogate model 'gaussian'"),
    ],
)
def test_bad_input_is_one_line(arguments, words, tmp_path):
    ran = run(arguments, tmp_path)
    assert ran.returncode == 1
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.slow
def test_real_cells_are_judged(tmp_path):
    if not (DATA / NAME).is_file():
        pytest.skip(f"the data of EC-NAS are not at hand: {DATA.name} is no folder beside the checkout")
    ran = run([str(DATA), "out", "gaussian-process", "1"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "report: out/report.html\n"
    lines = (tmp_path / "out" / "scores.csv").read_text().splitlines()
    # One of each size.
    assert sum(line.startswith("gaussian-process,False,random") for line in lines) == 3
