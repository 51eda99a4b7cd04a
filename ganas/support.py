"""Whether every strategy of an experiment runs on every benchmark of it, found out before anything is run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ganas.bench.benchmark import Benchmark
from ganas.plugins import load_strategy
from ganas.spaces.errors import NotSupported
from ganas.study import Study

if TYPE_CHECKING:
    from ganas.experiment import StudyConfig

__all__ = ["require_supported"]


def require_supported(configs: Iterable[StudyConfig], benchmarks: Mapping[str, Benchmark]) -> None:
    """Make one study of each strategy with each of its settings on each space, and run none.

    What a strategy needs (a formula of the space, an optional package) it says when it is made; asked here, it is said
    once and before the first study, and not by the first worker that comes to it. One-shot searches are made for each
    benchmark, because they need its training data.

    Raises:
        NotSupported: A strategy does not run on a benchmark; the message names both.
        GanasError: Whatever else a strategy raises when it is made.
    """
    seen: set[tuple[str, str, str]] = set()
    for config in configs:
        benchmark = benchmarks[config.benchmark]
        where = config.benchmark if load_strategy(config.strategy).needs_training_task else benchmark.space.name
        cell = (config.strategy, json.dumps(dict(config.settings), sort_keys=True), where)
        if cell in seen:
            continue
        seen.add(cell)
        try:
            Study(
                benchmark,
                config.strategy,
                budget=config.budget,
                seed=config.seed,
                metric=config.metric,
                signal=config.signal,
                settings=config.settings,
            )
        except NotSupported as error:
            raise NotSupported(f"{config.variant} does not run on {config.benchmark}: {error}") from error
