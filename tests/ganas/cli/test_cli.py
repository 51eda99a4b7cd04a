"""Every command of the command line: its help, what it answers and its JSON."""

import json
import math
import re
import shlex
import shutil
from dataclasses import fields
from pathlib import Path

import pytest
import typer

import ganas
from ganas.adversarial.search import GANAS
from ganas.adversarial.search_settings import GANASSettings
from ganas.cli import runs
from ganas.cli.main import app, run
from ganas.plugins import STRATEGIES
from ganas.store import Store

BENCHMARK = "nasbench201-cifar10"
TALKING = f"{Path(__file__).parent.parent / 'talking_strategy.py'}:Talking"
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"

STRATEGY_FILE = """
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
import ganas

@dataclass(frozen=True)
class Few(ganas.Settings):
    '''Settings.

    Attributes:
        batch: How many are drawn.
    '''
    batch: int = 3

class Global(ganas.Strategy):
    name: ClassVar[str] = "global"
    title: ClassVar[str] = "Draws from a global generator"
    settings_class = Few

    def ask(self, count=1):
        return self.problem.space.sample(count, rng=np.random.default_rng())

    def tell(self, evaluations):
        pass

number = 3
"""


def answer(arguments, capsys):
    """What a command prints on stdout, after it ended well."""
    capsys.readouterr()
    status = run(arguments)
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out


def commands():
    """Every command as the words that call it, the bare ``ganas`` first."""

    def walk(words, command):
        yield words
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk((*words, name), inner)

    return list(walk((), typer.main.get_command(app)))


def examples(words, capsys):
    """The commands under ``Example:`` in the help of a command, without the leading ``ganas``."""
    text = answer([*words, "--help"], capsys).partition("Example:\n")[2].replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in text.splitlines() if line.strip()]


# --- help ------------------------------------------------------------------------------------------------


def test_the_commands_are_found():
    assert {("list",), ("compare",), ("data", "verify")} <= set(commands())


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words) or "ganas")
def test_help_has_an_example_and_fits(words, capsys):
    out = answer([*words, "--help"], capsys)
    assert out.startswith(f"Usage: {' '.join(['ganas', *words])}")
    assert "Example:\n" in out
    assert "..." not in out.replace("ARGS]...", "").replace("[NAME]...", ""), "a line of help is cut"
    assert all(len(line) <= 80 for line in out.partition("Example:")[0].splitlines())
    (example,) = examples(words, capsys)
    assert example[: len(words)] == list(words)


def test_no_argument_prints_the_help(capsys):
    assert answer([], capsys) == answer(["--help"], capsys)


def test_version(capsys):
    assert re.fullmatch(r"ganas \d+\.\d+\.\d+\n", answer(["--version"], capsys))


@pytest.mark.parametrize("words", [("list",), ("info",), ("query",), ("search",), ("data", "list"), ("data", "verify")])
def test_examples_run(words, capsys):
    (example,) = examples(words, capsys)
    assert answer(example, capsys)


def test_the_example_of_compare_runs(capsys, tmp_path):
    (example,) = examples(("compare",), capsys)
    fewer = ["--seeds", "1", "--budget", "12", "--jobs", "1", "--no-report", "--out", str(tmp_path / "run")]
    out = answer([*example, *fewer], capsys)
    assert out == f"run: {tmp_path / 'run'}\n"
    with Store(tmp_path / "run", create=False) as store:
        variants = set(store.studies()["variant"])
    name = "regularized-evolution"
    assert variants == {"random-search", f"{name}[population_size=10]", f"{name}[population_size=50]"}


# --- answers ---------------------------------------------------------------------------------------------


