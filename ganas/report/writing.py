"""Writes the files of a report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.report import ReportFiles
from ganas.report.blocks import Document, Figure
from ganas.report.diagnostics import diagnostic_rows, read_diagnostics
from ganas.report.document import compose, styles_of
from ganas.report.figures import combined_figure
from ganas.report.files import day_of_writing, standalone, write_texts
from ganas.report.html import render_html
from ganas.report.markdown import render_markdown
from ganas.report.results import Panel, read_panels
from ganas.report.statistics import censored_quantile
from ganas.report.tables import supported_best

if TYPE_CHECKING:
    import pandas

__all__ = ["write_files"]


def write_files(
    studies: pandas.DataFrame,
    evaluations: pandas.DataFrame,
    out: Path,
    *,
    benchmarks: Mapping[str, Benchmark],
    diagnostics: pandas.DataFrame | None,
    command: str | None,
    title: str | None,
) -> ReportFiles:
    """See :func:`ganas.report.write_report`."""
    panels = read_panels(studies, evaluations, benchmarks)
    said = read_diagnostics(panels, studies, diagnostics)
    groups = [(group.label, group.strategy, title) for group in said for title in ("", *group.together)]
    names = _file_names("best", [panel.label for panel in panels])
    diagnostic_names = _file_names("diagnostics", ["\n".join(group) for group in groups])
    document = compose(
        panels,
        studies,
        evaluations,
        benchmarks,
        said,
        command=command,
        title=title,
        date=day_of_writing(),
        figure_names=names,
        diagnostic_names={group: diagnostic_names["\n".join(group)] for group in groups},
    )
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        out / "report.html": render_html(document),
        out / "report.md": render_markdown(document),
        out / "summary.csv": _csv(_summary_rows(panels)),
        out / "curves.csv": _csv(_curve_rows(panels)),
        out / "tests.csv": _csv(_test_rows(panels), columns=_TEST_COLUMNS),
        out / "diagnostics.csv": _frame_csv(diagnostic_rows(studies, diagnostics)),
    }
    figures = {folder / name: svg for name, svg in _figures(document, panels).items()}
    write_texts(texts | figures)
    html, markdown, summary, curves, tests, recorded = texts
    return ReportFiles(html, markdown, summary, curves, tests, recorded, tuple(figures))


def _file_names(kind: str, labels: Sequence[str]) -> dict[str, str]:
    """A file name for the drawing under each label: only letters that every file system and link takes."""
    names: dict[str, str] = {}
    for label in labels:
        stem = f"{kind}-" + (re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.") or "benchmark")[:80]
        taken = set(names.values())
        number, name = 2, f"{stem}.svg"
        while name in taken:
            number, name = number + 1, f"{stem}-{number}.svg"
        names[label] = name
    return names


def _figures(document: Document, panels: Sequence[Panel]) -> dict[str, str]:
    shown = [panel for panel in panels if panel.results]
    figures = {}
    if shown:
        styles = styles_of(panels)
        figures["curves.svg"] = combined_figure(shown, styles, "curves")
        figures["queries-to-optimum.svg"] = combined_figure(shown, styles, "reached")
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Figure) and block.file not in figures:
                figures[block.file] = block.together or block.drawings[0]
    return {name: standalone(svg) for name, svg in figures.items()}


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    import pandas

    return _frame_csv(pandas.DataFrame(list(rows), columns=None if columns is None else list(columns)))


def _frame_csv(frame: pandas.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _keys(panel: Panel) -> dict[str, Any]:
    return {"benchmark": panel.benchmark, "metric": panel.metric.name, "signal": panel.signal, "budget": panel.budget}


def _summary_rows(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    rows = []
    for panel in panels:
        sign = -1.0 if panel.metric.higher_is_better else 1.0
        for result in panel.results:
            mean, low, high = result.regret_at(panel.budget)
            ends = sorted((panel.reference + sign * low, panel.reference + sign * high))
            row = _keys(panel) | {
                "strategy": result.variant,
                "settings": result.settings,
                "seeds": len(result.seeds),
                "unfinished": panel.unfinished.get(result.variant, 0),
                "failures": result.failures,
                "unit": panel.unit,
                "reference": panel.reference,
                "reference_is": panel.reference_name,
                "best_mean": panel.reference + sign * mean,
                "best_low": ends[0],
                "best_high": ends[1],
                "test_mean": _mean(result.test_values),
                "better_than_all": supported_best(panel) == result.variant,
                "share_reached": result.reached_by(panel.budget),
                "share_reached_100": result.reached_by(100) if panel.budget >= 100 else float("nan"),
                "queries_median": censored_quantile(result.reached, 0.5),
                "queries_90th_percentile": censored_quantile(result.reached, 0.9),
                "simulated_hours_to_best_median": censored_quantile(result.hours_to_best, 0.5),
            }
            for query in panel.checkpoints:
                values = result.regret_at(query)
                row |= dict(
                    zip((f"regret_{query}", f"regret_{query}_low", f"regret_{query}_high"), values, strict=True)
                )
            rows.append(row | {"regret_budget": mean, "regret_budget_low": low, "regret_budget_high": high})
    return rows


def _mean(values: np.ndarray | None) -> float:
    known = np.empty(0) if values is None else values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _curve_rows(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    return [
        _keys(panel)
        | {
            "strategy": result.variant,
            "query": int(query),
            "regret_mean": float(result.curve.mean[point]),
            "regret_low": float(result.curve.low[point]),
            "regret_high": float(result.curve.high[point]),
            "share_reached": result.reached_by(int(query)),
        }
        for panel in panels
        for result in panel.results
        for point, query in enumerate(result.grid)
    ]


_TEST_COLUMNS = (
    "benchmark", "metric", "signal", "budget", "first", "second", "seeds", "advantage_of_first", "p_value",
    "p_value_holm",
)  # fmt: skip


def _test_rows(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    return [
        _keys(panel)
        | {
            "first": test.first,
            "second": test.second,
            "seeds": test.seeds,
            "advantage_of_first": test.advantage,
            "p_value": test.p_value,
            "p_value_holm": test.corrected,
        }
        for panel in panels
        for test in panel.tests
    ]
