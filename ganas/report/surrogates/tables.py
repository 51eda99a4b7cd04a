"""Tables of a report on surrogates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ganas.report.blocks import Cell, Column, Table
from ganas.report.surrogates.summary import Estimate, Key, Summary
from ganas.report.wording import MINUS, NO_VALUE

__all__ = ["Line", "left_out_table", "score_table", "size_table"]

Line = tuple[str, bool]
"""A model, and whether something is known."""


def size_table(summary: Summary, split: str, number: str, labels: Mapping[Line, str], caption: str) -> Table:
    """One number: a row a model, a column a size."""
    sizes = _sizes(summary, split)
    rows = []
    for line in _lines(summary, split, labels):
        cells = []
        for size in sizes:
            key = Key(split, *line, size)
            estimate = summary.estimates[key][number] if key in summary.estimates else None
            strong = number == "kendall_tau" and estimate is not None and summary.near_best(key)
            cells.append(_with_interval(estimate, number, strong))
        rows.append((Cell(labels[line]), *cells))
    return Table(
        caption=caption,
        columns=(Column("model", numeric=False), *(Column(f"{size:,}") for size in sizes)),
        rows=tuple(rows),
        note="Mean over seeds [95 % bootstrap interval]. Bold: the best, or within one standard error of the best, of "
        "the models that were given the same."
        if number == "kendall_tau"
        else "Mean over seeds [95 % bootstrap interval].",
    )


def score_table(
    summary: Summary, split: str, numbers: Mapping[str, str], labels: Mapping[Line, str], caption: str
) -> Table:
    """Several numbers: a row a size and model, a column a number; columns without any value are left out."""
    keys = [
        Key(split, *line, size)
        for size in _sizes(summary, split)
        for line in _lines(summary, split, labels)
        if Key(split, *line, size) in summary.estimates
    ]
    held = [name for name in numbers if any(not np.isnan(summary.estimates[key][name].mean) for key in keys)]
    keys = [key for key in keys if any(not np.isnan(summary.estimates[key][name].mean) for name in held)]
    return Table(
        caption=caption,
        columns=(
            Column("learnt from"),
            Column("model", numeric=False),
            *(Column(numbers[name]) for name in held),
        ),
        rows=tuple(
            (
                Cell(f"{key.size:,}"),
                Cell(labels[(key.model, key.known)]),
                *(_with_error(summary.estimates[key][name], name) for name in held),
            )
            for key in keys
        ),
        headers=2,
        grouped=True,
        note="Mean over seeds (standard error).",
    )


def left_out_table(summary: Summary, splits: Mapping[str, str], labels: Mapping[Line, str], caption: str) -> Table:
    """Kendall tau where a strategy was left out: a row a strategy and model, a column a size.

    Args:
        summary: The means.
        splits: Name of the split to name of the strategy.
        labels: (model, known) to name.
        caption: Above the table.
    """
    sizes = sorted({size for split in splits for size in _sizes(summary, split)})
    rows = []
    for split, strategy in splits.items():
        for line in _lines(summary, split, labels):
            keys = [Key(split, *line, size) for size in sizes]
            tests = [summary.tests[key] for key in keys if key in summary.tests]
            values = (
                _with_interval(summary.estimates[key]["kendall_tau"], "kendall_tau", summary.near_best(key))
                if key in summary.estimates
                else Cell(NO_VALUE)
                for key in keys
            )
            rows.append((Cell(strategy), Cell(labels[line]), Cell(f"{np.mean(tests):,.0f}"), *values))
    return Table(
        caption=caption,
        columns=(
            Column("left out", numeric=False),
            Column("model", numeric=False),
            Column("judged on"),
            *(Column(f"{size:,}") for size in sizes),
        ),
        rows=tuple(rows),
        headers=2,
        grouped=True,
    )


def number_text(value: float, name: str) -> str:
    """A number with the digits that its kind of score has."""
    if np.isnan(value):
        return NO_VALUE
    if name in ("rmse", "width_90", "fit_seconds", "predict_microseconds"):
        text = f"{value:#.3g}".rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"
    elif name == "top_choice_rank":
        text = f"{value:,.1f}"
    else:
        text = f"{value:.3f}"
    return text.replace("-", MINUS)


def _with_interval(estimate: Estimate | None, name: str, strong: bool) -> Cell:
    if estimate is None or np.isnan(estimate.mean):
        return Cell(NO_VALUE)
    ends = f"[{number_text(estimate.low, name)}, {number_text(estimate.high, name)}]"
    return Cell(number_text(estimate.mean, name), "" if np.isnan(estimate.low) else ends, strong)


def _with_error(estimate: Estimate, name: str) -> Cell:
    error = estimate.standard_error
    return Cell(number_text(estimate.mean, name), "" if np.isnan(error) else number_text(error, name))


def _sizes(summary: Summary, split: str) -> list[int]:
    return sorted({key.size for key in summary.estimates if key.split == split})


def _lines(summary: Summary, split: str, labels: Mapping[Line, str]) -> Sequence[Line]:
    held = {(key.model, key.known) for key in summary.estimates if key.split == split}
    return [line for line in labels if line in held]
