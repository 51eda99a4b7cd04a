"""Every bad input gets one line on stderr, a status that is not 0, and leaves nothing behind."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from ganas.cli.main import run

BENCHMARK = "nasbench201-cifar10"
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
# The comparison of the fixture finished_run.
GRID = ["--benchmarks", BENCHMARK, "--strategies", "random-search,local-search", "--seeds", "2", "--budget", "12"]
SEARCH = ["search", BENCHMARK, "--out", "out", "--strategy"]
COMPARE = ["compare", *GRID, "--out", "out"]


def refusal(arguments, capsys):
    """The one line that a command prints on stderr when it refuses what it was given."""
    capsys.readouterr()
    before = contents(Path())
    status = run(arguments)
    printed = capsys.readouterr()
    assert status in (1, 2), printed
    assert printed.out == ""
    assert printed.err.startswith("Error: ")
    assert printed.err.count("\n") == 1
    assert printed.err.endswith("\n")
    assert contents(Path()) == before, "something half-made was left behind"
    return printed.err


def contents(folder):
    return {path: path.is_dir() or path.read_bytes() for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compre"], "unknown command 'compre' known are did you mean 'compare'?"),
        (["data"], "a command is missing; see ganas data --help"),
        (["data", "verfy"], "'verfy' verify"),
        (["list", "space"], "unknown kind 'space' did you mean 'spaces'?"),
        (["list", "--jsn"], "--jsn"),
        (["info", "nasbench"], "unknown name 'nasbench' did you mean 'nasbench"),
        (["info", "missing.py:X"], "'missing.py:X' cannot be imported: there is no file"),
        (["info", "json:nothing"], "'json:nothing' cannot be imported: has no attribute 'nothing'"),
        (["info", "math:pi"], "is a float: neither a space, nor a benchmark, nor a strategy"),
        (["query"], "BENCHMARK"),
        (["query", "nasbench201-cifar", BEST], "unknown benchmark did you mean 'nasbench201-cifar10"),
        (["query", BENCHMARK, "|conv~0|"], "not a NAS-Bench-201 cell"),
        (["query", BENCHMARK, BEST.replace("1x1", "2x2")], "nor_conv_2x2 did you mean 'nor_conv_3x3'?"),
        (["query", BENCHMARK, ""], "not a NAS-Bench-201 cell"),
        (["query", BENCHMARK, BEST, "--metric", "valid_acc"], "'valid_acc' did you mean 'valid_accuracy'?"),
        (["query", BENCHMARK, BEST, "--metric", "test_accuracy"], "holds no test values valid_accuracy"),
        (["query", BENCHMARK, BEST, "--epoch", "12"], "at epoch 200, not at 12"),
        (["query", BENCHMARK, BEST, "--epoch", "last"], "--epoch"),
        (["query", BENCHMARK, BEST, "--trial", "777"], "trials 0 to 2 not 777 by position"),
        (["query", BENCHMARK, BEST, "--trial", "-1"], "not -1"),
        ([*SEARCH, "local-serch"], "unknown strategy did you mean 'local-search'?"),
        ([*SEARCH, "local-search", "--budget", "0"], "budget must be at least 1 query, not 0"),
        ([*SEARCH, "local-search", "--budget", "many"], "--budget"),
        ([*SEARCH, "local-search", "--seed", "-1"], "a seed must not be negative"),
        ([*SEARCH, "local-search", "--signal", "median"], "signal must be mean or random, not 'median'"),
        ([*SEARCH, "local-search", "--metric", "test_accuracy"], "holds no test values"),
        ([*SEARCH, "local-search", "--set", "size=3"], "'local-search' has no setting 'size'"),
        ([*SEARCH, "regularized-evolution", "--set", "population=3"], "did you mean 'population_size'?"),
        ([*SEARCH, "regularized-evolution", "--set", "population_size=few"], "'population_size' cannot be 'few'"),
        ([*SEARCH, "regularized-evolution", "--set", "population_size=2"], "Error: settings tournament_size not 5"),
        ([*SEARCH, "regularized-evolution", "--set", "population_size"], "field=value, not 'population_size'"),
        ([*SEARCH, "regularized-evolution", *["--set", "tournament_size=3"] * 2], "'tournament_size' twice"),
        (["compare", "--out", "out"], "--benchmarks and --strategies are needed"),
        (["compare", "--benchmarks", ",", "--strategies", "random-search"], "at least one of benchmarks"),
        (["compare", "--benchmarks", "nasbench", "--strategies", "random-search"], "unknown benchmark 'nasbench'"),
        ([*COMPARE, "--strategies", "random-search,random-search"], "'random-search' twice"),
        *[([*COMPARE, "--seeds", seeds], "seeds must be a count") for seeds in ("5-1", "-3", "0", "x", "1,", "3-", "")],
        ([*COMPARE, "--seeds", "4,4"], "seeds holds 4 twice"),
        ([*COMPARE, "--budget", "-5"], "budget must be at least 1 query, not -5"),
        ([*COMPARE, "--jobs", "0"], "jobs at a time must be at least 1, not 0"),
        ([*COMPARE, "--set", "population_size=3"], "strategy.field=value here, not 'population_size=3'"),
        ([*COMPARE, "--set", "regularized-evolution.population_size=3"], "which is not compared"),
        ([*COMPARE, "--set", "random-search.size=3"], "'random-search' has no setting 'size'"),
        ([*COMPARE, *["--set", "random-search.size=3"] * 2], "twice: separate its values by commas"),
        (["compare", "missing.toml", "--out", "out"], "missing.toml cannot be read as an experiment"),
        (["report", "nowhere"], "there is no store in nowhere"),
        (["data", "verify", "nasbench201-cifar"], "unknown table did you mean 'nasbench201-cifar10"),
        (["data", "verify", "nasbench101"], "'nasbench101' is not converted yet: ganas data fetch nasbench101"),
        *[
            ([*command, "natsbench-size-cifar100"], "is not converted yet: ganas data convert NATS-sss-v1_0-50262")
            for command in (["info"], ["check"], ["data", "verify"], ["search", "--strategy", "local-search"])
        ],
        (["query", "nasbench101", BEST], "'nasbench101' is not converted yet: nasbench_full.tfrecord"),
        (["compare", "--benchmarks", "nasbench101", "--strategies", "random-search"], "is not converted yet:"),
        *[
            (command, "'natsbench-topology' is an official file natsbench-topology-imagenet16; not converted yet:")
            for command in (["info", "natsbench-topology"], ["query", "natsbench-topology", BEST])
        ],
        (["check", "random"], "unknown name 'random' did you mean 'random-search'?"),
        (["check", "missing.py:Strategy"], "'missing.py:Strategy' cannot be imported: there is no file"),
        (["check", "no_such_module:Strategy"], "cannot be imported: No module named 'no_such_module'"),
        (["check", "json:dumps", "--kind", "strategy"], "not a subclass of ganas.Strategy"),
        (["check", "json:dumps", "--kind", "space"], "not a subclass of ganas.Space"),
        (["check", "json:dumps"], "benchmark 'json:dumps' cannot be opened: missing 1 required positional argument"),
        (["check", "random-search", "--kind", "strategies"], "unknown kind did you mean 'strategy'?"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line(arguments, words, capsys):
    message = refusal(arguments, capsys)
    for word in words.split():
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds = ", "grid.toml cannot be read as an experiment: Invalid value"),
        ("\x00", "cannot be read as an experiment"),
        ('benchmark = ["x"]', "unknown field 'benchmark' did you mean 'benchmarks'?"),
        ('strategies = ["random-search"]\nseeds = 2\nbudget = 5', "field 'benchmarks' Field required"),
        ("budget = 'few'", "field 'budget' of grid.toml: valid integer"),
        (f"benchmarks = '{BENCHMARK}'", "field 'benchmarks' valid list"),
        ("budget = 0", "grid.toml: budget must be at least 1 query, not 0"),
        ("seeds = '3-1'", "seeds must be a count"),
        ("signal = 'median'", "field 'signal' 'mean' or 'random'"),
        ("[settings.local-search]\nx = 1", "settings are given for 'local-search', which is not compared"),
        ("[settings.random-search]\nx = 1", "'random-search' has no setting 'x'"),
    ],
)
def test_bad_experiment_files_get_one_line(text, words, capsys):
    whole = f'benchmarks = ["{BENCHMARK}"]\nstrategies = ["random-search"]\nseeds = 2\nbudget = 5\n'
    name = text.partition(" = ")[0]
    kept = [line for line in whole.splitlines() if not line.startswith(name)] if name in whole else whole.splitlines()
    Path("grid.toml").write_text("\n".join([*([] if "strategies" in text else kept), text]))
    message = refusal(["compare", "grid.toml", "--out", "out"], capsys)
    for word in words.split():
        assert word in message


def test_options_beside_an_experiment_file_are_refused(capsys):
    Path("grid.toml").write_text("")
    message = refusal(["compare", "grid.toml", "--budget", "150", "--stop-at-optimum", "--set", "a.b=1"], capsys)
    assert "--budget, --set, --stop-at-optimum cannot be given beside it" in message


def test_a_module_in_this_folder_is_pointed_to(capsys):
    Path("mine_here.py").write_text("class Global: pass")
    assert "did you mean 'mine_here.py:Global'?" in refusal(["info", "mine_here:Global"], capsys)


@pytest.mark.parametrize("text", ["def", "import no_such_module", "raise SystemExit(0)", "1 / 0"])
def test_a_file_that_does_not_import_gets_one_line(text, capsys):
    Path("broken.py").write_text(text)
    for command in (["check", "broken.py:X"], ["info", "broken.py:X"], [*SEARCH, "broken.py:X"]):
        assert "'broken.py:X' cannot be imported: " in refusal(command, capsys)


def test_a_run_is_not_made_on_a_file(capsys):
    Path("file").write_text("mine")
    assert "file is a file" in refusal(["compare", *GRID, "--out", "file"], capsys)
    assert "Not a directory: file" in refusal(["compare", *GRID, "--out", "file/run"], capsys)
    assert "there is no store in file" in refusal(["report", "file"], capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "13"], "made with budget 12, not 13"),
        (["--signal", "random"], "made with signal 'mean', not 'random'"),
        (["--metric", "parameters"], "made with metric None, not 'parameters'"),
        (["--stop-at-optimum"], "made with stop_at_optimum False, not True"),
    ],
)
def test_a_run_of_another_experiment_is_not_gone_on_with(arguments, words, capsys, finished_run):
    shutil.copytree(finished_run, "out")
    assert words in refusal([*COMPARE, *arguments], capsys)


def damage_the_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(index % 251 for index in range(len(content) - len(content) // 2))
    path.write_bytes(content)


def replace_by_another_database(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE studies (name TEXT)")
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        connection.execute("CREATE TABLE evaluations (study INTEGER)")
        connection.execute("INSERT INTO meta VALUES ('schema', '1')")
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("not a database at all, and longer than a header of one hundred bytes" * 9),
        lambda path: path.write_bytes(path.read_bytes()[:20_000]),
        damage_the_middle,
        replace_by_another_database,
    ],
    ids=["text", "cut off", "damaged in the middle", "another database"],
)
def test_a_corrupted_store_gets_one_line(damage, capsys, finished_run):
    shutil.copytree(finished_run, "out")
    damage(Path("out/store.sqlite"))
    for command in (["report", "out"], COMPARE):
        capsys.readouterr()
        assert run(command) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        # What is damaged behind the studies shows only after it was seen that none is left to run.
        assert re.fullmatch(r"(compare: 4 studies in .* s\n)?Error: [^\n]*out [^\n]*\n", printed.err)
