"""The tables of results: summary, ranks, queries to the optimum, regret and paired tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ganas.report.blocks import Cell, Column, Table
from ganas.report.results import Panel, StrategyResult
from ganas.report.statistics import MINIMUM_PAIRS, PairedTest, censored_quantile, mean_ranks
from ganas.report.wording import MINUS, NO_VALUE

__all__ = [
    "format_p",
    "queries_table",
    "rank_table",
    "regret_table",
    "share",
    "SIGNIFICANCE_LEVEL",
    "summary_table",
    "supported_best",
    "pair_tables",
]

# Unbreakable: a heading must not end a line inside it.
_CI = "95\N{NO-BREAK SPACE}%\N{NO-BREAK SPACE}CI"

SIGNIFICANCE_LEVEL = 0.05
"""Corrected p-values below it count as support."""


def share(value: float) -> str:
    """A share as a percentage; one decimal where rounding to none would claim "all" or "none".

    >>> share(0.813), share(0.998), share(1.0)
    ('81 %', '99.8 %', '100 %')
    """
    percent = 100.0 * value
    return f"{percent:.1f} %" if 0.0 < percent < 1.0 or 99.0 < percent < 100.0 else f"{percent:.0f} %"


def format_p(value: float) -> str:
    """A p-value as papers print it.

    >>> format_p(0.0423), format_p(0.00002)
    ('0.042', '< 0.001')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def supported_best(panel: Panel) -> str | None:
    """The strategy that is better than every other with a corrected p below the level; None if there is no such."""
    for result in panel.results:
        against = [test for test in panel.tests if result.variant in (test.first, test.second)]
        if against and all(_supports(test, result.variant) for test in against):
            return result.variant
    return None


def _supports(test: PairedTest, variant: str) -> bool:
    advantage = test.advantage if variant == test.first else -test.advantage
    return test.corrected is not None and test.corrected < SIGNIFICANCE_LEVEL and advantage > 0


def summary_table(panels: Sequence[Panel]) -> Table:
    """One row a benchmark and strategy: the numbers that a person reads first."""
    metrics = {(panel.metric.name, panel.unit) for panel in panels}
    what = "best value" if len(metrics) > 1 else _with_unit(panels[0].metric.name, panels[0].unit)
    units = {panel.regret_unit for panel in panels}
    tested = any(panel.test_metric for panel in panels)
    columns = [
        Column("benchmark", numeric=False),
        Column("strategy", numeric=False),
        Column("seeds"),
        Column(f"{what} at the budget, mean [{_CI}]"),
        Column(f"{_with_unit('regret', units.pop() if len(units) == 1 else '')}, mean [{_CI}]"),
        *([Column("test value of the choice, mean")] if tested else []),
        Column(f"{_reached_heading(panels)}, share of seeds"),
        Column("queries to it, median"),
        Column("90th percentile"),
        Column("simulated hours to its best, median"),
    ]
    rows = []
    for panel in panels:
        winner = supported_best(panel)
        name = panel.label if len(metrics) == 1 else f"{panel.label}: {_with_unit(panel.metric.name, panel.unit)}"
        for result in panel.results:
            mean, low, high = result.regret_at(panel.budget)
            value = panel.reference - mean if panel.metric.higher_is_better else panel.reference + mean
            ends = sorted((panel.reference - low, panel.reference - high)) if panel.metric.higher_is_better else None
            bounds = ends or [panel.reference + low, panel.reference + high]
            strong = result.variant == winner
            cells = [
                Cell(name),
                Cell(result.variant, strong=strong),
                Cell(f"{len(result.seeds)}"),
                Cell(panel.format(value), _interval(panel, *bounds), strong),
                Cell(panel.format(mean), _interval(panel, low, high), strong),
                Cell(share(result.reached_by(panel.budget)), strong=strong),
                *(Cell(_quantile(result, panel.budget, q), strong=strong) for q in (0.5, 0.9)),
                Cell(_hours(result.hours_to_best)),
            ]
            if tested:
                cells.insert(5, Cell(_test_value(panel, result)))
            rows.append(tuple(cells))
    return Table(
        caption=f"Results after {_or(sorted({panel.budget for panel in panels}))} queries.",
        columns=tuple(columns),
        rows=tuple(rows),
        headers=2,
        grouped=True,
        note="Bold: better than every other strategy on this benchmark in paired Wilcoxon tests (Holm-corrected "
        f"p < {SIGNIFICANCE_LEVEL}). Where no strategy is, none is bold. The percentiles count seeds that did not get "
        "there as later than the budget.",
    )


def rank_table(panels: Sequence[Panel]) -> Table | None:
    """Mean ranks over all benchmarks; None where there are fewer than two benchmarks or strategies to rank."""
    everywhere = [
        result.variant
        for result in panels[0].results
        if all(any(other.variant == result.variant for other in panel.results) for panel in panels)
    ]
    if len(panels) < 2 or len(everywhere) < 2:
        return None
    ranks = []
    for panel in panels:
        scores = {r.variant: r.scores(panel.metric) for r in panel.results if r.variant in everywhere}
        ranks.append(mean_ranks(scores))
    if not all(ranks):
        return None
    overall = {variant: float(np.mean([by_variant[variant] for by_variant in ranks])) for variant in everywhere}
    rows = [
        (
            Cell(variant),
            *(Cell(f"{by_variant[variant]:.2f}") for by_variant in ranks),
            Cell(f"{overall[variant]:.2f}"),
            Cell(share(float(np.mean([_result(panel, variant).reached_by(panel.budget) for panel in panels])))),
        )
        for variant in sorted(everywhere, key=lambda name: overall[name])
    ]
    return Table(
        caption=f"All benchmarks together: mean rank by the value at the budget, 1 to {len(everywhere)}, lower is "
        "better; strategies with the same value share their mean rank.",
        columns=(
            Column("strategy", numeric=False),
            *(Column(panel.label) for panel in panels),
            Column("mean rank"),
            Column(f"{_reached_heading(panels)}, mean share"),
        ),
        rows=tuple(rows),
    )


