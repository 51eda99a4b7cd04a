"""Diagnostics in reports: how seeds are brought together, the section, its figures and its table."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ganas
from ganas.experiment import Experiment
from ganas.report import write_report
from ganas.report.diagnostics import read_diagnostics
from ganas.report.results import read_panels
from ganas.running import run_experiment
from ganas.spaces.errors import InvalidSetting

TALKING = f"{Path(__file__).parent.parent / 'talking_strategy.py'}:Talking"


def said(*rows):
    return pd.DataFrame(list(rows), columns=["study", "query", "name", "value"])


def read(frames, diagnostics, benchmark):
    studies, evaluations = frames
    return read_diagnostics(read_panels(studies, evaluations, {benchmark.name: benchmark}), studies, diagnostics)


def test_seeds_carry_their_last_value_forward(make, toy):
    runs = [make.Run("a", seed, list(range(10)), state="running" if seed == 9 else "finished") for seed in (0, 1, 2, 9)]
    diagnostics = said(
        (1, 2, "loss", 1.0),
        (1, 6, "loss", 5.0),
        (2, 4, "loss", 3.0),
        (2, 5, "loss", np.nan),  # no value: the last one stays
        (2, 8, "loss", np.inf),
        (3, 9, "loss", 9.0),
        (4, 1, "loss", 1000.0),  # of an unfinished study
        (1, 3, "never", np.nan),
    )
    (group,) = read(make.frames(toy, runs), diagnostics, toy)
    loss, never = group.diagnostics
    assert (loss.name, loss.title, never.name, dict(never.curves)) == ("loss", "loss", "never", {})
    assert group.seeds == {"a": 3}
    curve = loss.curves["a"]
    assert curve.seeds == 3
    assert curve.grid.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert curve.median.tolist() == [1, 1, 2, 2, 4, 4, 4, 5, 5]
    assert curve.low.tolist() == [1, 1, 1.5, 1.5, 3.5, 3.5, 3.5, 4, 4]
    assert curve.high.tolist() == [1, 1, 2.5, 2.5, 4.5, 4.5, 4.5, 7, 7]


def test_a_study_that_ended_early_carries_on_to_the_budget(make, toy):
    runs = [make.Run("a", 0, [1, 2, 3], stop="optimum"), make.Run("a", 1, list(range(300)))]
    (group,) = read(make.frames(toy, runs), said((1, 2, "x", 4.0), (2, 250, "x", 8.0)), toy)
    curve = group.diagnostics[0].curves["a"]
    assert curve.grid[0] == 2 and curve.grid[-1] == 300 and len(curve.grid) <= 245
    assert set(curve.median[curve.grid < 250]) == {4.0} and set(curve.median[curve.grid >= 250]) == {6.0}


def test_groups_by_panel_and_strategy(make, toy):
    other = make.Benchmark("other", values={3: 99.0})
    runs = [make.Run(variant, 0, [1, 2, 3]) for variant in ("a", "a[size=3]", "b", "silent")]
    pairs = [make.frames(toy, runs), make.frames(other, runs, first_study=11)]
    studies, evaluations = (pd.concat(pair, ignore_index=True) for pair in zip(*pairs, strict=True))
    diagnostics = said((2, 1, "x", 1.0), (1, 1, "y", 1.0), (3, 2, "x", 1.0), (12, 3, "x", 1.0))
    panels = read_panels(studies, evaluations, {"toy": toy, "other": other})
    groups = read_diagnostics(panels, studies, diagnostics)
    assert [(group.label, group.strategy, list(group.seeds)) for group in groups] == [
        ("toy", "a", ["a", "a[size=3]"]),
        ("toy", "b", ["b"]),
        ("other", "a", ["a[size=3]"]),
    ]
    assert [(d.name, list(d.curves)) for d in groups[0].diagnostics] == [("y", ["a"]), ("x", ["a[size=3]"])]


@pytest.mark.parametrize("nothing", [None, said()])
def test_nothing_said_nothing_shown(nothing, make, toy, tmp_path):
    studies, evaluations = make.frames(toy, make.searches(toy, seeds=2, budget=10))
    files = write_report(studies, evaluations, tmp_path, benchmarks={"toy": toy}, diagnostics=nothing)
    assert "iagnostic" not in files.html.read_text(encoding="utf-8") + files.markdown.read_text(encoding="utf-8")
    assert files.diagnostics_csv.read_text() == "benchmark,strategy,seed,query,name,value\n"
    assert not [path for path in files.figures if path.name.startswith("diagnostics")]


def test_a_frame_without_its_columns_is_refused(make, toy, tmp_path):
    studies, evaluations = make.frames(toy, make.searches(toy, seeds=2, budget=10))
    with pytest.raises(InvalidSetting, match="frame of diagnostics lacks name: has study, query, value"):
        write_report(
            studies,
            evaluations,
            tmp_path,
            benchmarks={"toy": toy},
            diagnostics=said((1, 1, "x", 1.0)).drop(columns="name"),
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a strategy that speaks and of one that does not, on two benchmarks."""
    folder = tmp_path_factory.mktemp("run")
    benchmarks = ("nasbench201-cifar10", "nasbench201-cifar100")
    return run_experiment(Experiment(benchmarks, ("random-search", TALKING), (0, 1, 2), 30), folder)


