"""The trace of a study that a run holds, as ``ganas search`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.cli.output import print_error
from ganas.experiment import StudyConfig

if TYPE_CHECKING:
    import pandas

__all__ = ["best_row", "read_trace"]


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
    """The row with the best value, the first among equals; None, and a line on stderr, where every query failed."""
    values = trace["value"].astype(float)
    if not values.notna().any():
        print_error("no evaluation succeeded; see the column failure of the trace (--json)")
        return None
    row = trace.iloc[int((values if higher_is_better else -values).argmax())]
    return {str(name): row[name] for name in trace.columns}
