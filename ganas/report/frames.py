"""The two frames that a report is made from: their columns, and the evaluations as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.report.lookups import lookup_means
from ganas.spaces.errors import InvalidSetting, quote_list

if TYPE_CHECKING:
    import pandas

__all__ = ["EvaluationColumns", "check_frames"]

_STUDY_COLUMNS = (
    "study", "benchmark", "strategy", "variant", "settings", "seed", "budget", "metric", "signal", "state", "stop",
    "source", "space", "versions", "queries", "simulated_seconds", "wall_seconds",
)  # fmt: skip
_EVALUATION_COLUMNS = ("study", "query", "architecture", "value", "simulated_seconds", "failure")


def check_frames(studies: pandas.DataFrame, evaluations: pandas.DataFrame) -> None:
    """Raise unless the frames have their columns and there is a study.

    Raises:
        InvalidSetting: A column is missing, or there is no study.
    """
    for name, frame, wanted in (
        ("studies", studies, _STUDY_COLUMNS),
        ("evaluations", evaluations, _EVALUATION_COLUMNS),
    ):
        missing = [column for column in wanted if column not in frame.columns]
        if missing:
            raise InvalidSetting(f"the frame of {name} lacks {quote_list(missing)}: has {quote_list(frame.columns)}")
    if not len(studies):
        raise InvalidSetting("there is no study to report: the experiment is empty")


class EvaluationColumns:
    """The columns of the evaluations as arrays, read once; the texts are looked up only where wanted."""

    def __init__(self, evaluations: pandas.DataFrame) -> None:
        self.study = evaluations["study"].to_numpy(dtype=np.int64)
        self.query = evaluations["query"].to_numpy(dtype=np.int64)
        self.value = evaluations["value"].to_numpy(dtype=np.float64)
        self.seconds = evaluations["simulated_seconds"].to_numpy(dtype=np.float64)
        self._texts = evaluations["architecture"]

    def notations(self, rows: NDArray[np.int64]) -> list[str]:
        """The architectures in these rows."""
        return [str(text) for text in self._texts.iloc[rows]]

    def matrix(self, studies: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
        """Row of each query of each study, (studies, queries); -1 where the study ended before."""
        if not len(studies):
            return np.full((0, 1), -1, dtype=np.int64)
        order = np.argsort(studies)
        position = np.searchsorted(studies[order], self.study)
        position[position == len(studies)] = 0
        rows = np.flatnonzero((studies[order][position] == self.study) & (self.query >= 1) & (self.query <= budget))
        width = int(self.query[rows].max()) if len(rows) else 1
        matrix = np.full((len(studies), width), -1, dtype=np.int64)
        matrix[order[position[rows]], self.query[rows] - 1] = rows
        return matrix

    def means(self, benchmark: Benchmark, metric: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean over trials of the architecture in each of these rows, same shape; NaN for row -1."""
        wanted, place = np.unique(rows, return_inverse=True)
        known = wanted[wanted >= 0]
        notations = self.notations(known)
        means = lookup_means(benchmark, metric, notations)
        values = np.full(len(wanted), np.nan)
        values[wanted >= 0] = [means[text] for text in notations]
        return values[place].reshape(rows.shape)
