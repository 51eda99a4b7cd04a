"""Running one study of an experiment in a worker process, and committing it to the store."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Entry
from ganas.bench.registry import load_benchmark
from ganas.data.catalog import home
from ganas.experiment import StudyConfig
from ganas.spaces.errors import StoreError
from ganas.study import Study

if TYPE_CHECKING:
    from ganas.store import Store

__all__ = ["StudySummary", "close_worker", "initialize_worker", "run_study"]

# Rule 6 of the design: look-ups are committed at least this often.
_COMMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StudySummary:
    """What a finished study is called, why it ended and the best value that it was told."""

    config: StudyConfig
    stop: str
    queries: int
    best: float


@dataclass(slots=True)
class _Worker:
    """What a worker process keeps between studies."""

    store: Store
    benchmarks: Mapping[str, Benchmark]
    versions: str

    def open(self, name: str) -> Benchmark:
        return self.benchmarks[name] if name in self.benchmarks else load_benchmark(name)


_worker: _Worker | None = None


def initialize_worker(location: str, benchmarks: Mapping[str, Benchmark]) -> None:
    """Open the store for this process; ``benchmarks`` are those that are not registered."""
    from ganas.store import Store

    global _worker
    _worker = _Worker(Store(location), benchmarks, json.dumps(versions(), sort_keys=True))


def close_worker() -> None:
    """Close the store of a worker that ran in this very process."""
    global _worker
    if _worker is not None:
        _worker.store.close()
        _worker = None


def run_study(config: StudyConfig) -> StudySummary:
    """Run one study and commit it; what is stored of it already is checked against the replay.

    A one-shot study goes on from its state, which is kept beside the store until it is finished.
    """
    from ganas.store import check_replay

    if _worker is None:
        raise StoreError("the worker has no store")
    store, benchmark = _worker.store, _worker.open(config.benchmark)
    study = Study(
        benchmark,
        config.strategy,
        budget=config.budget,
        seed=config.seed,
        metric=config.metric,
        signal=config.signal,
        settings=config.settings,
        stop_at_optimum=config.stop_at_optimum,
    )
    stored = store.stored_trace(config.key)
    kept = _state_file(store, config.key) if study.strategy.needs_training_task else None
    if kept is not None and kept.exists():
        study.load(kept)
    started_at = _now()
    written, committed_at = 0, time.perf_counter()

    def commit(state: str) -> None:
        nonlocal written, committed_at
        # First the state: it may be ahead of the store, never behind what the store says was measured.
        if kept is not None and state == "running":
            study.save(kept)
        rows = [_row(config.key, study, entry) for entry in study.entries[written:]]
        check_replay(stored[written:], rows, str(config))
        ledger = study.ledger
        store.write(
            {
                "study": config.key,
                "benchmark": config.benchmark,
                "strategy": config.strategy,
                "variant": config.variant,
                "settings": json.dumps(dict(config.settings), sort_keys=True),
                "seed": config.seed,
                "budget": config.budget,
                "metric": config.metric,
                "signal": config.signal,
                "stop_at_optimum": config.stop_at_optimum,
                "space": benchmark.space.name,
                "source": benchmark.source,
                "versions": _worker.versions if _worker is not None else "",
                "state": state,
                "stop": study.stop,
                "queries": ledger.queries,
                "simulated_seconds": ledger.simulated_seconds,
                "wall_seconds": ledger.wall_seconds,
                "started_at": started_at,
                "finished_at": _now() if state == "finished" else None,
                "process_id": os.getpid(),
            },
            rows[max(0, len(stored) - written) :],
            [
                {"study": config.key, "query": query, "name": name, "value": value}
                for query, name, value in study.diagnostics.rows(max(written, len(stored)) + 1, written + len(rows))
            ],
        )
        written, committed_at = written + len(rows), time.perf_counter()

    def progress(_: Study) -> None:
        if time.perf_counter() - committed_at > _COMMIT_SECONDS:
            commit("running")

    study.run(progress=progress)
    commit("finished")
    if kept is not None:
        kept.unlink(missing_ok=True)
    return StudySummary(config, study.stop or "", study.ledger.queries, _best(study))


def _state_file(store: Store, key: int) -> Path:
    """Where the state of a one-shot study is kept: training its network again would give other seconds, and take them.

    Other studies are replayed, because what they asked is answered again at once.
    """
    folder = home() if "://" in store.name else Path(store.name)
    return folder / "states" / f"{key:x}.npz"


def _row(key: int, study: Study, entry: Entry) -> dict[str, Any]:
    evaluation = entry.evaluation
    return {
        "study": key,
        "query": evaluation.query,
        "architecture": study.benchmark.space.format(evaluation.architecture),
        "value": evaluation.values.get(study.ledger.metrics[0]),
        "simulated_seconds": entry.simulated_seconds,
        "wall_seconds": entry.wall_seconds,
        "trial": evaluation.trial,
        "fidelity": evaluation.fidelity,
        "failure": evaluation.failure,
    }


def _best(study: Study) -> float:
    objective = study.problem.objectives[0]
    scores = [study.problem.score(entry.evaluation) for entry in study.entries]
    best = max(scores, default=-np.inf)
    return best if objective.higher_is_better else -best


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions that a trace may depend on; that of torch only where it is installed."""
    found = {"python": platform.python_version()}
    for name in ("ganas", "numpy", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
