"""What a report on surrogates says: its sections and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganas.bench.surrogate.judging.evaluate import KNOWN_VALUES, PARAMETER_COUNT, REFERENCES
from ganas.bench.surrogate.judging.scores import SCORES
from ganas.bench.surrogate.judging.splits import EXTRAPOLATION, RANDOM, WITH_TWINS, strategy_split
from ganas.report.blocks import Block, Cell, Column, Document, Figure, Listing, Paragraph, Section, Table, Terms
from ganas.report.figures import line_styles
from ganas.report.surrogates.figures import Plot, size_figure
from ganas.report.surrogates.summary import Key, Summary
from ganas.report.surrogates.tables import Line, left_out_table, number_text, score_table, size_table
from ganas.report.wording import join, plural, ranges

if TYPE_CHECKING:
    import pandas

__all__ = ["compose_surrogates"]

_RANKING = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse", "precision_at_10", "precision_at_100")
_INTERVALS = ("coverage_90", "width_90", "calibration_error", "negative_log_likelihood")
_TOP = ("kendall_tau", "top_tau", "top_found", "top_choice_rank")


def compose_surrogates(
    frame: pandas.DataFrame, summary: Summary, description: Mapping[str, Any], *, date: str
) -> Document:
    """Put the report together.

    Args:
        frame: A row a judgement.
        summary: Its means.
        description: What was judged.
        date: Day of writing.
    """
    labels = _labels(frame, description)
    styles = dict(zip(labels, line_styles(list(labels.values())).values(), strict=True))
    unit = str(description["unit"])

    def figure(split: str, plots: Sequence[Plot], caption: str, file: str) -> list[Block]:
        found = size_figure(summary, split, plots, styles, labels, caption=caption, file=file)
        return [] if found is None else [found]

    splits = set(frame["split"])
    sections = [Section("summary", "Summary", _summary(summary, splits, labels))]
    if RANDOM in splits:
        sections += [
            Section(
                "scores",
                "Scores by learning-set size",
                [
                    *figure(
                        RANDOM,
                        [Plot(name, *_heading(name, unit)) for name in _RANKING if name != "precision_at_100"],
                        "Scores of predictions for architectures none of whose functional twins was learnt from, "
                        "against the number of architectures learnt from. Bands are 95 % bootstrap intervals of the "
                        "mean over seeds.",
                        "scores.svg",
                    ),
                    score_table(
                        summary, RANDOM, _headings(_RANKING, unit), labels, "Scores on architectures not learnt from."
                    ),
                ],
            ),
            Section(
                "intervals",
                "Uncertainty",
                [
                    *figure(
                        RANDOM,
                        [
                            Plot(name, *_heading(name, unit), band=(0.85, 0.95) if name == "coverage_90" else None)
                            for name in _INTERVALS
                        ],
                        "Intervals for a fresh measurement. Grey: coverage from 85 to 95 %.",
                        "intervals.svg",
                    ),
                    score_table(
                        summary, RANDOM, _headings(_INTERVALS, unit), labels, "Intervals for a fresh measurement."
                    ),
                ],
            ),
            Section("top", "The best 1 %", _top(summary, splits, labels, unit)),
        ]
    elif EXTRAPOLATION in splits:
        sections.append(Section("top", "The best 1 %", _top(summary, splits, labels, unit)))
    left_out = {strategy_split(name): name for name in description["visited"] if strategy_split(name) in splits}
    if left_out:
        table = left_out_table(
            summary,
            left_out,
            labels,
            "Kendall tau on what one strategy visited, learnt from what all others visited without functional twins "
            "of it: the shift that a search with the surrogate meets.",
        )
        sections.append(Section("strategies", "A strategy left out", [table]))
    times = {"fit_seconds": "fit, seconds", "predict_microseconds": "predict one architecture, microseconds"}
    split = RANDOM if RANDOM in splits else sorted(splits)[0]
    sections += [
        Section(
            "times",
            "Times",
            [
                score_table(summary, split, times, labels, "Processor time in one thread, features included."),
                *figure(
                    split,
                    [Plot("fit_seconds", "Fit", "seconds", logarithmic=True)],
                    "Processor seconds to fit.",
                    "times.svg",
                ),
            ],
        ),
        Section("provenance", "Provenance", _provenance(frame, description, date)),
        Section("definitions", "Definitions", [Terms(_definitions())]),
    ]
    return Document(f"Surrogates on {description['benchmark']}", _subtitle(frame, description), tuple(sections))


def _labels(frame: pandas.DataFrame, description: Mapping[str, Any]) -> dict[Line, str]:
    """Name of each model, the rankings without training first, then by what is known."""
    pairs = {(str(model), bool(known)) for model, known in zip(frame["model"], frame["known"], strict=True)}
    tables = join([str(entry["benchmark"]) for entry in description["known"]])
    names = {PARAMETER_COUNT: "parameter count alone", KNOWN_VALUES: f"{tables} alone"}
    ordered = sorted(pairs, key=lambda pair: (pair[0] not in REFERENCES, pair[1], pair[0]))
    return {
        (model, known): names.get(model, f"{model}, {tables} known" if known else model) for model, known in ordered
    }


def _heading(name: str, unit: str) -> tuple[str, str]:
    """Title of a plot and label of its axis."""
    title = SCORES[name].title
    return title[0].upper() + title[1:], unit if SCORES[name].in_unit else title


def _headings(names: Sequence[str], unit: str) -> dict[str, str]:
    return {name: SCORES[name].title + (f", {unit}" if SCORES[name].in_unit else "") for name in names}


def _summary(summary: Summary, splits: set[str], labels: Mapping[Line, str]) -> list[Block]:
    blocks: list[Block] = []
    if RANDOM in splits:
        blocks += [Paragraph(text) for text in _findings(summary, labels)]
        caption = (
            "Kendall tau on architectures none of whose functional twins was learnt from, by the number of "
            "architectures learnt from."
        )
        blocks.append(size_table(summary, RANDOM, "kendall_tau", labels, caption))
    else:
        blocks.append(Paragraph("Nothing was learnt from architectures drawn at random from the whole table."))
    if WITH_TWINS in splits:
        caption = (
            "Kendall tau on all that was not learnt from, functional twins of what was learnt from among it: easier, "
            "and the population of most published figures."
        )
        blocks.append(size_table(summary, WITH_TWINS, "kendall_tau", labels, caption))
    return blocks


def _findings(summary: Summary, labels: Mapping[Line, str]) -> list[str]:
    """A sentence for what was known: which model ranks best at each size."""
    texts = []
    for known in (False, True):
        keys = [
            key
            for key in summary.estimates
            if key.split == RANDOM and key.known == known and key.model not in REFERENCES
        ]
        parts = []
        for size in sorted({key.size for key in keys}):
            best = max((key for key in keys if key.size == size), key=lambda key: _tau(summary, key))
            parts.append(f"{number_text(_tau(summary, best), 'kendall_tau')} from {size:,} ({_short(best, labels)})")
        if parts:
            texts.append(f"Highest Kendall tau{' with other tables known' if known else ''}: {join(parts)}.")
    return texts


def _tau(summary: Summary, key: Key) -> float:
    mean = summary.estimates[key]["kendall_tau"].mean
    return float("-inf") if np.isnan(mean) else mean


def _short(key: Key, labels: Mapping[Line, str]) -> str:
    return key.model if key.known else labels[(key.model, key.known)]


def _top(summary: Summary, splits: set[str], labels: Mapping[Line, str], unit: str) -> list[Block]:
    captions = {
        RANDOM: "Learnt from architectures drawn at random from the whole table.",
        EXTRAPOLATION: "Extrapolation: learnt from architectures none of which is among the best 1 % of the table, or "
        "the functional twin of one that is.",
    }
    return [
        score_table(summary, split, _headings(_TOP, unit), labels, captions[split])
        for split in (RANDOM, EXTRAPOLATION)
        if split in splits
    ]


def _subtitle(frame: pandas.DataFrame, description: Mapping[str, Any]) -> str:
    models = [model for model in dict.fromkeys(frame["model"]) if model not in REFERENCES]
    label = "one trial of each architecture" if description["label"] == "random" else "the mean over trials"
    return (
        f"{plural(len(models), 'model', 'models')} of {description['metric']} ({description['unit']}), "
        f"{plural(frame['seed'].nunique(), 'seed', 'seeds')}; learnt from {label}, judged by the mean over trials."
    )


def _provenance(frame: pandas.DataFrame, description: Mapping[str, Any], date: str) -> list[Block]:
    seeds = ranges(sorted(set(frame["seed"].tolist())))
    entries = [
        ("report written", date),
        ("architectures", f"{description['architectures']:,}, at most {description['most']:,} of the table"),
        ("seeds", seeds),
        ("judgements", f"{len(frame):,}"),
        ("measured time", f"{frame[['fit_seconds', 'predict_seconds']].sum().sum():,.0f} processor seconds"),
    ]
    tables = [(description["benchmark"], description["source"], "predicted")]
    tables += [(entry["benchmark"], entry["source"], "known") for entry in description["known"]]
    return [
        *(Listing(command) for command in description["commands"]),
        Terms(tuple(entries)),
        Table(
            caption="Tables.",
            columns=tuple(Column(name, numeric=False) for name in ("benchmark", "source", "use")),
            rows=tuple(tuple(Cell(str(part)) for part in row) for row in tables),
        ),
        Table(
            caption="Versions.",
            columns=(Column("packages", numeric=False),),
            rows=tuple((Cell(", ".join(f"{k}={v}" for k, v in entry.items())),) for entry in description["versions"]),
        ),
    ]


def _definitions() -> tuple[tuple[str, str], ...]:
    return (
        (
            "functional twins",
            "Architectures that compute the same function but for dead paths and skips. None of what is judged is the "
            "twin of an architecture that was learnt from.",
        ),
        ("parameter count alone", "No surrogate: architectures ranked by their number of parameters."),
        ("a table alone", "No surrogate: architectures ranked by their mean value in another table."),
        *((score.title, score.meaning) for score in SCORES.values()),
    )


def figures_of(document: Document) -> list[Figure]:
    """Every figure of a document."""
    return [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]
