import re

import numpy as np
import pandas as pd
import pytest

from ganas.report import write_report
from ganas.report.markdown import render_markdown
from ganas.spaces.errors import InvalidSetting

HOSTILE = '<script>alert("x")</script>&\'`|*_$x$[a](http://b)'


def write(benchmarks, frames, out, **keywords):
    studies, evaluations = frames
    return write_report(studies, evaluations, out, benchmarks={b.name: b for b in benchmarks}, **keywords)


def test_report_of_two_benchmarks(make, toy, tmp_path, sound):
    other = make.Benchmark("other", values={17: 99.0}, test=True)
    names = ("random-search", "local-search", "regularized-evolution[population_size=50]")
    pairs = [
        make.frames(toy, make.searches(toy, variants=names)),
        make.frames(other, make.searches(other, variants=names), first_study=500),
    ]
    frames = [pd.concat(pair, ignore_index=True) for pair in zip(*pairs, strict=True)]
    files = write([toy, other], frames, tmp_path, command="ganas compare --out RUN", title="A title")
    page = sound(files)
    text = " ".join(page.text)
    assert "A title" in text
    assert "ganas compare --out RUN" in text
    for name in names:
        assert name in text
    assert "The table holds no test value of this metric." in text
    assert "test_accuracy, mean" in text
    before = ["summary", "curves", "queries", "regret", "tests", "architectures"]
    sections = [*before, "operations", "provenance", "definitions"]
    assert [value[1:] for value in page.values("href") if value.startswith("#") and "-" not in value] == sections
    assert [value for value in page.values("id") if value in sections] == sections
    assert page.values("aria-label").count("Graph of the best architecture found on toy: " + best_notation(make)) == 1
    assert sorted(path.name for path in files.figures) == [
        "best-other.svg",
        "best-toy.svg",
        "curves.svg",
        "operations.svg",
        "queries-to-optimum.svg",
    ]
    summary = pd.read_csv(files.summary_csv)
    assert len(summary) == 6
    row = summary[(summary.benchmark == "toy") & (summary.strategy == "local-search")].iloc[0]
    assert row.best_low <= row.best_mean <= row.best_high
    assert row.regret_60 == pytest.approx(91.5 - row.best_mean)
    assert row.regret_60 == row.regret_budget
    curves = pd.read_csv(files.curves_csv)
    last = curves[(curves.benchmark == "toy") & (curves.strategy == "local-search") & (curves["query"] == 60)].iloc[0]
    assert last.regret_mean == row.regret_budget
    assert len(pd.read_csv(files.tests_csv)) == 6


def best_notation(make):
    """The best cell that these searches find on the toy benchmark."""
    rng = np.random.default_rng(7)
    values = np.round(90.0 - rng.gamma(2.0, 4.0, make.space.size), 3)
    values[4321] = 91.5
    runs = make.searches(make.Benchmark(values=dict(enumerate(values.tolist()))), variants=("a", "b", "c"))
    return make.space.format(make.architecture(max((key for run in runs for key in run.keys), key=values.__getitem__)))


