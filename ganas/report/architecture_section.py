"""The section of a report on the best architectures: what each is worth, who found it, and its drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ganas.bench.benchmark import Benchmark
from ganas.report.best import find_best
from ganas.report.blocks import Block, Figure, Listing, Paragraph, Terms
from ganas.report.drawing import draw_architecture
from ganas.report.results import Panel
from ganas.report.wording import join, plural

if TYPE_CHECKING:
    import pandas

__all__ = ["architecture_blocks"]


def architecture_blocks(
    panels: Sequence[Panel],
    evaluations: pandas.DataFrame,
    benchmarks: Mapping[str, Benchmark],
    figure_names: Mapping[str, str],
) -> list[Block]:
    """The blocks of the section.

    Args:
        panels: The results.
        evaluations: As :func:`ganas.report.write_report` takes them.
        benchmarks: The same.
        figure_names: Label of a panel to the file name of the drawing.
    """
    blocks: list[Block] = [
        Paragraph(
            "The architecture with the best value that any strategy was told on each benchmark. Grey in the drawings: "
            "operations that pass nothing on, and what only they feed."
        )
    ]
    for panel in panels:
        best = find_best(panel, evaluations, benchmarks)
        if best is None:
            continue
        unit = f" {panel.unit}" if panel.unit else ""
        value = (f"{panel.metric.name}, as told", f"{panel.format(best.told)}{unit}")
        entries = [value] if best.mean is None or panel.signal != "mean" else []
        if best.mean is not None:
            trials = f" of {plural(best.trials, 'trial', 'trials')}" if best.trials else ""
            entries.append((f"{panel.metric.name}, mean{trials}", f"{panel.format(best.mean)}{unit}"))
            regret = abs(panel.reference - best.mean)
            distance = f"{panel.format(regret) if regret > 0 else 0} {panel.regret_unit}".rstrip()
            entries.append((f"regret to the {panel.reference_name}", distance))
        if best.test is not None:
            entries.append((f"{panel.test_metric}, mean", f"{panel.format(best.test)}{unit}"))
        elif panel.test_metric is not None:
            entries.append((panel.test_metric, "not measured for this architecture"))
        elif panel.benchmark in benchmarks:
            entries.append(("test value", "The table holds no test value of this metric."))
        if best.parameters is not None:
            entries.append(("parameters", f"{best.parameters:,.0f}"))
        finders = [f"{name} ({count} of {seeds} seeds)" for name, (count, seeds) in best.found_by.items() if count]
        entries.append(("final choice of", join(finders)))
        if best.architecture is not None:
            space = benchmarks[panel.benchmark].space
            blocks.append(
                Figure(
                    caption=f"Best architecture found on {panel.label} ({panel.space}).",
                    drawings=(draw_architecture(best.architecture, space),),
                    file=figure_names[panel.label],
                    alternative=f"Graph of the best architecture found on {panel.label}: {best.notation}",
                )
            )
        else:
            blocks.append(
                Paragraph("It is not drawn: the benchmark, and with it the space, is not loaded.", panel.label)
            )
        blocks += [Listing(best.notation), Terms(tuple(entries))]
    return blocks
