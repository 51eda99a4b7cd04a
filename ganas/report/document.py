"""What a report says: its sections, sentences and definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.report.architecture_section import architecture_blocks
from ganas.report.blocks import Block, Document, Figure, Paragraph, Section, Terms
from ganas.report.definitions import (
    DEFINITIONS,
    DERIVED_DEFINITIONS,
    DIAGNOSTIC_DEFINITIONS,
    OPERATION_DEFINITIONS,
)
from ganas.report.derived import read_derived
from ganas.report.derived_section import derived_blocks
from ganas.report.diagnostic_section import diagnostic_blocks
from ganas.report.diagnostics import StrategyDiagnostics
from ganas.report.figures import LineStyle, curve_figures, line_styles, reached_figures
from ganas.report.operation_section import operation_blocks
from ganas.report.operations import read_operations
from ganas.report.provenance import provenance
from ganas.report.results import Panel
from ganas.report.statistics import MINIMUM_PAIRS, censored_quantile
from ganas.report.tables import (
    SIGNIFICANCE_LEVEL,
    format_p,
    pair_tables,
    queries_table,
    rank_table,
    regret_table,
    summary_table,
    supported_best,
)
from ganas.report.wording import join, number_word, plural

if TYPE_CHECKING:
    import pandas

__all__ = ["compose", "styles_of"]


def styles_of(panels: Sequence[Panel]) -> dict[str, LineStyle]:
    """Line styles of all strategies, in the order in which they appear."""
    names = [*(r.variant for p in panels for r in p.results), *(name for p in panels for name in p.unfinished)]
    return line_styles(list(dict.fromkeys(names)))


def compose(
    panels: Sequence[Panel],
    studies: pandas.DataFrame,
    evaluations: pandas.DataFrame,
    benchmarks: Mapping[str, Benchmark],
    diagnostics: Sequence[StrategyDiagnostics],
    *,
    command: str | None,
    title: str | None,
    date: str,
    figure_names: Mapping[str, str],
    diagnostic_names: Mapping[tuple[str, str, str], str],
) -> Document:
    """Put the report together.

    Args:
        panels: The results.
        studies: As :func:`ganas.report.write_report` takes them.
        evaluations: The same.
        benchmarks: The same.
        diagnostics: What strategies said of themselves.
        command: The same.
        title: The same.
        date: Day of writing.
        figure_names: Label of a panel to the file name of the drawing of its best architecture.
        diagnostic_names: (label of a panel, strategy, title) to the file name of a heat map of its diagnostics; the
            title is empty for their plots.
    """
    shown = [panel for panel in panels if panel.results]
    sections = [Section("summary", "Summary", _summary(panels, shown))]
    terms = list(DEFINITIONS)
    if shown:
        styles = styles_of(panels)
        sections += [
            Section("curves", "Best so far", _curves(shown, styles)),
            Section("queries", "Queries to the optimum", _queries(shown, styles)),
            Section("regret", "Regret", [regret_table(shown)]),
            Section("tests", "Paired tests", _tests(shown)),
            Section(
                "architectures", "Best architectures", architecture_blocks(shown, evaluations, benchmarks, figure_names)
            ),
        ]
        operations = read_operations(shown, studies, evaluations, benchmarks)
        derived = read_derived(shown, studies, evaluations, benchmarks)
        # What applies to this experiment only.
        further = (
            ("operations", "Which operations", operation_blocks(operations), OPERATION_DEFINITIONS),
            ("derived", "Rank of what was derived", derived_blocks(derived), DERIVED_DEFINITIONS),
            (
                "diagnostics",
                "Diagnostics",
                diagnostic_blocks(diagnostics, styles, diagnostic_names),
                DIAGNOSTIC_DEFINITIONS,
            ),
        )
        for identifier, name, blocks, definitions in further:
            if blocks:
                sections.append(Section(identifier, name, blocks))
                terms += definitions
    sections.append(Section("provenance", "Provenance", provenance(panels, studies, command, date)))
    sections.append(Section("definitions", "Definitions", [Terms(tuple(terms))]))
    return Document(title or _title(panels), _subtitle(panels, studies), tuple(sections))


def _names(panels: Sequence[Panel]) -> tuple[list[str], list[str]]:
    variants = dict.fromkeys(name for p in panels for name in (*(r.variant for r in p.results), *p.unfinished))
    return list(variants), list(dict.fromkeys(panel.benchmark for panel in panels))


def _title(panels: Sequence[Panel]) -> str:
    variants, names = _names(panels)
    who = variants[0] if len(variants) == 1 else f"{number_word(len(variants))} search strategies"
    where = names[0] if len(names) == 1 else f"{number_word(len(names))} benchmarks"
    text = f"{who} on {where}"
    return text if len(variants) == 1 else text[0].upper() + text[1:]


def _subtitle(panels: Sequence[Panel], studies: pandas.DataFrame) -> str:
    variants, names = _names(panels)
    budgets = sorted({panel.budget for panel in panels})
    signals = sorted({panel.signal for panel in panels})
    told = " and ".join(
        {"mean": "the mean over trials", "random": "one trial drawn at random"}.get(s, s) for s in signals
    )
    finished = int((studies["state"] == "finished").sum())
    queries = int(studies["queries"].sum())
    return (
        f"{join(variants)} on {join(names)}; {plural(finished, 'finished study', 'finished studies')}, "
        f"{join([str(budget) for budget in budgets])} queries each at most, {queries:,} counted queries in all; "
        f"search signal: {told}."
    )


def _summary(panels: Sequence[Panel], shown: Sequence[Panel]) -> list[Block]:
    blocks: list[Block] = []
    if not shown:
        return [Paragraph("No study is finished yet, so there is nothing to compare."), *_remarks(panels)]
    blocks += [Paragraph(_finding(panel), panel.label) for panel in shown if len(panel.results) > 1]
    blocks.append(summary_table(shown))
    ranks = rank_table(shown)
    if ranks is not None:
        blocks.append(ranks)
    return [*blocks, *_remarks(panels)]


def _finding(panel: Panel) -> str:
    """One sentence on who is ahead, and whether the seeds support it."""
    means = {result.variant: result.regret_at(panel.budget)[0] for result in panel.results}
    lowest = np.nanmin(list(means.values())) if not all(map(np.isnan, means.values())) else np.nan
    leaders = [variant for variant, mean in means.items() if mean == lowest]
    if not leaders:
        return "No strategy had a successful evaluation."
    regret = f"{panel.format(lowest) if lowest else 0} {panel.regret_unit}".rstrip()
    after = f"the lowest mean regret after {panel.budget} queries ({regret})"
    if len(leaders) > 1:
        return f"{join(leaders)} share {after}{_queries_taken(panel, leaders, lowest)}."
    lead = f"{leaders[0]} has {after}"
    tests = [test for test in panel.tests if leaders[0] in (test.first, test.second)]
    if any(test.corrected is None for test in tests):
        return f"{lead}; fewer than {MINIMUM_PAIRS} shared seeds are too few to test the difference."
    if supported_best(panel) == leaders[0]:
        p = format_p(max(test.corrected for test in tests if test.corrected is not None))
        return f"{lead}, and is better than every other strategy (corrected p {p if p[0] == '<' else f'at most {p}'})."
    close = [
        test.second if test.first == leaders[0] else test.first
        for test in tests
        if test.corrected is not None and test.corrected >= SIGNIFICANCE_LEVEL
    ]
    return f"{lead}; its difference from {join(close)} is within what chance over seeds gives." if close else f"{lead}."


def _queries_taken(panel: Panel, leaders: Sequence[str], regret: float) -> str:
    """Where the leaders are level because all their seeds are at the reference value, how soon they got there."""
    if regret != 0:
        return ""
    reached = {result.variant: result.reached for result in panel.results}
    medians = [f"{censored_quantile(reached[leader], 0.5):.0f}" for leader in leaders]
    return f"; the median seed found the {panel.reference_name} after {join(medians)} queries"


def _remarks(panels: Sequence[Panel]) -> list[Block]:
    """What a reader must know before trusting the numbers."""
    blocks: list[Block] = [Paragraph(note, panel.label) for panel in panels for note in panel.notes]
    for panel in panels:
        if panel.unfinished:
            parts = [f"{count} of {name}" for name, count in panel.unfinished.items()]
            blocks.append(Paragraph(f"Unfinished studies are left out: {join(parts)}.", panel.label))
        for result in panel.results:
            short = int((result.queries < panel.budget).sum())
            if short:
                reasons = join(
                    sorted({stop for stop, n in zip(result.stops, result.queries, strict=True) if n < panel.budget})
                )
                blocks.append(
                    Paragraph(
                        f"{plural(short, 'study', 'studies')} of {result.variant} ended before the budget ({reasons}) "
                        "and their best is carried forward to it.",
                        panel.label,
                    )
                )
            if result.failures:
                blocks.append(
                    Paragraph(
                        f"{plural(result.failures, 'evaluation', 'evaluations')} of {result.variant} failed; they "
                        "count as queries and have no value.",
                        panel.label,
                    )
                )
            empty = int(np.isnan(result.best[:, -1]).sum())
            if empty:
                blocks.append(
                    Paragraph(
                        f"{plural(empty, 'study', 'studies')} of {result.variant} had no successful evaluation and "
                        "are left out of the means.",
                        panel.label,
                    )
                )
    return blocks


def _legend(panels: Sequence[Panel], styles: Mapping[str, LineStyle]) -> tuple[tuple[str, LineStyle], ...]:
    names = dict.fromkeys(result.variant for panel in panels for result in panel.results)
    return tuple((name, styles[name]) for name in names)


def _curves(panels: Sequence[Panel], styles: Mapping[str, LineStyle]) -> list[Block]:
    seen = " (to the best value seen where no optimum is known)" if _any_seen(panels) else ""
    return [
        Figure(
            caption=f"Mean regret of the best architecture found so far{seen}, against counted queries. Bands are 95 % "
            "bootstrap intervals over seeds. The axis is logarithmic down to its lowest labelled decade and linear "
            "from there to 0.",
            drawings=tuple(curve_figures(panels, styles)),
            file="curves.svg",
            alternative="Mean regret against queries, one panel a benchmark",
            legend=_legend(panels, styles),
        )
    ]


def _queries(panels: Sequence[Panel], styles: Mapping[str, LineStyle]) -> list[Block]:
    what = "optimum or best value seen" if _any_seen(panels) else "optimum"
    return [
        queries_table(panels),
        Figure(
            caption=f"Share of the seeds that had found the {what} after so many queries.",
            drawings=tuple(reached_figures(panels, styles)),
            file="queries-to-optimum.svg",
            alternative="Share of seeds at the optimum against queries, one panel a benchmark",
            legend=_legend(panels, styles),
        ),
    ]


def _any_seen(panels: Sequence[Panel]) -> bool:
    return any(panel.reference_name != "optimum" for panel in panels)


def _tests(panels: Sequence[Panel]) -> list[Block]:
    tables = pair_tables(panels)
    if not tables:
        return [Paragraph("There is only one strategy: nothing to test against.")]
    return [
        Paragraph(
            "Wilcoxon signed-rank tests, two-sided, on the best value at the budget, paired by seed; p-values carry "
            "Holm's correction over all pairs of a benchmark. A positive number says that the row is better than the "
            f"column. Bold: corrected p below {SIGNIFICANCE_LEVEL}. Pairs with fewer than {MINIMUM_PAIRS} shared "
            "seeds are not tested."
        ),
        *tables,
    ]