def test_same_input_same_bytes(make, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    frames = make.frames(toy, make.searches(toy, seeds=3, budget=20))
    first, second = (write([toy], frames, tmp_path / name) for name in ("one", "two"))
    assert "2023-11-14" in first.html.read_text(encoding="utf-8")
    for one, two in zip(
        [first.html, first.markdown, first.summary_csv, first.curves_csv, first.tests_csv, *first.figures],
        [second.html, second.markdown, second.summary_csv, second.curves_csv, second.tests_csv, *second.figures],
        strict=True,
    ):
        assert one.read_bytes() == two.read_bytes()


def test_writing_again_replaces_and_leaves_nothing_behind(make, toy, tmp_path):
    frames = make.frames(toy, make.searches(toy, seeds=2, budget=10))
    write([toy], frames, tmp_path, title="first")
    files = write([toy], frames, tmp_path, title="second")
    assert "second" in files.html.read_text(encoding="utf-8")
    assert not list(tmp_path.rglob("*.part"))


def test_hostile_names_are_text_everywhere(make, tmp_path, sound):
    benchmark = make.Benchmark(HOSTILE, values={1: 60.0, 2: 70.0})
    benchmark.source = HOSTILE
    studies, evaluations = make.frames(
        benchmark, [make.Run(f"{HOSTILE}{number}", 0, [1, 2]) for number in range(2)], budget=5
    )
    studies["settings"] = f'{{"a": {HOSTILE!r}'
    studies["stop"] = HOSTILE
    files = write([benchmark], (studies, evaluations), tmp_path, command=HOSTILE, title=HOSTILE)
    page = sound(files)
    assert HOSTILE in "".join(page.text)
    markdown = files.markdown.read_text(encoding="utf-8")
    outside = re.sub(r"```+text\n.*?\n```+", "", markdown, flags=re.DOTALL)
    assert "<script" not in outside
    assert "[a](http" not in outside
    assert all(path.name.isascii() and "/" not in path.name for path in files.figures)


def test_two_names_that_give_the_same_file_name_do_not_share_it(make, tmp_path):
    benchmarks = [make.Benchmark("a b", values={1: 60.0}), make.Benchmark("a/b", values={2: 60.0})]
    pairs = [make.frames(b, [make.Run("a", 0, [1, 2])], first_study=n) for n, b in enumerate(benchmarks, start=1)]
    files = write(benchmarks, [pd.concat(p, ignore_index=True) for p in zip(*pairs, strict=True)], tmp_path)
    assert {"best-a-b.svg", "best-a-b-2.svg"} <= {path.name for path in files.figures}


def test_markdown_fence_cannot_be_closed_from_inside(make, toy, tmp_path):
    frames = make.frames(toy, make.searches(toy, seeds=1, budget=3))
    files = write([toy], frames, tmp_path, command="a\n```\n# not a heading\n````")
    assert "`````text\na\n```\n# not a heading\n````\n`````" in files.markdown.read_text(encoding="utf-8")
    assert render_markdown.__doc__


def test_missing_benchmark(make, toy, tmp_path, sound):
    frames = make.frames(toy, make.searches(toy, seeds=7))
    files = write([], frames, tmp_path)
    text = " ".join(sound(files).text)
    assert "The benchmark could not be loaded" in text
    assert "best value seen" in text
    assert "not drawn" in text


def test_single_strategy(make, toy, tmp_path, sound):
    frames = make.frames(toy, make.searches(toy, variants=("random-search",)))
    text = " ".join(sound(write([toy], frames, tmp_path)).text)
    assert "random-search on toy" in text
    assert "nothing to test against" in text


def test_single_seed(make, toy, tmp_path, sound):
    frames = make.frames(toy, make.searches(toy, seeds=1))
    files = write([toy], frames, tmp_path)
    text = " ".join(sound(files).text)
    assert "too few to test the difference" in text
    assert "under 6 seeds" in text
    assert "[" not in "".join(line for line in text.splitlines() if "local-search on" in line)
    assert pd.read_csv(files.summary_csv).regret_budget_low.isna().all()


def test_unfinished_studies_are_said(make, toy, tmp_path, sound):
    runs = make.searches(toy, seeds=3, budget=20)
    runs[-1].state = "running"
    text = " ".join(sound(write([toy], make.frames(toy, runs), tmp_path)).text)
    assert "Unfinished studies are left out: 1 of local-search." in text
    assert "6, of which 1 unfinished" in text


def test_nothing_finished(make, toy, tmp_path, sound):
    runs = [make.Run("a", 0, [1, 2], state="running")]
    files = write([toy], make.frames(toy, runs, budget=5), tmp_path)
    assert "No study is finished yet" in " ".join(sound(files).text)
    assert files.figures == ()
    assert pd.read_csv(files.tests_csv).empty


def test_a_study_without_queries(make, toy, tmp_path, sound):
    runs = [make.Run("a", 0, [], stop="exhausted"), make.Run("a", 1, [])]
    text = " ".join(sound(write([toy], make.frames(toy, runs, budget=5), tmp_path)).text)
    assert "2 studies of a had no successful evaluation" in text
    assert "2 studies of a ended before the budget (budget and exhausted)" in text


def test_minimised_metric(make, tmp_path, sound):
    benchmark = make.Benchmark("loss", values=dict(enumerate(np.linspace(1.0, 9.0, 15625))), higher=False, unit="nats")
    frames = make.frames(benchmark, make.searches(benchmark, seeds=8))
    files = write([benchmark], frames, tmp_path)
    text = " ".join(sound(files).text)
    assert "local-search has the lowest mean regret" in text
    assert "nats" in text
    summary = pd.read_csv(files.summary_csv).set_index("strategy")
    assert summary.best_mean["local-search"] < summary.best_mean["random-search"]
    assert summary.regret_budget["local-search"] == pytest.approx(summary.best_mean["local-search"] - 1.0)


def test_early_stops_and_failures_are_said(make, toy, tmp_path, sound):
    runs = [make.Run("a", 0, [5, -6, 7], stop="stalled"), make.Run("a", 1, list(range(8)))]
    text = " ".join(sound(write([toy], make.frames(toy, runs), tmp_path)).text)
    assert "1 study of a ended before the budget (stalled)" in text
    assert "1 evaluation of a failed" in text


def test_bold_only_where_supported(make, tmp_path):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    runs = [make.Run(n, s, [k]) for n, k in (("weak", 1), ("strong", 2)) for s in range(7)]
    many = write([benchmark], make.frames(benchmark, runs), tmp_path / "many").html.read_text(encoding="utf-8")
    few = write([benchmark], make.frames(benchmark, runs[4:10]), tmp_path / "few").html.read_text(encoding="utf-8")
    assert '<strong><span class="k">strong</span></strong>' in many
    assert '<strong><span class="k">weak</span></strong>' not in many
    assert "<strong>" not in few


def test_level_at_the_optimum_says_how_soon(make, tmp_path, sound):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    searches = {"soon": [[2], [1, 2], [1, 2]], "late": [[1, 3, 2], [1, 3, 4, 2], [2]], "never": [[1], [1], [1]]}
    runs = [make.Run(name, seed, keys) for name, seeds in searches.items() for seed, keys in enumerate(seeds)]
    text = " ".join(sound(write([benchmark], make.frames(benchmark, runs), tmp_path / "level")).text)
    said = "; the median seed found the optimum after 2 and 3 queries."
    assert re.search(rf"share the lowest mean regret after \d+ queries \(0 [\w ]+\){said}", text)
    runs = [make.Run(name, seed, [1]) for name in ("a", "b") for seed in range(3)]
    text = " ".join(sound(write([benchmark], make.frames(benchmark, runs), tmp_path / "off")).text)
    assert "a and b share the lowest mean regret" in text
    assert "median seed" not in text


def test_empty_experiment_is_an_error_in_one_line(make, toy, tmp_path):
    studies, evaluations = make.frames(toy, [make.Run("a", 0, [1])])
    with pytest.raises(InvalidSetting, match="no study") as error:
        write_report(studies.iloc[:0], evaluations, tmp_path, benchmarks={})
    assert "\n" not in str(error.value)


def test_many_strategies_have_lines_of_their_own():
    from ganas.report.figures import line_styles

    styles = line_styles([f"strategy-{number}" for number in range(28)])
    assert len({(style.colour, style.dashes) for style in styles.values()}) == 28


@pytest.mark.slow
def test_a_large_experiment(make, toy, tmp_path, sound):
    seeds, budget, variants = 500, 300, ("random-search", "local-search", "regularized-evolution")
    rng = np.random.default_rng(0)
    studies, _ = make.frames(toy, [make.Run(v, s, [1]) for v in variants for s in range(seeds)], budget=budget)
    texts = np.array([make.space.format(one) for one in make.space.enumerate()], dtype=object)
    keys = np.concatenate([rng.choice(make.space.size, budget, replace=False) for _ in range(len(studies))])
    evaluations = pd.DataFrame(
        {
            "study": np.repeat(studies["study"].to_numpy(), budget),
            "query": np.tile(np.arange(1, budget + 1), len(studies)),
            "architecture": texts[keys],
            "value": toy.values[keys],
            "simulated_seconds": np.tile(np.arange(1, budget + 1) * 3600.0, len(studies)),
            "wall_seconds": 0.0,
            "failure": None,
        }
    )
    sound(write([toy], (studies, evaluations), tmp_path))
