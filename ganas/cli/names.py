"""From what is typed on the command line to what it is a name of."""

from __future__ import annotations

from ganas.bench.benchmark import Benchmark
from ganas.bench.registry import BENCHMARKS, is_benchmark
from ganas.bench.surrogate.models import SURROGATES
from ganas.bench.surrogate.regressor import Regressor
from ganas.data.datasets import datasets
from ganas.data.sources import not_converted
from ganas.plugins import STRATEGIES
from ganas.spaces.errors import InvalidSetting, unknown_name
from ganas.spaces.registry import SPACES, Registry, load_place
from ganas.spaces.space import Space
from ganas.strategy import Strategy

__all__ = ["REGISTRIES", "kind_of", "kinds_of"]

REGISTRIES: dict[str, Registry] = {
    "space": SPACES,
    "benchmark": BENCHMARKS,
    "strategy": STRATEGIES,
    "surrogate": SURROGATES,
}
"""Every registry by the kind of its entries; fitted surrogates are benchmarks, and ``surrogate`` are their models."""


def kind_of(name: str) -> str:
    """Whether a registered name, a folder or a place is of a space, a benchmark, a strategy or a surrogate model.

    The first of several.

    Raises:
        NotConverted: It is a table that an official file becomes, and that has not been made yet.
        UnknownName: Nothing has this name.
        PluginError: The place cannot be imported.
        InvalidSetting: What is there is none of the four.
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
            "name", name, [*(entry for registry in REGISTRIES.values() for entry in registry.entries()), *datasets()]
        )
    target = load_place("plug-in", name)
    if isinstance(target, type) and issubclass(target, Space):
        return "space"
    if isinstance(target, type) and issubclass(target, Strategy):
        return "strategy"
    if isinstance(target, type) and issubclass(target, Regressor):
        return "surrogate"
    if callable(target) or isinstance(target, Benchmark):
        return "benchmark"
    nothing = "neither a space, nor a benchmark, nor a strategy, nor a surrogate model"
    raise InvalidSetting(f"{name!r} is a {type(target).__name__}: {nothing}")
