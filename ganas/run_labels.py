"""What a run measured, as labels for surrogates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.registry import load_benchmark
from ganas.bench.surrogate.labels import Labels
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, StoreError, quote_list, unknown_name

if TYPE_CHECKING:
    import pandas

__all__ = ["run_labels"]


def run_labels(run: str | Path, benchmark: Benchmark | str | None = None) -> Labels:
    """Every full training that a run holds, once each, of one of its benchmarks.

    An architecture that several studies evaluated at different trials is in it several times, and once where it is the
    same trial or the mean over trials. Evaluations that failed are left out, and so are those at a lower fidelity.

    Args:
        run: Folder of the run, or the URL of its store.
        benchmark: Which one, by its name in the run, or as an object where it is not registered; None where the run has
            only one.

    Raises:
        StoreError: There is no store, it cannot be read, or the benchmark holds other numbers now.
        UnknownName: The run has no studies on this benchmark, or it is not registered.
        InvalidSetting: The run has several benchmarks, metrics or signals.
        DataError: It holds no training that succeeded.
    """
    from ganas.store import Store

    with Store(run, create=False) as store:
        studies = store.studies()
        evaluations = store.evaluations()
    if not len(studies):
        raise DataError(f"the run {run} holds no studies")
    names = list(dict.fromkeys(studies["benchmark"]))
    if benchmark is None:
        if len(names) > 1:
            raise InvalidSetting(f"the run {run} is of several benchmarks, name one of them: {quote_list(names)}")
        benchmark = names[0]
    name = benchmark if isinstance(benchmark, str) else benchmark.name
    if name not in names:
        raise unknown_name(f"benchmark of the run {run}", name, names)
    opened = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    of_benchmark = studies[studies["benchmark"] == name]
    for column in ("metric", "signal", "source"):
        different = list(dict.fromkeys(of_benchmark[column]))
        if len(different) > 1:
            raise InvalidSetting(f"the studies of {name!r} in {run} differ in their {column}: {quote_list(different)}")
    first = of_benchmark.iloc[0]
    if first["source"] != opened.source:
        raise StoreError(f"the run {run} was made on {name} with {first['source']}, and it is {opened.source} now")
    rows = _trainings(evaluations, of_benchmark["study"].tolist(), opened.fidelities(first["metric"]))
    architectures, places = _different(rows, opened)
    if not architectures:
        raise DataError(f"the run {run} holds no training on {name} that succeeded")
    values = rows["value"].to_numpy(dtype=np.float64)[places]
    return Labels(
        opened.space,
        tuple(architectures),
        (opened.metric(first["metric"]),),
        values[:, None],
        rows["seconds"].to_numpy(dtype=np.float64)[places],
        str(first["metric"]),
        opened.name,
        opened.source,
        first["signal"],
        run=True,
    )


def _trainings(evaluations: pandas.DataFrame, studies: list[int], fidelities: tuple[int, ...]) -> pandas.DataFrame:
    """The rows of full trainings that succeeded, with a column ``seconds``, what each took."""
    rows = evaluations[evaluations["study"].isin(studies)]
    # A store keeps the running total of a study.
    before = rows.groupby("study")["simulated_seconds"].shift(fill_value=0.0)
    rows = rows.assign(seconds=(rows["simulated_seconds"] - before).clip(lower=0.0))
    full = rows["fidelity"].isna()
    if fidelities:
        full |= rows["fidelity"] == fidelities[-1]
    succeeded = rows["failure"].isna() & rows["value"].notna()
    return rows[full & succeeded].drop_duplicates(["architecture", "trial"]).reset_index(drop=True)


def _different(rows: pandas.DataFrame, benchmark: Benchmark) -> tuple[list[Architecture], list[int]]:
    """Architectures and their rows, each once for each of its trials."""
    space = benchmark.space
    found: dict[tuple[int, object], tuple[Architecture, int]] = {}
    trials = [None if trial != trial else trial for trial in rows["trial"].tolist()]  # NaN stands for none
    for place, (text, trial) in enumerate(zip(rows["architecture"].tolist(), trials, strict=True)):
        architecture = space.parse(text)
        found.setdefault((space.identity_key(architecture), trial), (architecture, place))
    return [architecture for architecture, _ in found.values()], [place for _, place in found.values()]
