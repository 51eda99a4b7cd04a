"""The registered benchmarks of shared weights by name: ``shared-<space>-<dataset>``, all of the miniature."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

__all__ = ["LISTED", "shared_builders", "shared_name"]

# This module is imported at every look-up of a benchmark, so it imports nothing of what makes them.

LISTED = (("textnas", "bbcnews"), ("textnas-mini", "bbcnews"), ("textnas-mini", "sst2"))
"""The space and the data set of every registered one."""


def shared_name(space: str, dataset: str) -> str:
    """What shared weights are called.

    >>> shared_name("textnas", "bbcnews")
    'shared-textnas-bbcnews'
    """
    return f"shared-{space}-{dataset}"


@cache
def shared_builders() -> dict[str, Callable[[], Any]]:
    """What makes each registered one, by name; the same objects at every call."""
    return {shared_name(space, dataset): partial(_make, space, dataset) for space, dataset in LISTED}


def _make(space: str, dataset: str) -> Any:
    from ganas.bench.shared_weights.benchmark import SharedWeightsBenchmark
    from ganas.bench.training.classification.shared_task import shared_text_task
    from ganas.bench.training.names import MINI
    from ganas.spaces.registry import load_space

    return SharedWeightsBenchmark(shared_name(space, dataset), shared_text_task(load_space(space), dataset, MINI))
