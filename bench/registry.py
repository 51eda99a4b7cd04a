"""The registered benchmarks: every table of the data catalogue, and what other distributions add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from ganas.bench.benchmark import Benchmark
from ganas.spaces.errors import GanasError, InvalidSetting
from ganas.spaces.registry import PluginError, Registry

__all__ = ["BENCHMARKS", "load_benchmark", "register_benchmark"]


def _tables() -> Mapping[str, str | Callable[..., object]]:
    from ganas.data.catalog import card_names

    return {name: _opener(name) for name in card_names()}


@lru_cache(maxsize=256)
def _opener(name: str) -> Callable[[], Benchmark]:
    # The same object at every look-up, by which load_benchmark knows what it has opened.
    return partial(_open_table, name)


def _open_table(name: str) -> Benchmark:
    from ganas.bench.tabular import TabularBenchmark
    from ganas.data.catalog import card

    return TabularBenchmark.from_card(card(name))


BENCHMARKS = Registry("benchmark", "ganas.benchmarks", _tables)
"""The registered benchmarks; each entry is a callable without arguments that returns a Benchmark."""

register_benchmark = BENCHMARKS.register


@lru_cache(maxsize=8)
def _opened(build: Callable[[], object], name: str, digest: str | None) -> Benchmark:
    try:
        benchmark = build if isinstance(build, Benchmark) else build()
    except GanasError:
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"benchmark {name!r} cannot be opened: {text}") from error
    if not isinstance(benchmark, Benchmark):
        raise InvalidSetting(f"{name!r} is given as a benchmark and makes a {type(benchmark).__name__}")
    return benchmark


def load_benchmark(name: str) -> Benchmark:
    """Open the benchmark of this name; the same object while it stays among the last eight opened.

    Raises:
        UnknownName: No benchmark has this name.
        DataError: Its file is missing or damaged.
        PluginError: It cannot be imported, or its function fails.
        InvalidSetting: What is registered does not make a benchmark.
    """
    return _opened(BENCHMARKS.load(name), name, _digest(name))


def _digest(name: str) -> str | None:
    """What tells a table from one of the same name that was converted since; None for what is no table."""
    from ganas.data.card import content_digest
    from ganas.data.catalog import card, card_names

    return content_digest(card(name)) if name in card_names() else None
