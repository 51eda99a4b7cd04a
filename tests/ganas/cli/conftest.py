"""Every command-line test runs in an empty folder; a small comparison that several of them start from."""

import pytest

from ganas.cli.main import run

GRID = [
    *("--benchmarks", "nasbench201-cifar10", "--strategies", "random-search,local-search"),
    *("--seeds", "2", "--budget", "12"),
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def grid():
    """Options of ``ganas compare`` for four studies in a moment."""
    return GRID


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Folder of that comparison, finished; to be copied, not changed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert run(["compare", *GRID, "--out", str(folder)]) == 0
    return folder
