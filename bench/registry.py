"""The registered benchmarks: tables, saved surrogates, trainers, shared weights, and what others add."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from ganas.bench.benchmark import Benchmark
from ganas.spaces.errors import DataError, DuplicateName, GanasError, InvalidSetting, UnknownName
from ganas.spaces.registry import PluginError, Registry

__all__ = ["BENCHMARKS", "is_benchmark", "load_benchmark", "register_benchmark"]

# A surrogate asked for with the noise of a seed.
_NOISE = re.compile(r"(.+)\+noise-(\d{1,18})", re.ASCII)


def _found() -> Mapping[str, str | Callable[..., object]]:
    from ganas.bench.shared_weights.names import shared_builders
    from ganas.bench.surrogate.artefact import saved_surrogates
    from ganas.bench.training.names import trainer_builders
    from ganas.data.catalog import card_names

    found: dict[str, str | Callable[..., object]] = {name: _opener(name) for name in card_names()}
    found |= {**trainer_builders(), **shared_builders()}
    for name, folder in saved_surrogates().items():
        if name in found:
            what = "trainer" if name in trainer_builders() else "table"
            what = "benchmark of shared weights" if name in shared_builders() else what
            raise DuplicateName(f"the surrogate in {folder} has the name of a {what}: rename its folder")
        found[name] = _surrogate_opener(folder, name, None)
    return found


@lru_cache(maxsize=256)
def _opener(name: str) -> Callable[[], Benchmark]:
    # The same object at every look-up, by which load_benchmark knows what it has opened.
    return partial(_open_table, name)


def _open_table(name: str) -> Benchmark:
    from ganas.bench.tabular import TabularBenchmark
    from ganas.data.catalog import card

    return TabularBenchmark.from_card(card(name))


@lru_cache(maxsize=256)
def _surrogate_opener(folder: Path, name: str | None, noise_seed: int | None) -> Callable[[], Benchmark]:
    return partial(_open_surrogate, folder, name, noise_seed)


def _open_surrogate(folder: Path, name: str | None, noise_seed: int | None) -> Benchmark:
    from ganas.bench.surrogate.benchmark import SurrogateBenchmark

    opened = SurrogateBenchmark.open(folder, noise_seed=noise_seed)
    if name is not None and opened.base_name != name:
        raise DataError(f"the folder {folder} holds a surrogate named {opened.base_name!r}: it must have that name")
    return opened


BENCHMARKS = Registry("benchmark", "ganas.benchmarks", _found)
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

    Args:
        name: A registered name, or the folder of a saved surrogate. A surrogate answers with the noise of single
            trainings under its name or folder with ``+noise-`` and a seed, as in ``mine+noise-3``.

    Raises:
        NotConverted: It is a table that an official file becomes, and that has not been made yet.
        UnknownName: No benchmark has this name.
        DataError: Its file is missing or damaged.
        PluginError: It cannot be imported, or its function fails.
        InvalidSetting: What is registered does not make a benchmark.
    """
    found = _saved_surrogate(name)
    if found is None:
        return _opened(_registered(name), name, _digest(name))
    folder, called, seed = found
    return _opened(_surrogate_opener(folder, called, seed), name, _surrogate_digest(folder))


def _registered(name: str) -> Callable[..., object]:
    try:
        return BENCHMARKS.load(name)
    except UnknownName as error:
        from ganas.data.sources import not_converted

        raise not_converted(name) or error from None


def is_benchmark(name: str) -> bool:
    """Whether :func:`load_benchmark` finds something under a name that is not a place."""
    return name in BENCHMARKS.entries() or _saved_surrogate(name) is not None


def _saved_surrogate(name: str) -> tuple[Path, str | None, int | None] | None:
    """Where a saved surrogate lies, its name if that is how it is found, and the seed of its noise."""
    from ganas.bench.surrogate.artefact import is_saved, saved_surrogates

    if not isinstance(name, str) or not name:
        return None
    candidates: list[tuple[str, int | None]] = [(name, None)]
    noisy = _NOISE.fullmatch(name)
    if noisy is not None:
        candidates.append((noisy[1], int(noisy[2])))
    registered, saved = BENCHMARKS.entries(), saved_surrogates()
    for called, seed in candidates:
        folder = saved.get(called)
        if called not in registered:
            if is_saved(called):
                return Path(called).absolute(), None, seed
        # What was registered in this process under the name of a saved surrogate comes first.
        elif folder is not None and registered[called].load() is _surrogate_opener(folder, called, None):
            return folder, called, seed
    return None


def _surrogate_digest(folder: Path) -> str:
    from ganas.bench.surrogate.artefact import FILE_NAME
    from ganas.data.tables import file_sha256

    return file_sha256(folder / FILE_NAME)


def _digest(name: str) -> str | None:
    """What tells a table from one of the same name that was converted since; None for what is no table."""
    from ganas.data.card import content_digest
    from ganas.data.catalog import card, card_names

    return content_digest(card(name)) if name in card_names() else None
