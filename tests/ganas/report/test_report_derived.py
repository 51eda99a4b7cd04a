"""The section on what one-shot searches end with: its ranks, and where it does not appear."""

import math

import numpy as np
import pytest

from ganas.report import write_report
from ganas.report.derived import read_derived
from ganas.report.results import read_panels


def read(benchmark, frames):
    benchmarks = {benchmark.name: benchmark}
    studies, evaluations = frames
    return read_derived(read_panels(studies, evaluations, benchmarks), studies, evaluations, benchmarks)


@pytest.fixture
def benchmark(make):
    """The value of an architecture is its key, up to 100; 30 and 31 are equal."""
    return make.Benchmark(values={key: float(30 if key == 31 else key) for key in range(101)})


def test_rank_of_the_last_proposal(make, benchmark, relaxed):
    runs = [
        make.Run("random-search", 0, [10, 20, 30, 31, -99]),
        make.Run("random-search", 1, [40, 10, 50, 60, 70]),
        make.Run(relaxed, 3, [90, 5]),  # the best one on the way does not count
        make.Run(relaxed, 2, [5, 90]),
        make.Run(relaxed, 4, [1, 2, 45]),
        make.Run(relaxed, 5, [60]),  # random search had it too
        make.Run(relaxed, 6, [32, 31]),
        make.Run(relaxed, 7, [50, -98]),
        make.Run(relaxed, 8, [100], state="running"),
        make.Run("local-search", 0, [100]),
    ]
    (panel,) = read(benchmark, make.frames(benchmark, runs))
    assert (panel.random, panel.failed) == (8, 1)
    ranks = {derived.seed: (derived.rank, derived.others) for derived in panel.derived}
    assert list(ranks) == [2, 3, 4, 5, 6, 7]
    assert ranks[2] == (1.0, 8) and ranks[3] == (9.0, 8) and ranks[4] == (4.0, 8)
    assert ranks[5] == (2.0, 7), "70 is better, and it is not ranked against itself"
    assert ranks[6] == (5.5, 7), "40, 50, 60 and 70 are better, 30 is equal"
    assert math.isnan(ranks[7][0])


def test_lower_is_better(make, relaxed):
    benchmark = make.Benchmark(values={key: float(key) for key in range(20)}, higher=False, unit="nats")
    runs = [make.Run("random-search", 0, [3, 5, 7]), make.Run(relaxed, 0, [9, 4])]
    (panel,) = read(benchmark, make.frames(benchmark, runs))
    assert [derived.rank for derived in panel.derived] == [2.0]


def test_section(make, benchmark, relaxed, tmp_path, sound):
    runs = [make.Run("random-search", 0, [10, 20, 30, -99])]
    runs += [make.Run(relaxed, seed, [key]) for seed, key in enumerate([25, 40, -98])]
    files = write_report(*make.frames(benchmark, runs), tmp_path, benchmarks={"toy": benchmark})
    page = sound(files)
    assert "#derived" in page.values("href") and "<dt>last proposal</dt>" in page.source
    markdown = files.markdown.read_text(encoding="utf-8")
    section = markdown[markdown.index("## Rank of what was derived") : markdown.index("## Provenance")]
    rows = [line.split(" | ")[1:] for line in section.splitlines() if line.startswith(f"| {relaxed}")]
    dash = "\N{EN DASH}"
    assert rows == [
        ["0", "25.000", "2 (of 4)", "67 % |"],
        ["1", "40.000", "1 (of 4)", "100 % |"],
        ["2", f"{dash} (failed)", dash, f"{dash} |"],
        ["median", "32.500", "1.5", "83 % |"],
    ]
    assert "among 3 random architectures" in section and "because they failed: 1." in section


def test_fractions_are_shown_in_percent(make, relaxed, tmp_path):
    benchmark = make.Benchmark(values={1: 0.5, 2: 0.75}, unit="fraction")
    benchmark.values[3:] = 0.1
    runs = [make.Run("random-search", 0, [1, 3]), make.Run(relaxed, 0, [2])]
    files = write_report(*make.frames(benchmark, runs), tmp_path, benchmarks={"toy": benchmark})
    markdown = files.markdown.read_text(encoding="utf-8")
    assert "| valid\\_accuracy, percent | rank |" in markdown
    assert f"| {relaxed} | 0 | 75.000 | 1 (of 3) | 100 % |" in markdown


def test_single_trials_are_compared_by_their_means(make, benchmark, relaxed):
    # Told 21 - 1 and 20 + 1, which are 21 and 20 on average.
    runs = [make.Run("random-search", 0, [20, 90], trials=[1, 0]), make.Run(relaxed, 0, [21], trials=[0])]
    (panel,) = read(benchmark, make.frames(benchmark, runs))
    assert [(one.value, one.rank) for one in panel.derived] == [(21.0, 2.0)]


@pytest.mark.parametrize(
    "names", [("relaxed",), ("random-search", "local-search"), ("random-search", "unknown")], ids=" ".join
)
def test_no_section_where_it_does_not_apply(names, make, benchmark, relaxed, tmp_path, sound):
    runs = [make.Run(name, seed, [seed, 7 + seed]) for name in names for seed in range(2)]
    files = write_report(*make.frames(benchmark, runs), tmp_path, benchmarks={"toy": benchmark})
    page = sound(files)
    assert "derived" not in page.values("id") and "last proposal" not in page.source


def test_nothing_but_failures(make, benchmark, relaxed):
    runs = [make.Run("random-search", 0, [-3, -4]), make.Run(relaxed, 0, [5])]
    assert read(benchmark, make.frames(benchmark, runs)) == ()
    runs = [make.Run("random-search", 0, [3, 4]), make.Run(relaxed, 0, [])]
    assert read(benchmark, make.frames(benchmark, runs, budget=2)) == ()
    assert np.isnan(make.frames(benchmark, [make.Run("a", 0, [-3])])[1]["value"]).all()
