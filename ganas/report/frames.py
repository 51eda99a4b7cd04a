"""The two frames that a report is made from: their columns, what of them is in a panel, the evaluations as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.plugins import load_strategy
from ganas.report.lookups import lookup_means
from ganas.spaces.errors import GanasError, InvalidSetting, quote_list
from ganas.strategy import Strategy

if TYPE_CHECKING:
    import pandas

    from ganas.report.results import Panel

__all__ = ["EvaluationColumns", "check_frames", "distinct_values", "finished_studies", "strategy_class"]

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


def finished_studies(studies: pandas.DataFrame, panel: Panel) -> pandas.DataFrame:
    """The rows of the finished studies of a panel."""
    return studies[
        (studies["state"] == "finished")
        & (studies["benchmark"] == panel.benchmark)
        & (studies["metric"] == panel.metric.name)
        & (studies["signal"] == panel.signal)
        & (studies["budget"] == panel.budget)
    ]


def distinct_values(
    evaluations: pandas.DataFrame, studies: pandas.DataFrame, panel: Panel, benchmark: Benchmark | None
) -> dict[str, float]:
    """Each architecture that some studies of a panel evaluated, once, with its value in the unit of the source.

    With the signal ``random`` it is the mean over trials, looked up afterwards, or the mean of what was told where the
    benchmark is not at hand. NaN where every evaluation failed.
    """
    rows = evaluations[evaluations["study"].isin(studies["study"])]
    told = rows["value"].astype(float).groupby(rows["architecture"].astype(str), sort=False)
    # With the signal mean all values of one are the same, and a mean of them would differ in the last bit.
    values = told.mean() if panel.signal != "mean" and benchmark is None else told.first()
    if panel.signal != "mean" and benchmark is not None:
        return lookup_means(benchmark, panel.metric.name, values.index.tolist())
    return dict(zip(values.index.tolist(), values.tolist(), strict=True))


def strategy_class(name: str) -> type[Strategy] | None:
    """The class of a strategy that a frame names; None for one that was handed over, or a plug-in that is not here."""
    try:
        return load_strategy(name)
    except GanasError:
        return None


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
