"""The report of a run: reads its store, opens its benchmarks, writes the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ganas.bench.benchmark import Benchmark
from ganas.bench.registry import load_benchmark
from ganas.report import ReportFiles, write_report
from ganas.spaces.errors import StoreError, UnknownName
from ganas.store import Store

__all__ = ["report_run"]


def report_run(
    run: str | Path,
    *,
    benchmarks: Mapping[str, Benchmark] | None = None,
    title: str | None = None,
) -> ReportFiles:
    """Write the report of a run into its folder.

    Args:
        run: Folder that :func:`ganas.compare` or ``ganas compare`` filled; an unfinished one will do.
        benchmarks: Benchmarks of the run that are not registered, by name.
        title: Heading; None for one made from what was compared.

    Raises:
        StoreError: The folder holds no store, no study, or a study of other data than the benchmark has now.
    """
    with Store(run, create=False) as store:
        studies = store.studies()
        evaluations = store.evaluations()
        diagnostics = store.diagnostics()
        command = store.read_meta("command")
    if studies.empty:
        raise StoreError(f"the store in {run} holds no study yet")
    # A report looks up what was measured; it must not begin to train.
    opened = {name: benchmark.as_measured() for name, benchmark in (benchmarks or {}).items()}
    for name, source in studies[["benchmark", "source"]].drop_duplicates().itertuples(index=False):
        if name not in opened:
            try:
                opened[name] = load_benchmark(name).as_measured()
            except UnknownName:
                continue  # a table that was handed over as an object: the report says that it is not at hand
        if opened[name].source != source:
            raise StoreError(f"{name} was searched as {source} and is {opened[name].source} now")
    names = _names_of_places(opened)
    studies = studies.assign(benchmark=studies["benchmark"].replace(names))
    opened = {names.get(name, name): benchmark for name, benchmark in opened.items()}
    return write_report(
        studies,
        evaluations,
        Path(run),
        benchmarks=opened,
        diagnostics=diagnostics,
        command=command,
        title=title,
    )


def _names_of_places(benchmarks: Mapping[str, Benchmark]) -> dict[str, str]:
    """Place (``file.py:attribute``) to the name that its benchmark has of itself, where nothing else has that name."""
    own = [benchmark.name if ":" in name else name for name, benchmark in benchmarks.items()]
    return {
        name: benchmark.name for name, benchmark in benchmarks.items() if ":" in name and own.count(benchmark.name) == 1
    }
