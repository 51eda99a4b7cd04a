"""What ``ganas info`` says of a space, a benchmark, a strategy, the model of a surrogate or a data set."""

from __future__ import annotations

import inspect
import itertools
import re
from contextlib import suppress
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Metric
from ganas.bench.registry import is_benchmark, load_benchmark
from ganas.bench.surrogate.models import model_class
from ganas.data.datasets import dataset
from ganas.data.page_words import epochs_in_words
from ganas.data.sources import not_converted
from ganas.plugins import load_strategy
from ganas.spaces.errors import GanasError, RunNotMeasured
from ganas.spaces.registry import SPACES, load_space

__all__ = ["benchmark_facts", "dataset_facts", "space_facts", "strategy_facts", "surrogate_model_facts"]


def space_facts(name: str) -> dict[str, Any]:
    """Its size and operations."""
    from ganas.bench.training.trainers import datasets_for

    space = load_space(name)
    choices = sorted(set(space.choices))
    waiting = None if is_benchmark(name) else not_converted(name)
    return {
        "title": space.title,
        "size": space.size,
        "nodes": f"at most {space.max_nodes}, inputs and outputs included",
        "genotype": f"{len(space.choices)} positions with {' or '.join(map(str, choices))} choices each",
        "decisions": f"{len(space.decisions)} to build an architecture step by step",
        "parameters": "closed formula" if space.has_parameter_count else "no closed formula",
        "trained on": ", ".join(datasets_for(space)) or "no data set: there is no trainer for it",
        # A table of the same name, or of a file of the same name, that could be had.
        **({} if waiting is None else {"benchmarks": str(waiting)}),
        "operations": list(space.operations),
    }


def benchmark_facts(name: str) -> dict[str, Any]:
    """How much of the space it holds, its metrics, runs, trials and known defects."""
    from ganas.bench.measured_table import MeasuredTable
    from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark
    from ganas.bench.training.benchmark import TrainerBenchmark
    from ganas.cli.surrogate_facts import surrogate_facts
    from ganas.cli.trainer_facts import protocol_table, trainer_facts
    from ganas.data.catalog import card, card_names

    benchmark = load_benchmark(name)
    this = "these shared weights" if benchmark.kind == "shared" else f"this {benchmark.kind}"
    splits = {metric.split for metric in benchmark.metrics.values()}
    facts: dict[str, Any] = {
        "title": f"{benchmark.kind} of {benchmark.space.name}",
        "type": benchmark.kind,
        "space": benchmark.space.name,
        "objective": benchmark.objective,
        "test values": "held" if "test" in splits else f"not held by {this}",
        "source": benchmark.source,
    }
    if isinstance(benchmark, MeasuredTable):
        facts["architectures"] = {"held": benchmark.num_rows, "of": benchmark.space.size}
        facts["trials"] = benchmark.trial_meaning
        facts["cost metric"] = benchmark.cost
    if benchmark.runs:
        facts["runs"] = f"trainings scheduled for {', '.join(map(str, benchmark.runs))} epochs"
    if benchmark.fidelities():
        facts["fidelities"] = f"{benchmark.fidelity} {epochs_in_words(benchmark.fidelities())}"
    known = card(name) if name in card_names() else None
    if known is not None:
        facts |= {"title": known.title, "licence": known.licence, "citation": known.citation}
    if isinstance(benchmark, SurrogateBenchmark):
        facts |= surrogate_facts(benchmark)
    if isinstance(benchmark, TrainerBenchmark | SharedWeightsBenchmark):
        facts |= trainer_facts(benchmark)
    facts["metrics"] = [_metric(metric) for metric in _metrics_by_run(benchmark)]
    if isinstance(benchmark, TrainerBenchmark | SharedWeightsBenchmark):
        facts["protocol values"] = protocol_table(benchmark)
    if known is not None:
        counts = [{"trials": trials, "architectures": count} for trials, count in known.trial_counts]
        if counts:
            facts["trial counts"] = counts
        facts["known defects"] = list(known.known_defects)
        if known.notes:
            facts["notes"] = list(known.notes)
    return facts