def test_report_of_a_run(run, sound):
    files = ganas.report_run(run)
    text = sound(files).source
    section = text[text.index('<h2 id="diagnostics"') : text.index('<h2 id="provenance"')]
    assert section.count("<figure") == 2
    # Three plots a benchmark, and a legend.
    assert section.count('role="img"') == 2 * 3
    # Titles of the strategy in the order in which it gives them; a name stands for itself.
    for drawing in re.findall(r"<figure.*?</figure>", section, flags=re.DOTALL):
        labels = re.findall(r'role="img" aria-label="([^"]*?) of ', drawing)
        assert labels == ["Asks so far", "Mean value told, percent", "spread"]
    assert section.count("median over 3 seeds; bands from the 25th to the 75th percentile") == 2
    assert "<dt>diagnostic</dt>" in text and "<dt>median and band of a diagnostic</dt>" in text
    assert "random-search" not in section
    note = ganas.load_strategy(TALKING).diagnostic_note
    assert note and section.count(note) == 1
    assert sum(path.name.startswith("diagnostics-") for path in files.figures) == 2


def test_csv_and_markdown_of_a_run(run):
    files = ganas.report_run(run)
    rows = pd.read_csv(files.diagnostics_csv)
    assert rows.columns.tolist() == ["benchmark", "strategy", "seed", "query", "name", "value"]
    assert set(rows["strategy"]) == {TALKING}
    lasts = []
    for seed in range(3):
        trace = ganas.search("nasbench201-cifar100", ganas.load_strategy(TALKING), budget=30, seed=seed).trace
        one = rows[(rows["benchmark"] == "nasbench201-cifar100") & (rows["seed"] == seed) & (rows["name"] == "asked")]
        known = trace["asked"].dropna()
        assert one["query"].tolist() == trace["query"][known.index].tolist()
        assert one["value"].tolist() == known.tolist()
        lasts.append(known.iloc[-1])
    markdown = files.markdown.read_text(encoding="utf-8")
    (line,) = [line for line in markdown.splitlines() if line.startswith("| Asks so far (asked)")]
    low, median, high = np.quantile(lasts, [0.25, 0.5, 0.75])
    assert line.endswith(rf"| {median:.4g} \[{low:.4g}, {high:.4g}\] |")


def test_hostile_names_and_titles_are_text(make, toy, tmp_path, sound):
    hostile = '<script>alert("x")</script>&\'`|*_$x$[a](http://b)'
    studies, evaluations = make.frames(toy, [make.Run(hostile, 0, [1, 2, 3]), make.Run("b", 0, [1, 2, 3])])
    diagnostics = said((1, 1, hostile, 1.0), (1, 2, "$", 1e-12), (2, 3, "last", -123456.0))
    files = write_report(studies, evaluations, tmp_path, benchmarks={"toy": toy}, diagnostics=diagnostics)
    text = sound(files).source
    assert "<script" not in text
    assert "<script" not in re.sub(r"```+text\n.*?\n```+", "", files.markdown.read_text(), flags=re.DOTALL)
    assert "\N{MINUS SIGN}123,456" in text and "1e\N{MINUS SIGN}12" in text
    assert all(path.name.isascii() for path in files.figures)


def test_a_single_seed_has_no_band(make, toy, tmp_path, sound):
    studies, evaluations = make.frames(toy, [make.Run("a", 7, [1, 2, 3])])
    diagnostics = said((1, 2, "x", 4.5))
    files = write_report(studies, evaluations, tmp_path, benchmarks={"toy": toy}, diagnostics=diagnostics)
    sound(files)
    markdown = files.markdown.read_text(encoding="utf-8")
    section = markdown[markdown.index("## Diagnostics") : markdown.index("## Provenance")]
    assert "| x | 4.5 |" in section
    assert section.count(" 1 seed.") == 2 and "percentile" not in section


def test_variants_of_a_strategy_share_their_plots(make, toy, tmp_path, sound):
    variants = ("a", "a[size=3]")
    studies, evaluations = make.frames(toy, [make.Run(v, s, [1, 2, 3, 4]) for v in variants for s in range(2)])
    diagnostics = said(*((n, q, "x", n * q) for n in range(1, 5) for q in (1, 3)), (4, 2, "rare", 2.0))
    files = write_report(studies, evaluations, tmp_path, benchmarks={"toy": toy}, diagnostics=diagnostics)
    text = sound(files).source
    section = text[text.index('<h2 id="diagnostics"') : text.index('<h2 id="provenance"')]
    assert section.count("<figure") == 1 and section.count('role="img"') == 2
    assert section.count("<li>") == 2, "the legend names both"
    rows = re.findall(r"^\| (x|rare) .*$", files.markdown.read_text(), flags=re.MULTILINE)
    assert rows == ["x", "x", "rare", "rare"]
    # Of "rare" one seed of the second variant has a value, and none of the first.
    assert "| rare | a | \N{EN DASH} |" in files.markdown.read_text()
    assert r"| 2 \[2, 2\], 1 of 2 seeds |" in files.markdown.read_text()
