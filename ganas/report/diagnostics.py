"""What strategies said of themselves during their studies, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.report.frames import finished_studies, strategy_class
from ganas.report.results import Panel, query_grid
from ganas.spaces.errors import InvalidSetting, quote_list

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "Diagnostic", "DiagnosticCurve", "StrategyDiagnostics", "diagnostic_rows", "read_diagnostics"]

COLUMNS = ("study", "query", "name", "value")
"""Columns of the frame of diagnostics."""

Trail = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosticCurve:
    """One diagnostic of one variant over its seeds, each seed carrying its last value forward.

    Attributes:
        grid: Query numbers from the first at which a seed has a value, (points,).
        median: Over the seeds that have a value by then, (points,).
        low: 25th percentile over the same, (points,).
        high: 75th percentile over the same, (points,).
        seeds: How many seeds have a value at the end.
    """

    grid: NDArray[np.int64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    seeds: int


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostic:
    """One number that a strategy says of itself.

    Attributes:
        name: The column of the trace.
        title: What it is, with its unit; the name where the strategy does not say.
        curves: Variant to curve; without the variants that never had a value.
    """

    name: str
    title: str
    curves: Mapping[str, DiagnosticCurve]


@dataclass(frozen=True, slots=True, eq=False)
class StrategyDiagnostics:
    """All diagnostics of one strategy on one panel.

    Attributes:
        strategy: Its registered name.
        label: Label of the panel.
        budget: Queries that each study may count.
        seeds: Variant to number of finished studies that recorded something.
        note: How to read them, in the strategy's words; empty where it says nothing.
        diagnostics: In the order in which the strategy gives their titles, then as they appear.
        together: Title to the names of those that the strategy wants in one drawing, in its order; without those that
            never had a value.
    """

    strategy: str
    label: str
    budget: int
    seeds: Mapping[str, int]
    note: str
    diagnostics: tuple[Diagnostic, ...]
    together: Mapping[str, tuple[str, ...]]

    @property
    def alone(self) -> tuple[Diagnostic, ...]:
        """Those that have a value and a drawing of their own."""
        members = {name for names in self.together.values() for name in names}
        return tuple(one for one in self.diagnostics if one.curves and one.name not in members)


def read_diagnostics(
    panels: Sequence[Panel], studies: pandas.DataFrame, diagnostics: pandas.DataFrame | None
) -> tuple[StrategyDiagnostics, ...]:
    """Group what finished studies recorded by panel and strategy; nothing where nothing was recorded.

    Args:
        panels: The results, which say what is shown and in which order.
        studies: As :func:`ganas.report.write_report` takes them.
        diagnostics: The same.

    Raises:
        InvalidSetting: A column is missing.
    """
    if diagnostics is None or not len(diagnostics):
        return ()
    missing = [column for column in COLUMNS if column not in diagnostics.columns]
    if missing:
        raise InvalidSetting(
            f"the frame of diagnostics lacks {quote_list(missing)}: has {quote_list(diagnostics.columns)}"
        )
    trails = _trails(diagnostics)
    names = {study: list(said) for study, said in trails.items()}
    speaking = studies[studies["study"].isin(list(names))]
    groups = []
    for panel in panels:
        inside = finished_studies(speaking, panel)
        for strategy in dict.fromkeys(inside["strategy"].astype(str)):
            rows = inside[inside["strategy"].astype(str) == strategy]
            by_variant = {
                variant: rows["study"][rows["variant"].astype(str) == variant].astype(int).tolist()
                for variant in dict.fromkeys(rows["variant"].astype(str))
            }
            titles, note, wanted = _words(strategy)
            recorded = {name for key in rows["study"].astype(int) for name in names[key]}
            order = [name for name in titles if name in recorded]
            order += [name for key in rows["study"].astype(int) for name in names[key] if name not in titles]
            read = tuple(
                Diagnostic(name, titles.get(name, name), _curves(name, by_variant, trails, panel.budget))
                for name in dict.fromkeys(order)
            )
            drawn = {diagnostic.name for diagnostic in read if diagnostic.curves}
            together = {title: tuple(name for name in members if name in drawn) for title, members in wanted.items()}
            groups.append(
                StrategyDiagnostics(
                    strategy=strategy,
                    label=panel.label,
                    budget=panel.budget,
                    seeds={variant: len(keys) for variant, keys in by_variant.items()},
                    note=note,
                    diagnostics=read,
                    together={title: members for title, members in together.items() if members},
                )
            )
    return tuple(groups)


def diagnostic_rows(studies: pandas.DataFrame, diagnostics: pandas.DataFrame | None) -> pandas.DataFrame:
    """The values that finished studies recorded: benchmark, strategy (its variant), seed, query, name, value."""
    import pandas

    finished = studies.loc[studies["state"] == "finished", ["study", "benchmark", "variant", "seed"]]
    said = diagnostics if diagnostics is not None else pandas.DataFrame(columns=list(COLUMNS))
    rows = finished.rename(columns={"variant": "strategy"}).merge(said[list(COLUMNS)], on="study")
    return rows.drop(columns="study")


def _words(strategy: str) -> tuple[Mapping[str, str], str, Mapping[str, tuple[str, ...]]]:
    """Titles of the diagnostics, the note on them, and which belong in one drawing."""
    loaded = strategy_class(strategy)
    if loaded is None:
        return {}, "", {}  # names stand for themselves
    titles = {name: " ".join(str(title).split()) for name, title in loaded.diagnostic_titles.items()}
    groups = loaded.diagnostic_groups.items()
    together = {" ".join(str(title).split()): tuple(dict.fromkeys(names)) for title, names in groups}
    return titles, " ".join(loaded.diagnostic_note.split()), together


def _trails(diagnostics: pandas.DataFrame) -> dict[int, dict[str, Trail]]:
    """Study to name to the queries and values recorded, in order; what is not finite has no value."""
    codes, names = diagnostics["name"].factorize()
    study = diagnostics["study"].to_numpy(dtype=np.int64)
    query = diagnostics["query"].to_numpy(dtype=np.int64)
    value = diagnostics["value"].to_numpy(dtype=np.float64)
    order = np.lexsort((query, codes, study))
    study, query, value, codes = study[order], query[order], value[order], codes[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(study) != 0) | (np.diff(codes) != 0)])
    trails: dict[int, dict[str, Trail]] = {}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(study)], strict=True):
        has_value = np.isfinite(value[start:end])
        trail = query[start:end][has_value], value[start:end][has_value]
        trails.setdefault(int(study[start]), {})[str(names[codes[start]])] = trail
    return trails


def _curves(
    name: str,
    by_variant: Mapping[str, Sequence[int]],
    trails: Mapping[int, Mapping[str, Trail]],
    budget: int,
) -> dict[str, DiagnosticCurve]:
    curves = {}
    for variant, studies in by_variant.items():
        present = [trails[study][name] for study in studies if name in trails[study] and len(trails[study][name][0])]
        if not present:
            continue
        grid = query_grid(budget)
        first = min(int(queries[0]) for queries, _ in present)
        grid = np.unique(np.r_[first, grid[grid > first]])
        carried = np.full((len(present), len(grid)), np.nan)
        for row, (queries, values) in enumerate(present):
            last = np.searchsorted(queries, grid, side="right") - 1
            carried[row, last >= 0] = values[last[last >= 0]]
        low, median, high = np.nanquantile(carried, [0.25, 0.5, 0.75], axis=0)
        curves[variant] = DiagnosticCurve(grid, median, low, high, len(present))
    return curves