def strict_json(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_list_json(capsys):
    rows = strict_json(answer(["list", "--json"], capsys))
    (row,) = [row for row in rows if row["name"] == BENCHMARK]
    assert {"kind": "benchmarks", "distribution": "ganas"}.items() <= row.items()
    assert {row["kind"] for row in rows} == {"spaces", "benchmarks", "strategies", "surrogates", "datasets"}
    assert all(row["title"] and not row["title"].startswith("cannot") for row in rows)
    strategies = strict_json(answer(["list", "strategies", "--json"], capsys))
    assert [row for row in rows if row["kind"] == "strategies"] == strategies


def test_data_sets_are_listed_and_say_which_files_they_need(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    rows = {row["name"]: row["title"] for row in strict_json(answer(["list", "datasets", "--json"], capsys))}
    assert {"bbcnews", "ptb", "wnut17", "sst2"} <= set(rows)
    assert rows["ptb"].endswith("(files not at hand)")
    facts = strict_json(answer(["info", "ptb", "--json"], capsys))
    assert {
        "kind": "datasets",
        "tasks": "language modelling",
        "trainers": ["train-rnn-ptb", "train-rnn-ptb-full"],
    }.items() <= facts.items()
    assert facts["state"].startswith("ptb needs the files ptb.train.txt, ") and str(tmp_path) in facts["state"]
    assert {"what": "words of train", "count": 929_589} in facts["published_counts"]


def test_list_is_tab_separated_for_programs(capsys):
    lines = answer(["list", "spaces"], capsys).splitlines()
    assert lines[0].split("\t") == ["kind", "name", "title", "distribution", "version"]
    names = [
        *("alphagan", "alphagan-discriminator"),
        *("darts", "graphnas", "graphnas-proteins", "nasbench101", "nasbench201", "natsbench-size"),
        *("rnn", "rnn-enas", "rnn-mini"),
        *("textnas", "textnas-mini"),
    ]
    assert [line.split("\t")[:2] for line in lines[1:]] == [["spaces", name] for name in names]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nasbench201", {"kind": "spaces", "size": 15625}),
        (BENCHMARK, {"kind": "benchmarks", "type": "table", "test_values": "not held by this table", "licence": "MIT"}),
        ("local-search", {"kind": "strategies", "settings": []}),
    ],
)
def test_info_json(name, expected, capsys):
    facts = strict_json(answer(["info", name, "--json"], capsys))
    assert {"name": name, **expected}.items() <= facts.items()
    assert all(" " not in key for key in facts)


def test_info_says_what_a_table_holds(capsys):
    facts = strict_json(answer(["info", BENCHMARK, "--json"], capsys))
    assert facts["architectures"] == {"held": 15625, "of": 15625} and facts["cost_metric"] == "train_seconds"
    assert facts["trials"] == ganas.load_benchmark(BENCHMARK).trial_meaning
    assert facts["trial_counts"] == [{"trials": 2, "architectures": 7456}, {"trials": 3, "architectures": 8169}]
    assert [(row["run"], row["seeds"]) for row in facts["metrics"]] == [(None, [])] * len(facts["metrics"])
    text = answer(["info", BENCHMARK], capsys)
    assert re.search(r"^architectures +all 15,625$", text, re.MULTILINE)
    # Nothing is known of runs and seeds, so they take no room.
    assert "metric\tunit\tsplit\tbetter\tepochs\tdescription\n" in text
    assert strict_json(answer(["info", "nasbenchgraph-cora", "--json"], capsys))["cost_metric"] is None


def test_info_of_a_space_says_which_table_of_its_name_could_be_had(capsys):
    facts = strict_json(answer(["info", "nasbench101", "--json"], capsys))
    assert facts["kind"] == "spaces"
    assert facts["benchmarks"].startswith("'nasbench101' is not converted yet: ganas data fetch nasbench101, then")
    assert "benchmarks" not in strict_json(answer(["info", "nasbench201", "--json"], capsys))


def test_info_says_what_a_setting_means(capsys):
    settings = strict_json(answer(["info", "regularized-evolution", "--json"], capsys))["settings"]
    assert [(item["setting"], item["default"]) for item in settings] == [
        ("population_size", 20),
        ("tournament_size", 5),
    ]
    assert settings[0]["meaning"].startswith("How many architectures live")
    assert settings[0]["meaning"].endswith("of the paper.")
    assert "population_size\tint\t20\tHow many" in answer(["info", "regularized-evolution"], capsys)


