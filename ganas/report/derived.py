"""Where the architecture that a one-shot search ends with stands among random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.report.frames import distinct_values, finished_studies, strategy_class
from ganas.report.results import Panel
from ganas.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    import pandas

__all__ = ["Derived", "PanelDerived", "read_derived"]


@dataclass(frozen=True, slots=True)
class Derived:
    """What one seed of a search ends with.

    Attributes:
        variant: Label of the strategy.
        seed: Of the study.
        value: Of the last proposal, in the unit of the source; NaN where it failed.
        better: How many of ``others`` are better.
        equal: How many of them are as good.
        others: Distinct random architectures with a value, without the last proposal itself.
    """

    variant: str
    seed: int
    value: float
    better: int
    equal: int
    others: int

    @property
    def rank(self) -> float:
        """1 is the best of ``others + 1``; equals share their mean rank; NaN where the proposal failed."""
        return float("nan") if np.isnan(self.value) else 1.0 + self.better + self.equal / 2.0


@dataclass(frozen=True, slots=True)
class PanelDerived:
    """All of one panel.

    Attributes:
        panel: Which.
        random: Distinct architectures with a value that random search evaluated.
        failed: Further ones, all evaluations of which failed.
        derived: By variant, and by seed.
    """

    panel: Panel
    random: int
    failed: int
    derived: tuple[Derived, ...]


def read_derived(
    panels: Sequence[Panel],
    studies: pandas.DataFrame,
    evaluations: pandas.DataFrame,
    benchmarks: Mapping[str, Benchmark],
) -> tuple[PanelDerived, ...]:
    """Rank the last proposals of one-shot searches, on each panel where random search ran too.

    Args:
        panels: The results.
        studies: As :func:`ganas.report.write_report` takes them.
        evaluations: The same.
        benchmarks: The same.
    """
    read = []
    for panel in panels:
        own = finished_studies(studies, panel)
        names = own["strategy"].astype(str)
        deriving = own[names.isin([name for name in names.unique() if _derives(name)])]
        drawn = own[names == RandomSearch.name]
        if not len(deriving) or not len(drawn):
            continue
        benchmark = benchmarks.get(panel.benchmark)
        told = distinct_values(evaluations, drawn, panel, benchmark)
        random = {text: value for text, value in told.items() if not np.isnan(value)}
        values = distinct_values(evaluations, deriving, panel, benchmark)
        rows = evaluations[evaluations["study"].isin(deriving["study"])].sort_values("query")
        last = rows.groupby("study")["architecture"].last().to_dict()
        derived = tuple(
            _place(panel, str(variant), int(seed), str(last[study]), values, random)
            for _, group in deriving.groupby("variant", sort=False)
            for study, variant, seed in group.sort_values("seed")[["study", "variant", "seed"]].itertuples(index=False)
            if study in last
        )
        if random and derived:
            read.append(PanelDerived(panel, len(random), len(told) - len(random), derived))
    return tuple(read)


def _derives(name: str) -> bool:
    """Whether a strategy trains a network of its own and proposes what it finds there."""
    loaded = strategy_class(name)
    return loaded is not None and loaded.needs_training_task


def _place(
    panel: Panel, variant: str, seed: int, text: str, values: Mapping[str, float], random: Mapping[str, float]
) -> Derived:
    own = values[text]
    others = np.array([value for other, value in random.items() if other != text], dtype=np.float64)
    # Means of the same trials may differ in the last bit.
    equal = np.abs(others - own) <= 1e-9 * max(1.0, abs(own))
    better = (others > own if panel.metric.higher_is_better else others < own) & ~equal
    return Derived(variant, seed, own, int(better.sum()), int(equal.sum()), len(others))
