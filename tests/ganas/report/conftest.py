"""A toy benchmark on the NAS-Bench-201 space, experiments on it whose queries the tests choose, and a page's parser."""

import dataclasses
import html.parser
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric, Optimum, Result
from ganas.plugins import load_strategy
from ganas.spaces.errors import NotSupported
from ganas.spaces.nasbench201.space import NASBench201

SPACE = NASBench201()


def architecture_of(rank):
    """The architecture with this identity key."""
    return SPACE.decode([rank // 5**place % 5 for place in range(5, -1, -1)])


class ToyBenchmark(Benchmark):
    """Values by identity key: 50 unless given, the mean of two trials that lie one unit to either side."""

    kind = "table"
    space = SPACE

    def __init__(self, name="toy", values=None, *, higher=True, unit="percent", test=False, has_optimum=True):
        self.name = name
        self.objective = "valid_accuracy"
        self.source = f"table:{name}"
        metrics = [Metric("valid_accuracy", unit, "valid", higher), Metric("parameters", "count", None, False)]
        if test:
            metrics.append(Metric("test_accuracy", unit, "test", higher))
        self.metrics = {metric.name: metric for metric in metrics}
        self.values = np.full(SPACE.size, 50.0)
        for rank, value in (values or {}).items():
            self.values[rank] = value
        self.has_optimum = has_optimum

    def query(self, architecture, metric=None, *, epoch=None, trial=None, seed=None, run=None, reduction="mean"):
        name = metric or self.objective
        key = SPACE.identity_key(architecture)
        value = {
            "valid_accuracy": self.values[key] + (0 if trial is None else (-1.0, 1.0)[trial]),
            "test_accuracy": self.values[key] - 0.25,
            "parameters": 1000 + key,
        }[name]
        return Result(float(value), name, self.metrics[name].unit, None, None, (), "mean", 3600.0, self.source)

    def query_many(self, architectures, metrics=None, *, epoch=None, run=None):
        names = metrics or [self.objective]
        return np.array([[self.query(one, name).value for name in names] for one in architectures], dtype=float)

    def num_trials(self, architecture, metric=None):
        return 2

    def optimum(self, metric=None):
        if not self.has_optimum:
            raise NotSupported("no optimum is known")
        key = int(self.values.argmax() if self.metric(metric).higher_is_better else self.values.argmin())
        return Optimum(float(self.values[key]), architecture_of(key), self.objective)


@dataclasses.dataclass
class Run:
    """One study: the identity keys that it queried, in order; a key of -1 is a failed evaluation."""

    variant: str
    seed: int
    keys: Sequence[int]
    state: str = "finished"
    stop: str = "budget"
    trials: Sequence[int] | None = None


def frames_of(benchmark, runs, *, budget=None, first_study=1):
    """The two frames of an experiment: every query costs one simulated hour."""
    studies, evaluations = [], []
    budget = budget if budget is not None else max(len(run.keys) for run in runs)
    for number, run in enumerate(runs, start=first_study):
        for position, key in enumerate(run.keys):
            failed = key < 0
            architecture = architecture_of(abs(key))
            trial = None if run.trials is None else run.trials[position]
            evaluations.append(
                {
                    "study": number,
                    "query": position + 1,
                    "architecture": SPACE.format(architecture),
                    "value": np.nan if failed else benchmark.query(architecture, trial=trial).value,
                    "simulated_seconds": 3600.0 * (position + 1),
                    "wall_seconds": 0.001 * (position + 1),
                    "failure": "it diverged" if failed else None,
                }
            )
        studies.append(
            {
                "study": number,
                "benchmark": benchmark.name,
                "strategy": run.variant.split("[")[0],
                "variant": run.variant,
                "settings": json.dumps({"size": 2}),
                "seed": run.seed,
                "budget": budget,
                "metric": benchmark.objective,
                "signal": "mean" if run.trials is None else "random",
                "state": run.state,
                "stop": run.stop if run.state == "finished" else None,
                "source": benchmark.source,
                "space": benchmark.space.name,
                "versions": json.dumps({"ganas": "0.1.0", "python": "3.11.2"}),
                "queries": len(run.keys),
                "simulated_seconds": 3600.0 * len(run.keys),
                "wall_seconds": 0.5,
            }
        )
    columns = ["study", "query", "architecture", "value", "simulated_seconds", "wall_seconds", "failure"]
    return pd.DataFrame(studies), pd.DataFrame(evaluations, columns=columns)


def searches(benchmark, *, seeds=8, budget=60, variants=("random-search", "local-search")):
    """Runs that differ in luck: strategy number n keeps the better of n + 1 random architectures at each query."""
    runs = []
    for skill, variant in enumerate(variants):
        for seed in range(seeds):
            rng = np.random.default_rng([skill, seed])
            draws = rng.choice(SPACE.size, size=(budget, 2**skill), replace=False)
            scores = benchmark.values[draws] * (1 if benchmark.metric().higher_is_better else -1)
            runs.append(Run(variant, 100 + seed, draws[np.arange(budget), scores.argmax(axis=1)].tolist()))
    return runs


VOID = {"meta", "link", "br", "wbr", "hr", "img", "input", "col"}


class Page(html.parser.HTMLParser):
    """A page as text in ``source``; checks that tags close in order, and collects what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.source = text
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def values(self, name):
        return [value for _, key, value in self.attributes if key == name]


def assert_sound(files):
    """The page is well formed and stands alone, and the SVG files are XML."""
    text = files.html.read_text(encoding="utf-8")
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids)), "an id is used twice"
    for value in [*page.values("href"), *page.values("src"), *page.values("xlink:href")]:
        assert value.startswith("#") or value == "data:,", f"the page loads {value!r}"
        assert value[1:] in ids or value == "data:,", f"{value!r} leads nowhere"
    for reference in re.findall(r"url\(([^)]*)\)", text):
        assert reference.strip("\"'").startswith("#")
        assert reference.strip("\"'")[1:] in ids
    assert "@import" not in text
    assert not {"script", "iframe", "object", "embed", "img"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    for figure in files.figures:
        ElementTree.fromstring(figure.read_text(encoding="utf-8"))
    markdown = files.markdown.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((figures/[^)]*)\)", markdown):
        assert (files.markdown.parent / link).is_file()
    return page


@pytest.fixture(scope="session")
def sound():
    """:func:`assert_sound`, for tests to use."""
    return assert_sound


@pytest.fixture(scope="session")
def toy():
    """A benchmark with a spread of values and one optimum."""
    rng = np.random.default_rng(7)
    values = dict(enumerate(np.round(90.0 - rng.gamma(2.0, 4.0, SPACE.size), 3).tolist()))
    return ToyBenchmark(values=values | {4321: 91.5})


@pytest.fixture(scope="session")
def make():
    """The builders above, for tests to use."""

    class Make:
        Benchmark = ToyBenchmark
        Run = Run
        frames = staticmethod(frames_of)
        searches = staticmethod(searches)
        architecture = staticmethod(architecture_of)
        space = SPACE

    return Make


@pytest.fixture(scope="session")
def relaxed():
    """The name under which reports find the strategy of ``relaxed_strategy.py``, which nothing else knows."""
    loaded = load_strategy(f"{Path(__file__).with_name('relaxed_strategy.py')}:Relaxed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ganas.report.frames.load_strategy", lambda name: loaded if name == loaded.name else load_strategy(name)
        )
        yield loaded.name