def test_info_of_switches_and_diagnostics(capsys):
    facts = strict_json(answer(["info", "ganas", "--json"], capsys))
    assert [item["setting"] for item in facts["settings"]] == [field.name for field in fields(GANASSettings)]
    types = {item["setting"]: item["type"] for item in facts["settings"]}
    assert (types["discriminator"], types["truth_size"], types["warm_start"]) == ("pairwise | unary", "int", "bool")
    assert all(item["meaning"] for item in facts["settings"])
    assert {item["diagnostic"]: item["meaning"] for item in facts["diagnostics"]} == GANAS.diagnostic_titles
    assert len(facts["details"]) > 3
    assert "``" not in json.dumps(facts)


def test_info_of_a_file(capsys):
    Path("mine.py").write_text(STRATEGY_FILE)
    facts = strict_json(answer(["info", "mine.py:Global", "--json"], capsys))
    assert facts["kind"] == "strategies"
    assert facts["settings"] == [{"setting": "batch", "type": "int", "default": 3, "meaning": "How many are drawn."}]


def test_query(capsys):
    result = strict_json(answer(["query", BENCHMARK, BEST, "--json"], capsys))
    assert result["value"] == pytest.approx(91.6067, abs=5e-5)
    assert (result["unit"], result["split"], result["epoch"]) == ("percent", "valid", 200)
    trial = strict_json(answer(["query", BENCHMARK, BEST, "--trial", "1", "--json"], capsys))
    assert (trial["trials"], trial["reduction"]) == ([1], "single")
    assert re.search(r"^value +91\.60666", answer(["query", BENCHMARK, BEST], capsys), re.MULTILINE)


def test_search(capsys):
    arguments = ["search", BENCHMARK, "--strategy", "local-search", "--budget", "20", "--seed", "3"]
    found = strict_json(answer([*arguments, "--json"], capsys))
    assert (found["queries"], len(found["trace"])) == (20, 20)
    assert found["best_value"] == max(row["value"] for row in found["trace"])
    assert found["trace"][found["found_at_query"] - 1]["architecture"] == found["best_architecture"]
    assert found["best_architecture"] in answer(arguments, capsys)


def test_the_trace_of_a_search_has_diagnostics(capsys):
    arguments = ["search", BENCHMARK, "--budget", "20", "--seed", "3", "--json", "--strategy"]
    rows = strict_json(answer([*arguments, TALKING], capsys))["trace"]
    trace = ganas.search(BENCHMARK, ganas.load_strategy(TALKING), budget=20, seed=3).trace
    assert list(rows[0])[-3:] == ["asked", "mean_told", "spread"]
    for name in ("asked", "mean_told", "spread"):
        assert [row[name] for row in rows] == [None if math.isnan(value) else value for value in trace[name]]
    # Told nothing, told and not a number, told a number.
    assert {(row["asked"] is None, row["spread"] is None) for row in rows} == {
        (True, True),
        (False, True),
        (False, False),
    }
    silent = strict_json(answer([*arguments, "local-search"], capsys))["trace"]
    assert list(silent[0])[-1] == "failure"


def test_search_takes_settings_and_keeps_the_study(capsys):
    arguments = ["search", BENCHMARK, "--strategy", "regularized-evolution", "--budget", "15", "--json"]
    small = [*arguments, "--set", "population_size=6", "--set", "tournament_size=2"]
    kept = strict_json(answer([*small, "--out", "kept"], capsys))
    assert strict_json(answer([*small, "--out", "kept"], capsys)) == kept
    assert strict_json(answer(small, capsys))["trace"] == kept["trace"]
    assert strict_json(answer(arguments, capsys))["trace"] != kept["trace"]


def test_compare_and_report(capsys, finished_run, grid):
    shutil.copytree(finished_run, "run")
    command = ["compare", *grid, "--out", "run", "--json"]
    said = strict_json(answer(command, capsys))
    assert [(row["benchmark"], row["strategy"], row["seeds"]) for row in said["summary"]] == [
        (BENCHMARK, "random-search", "2"),
        (BENCHMARK, "local-search", "2"),
    ]
    assert Path(said["report"]).is_file()
    assert strict_json(answer(["report", "run", "--json"], capsys)) == said
    with Store("run", create=False) as store:
        assert store.read_meta("command") == shlex.join(["ganas", *command])
    lines = answer(["report", "run"], capsys).splitlines()
    assert lines[0].split("\t")[:4] == ["benchmark", "strategy", "seeds", "mean best"]
    assert lines[-1] == "report: run/report.html"