def _metrics_by_run(benchmark: Benchmark) -> list[Metric]:
    """Every metric, once for each run that it is held in."""
    found = []
    for name, longest in benchmark.metrics.items():
        for run in benchmark.runs if longest.run is not None else ():
            try:
                found.append(benchmark.metric(name, run=run))
            except RunNotMeasured:
                continue  # not every metric is held in every run
        if longest.run is None:
            found.append(longest)
    return found


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "metric": metric.name,
        "run": metric.run,
        "unit": metric.unit,
        "split": metric.split or "-",
        "better": "higher" if metric.higher_is_better else "lower",
        "epochs": epochs_in_words(metric.epochs) or "-",
        "seeds": metric.seeds,
        "description": metric.description,
    }


def strategy_facts(name: str) -> dict[str, Any]:
    """Its settings and its diagnostics."""
    strategy = load_strategy(name)
    meanings = _attributes(strategy.settings_class.__doc__ or "")
    try:
        types = get_type_hints(strategy.settings_class)
    except NameError:
        types = {}  # a plug-in's annotation that only a type checker can read stands for itself
    settings = [
        {
            "setting": field.name,
            "type": _type_in_words(types.get(field.name, field.type)),
            "default": field.default if field.default is not MISSING else "-",
            "meaning": _plain(meanings.get(field.name, "")),
        }
        for field in fields(strategy.settings_class)
    ]
    about, *details = _paragraphs(_plain(inspect.cleandoc(strategy.__doc__ or "")))
    described = inspect.cleandoc(strategy.settings_class.__doc__ or "").partition("Attributes:\n")[0]
    return {
        "title": strategy.title,
        "about": about,
        "details": details,
        **({"about the settings": _paragraphs(_plain(described))} if settings and described else {}),
        "settings": settings,
        "diagnostics": [{"diagnostic": name, "meaning": title} for name, title in strategy.diagnostic_titles.items()],
    }


def surrogate_model_facts(name: str) -> dict[str, Any]:
    """What it reads."""
    model = model_class(name)
    about, *details = _paragraphs(_plain(inspect.cleandoc(model.__doc__ or "")))
    return {"title": model.title, "about": about, "details": details, "reads": list(model.reads)}


def dataset_facts(name: str) -> dict[str, Any]:
    """What it is, which files it is made of, and whether they are at hand."""
    from ganas.bench.training.names import LISTED, PROTOCOLS, trainer_name

    known = dataset(name)
    return {
        "title": known.title,
        "type": "data set",
        "tasks": ", ".join(known.tasks),
        **known.about,
        "from": known.url,
        "state": known.missing() or "at hand",
        **({} if known.folder is None else {"folder": str(known.folder)}),
        **({"counts from": known.counts_source} if known.counts else {}),
        "command": f"ganas train SPACE ARCHITECTURE --dataset {name}{' [--data FOLDER]' if known.files else ''}",
        "spaces": ", ".join(_trained_spaces(name)),
        "files": [", ".join(files) for files in known.files],
        "published counts": [{"what": what, "count": count} for what, count in known.counts.items()],
        "trainers": [
            trainer_name(space, listed, protocol)
            for space, listed in LISTED
            if listed == name
            for protocol in PROTOCOLS
        ],
    }


def _trained_spaces(name: str) -> list[str]:
    """The spaces whose architectures can be trained on a data set."""
    from ganas.bench.training.trainers import datasets_for

    found = []
    for space in SPACES.entries():
        with suppress(GanasError):  # a plug-in that cannot be loaded says so in ganas list
            if name in datasets_for(load_space(space)):
                found.append(space)
    return found


def _type_in_words(kind: Any) -> str:
    """A type as one writes its values: ``Literal["a", "b"]`` is ``a | b``, and ``Optional`` adds ``None``."""
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(_type_in_words, get_args(kind)))
    if kind is type(None):
        return "None"
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs and items of lists, one line each; at least one."""
    parts = re.split(r"\n\n|\n(?=- |\d+\. )", text.strip())
    return [" ".join(part.split()).removeprefix("- ") for part in parts]


def _plain(text: str) -> str:
    """Without the double backticks that docstrings put around what is typed."""
    return text.replace("``", "")


def _attributes(docstring: str) -> dict[str, str]:
    """What the section ``Attributes`` of a docstring says about each name."""
    lines = inspect.cleandoc(docstring).partition("Attributes:\n")[2].splitlines()
    meanings: dict[str, str] = {}
    name = ""
    for line in itertools.takewhile(lambda line: not line or line.startswith(" "), lines):
        entry = re.match(r" {1,4}(\w+): *(.*)", line)
        if entry is not None:
            name = entry[1]
            meanings[name] = entry[2]
        elif name:
            meanings[name] = f"{meanings[name]} {line.strip()}".strip()
    return meanings
