"""The trace of a study as a frame, and what strategies say of themselves on the way."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.ledger import Entry
from ganas.spaces.errors import InvalidSetting, quote_list
from ganas.strategy import Problem

if TYPE_CHECKING:
    import pandas

__all__ = ["TRACE_COLUMNS", "Diagnostics", "trace_frame"]

TRACE_COLUMNS = (
    "query", "architecture", "value", "best_so_far", "simulated_seconds", "wall_seconds", "trial", "fidelity",
    "failure",
)  # fmt: skip
"""Columns that every trace has; further metrics and diagnostics come after them."""


class Diagnostics:
    """What a strategy said of itself, by the query that the first counted proposal of the ask became.

    Args:
        strategy: Name of the strategy, for messages.
        reserved: Names that are other columns of the trace.
    """

    def __init__(self, strategy: str, reserved: Sequence[str]) -> None:
        self._strategy = strategy
        self._reserved = frozenset(reserved)
        self._values: dict[int, dict[str, float]] = {}
        self._known: set[str] = set()

    @property
    def by_query(self) -> Mapping[int, Mapping[str, float]]:
        """Query to name to value, in the order recorded."""
        return MappingProxyType(self._values)

    def record(self, query: int, values: Mapping[str, float]) -> None:
        """Record what was said before ``query``; said again before the same query, the last value stays.

        Raises:
            InvalidSetting: It is not a mapping, a name is no identifier or another column of the trace, or a value is
                not a number.
        """
        if not isinstance(values, Mapping):
            raise InvalidSetting(f"diagnostics() of {self._strategy!r} gave a {type(values).__name__}, not a mapping")
        if not values:
            return
        checked = {name: self._number(name, value) for name, value in values.items()}
        self._known.update(checked)
        self._values.setdefault(query, {}).update(checked)

    def _number(self, name: str, value: float) -> float:
        if name not in self._known:
            if not isinstance(name, str) or not name.isidentifier():
                raise InvalidSetting(
                    f"the diagnostic {name!r} of {self._strategy!r} is not named as an identifier: letters, digits and "
                    "underscores make one, such as 'discriminator_accuracy'"
                )
            if name in self._reserved:
                raise InvalidSetting(
                    f"the diagnostic {name!r} of {self._strategy!r} is another column of the trace already: taken are "
                    f"{quote_list(sorted(self._reserved), limit=20)}"
                )
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
            raise InvalidSetting(f"the diagnostic {name!r} of {self._strategy!r} is {value!r:.80}, not a number")
        return float(value)

    def columns(self, queries: int) -> dict[str, np.ndarray]:
        """Name to its values at queries 1 to ``queries``, NaN where nothing was recorded; first recorded, first."""
        names = dict.fromkeys(name for query, said in self._values.items() if query <= queries for name in said)
        columns = {name: np.full(queries, np.nan) for name in names}
        for query, said in self._values.items():
            if query <= queries:  # what was said of a proposal that never became a query has no row
                for name, value in said.items():
                    columns[name][query - 1] = value
        return columns

    def rows(self, first: int, last: int) -> list[tuple[int, str, float | None]]:
        """(query, name, value) of the queries from ``first`` to ``last``; None stands for NaN."""
        return [
            (query, name, None if math.isnan(value) else value)
            for query in range(first, last + 1)
            for name, value in self._values.get(query, {}).items()
        ]

    def state(self) -> list[Any]:
        """All that was recorded, as JSON values."""
        return [[query, dict(said)] for query, said in self._values.items()]

    def load_state(self, state: Sequence[Any]) -> None:
        """Go on from what :meth:`state` returned."""
        self._values = {int(query): {str(name): float(value) for name, value in said.items()} for query, said in state}
        self._known = {name for said in self._values.values() for name in said}


def trace_frame(
    entries: Sequence[Entry], problem: Problem, metrics: Sequence[str], diagnostics: Diagnostics
) -> pandas.DataFrame:
    """One row a counted query; see :attr:`ganas.study.Study.trace`.

    Args:
        entries: The counted queries in order.
        problem: What was searched.
        metrics: Names of the metrics that an evaluation brings, the objective first.
        diagnostics: What the strategy said of itself.
    """
    import pandas

    objective, *others = metrics
    evaluations = [entry.evaluation for entry in entries]
    scores = np.array([problem.score(evaluation) for evaluation in evaluations], dtype=np.float64)
    best = np.maximum.accumulate(scores) if len(scores) else scores
    shown = best if problem.objectives[0].higher_is_better else -best
    columns = (
        np.arange(1, len(evaluations) + 1),
        [problem.space.format(evaluation.architecture) for evaluation in evaluations],
        [evaluation.values.get(objective, np.nan) for evaluation in evaluations],
        np.where(np.isfinite(best), shown, np.nan),
        [entry.simulated_seconds for entry in entries],
        [entry.wall_seconds for entry in entries],
        pandas.array([evaluation.trial for evaluation in evaluations], dtype="Int64"),
        pandas.array([evaluation.fidelity for evaluation in evaluations], dtype="Int64"),
        pandas.array([evaluation.failure for evaluation in evaluations], dtype="string"),
    )
    return pandas.DataFrame(
        {
            **dict(zip(TRACE_COLUMNS, columns, strict=True)),
            **{name: [evaluation.values.get(name, np.nan) for evaluation in evaluations] for name in others},
            **diagnostics.columns(len(evaluations)),
        }
    )