def test_compare_reads_an_experiment_file(capsys):
    Path("grid.toml").write_text(
        f'benchmarks = ["{BENCHMARK}"]\nstrategies = ["regularized-evolution"]\nseeds = "5-6"\nbudget = 8\n'
        "[settings.regularized-evolution]\npopulation_size = [5, 6]\n"
    )
    answer(["compare", "grid.toml", "--out", "run", "--no-report"], capsys)
    with Store("run", create=False) as store:
        studies = store.studies()
    assert sorted(zip(studies["variant"], studies["seed"], strict=True)) == [
        (f"regularized-evolution[population_size={size}]", seed) for size in (5, 6) for seed in (5, 6)
    ]


def test_demo_without_the_strategies_that_train(capsys, monkeypatch):
    assert set(runs.DEMO_STRATEGIES) <= set(STRATEGIES.entries())
    quick = tuple(name for name in runs.DEMO_STRATEGIES if not name.startswith("ganas"))
    monkeypatch.setattr(runs, "DEMO_STRATEGIES", quick)
    said = strict_json(answer(["demo", "--jobs", "1", "--json"], capsys))
    assert [row["strategy"] for row in said["summary"]] == list(quick)
    assert Path("runs/demo/report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_demo(capsys):
    said = strict_json(answer(["demo", "--json"], capsys))
    assert [row["strategy"] for row in said["summary"]] == list(runs.DEMO_STRATEGIES)
    assert Path("runs/demo/report.html").stat().st_size > 10_000


def test_data(capsys):
    listed = strict_json(answer(["data", "list", "--json"], capsys))
    names = [row["name"] for row in listed if row["kind"] == "table" and row["state"] == "embedded"]
    assert names[:3] == [BENCHMARK, "nasbench201-cifar100", "nasbench201-imagenet16"]
    assert len(names) == 12 and all(name.startswith("nasbenchgraph-") for name in names[3:])
    verified = strict_json(answer(["data", "verify", BENCHMARK, "--json"], capsys))
    assert list(verified) == [BENCHMARK]
    source = ganas.load_benchmark(BENCHMARK).source
    assert "rows: 15625" in verified[BENCHMARK].pop("confirmed")
    assert verified[BENCHMARK] == {"state": "verified", "source": source, "rows": 15625, "files": 1}
    lines = [line.split("\t") for line in answer(["data", "verify"], capsys).splitlines()]
    assert lines[:2] == [["table", "state", "source"], [BENCHMARK, "verified, 15,625 rows, 1 file", source]]
    assert [line[0] for line in lines[1:]] == names
    detailed = answer(["data", "verify", BENCHMARK, "--verbose"], capsys).splitlines()
    assert f"{BENCHMARK}\tsource: {source}" in detailed and f"{BENCHMARK}\trows: 15625" in detailed


@pytest.mark.parametrize("name", ["nasbench201", BENCHMARK, "random-search"])
def test_check_passes(name, capsys):
    outcomes = strict_json(answer(["check", name, "--json"], capsys))
    assert len(outcomes) > 8
    assert {outcome["outcome"] for outcome in outcomes} == {"passed"}


def test_check_fails_with_the_reasons_on_stdout(capsys):
    Path("mine.py").write_text(STRATEGY_FILE)
    assert run(["check", "mine.py:Global", "--json"]) == 1
    printed = capsys.readouterr()
    failed = {row["check"]: row["message"] for row in strict_json(printed.out) if row["outcome"] == "failed"}
    assert "two runs with one seed differ" in failed["check_same_seed_same_trace"]
    assert "check_is_described" not in failed
    assert printed.err == ""


def test_progress_is_on_stderr(capsys, grid):
    run(["compare", *grid, "--out", "run", "--no-report"])
    printed = capsys.readouterr()
    assert printed.out == "run: run\n"
    assert re.fullmatch(r"compare: 4 studies in \d+\.\d s\n", printed.err)