def queries_table(panels: Sequence[Panel]) -> Table:
    """Queries until the optimum was found."""
    early = [panel.budget >= 100 for panel in panels]
    rows = [
        (
            Cell(panel.label),
            Cell(result.variant),
            *(Cell(_quantile(result, panel.budget, q)) for q in (0.25, 0.5, 0.75, 0.9)),
            *([Cell(share(result.reached_by(100)) if panel.budget >= 100 else NO_VALUE)] if any(early) else []),
            Cell(
                share(result.reached_by(panel.budget)),
                f"{int((result.reached <= panel.budget).sum())} of {len(result.reached)}",
            ),
        )
        for panel in panels
        for result in panel.results
    ]
    return Table(
        caption=f"Queries until the {_reference_names(panels)} was found, over seeds.",
        columns=(
            Column("benchmark", numeric=False),
            Column("strategy", numeric=False),
            Column("25th percentile"),
            Column("median"),
            Column("75th percentile"),
            Column("90th percentile"),
            *([Column("found within 100 queries")] if any(early) else []),
            Column("found within the budget"),
        ),
        rows=tuple(rows),
        headers=2,
        grouped=True,
    )


def regret_table(panels: Sequence[Panel]) -> Table:
    """Mean regret with its interval at the checkpoints and at the budget."""
    queries = sorted({query for panel in panels for query in panel.checkpoints})
    units = {panel.regret_unit for panel in panels}
    unit = units.pop() if len(units) == 1 else "in the unit of each metric"
    rows = []
    for panel in panels:
        for result in panel.results:
            cells = [Cell(panel.label), Cell(result.variant)]
            for query in queries:
                if query in panel.checkpoints:
                    mean, low, high = result.regret_at(query)
                    cells.append(Cell(panel.format(mean), _interval(panel, low, high)))
                else:
                    cells.append(Cell(NO_VALUE))
            rows.append(tuple(cells))
    return Table(
        caption=f"{_with_unit('Mean regret', unit)}, after so many queries, with 95 % bootstrap confidence intervals.",
        columns=(
            Column("benchmark", numeric=False),
            Column("strategy", numeric=False),
            *(Column(f"{query} queries") for query in queries),
        ),
        rows=tuple(rows),
        headers=2,
        grouped=True,
    )


def pair_tables(panels: Iterable[Panel]) -> list[Table]:
    """A matrix a benchmark: mean advantage of the row over the column, with the corrected p."""
    tables = []
    for panel in panels:
        names = [result.variant for result in panel.results]
        if len(names) < 2:
            continue
        pairs = {(test.first, test.second): test for test in panel.tests}
        rows = []
        for row in names:
            cells = [Cell(row)]
            for column in names:
                test = pairs.get((row, column)) or pairs.get((column, row))
                cells.append(Cell("") if test is None else _test_cell(panel, test, 1 if test.first == row else -1))
            rows.append(tuple(cells))
        seeds = sorted({test.seeds for test in panel.tests})
        count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        unit = panel.regret_unit or "the metric's unit"
        tables.append(
            Table(
                caption=f"{panel.label}: mean advantage of the row over the column at {panel.budget} queries in "
                f"{unit}, and corrected p ({count} shared seeds).",
                columns=(Column("", numeric=False), *(Column(name) for name in names)),
                rows=tuple(rows),
            )
        )
    return tables


def _test_cell(panel: Panel, test: PairedTest, sign: int) -> Cell:
    text = panel.format(abs(test.advantage))
    # An advantage that rounds to zero has no sign to show.
    signed = (
        text
        if not any(letter in "123456789" for letter in text)
        else f"{'+' if sign * test.advantage > 0 else MINUS}{text}"
    )
    if test.corrected is None:
        return Cell(signed, f"under {MINIMUM_PAIRS} seeds")
    p = format_p(test.corrected)
    strong = test.corrected < SIGNIFICANCE_LEVEL
    return Cell(signed, f"p {p}" if p.startswith("<") else f"p = {p}", strong)


def _result(panel: Panel, variant: str) -> StrategyResult:
    return next(result for result in panel.results if result.variant == variant)


def _with_unit(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit else name


def _or(things: Iterable[object]) -> str:
    return " or ".join(map(str, things))


def _reference_names(panels: Sequence[Panel]) -> str:
    return _or(sorted({panel.reference_name for panel in panels}, reverse=True))


def _reached_heading(panels: Sequence[Panel]) -> str:
    return f"{_reference_names(panels)} found"


def _interval(panel: Panel, low: float, high: float) -> str:
    return "" if np.isnan(low) else f"[{panel.format(low)}, {panel.format(high)}]"


def _quantile(result: StrategyResult, budget: int, quantile: float) -> str:
    value = censored_quantile(result.reached, quantile)
    return f"> {budget}" if not np.isfinite(value) else f"{value:.0f}"


def _hours(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return NO_VALUE
    hours = float(np.median(known))
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2g}"


def _test_value(panel: Panel, result: StrategyResult) -> str:
    if result.test_values is None:
        return "not held"
    known = result.test_values[~np.isnan(result.test_values)]
    return panel.format(float(known.mean())) if known.size else NO_VALUE
