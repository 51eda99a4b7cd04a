"""A strategy, a space and a benchmark of other people's: tests/plugins, by place and installed, everywhere by name."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import ganas
from ganas import testing
from ganas.spaces.registry import SPACES

PLUGINS = Path(__file__).resolve().parent / "plugins"
STRATEGY, SPACE, BENCHMARK = "ganas-greedy-strategy", "ganas-chain-space", "ganas-chain-benchmark"
DISTRIBUTIONS = (STRATEGY, SPACE, BENCHMARK)
LONGEST = "input>conv>conv>conv>conv>conv>output"


def place(distribution, attribute):
    return f"{PLUGINS / distribution / distribution.replace('-', '_')}.py:{attribute}"


# --- by place, in this process ---------------------------------------------------------------------------


@pytest.fixture
def chain(monkeypatch):
    """The space of the plug-in, registered under its name as long as the test runs."""
    monkeypatch.setattr(SPACES, "_at_run_time", {})
    space = ganas.load_space(place(SPACE, "ChainSpace"))
    ganas.register_space("chain")(type(space))
    return space


def test_the_space_passes_its_kit():
    testing.check_space(place(SPACE, "ChainSpace"))


def test_the_benchmark_passes_its_kit(chain):
    testing.check_benchmark(place(BENCHMARK, "chain_formula"))


def test_the_strategy_passes_its_kit():
    outcomes = testing.strategy_outcomes(place(STRATEGY, "Greedy"))
    assert {outcome.outcome for outcome in outcomes} == {"passed"}, outcomes
    assert len(outcomes) == len(testing.STRATEGY_CHECKS)


def test_the_space_is_what_it_says(chain):
    assert chain.size == 3 + 9 + 27 + 81 + 243
    assert chain.parse("input>pool>output").edges == ((0, 1), (1, 2))
    assert chain.encode(chain.parse("input>pool>conv>output")) == (2, 1, 0, 0, 0)
    assert len(chain.neighbours(chain.parse("input>conv>output"))) == 2 + 3


def test_the_benchmark_follows_its_formula(chain):
    benchmark = ganas.load_benchmark(place(BENCHMARK, "chain_formula"))
    best = benchmark.optimum()
    assert chain.format(best.architecture) == LONGEST
    assert best.value == pytest.approx(72.6)
    pooled = chain.parse("input>conv>pool>output")
    assert benchmark.query(pooled, trial=0).value == 60 + 5 + 3 - 2
    assert benchmark.query(pooled, trial=1).value == pytest.approx(66.2)
    assert benchmark.query(pooled, "test_accuracy").value == 65
    assert benchmark.query(pooled).cost_seconds == 120


@pytest.mark.parametrize("strategy", ["random-search", "local-search", "regularized-evolution", "greedy"])
def test_every_strategy_runs_on_the_plug_in(strategy, chain):
    strategy = place(STRATEGY, "Greedy") if strategy == "greedy" else strategy
    study = ganas.search(place(BENCHMARK, "chain_formula"), strategy, budget=100, seed=1)
    assert study.stop == "budget"
    assert study.best.values["valid_accuracy"] > 69


def test_a_small_space_is_used_up(chain):
    study = ganas.search(place(BENCHMARK, "chain_formula"), "random-search", budget=1000, seed=1)
    assert (study.stop, len(study.entries)) == ("exhausted", chain.size)


def test_a_search_may_not_see_the_test_metric(chain, tmp_path):
    grid = ganas.Experiment((place(BENCHMARK, "chain_formula"),), ("random-search",), (0,), 5, "test_accuracy")
    with pytest.raises(ganas.GanasError, match="'test_accuracy' is a test metric"):
        ganas.run_experiment(grid, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# --- on the path, in another process ---------------------------------------------------------------------


def declared(distribution):
    return tomllib.loads((PLUGINS / distribution / "pyproject.toml").read_text())["project"]


def put(folder, name, version, groups, modules=()):
    """Lay a distribution out as an installer would: metadata with entry points, and its modules."""
    information = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *[f"{point} = {target}" for point, target in points.items()]]
    (information / "entry_points.txt").write_text("\n".join(lines))
    for path in modules:
        shutil.copy(path, folder)


@pytest.fixture
def laid_out(tmp_path):
    folder = tmp_path / "site"
    for name in DISTRIBUTIONS:
        project = declared(name)
        put(folder, name, project["version"], project["entry-points"], (PLUGINS / name).glob("*.py"))
    return folder


def ganas_with(folder, *arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(folder), "GANAS_HOME": str(cwd / "home")}
    command = [sys.executable, "-m", "ganas.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def listed(ran):
    assert ran.returncode == 0, ran.stderr
    return {(row["kind"], row["name"]): row for row in json.loads(ran.stdout)}


def test_plug_ins_are_listed_with_their_distribution(laid_out, tmp_path):
    rows = listed(ganas_with(laid_out, "list", "--json", cwd=tmp_path))
    assert rows["strategies", "greedy"] == {
        "kind": "strategies",
        "name": "greedy",
        "title": "Greedy: mutate the best so far",
        "distribution": STRATEGY,
        "version": "1.2.3",
    }
    assert rows["spaces", "chain"]["distribution"] == SPACE
    title = "table of chain: valid_accuracy, test_accuracy, train_seconds"
    assert rows["benchmarks", "chain-formula"]["title"] == title
    assert rows["strategies", "local-search"]["distribution"] == "ganas"


def test_a_distribution_that_takes_a_name_is_named(laid_out, tmp_path):
    put(laid_out, "ganas-usurper", "6.6.6", {"ganas.strategies": {"local-search": "ganas_usurper:Usurper"}})
    for command in (["list"], ["list", "--json"], ["info", "local-search"], ["list", "strategies"]):
        ran = ganas_with(laid_out, *command, cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (1, "")
        expected = "strategy 'local-search' is given by both ganas and ganas-usurper: uninstall one of them"
        assert ran.stderr == f"Error: {expected}\n"
    assert ("benchmarks", "chain-formula") in listed(ganas_with(laid_out, "list", "benchmarks", "--json", cwd=tmp_path))


def test_distributions_that_do_not_load_hide_nothing(laid_out, tmp_path):
    (laid_out / "ganas_broken.py").write_text("import no_such_module")
    (laid_out / "ganas_odd.py").write_text(
        "import ganas\n"
        "def failing():\n    raise RuntimeError('two\\nlines')\n"
        "class Untitled(ganas.Strategy):\n"
        "    def ask(self, count=1): return []\n"
        "    def tell(self, evaluations): pass\n"
    )
    put(
        laid_out,
        "ganas-broken",
        "0.1",
        {
            "ganas.strategies": {"broken": "ganas_broken:X", "untitled": "ganas_odd:Untitled"},
            "ganas.benchmarks": {"failing": "ganas_odd:failing"},
            "ganas.spaces": {"no-space": "ganas_odd:failing"},
        },
    )
    rows = listed(ganas_with(laid_out, "list", "--json", cwd=tmp_path))
    titles = {name: row["title"] for (_, name), row in rows.items() if row["distribution"] == "ganas-broken"}
    assert titles["broken"].startswith("cannot be loaded: plug-in 'broken' of ganas-broken cannot be imported: ")
    assert "No module named 'no_such_module'" in titles["broken"]
    assert titles["failing"] == "cannot be loaded: benchmark 'failing' cannot be opened: RuntimeError: two lines"
    assert titles["no-space"].startswith("cannot be loaded: 'no-space' is given as a space and is not a subclass")
    assert titles["untitled"].startswith("is not complete: ")
    assert rows["strategies", "greedy"]["title"] == "Greedy: mutate the best so far"
    for name in ("broken", "failing", "no-space"):
        ran = ganas_with(laid_out, "info", name, cwd=tmp_path)
        assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    ran = ganas_with(laid_out, "query", "chain-formula", LONGEST, "--json", cwd=tmp_path)
    assert json.loads(ran.stdout)["value"] == pytest.approx(72.6)


# --- installed -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A fresh environment that sees this one's packages, with the three plug-ins installed by pip, offline."""
    # Their versions are looked up, not imported: setuptools changes the import of distutils.
    for tool, oldest in (("pip", 23), ("setuptools", 77)):
        try:
            found = int(metadata.version(tool).partition(".")[0])
        except metadata.PackageNotFoundError:
            found = 0
        if found < oldest:
            pytest.skip(f"{tool} {oldest} or newer installs the plug-ins: pip install 'ganas[test]'")
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    own = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    # addsitedir, not a mere path: it follows the editable installation of Ganas too.
    Path(own, "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name in DISTRIBUTIONS:
        # A copy, because setuptools builds beside the source.
        shutil.copytree(PLUGINS / name, folder / name)
        subprocess.run(
            [
                *[str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
                *["--no-deps", "--no-build-isolation", "--no-index", str(folder / name)],
            ],
            check=True,
        )
    return python


@pytest.mark.slow
def test_installed_plug_ins_work_by_name_in_every_command(environment, tmp_path):
    def command(*arguments):
        ran = subprocess.run(
            [str(environment), "-m", "ganas.cli.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "GANAS_HOME": str(tmp_path / "home")},
        )
        assert ran.returncode == 0, ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stdout

    rows = {row["name"]: row for row in json.loads(command("list", "--json"))}
    for name, kind, distribution in (
        ("greedy", "strategies", STRATEGY),
        ("chain", "spaces", SPACE),
        ("chain-formula", "benchmarks", BENCHMARK),
    ):
        row = rows[name]
        version = declared(distribution)["version"]
        assert (row["kind"], row["distribution"], row["version"]) == (kind, distribution, version)
        assert json.loads(command("info", name, "--json"))["kind"] == kind
        outcomes = json.loads(command("check", name, "--json"))
        assert {outcome["outcome"] for outcome in outcomes} == {"passed"}
    assert json.loads(command("info", "greedy", "--json"))["settings"][0]["setting"] == "exploration"
    assert json.loads(command("query", "chain-formula", LONGEST, "--json"))["value"] == pytest.approx(72.6)
    for benchmark in ("chain-formula", "nasbench201-cifar10"):
        search = ["search", benchmark, "--strategy", "greedy", "--budget", "40", "--set", "exploration=0.3"]
        assert json.loads(command(*search, "--json"))["queries"] == 40
    assert "input>" in command("search", "chain-formula", "--strategy", "regularized-evolution", "--budget", "30")

    compare = ["compare", "--benchmarks", "chain-formula,nasbench201-cifar10", "--strategies", "greedy,random-search"]
    grid = ["--set", "greedy.exploration=0.2,0.5", "--seeds", "3", "--budget", "40", "--jobs", "2", "--out", "run"]
    summary = json.loads(command(*compare, *grid, "--json"))["summary"]
    cells = {(row["benchmark"], row["strategy"]) for row in summary}
    assert cells == {
        (benchmark, strategy)
        for benchmark in ("chain-formula", "nasbench201-cifar10")
        for strategy in ("greedy", "greedy[exploration=0.5]", "random-search")
    }
    assert json.loads(command("report", "run", "--json"))["summary"] == summary
    for name in ("report.html", "report.md"):
        text = (tmp_path / "run" / name).read_text(encoding="utf-8").replace("\\", "")  # Markdown escapes brackets
        assert "chain-formula" in text
        assert "greedy[exploration=0.5]" in text
