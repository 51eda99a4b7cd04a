"""The experiment: a grid of studies, strategies x benchmarks x seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Signal
from ganas.plugins import load_strategy, make_settings
from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.strategy import Problem

__all__ = ["Experiment", "StudyConfig", "parse_seeds"]


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """What defines one study; equal configurations on equal data give equal traces."""

    benchmark: str
    strategy: str
    settings: Mapping[str, Any]
    seed: int
    budget: int
    metric: str
    signal: Signal
    stop_at_optimum: bool
    variant: str
    """How reports call the strategy: its name, with the settings that differ from the defaults."""

    @property
    def key(self) -> int:
        """A 63-bit hash of the configuration, the same in every process and run."""
        text = json.dumps({**asdict(self), "settings": dict(self.settings)}, sort_keys=True)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1

    def __str__(self) -> str:
        return f"{self.variant} on {self.benchmark}, seed {self.seed}"


@dataclass(frozen=True)
class Experiment:
    """A grid of studies.

    Attributes:
        benchmarks: Registered names (or names of the tables handed to :func:`~ganas.running.run_experiment`).
        strategies: Registered names.
        seeds: Seeds of the studies; every strategy on every benchmark gets all of them.
        budget: Counted queries of a study.
        metric: What to improve; None for the objective of each benchmark.
        signal: ``"mean"`` over trials, or one trial at ``"random"`` for each query.
        settings: Strategy name to setting to one value or a list of values; lists span a grid of variants.
        stop_at_optimum: End a study once it has evaluated an architecture with the best known value.
        one_at_a_time: Instead of the grid of variants, the defaults and every listed value by itself: an ablation.
    """

    benchmarks: tuple[str, ...]
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    budget: int
    metric: str | None = None
    signal: Signal = "mean"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stop_at_optimum: bool = False
    one_at_a_time: bool = False

    def __post_init__(self) -> None:
        for name in ("benchmarks", "strategies", "seeds"):
            values = getattr(self, name)
            if not values:
                raise InvalidSetting(f"an experiment needs at least one of {name}")
            if len(set(values)) != len(values):
                repeated = next(value for value in values if values.count(value) > 1)
                raise InvalidSetting(f"{name} holds {repeated!r} twice")
        if self.budget < 1:
            raise InvalidSetting(f"budget must be at least 1 query, not {self.budget}")
        if self.signal not in ("mean", "random"):
            raise InvalidSetting(f"signal must be mean or random, not {self.signal!r}")
        for seed in self.seeds:
            if seed < 0:
                raise InvalidSetting(f"a seed must not be negative, as {seed} is")
        for name in self.settings:
            if name not in self.strategies:
                raise InvalidSetting(
                    f"settings are given for {name!r}, which is not compared: strategies are "
                    f"{quote_list(self.strategies)}{closest_match(name, self.strategies)}"
                )

    @classmethod
    def from_toml(cls, path: Path) -> Experiment:
        """Read an experiment file.

        ``seeds`` is a number (0 up to it), a text such as ``"100-199"``, or a list.

        Raises:
            InvalidSetting: The file is missing, is not TOML, or a field is unknown or of the wrong type.
        """
        import tomllib

        import pydantic

        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidSetting(f"{path} cannot be read as an experiment: {error}") from None
        known = [item.name for item in dataclasses.fields(cls)]
        for name in data:
            if name not in known:
                raise InvalidSetting(
                    f"{path} has an unknown field {name!r}: known are {quote_list(known)}{closest_match(name, known)}"
                )
        if isinstance(data.get("seeds"), int | str):
            data["seeds"] = parse_seeds(str(data["seeds"]))
        try:
            return pydantic.TypeAdapter(cls).validate_python(data)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            # To pydantic a list in the file is a tuple.
            objection = first["msg"].removeprefix("Value error, ").replace("tuple", "list")
            raise InvalidSetting(f"{f'field {name!r} of ' if name else ''}{path}: {objection}") from None

    def studies(self, benchmarks: Mapping[str, Benchmark]) -> list[StudyConfig]:
        """Every study of the grid, seeds innermost.

        Raises:
            UnknownName: A benchmark, strategy or metric is not known.
            InvalidSetting: A setting is not one of its strategy, or the metric is a test metric.
            NotSupported: Studies are to stop at an optimum that a benchmark does not know.
        """
        variants = [
            variant
            for name in self.strategies
            for variant in _variants(name, self.settings.get(name, {}), self.one_at_a_time)
        ]
        metrics = {name: self._objective(benchmarks[name]) for name in self.benchmarks}
        return [
            StudyConfig(
                benchmark,
                strategy,
                settings,
                int(seed),
                int(self.budget),
                metrics[benchmark],
                self.signal,
                self.stop_at_optimum,
                label,
            )
            for benchmark in self.benchmarks
            for strategy, settings, label in variants
            for seed in self.seeds
        ]

    def _objective(self, benchmark: Benchmark) -> str:
        """The metric to improve on a benchmark; what would fail in every study fails here, before any is made."""
        metric = benchmark.metric(self.metric)
        Problem(benchmark.space, (metric,), self.budget)
        if self.stop_at_optimum:
            benchmark.optimum(metric.name)
        return metric.name


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read ``"30"`` (0 to 29), ``"100-199"`` or ``"1,5,9"``.

    Raises:
        InvalidSetting: It is none of these.

    >>> parse_seeds("3"), parse_seeds("100-102"), parse_seeds("7,3")
    ((0, 1, 2), (100, 101, 102), (7, 3))
    """
    try:
        if "," in text:
            return tuple(int(part) for part in text.split(","))
        if "-" in text.strip().lstrip("-"):
            first, last = (int(part) for part in text.split("-"))
            seeds = tuple(range(first, last + 1))
        else:
            seeds = tuple(range(int(text)))
    except ValueError:
        seeds = ()
    if not seeds:
        raise InvalidSetting(f"seeds must be a count (30), a range (100-199) or a list (1,5,9), not {text!r}")
    return seeds


def _variants(strategy: str, given: Mapping[str, Any], one_at_a_time: bool) -> list[tuple[str, dict[str, Any], str]]:
    """(strategy, settings, label) for every combination of the listed values, or for each of them by itself."""
    strategy_class = load_strategy(strategy)
    defaults = asdict(strategy_class.settings_class())
    choices = {name: value if isinstance(value, list | tuple) else [value] for name, value in given.items()}
    if one_at_a_time:
        combinations = [{}, *({name: value} for name, values in choices.items() for value in values)]
    else:
        combinations = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    variants: dict[str, tuple[str, dict[str, Any], str]] = {}
    for combination in combinations:
        settings = asdict(make_settings(strategy_class, combination))
        changed = [f"{name}={settings[name]}" for name in combination if settings[name] != defaults[name]]
        label = strategy + (f"[{','.join(changed)}]" if changed else "")
        # Once each: a listed value may be the default, which stands in every ablation already.
        variants.setdefault(label, (strategy, settings, label))
    return list(variants.values())
