"""The README is true: its Python runs, its strategy passes the kit, its commands and links exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ganas.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
PYTHON = [block for language, block in BLOCKS if language == "python"]
SHELL = next(block for language, block in BLOCKS if not language and "ganas list" in block)
COMMANDS = [line.split("#")[0].strip() for line in SHELL.replace("\\\n", " ").splitlines()]


def run(program, folder):
    ran = subprocess.run([sys.executable, *program], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("index", range(len(PYTHON)))
def test_python(index, tmp_path):
    printed = run(["-W", "error", "-c", PYTHON[index]], tmp_path)
    assert "valid_accuracy" in printed


def test_the_first_lines_are_about_ten():
    lines = [line for line in PYTHON[0].splitlines() if line.strip() and not line.startswith("import")]
    assert len(lines) <= 10


def test_the_strategy_passes_the_kit(tmp_path):
    (tmp_path / "hill_climber.py").write_text(PYTHON[1].partition("\nprint(")[0])
    run(["-m", "ganas.cli.main", "check", "hill_climber.py:HillClimber"], tmp_path)
    compare = "compare --benchmarks nasbench201-cifar10 --strategies hill_climber.py:HillClimber,random-search"
    printed = run(["-m", "ganas.cli.main", *compare.split(), "--seeds", "2", "--budget", "20", "--jobs", "2"], tmp_path)
    assert "hill_climber.py:HillClimber" in printed


def commands():
    # A strategy and an official file that only the reader has.
    own = ("my_strategy", "ganas data convert")
    found = [shlex.split(command) for command in COMMANDS if command and not any(text in command for text in own)]
    assert len(found) >= 6
    assert {words[0] for words in found} == {"ganas"}
    return [words[1:] for words in found]


# What makes a command small; the option that is given last holds.
SMALLER = {
    "compare": "--seeds 2 --budget 30 --jobs 1",
    "search": "--budget 40",
    "surrogate evaluate": "--models lightgbm --seeds 1 --sizes 50 --splits random --population 500",
    "collect": "--count 60",
    "surrogate fit": "--model gaussian-process",
}


def test_commands_one_after_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    for words in commands():
        smaller = SMALLER.get(words[0], SMALLER.get(" ".join(words[:2]), ""))
        assert main.run([*words, *smaller.split()]) == 0
    assert (tmp_path / "runs" / "populations" / "report.html").exists()


@pytest.mark.slow
def test_commands_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    for words in commands():
        run(["-m", "ganas.cli.main", *words], tmp_path)
    assert (tmp_path / "runs" / "populations" / "report.html").exists()


def test_links_and_pictures_are_there():
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if "://" not in target]
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\S+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
