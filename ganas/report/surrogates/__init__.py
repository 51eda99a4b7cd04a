"""Reports on surrogates: one self-contained HTML page, the same in Markdown, CSV tables and SVG figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["SurrogateReportFiles", "report_surrogates"]


@dataclass(frozen=True, slots=True)
class SurrogateReportFiles:
    """Where the parts of a report were written.

    Attributes:
        html: The page; it opens offline and holds its figures.
        markdown: The same content as text, with links to ``figures``.
        summary_csv: One row a mean: model, size, split, score, standard error and interval, unrounded.
        scores_csv: One row a judgement, from which all of it is computed.
        figures: The SVG files.
    """

    html: Path
    markdown: Path
    summary_csv: Path
    scores_csv: Path
    figures: tuple[Path, ...]


def report_surrogates(folder: str | Path) -> SurrogateReportFiles:
    """Write the report on the judgements in a folder into it; an unfinished evaluation will do.

    Args:
        folder: What :func:`ganas.judging.judge_surrogates` filled.

    Raises:
        StoreError: There is no judgement in the folder, or the file is damaged.
    """
    from ganas.report.surrogates.writing import write_files

    return write_files(Path(folder))
