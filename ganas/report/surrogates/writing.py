"""Writes the files of a report on surrogates."""

from __future__ import annotations

from pathlib import Path

from ganas.judging.journal import SCORES_FILE, Journal
from ganas.report.files import day_of_writing, standalone, write_texts
from ganas.report.html import render_html
from ganas.report.markdown import render_markdown
from ganas.report.surrogates import SurrogateReportFiles
from ganas.report.surrogates.document import compose_surrogates, figures_of
from ganas.report.surrogates.summary import summarise
from ganas.spaces.errors import StoreError

__all__ = ["write_files"]


def write_files(folder: Path) -> SurrogateReportFiles:
    """See :func:`ganas.report.surrogates.report_surrogates`."""
    import pandas

    journal = Journal(folder)
    description, frame = journal.description(), journal.frame()
    if frame.empty:
        raise StoreError(f"the evaluation in {folder} holds no judgement yet")
    summary = summarise(frame)
    document = compose_surrogates(frame, summary, description, date=day_of_writing())
    (folder / "figures").mkdir(exist_ok=True)
    html, markdown, table = folder / "report.html", folder / "report.md", folder / "summary.csv"
    figures = {
        folder / "figures" / figure.file: standalone(figure.together or figure.drawings[0])
        for figure in figures_of(document)
    }
    texts = {
        html: render_html(document),
        markdown: render_markdown(document),
        table: str(pandas.DataFrame(summary.rows()).to_csv(index=False, lineterminator="\n")),
    }
    write_texts(texts | figures)
    return SurrogateReportFiles(html, markdown, table, folder / SCORES_FILE, tuple(figures))
