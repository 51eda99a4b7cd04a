"""What the strategies of an experiment visited, read from the store of ``ganas compare``."""

from __future__ import annotations

from pathlib import Path

from ganas.bench.benchmark import Benchmark
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import StoreError
from ganas.store import Store

__all__ = ["visited_architectures"]


def visited_architectures(run: str | Path, benchmark: str, opened: Benchmark) -> dict[str, list[Architecture]]:
    """Every architecture that each strategy evaluated, all seeds together, in the order of the experiment.

    Args:
        run: Folder of the run.
        benchmark: Name by which the run calls the benchmark.
        opened: The benchmark.

    Raises:
        StoreError: There is no store, it has no study on the benchmark, only one strategy's, or was made on other
            data.
    """
    with Store(run, create=False) as store:
        studies = store.studies()
        evaluations = store.evaluations()
    studies = studies[studies["benchmark"] == benchmark]
    if studies.empty:
        raise StoreError(f"the run in {run} has no study on {benchmark!r}")
    for source in studies["source"].unique():
        if source != opened.source:
            raise StoreError(f"the run in {run} searched {benchmark} as {source}, and it is {opened.source} now")
    variants = list(dict.fromkeys(studies["variant"].tolist()))
    if len(variants) < 2:
        raise StoreError(f"the run in {run} has one strategy on {benchmark!r}: to leave one out it takes two")
    visited = {}
    for variant in variants:
        own = evaluations["study"].isin(studies.loc[studies["variant"] == variant, "study"])
        texts = dict.fromkeys(evaluations.loc[own & evaluations["failure"].isna(), "architecture"].tolist())
        visited[variant] = [opened.space.parse(text) for text in texts]
    return visited
