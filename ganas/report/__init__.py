"""Reports of experiments: one self-contained HTML page, the same in Markdown, CSV tables and SVG figures.

Everything is computed from frames (one row a study, one row a counted query, one row a diagnostic) and look-ups in
the benchmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from ganas.bench.benchmark import Benchmark

__all__ = ["ReportFiles", "write_report"]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where the parts of a report were written.

    Attributes:
        html: The page; it opens offline and holds its figures.
        markdown: The same content as text, with links to ``figures``.
        summary_csv: One row a benchmark and strategy: every number of the tables, unrounded.
        curves_csv: Mean regret with its interval at each query of the curves.
        tests_csv: One row a pair of strategies and benchmark.
        diagnostics_csv: One row a value that a strategy said of itself; no row where none did.
        figures: The SVG files.
    """

    html: Path
    markdown: Path
    summary_csv: Path
    curves_csv: Path
    tests_csv: Path
    diagnostics_csv: Path
    figures: tuple[Path, ...]


def write_report(
    studies: pandas.DataFrame,
    evaluations: pandas.DataFrame,
    out: Path,
    *,
    benchmarks: Mapping[str, Benchmark],
    diagnostics: pandas.DataFrame | None = None,
    command: str | None = None,
    title: str | None = None,
) -> ReportFiles:
    """Write the report of an experiment into a folder.

    The same frames give the same bytes, except for the date in the section on provenance, which is the day on which
    the report is written (or ``SOURCE_DATE_EPOCH``).

    Args:
        studies: One row a study: ``study``, ``benchmark``, ``strategy``, ``variant``, ``settings``, ``seed``,
            ``budget``, ``metric``, ``signal``, ``state``, ``stop``, ``source``, ``space``, ``versions``, ``queries``,
            ``simulated_seconds``, ``wall_seconds``.
        evaluations: One row a counted query: ``study``, ``query`` (from 1), ``architecture``, ``value`` (NaN where it
            failed), ``simulated_seconds`` and ``wall_seconds`` (both cumulative), ``failure``.
        out: The folder; it is made where missing, and files of an earlier report are replaced.
        benchmarks: Name to benchmark, for optima, directions and look-ups. Where one is missing, regret is measured
            against the best value seen in the experiment, and the report says so.
        diagnostics: One row a value that a strategy said of itself: ``study``, ``query``, ``name``, ``value``; None
            where none did.
        command: The command that made the experiment, for the section on provenance.
        title: Heading of the report; None for one that names what was compared.

    Raises:
        InvalidSetting: A column is missing, there is no study, or two studies of one strategy share a seed.
    """
    from ganas.report.writing import write_files

    return write_files(
        studies,
        evaluations,
        Path(out),
        benchmarks=benchmarks,
        diagnostics=diagnostics,
        command=command,
        title=title,
    )
