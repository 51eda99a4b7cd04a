"""The trace of a study that a run holds, as ``ganas search`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.experiment import StudyConfig

if TYPE_CHECKING:
    import pandas

__all__ = ["best_row", "read_trace", "why_nothing_succeeded"]


def read_trace(folder: Path, config: StudyConfig) -> pandas.DataFrame:
    """One row a counted query of a stored study, with a column for each diagnostic of the strategy after the others.

    Wall seconds are left out, so that the same seed gives the same trace; a diagnostic is NaN at queries where the
    strategy recorded nothing.

    Raises:
        StoreError: There is no store in the folder, or it cannot be read.
    """
    from ganas.store import Store

    with Store(folder, create=False) as store:
        evaluations, diagnostics = store.evaluations(), store.diagnostics()
    trace = evaluations[evaluations["study"] == config.key].drop(columns=["study", "wall_seconds"])
    said = diagnostics[diagnostics["study"] == config.key]
    # A pivot sorts by name; a reader wants them in the order in which they first appear.
    columns = said.pivot(index="query", columns="name", values="value")[list(dict.fromkeys(said["name"]))]
    return trace.join(columns, on="query").reset_index(drop=True)


def best_row(trace: pandas.DataFrame, higher_is_better: bool) -> dict[str, Any] | None:
    """The row with the best value, the first among equals; None where every query failed."""
    values = trace["value"].astype(float)
    if not values.notna().any():
        return None
    row = trace.iloc[int((values if higher_is_better else -values).argmax())]
    return {str(name): row[name] for name in trace.columns}


def why_nothing_succeeded(trace: pandas.DataFrame) -> str:
    """One line about a study of which :func:`best_row` knows no best row."""
    failed = trace[trace["failure"].notna()]
    if failed.empty:
        return "no architecture was evaluated" if trace.empty else f"none of the {len(trace)} evaluations has a value"
    said = [*zip(failed["architecture"].astype(str), failed["failure"].astype(str), strict=True)]
    # "X is not among the 40 architectures of ..." of every X is one thing to say.
    endings = {failure.removeprefix(f"{architecture} is not ") for architecture, failure in said}
    if len(said) == len(trace) > 1 and len(endings) == 1 and all(failure not in endings for _, failure in said):
        return f"none of the {len(said)} architectures is {endings.pop()}"
    return f"no evaluation of {len(trace)} succeeded; the first failed because {said[0][1]}"
