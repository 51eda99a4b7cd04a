"""From what is typed on the command line to what it is a name of."""

from __future__ import annotations

from ganas.bench.benchmark import Benchmark
from ganas.bench.registry import BENCHMARKS, is_benchmark
from ganas.data.sources import not_converted
from ganas.plugins import STRATEGIES
from ganas.spaces.errors import InvalidSetting, unknown_name
from ganas.spaces.registry import SPACES, Registry, load_place
from ganas.spaces.space import Space
from ganas.strategy import Strategy

__all__ = ["REGISTRIES", "kind_of", "kinds_of"]

REGISTRIES: dict[str, Registry] = {"space": SPACES, "benchmark": BENCHMARKS, "strategy": STRATEGIES}
"""Every registry by the kind of its entries."""


def kind_of(name: str) -> str:
    """Whether a registered name, a folder or a place is of a space, a benchmark or a strategy; the first of several.

    Raises:
        NotConverted: It is a table that an official file becomes, and that has not been made yet.
        UnknownName: Nothing has this name.
        PluginError: The place cannot be imported.
        InvalidSetting: What is there is none of the three.
    """
    return kinds_of(name)[0]


def kinds_of(name: str) -> list[str]:
    """As :func:`kind_of`, every kind: a space and a benchmark may share a name."""
    found = [kind for kind, registry in REGISTRIES.items() if name in registry.entries()]
    if "benchmark" not in found and is_benchmark(name):
        found.append("benchmark")
    return found or [_kind_at(name)]


def _kind_at(name: str) -> str:
    """The kind of what is at a place."""
    if ":" not in name:
        raise not_converted(name) or unknown_name(
            "name", name, [entry for registry in REGISTRIES.values() for entry in registry.entries()]
        )
    target = load_place("plug-in", name)
    if isinstance(target, type) and issubclass(target, Space):
        return "space"
    if isinstance(target, type) and issubclass(target, Strategy):
        return "strategy"
    if callable(target) or isinstance(target, Benchmark):
        return "benchmark"
    raise InvalidSetting(f"{name!r} is a {type(target).__name__}: neither a space, nor a benchmark, nor a strategy")
