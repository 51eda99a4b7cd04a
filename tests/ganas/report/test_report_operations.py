"""The section on operations: where it applies, what is counted, and what a reader is told of it."""

import re

import numpy as np
import pytest

from ganas.bench.toy import ToyBenchmark
from ganas.report import write_report
from ganas.report.operations import alphabets_of, read_operations
from ganas.report.results import read_panels
from ganas.report.statistics import wilson_interval
from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS, UP_OPERATIONS
from ganas.spaces.registry import SPACES, load_space


def read(benchmark, frames):
    benchmarks = {benchmark.name: benchmark}
    studies, evaluations = frames
    return read_operations(read_panels(studies, evaluations, benchmarks), studies, evaluations, benchmarks)


def test_only_spaces_whose_every_position_chooses_an_operation():
    found = {name: alphabets_of(load_space(name)) for name in SPACES.entries()}
    assert {"alphagan", "alphagan-discriminator", "nasbench201"} <= {name for name in found if found[name]}
    for name in ("darts", "graphnas", "nasbench101", "natsbench-size", "rnn", "rnn-mini", "textnas", "textnas-mini"):
        assert found[name] == (), name
    (cell,) = found["nasbench201"]
    assert cell.positions == tuple(range(6)) and cell.operations == load_space("nasbench201").operations[1:-1]
    up, normal = found["alphagan"]
    assert (up.operations, normal.operations) == (UP_OPERATIONS, NORMAL_OPERATIONS)
    assert up.positions == (0, 1, 5, 6, 10, 11, 15, 16, 17) and normal.positions == (2, 3, 4, 7, 8, 9, 12, 13, 14)


def test_counts_of_the_best_and_of_random_ones(make):
    # Values: more nor_conv_3x3 (number 3) is better.
    rng = np.random.default_rng(3)
    genotypes = [make.space.encode(one) for one in make.space.enumerate()]
    threes = np.array([genotype.count(3) for genotype in genotypes])
    benchmark = make.Benchmark(values=dict(enumerate(50.0 + threes + 1e-6 * np.arange(len(threes)))))
    keys = rng.choice(make.space.size, size=(4, 60), replace=False).tolist()
    runs = [
        make.Run("random-search", 0, keys[0]),
        make.Run("random-search", 1, keys[0][:30] + keys[1][:30]),  # half of them twice
        make.Run("a", 0, [*keys[2][:-1], -keys[2][-1]]),  # the last one failed
        make.Run("a", 1, keys[3], state="running"),
    ]
    (panel,) = read(benchmark, make.frames(benchmark, runs))
    random = {*keys[0], *keys[1][:30]}
    evaluated = random | set(keys[2][:-1])
    assert (panel.random, panel.evaluated, panel.best) == (90, 149, 15)
    best = sorted(evaluated, key=lambda key: -benchmark.values[key])[:15]
    for use, number in zip(panel.uses, range(5), strict=True):
        assert use.operation == make.space.operations[1 + number]
        for share, chosen in ((use.best, best), (use.random, random)):
            count = sum(genotypes[key].count(number) for key in chosen)
            assert (share.count, share.draws) == (count, 6 * len(chosen))
            assert share.value == count / share.draws
            assert (share.low, share.high) == wilson_interval(share.count, share.draws)
    assert [use.differs for use in panel.uses][3], "the operation that makes them good"
    assert panel.uses[3].best.value > 2 * panel.uses[3].random.value


def test_lower_is_better_and_single_trials(make):
    values = np.linspace(1.0, 9.0, make.space.size)
    benchmark = make.Benchmark("loss", values=dict(enumerate(values)), higher=False, unit="nats")
    keys = list(range(0, make.space.size, 200))
    # What was told says the opposite of the means, which are looked up.
    trials = [0 if key > 10_000 else 1 for key in keys]
    (panel,) = read(benchmark, make.frames(benchmark, [make.Run("a", 0, keys, trials=trials)]))
    assert panel.best == 8 and panel.uses[0].best.draws == 48
    best = [make.space.encode(make.architecture(key)) for key in keys[:8]]
    assert [use.best.count for use in panel.uses] == [sum(one.count(number) for one in best) for number in range(5)]


def test_without_random_search_the_share_is_that_of_the_choices(make, toy, tmp_path, sound):
    frames = make.frames(toy, make.searches(toy, variants=("a", "b"), seeds=2))
    (panel,) = read(toy, frames)
    assert panel.random == 0
    for use in panel.uses:
        assert (use.random.draws, use.random.value, use.random.low, use.random.high) == (0, 0.2, 0.2, 0.2)
    files = write_report(*frames, tmp_path, benchmarks={"toy": toy})
    text = " ".join(sound(files).text)
    assert "a uniform sample of the space, whose shares are computed: random-search did not run" in text
    assert "diamonds" not in text and "computed" in files.markdown.read_text(encoding="utf-8")


def test_alphabets_are_counted_apart(tmp_path, sound):
    from ganas.experiment import Experiment
    from ganas.report.run import report_run
    from ganas.running import run_experiment

    benchmark = ToyBenchmark(load_space("alphagan"))
    given = {benchmark.name: benchmark}
    strategies = ("random-search", "regularized-evolution")
    run_experiment(Experiment((benchmark.name,), strategies, (0, 1), 30), tmp_path, benchmarks=given)
    files = report_run(tmp_path, benchmarks=given)
    sound(files)
    markdown = files.markdown.read_text(encoding="utf-8")
    section = markdown[markdown.index("## Which operations") : markdown.index("## Provenance")]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| toy-alphagan")]
    assert [row[1] for row in rows] == ["9 positions of 3 operations"] * 3 + ["9 positions of 6 operations"] * 6
    names = [row[2].strip("*").replace("\\", "") for row in rows]
    assert names == [*UP_OPERATIONS, *NORMAL_OPERATIONS]
    drawn = int(re.search(r"against (\d+) distinct ones that random-search drew", section)[1])
    assert drawn == 60
    # Each part adds up: nine positions of each architecture.
    times = [int(re.match(r"\d+", row[6])[0]) for row in rows]
    assert sum(times[:3]) == sum(times[3:]) == 9 * drawn
    (svg,) = [path.read_text(encoding="utf-8") for path in files.figures if path.name == "operations.svg"]
    assert "9 positions of 3 operations" in svg and "sep_conv_7x7" in svg


@pytest.mark.parametrize("keys", [range(9), range(-1, -30, -1)], ids=["few", "failed"])
def test_no_best_ones_no_section(keys, make, toy, tmp_path, sound):
    frames = make.frames(toy, [make.Run("a", 0, list(keys))])
    files = write_report(*frames, tmp_path, benchmarks={"toy": toy})
    assert "Which operations" not in sound(files).source and "Wilson" not in sound(files).source
    assert "operations.svg" not in [path.name for path in files.figures]


def test_no_benchmark_no_section(make, toy, tmp_path, sound):
    files = write_report(*make.frames(toy, make.searches(toy, seeds=2)), tmp_path, benchmarks={})
    assert "Which operations" not in sound(files).source
