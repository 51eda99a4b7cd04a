"""What a card says, in words: epochs and runs, trials and seeds, costs, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganas.data.card import Card, CardMetric

__all__ = [
    "cost_in_words",
    "epochs_in_words",
    "held_in_words",
    "listed",
    "metrics_by_name",
    "missing_in_words",
    "splits_in_words",
    "trials_in_words",
]

_SPLITS = {
    "train": "the training data",
    "valid": "what a search may look at",
    "test": "never shown to a strategy; a report looks it up when the search is over",
}


def listed(items: Iterable[object], last: str = "and") -> str:
    """Items as they are read out.

    >>> listed([4, 12, 36])
    '4, 12 and 36'
    """
    words = [str(item) for item in items]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def metrics_by_name(card: Card) -> dict[str, list[CardMetric]]:
    """The metrics of a card by name, each with its runs, the longest last."""
    found: dict[str, list[CardMetric]] = {}
    for metric in card.metrics:
        found.setdefault(metric.name, []).append(metric)
    return {name: sorted(runs, key=lambda metric: metric.run or 0) for name, runs in found.items()}


def epochs_in_words(epochs: Sequence[int]) -> str:
    """Epochs as they are read out; empty for none.

    >>> epochs_in_words((54, 108)), epochs_in_words(range(1, 201))
    ('54 and 108', '1 to 200')
    """
    if len(epochs) > 2 and list(epochs) == [*range(epochs[0], epochs[-1] + 1)]:
        return f"{epochs[0]} to {epochs[-1]}"
    return listed(epochs)


def held_in_words(metrics: Sequence[CardMetric]) -> str:
    """At which epochs a metric is held, in short: its runs, and the epochs of the longest.

    >>> held_in_words([CardMetric(name="m", unit="", epochs=(run // 2, run), run=run) for run in (36, 108)])
    'runs over 36 and 108; epochs 54 and 108 of the last'
    """
    epochs = epochs_in_words(metrics[-1].epochs)
    if metrics[-1].run is None:
        return epochs or "-"
    runs = f"run{'s' if len(metrics) > 1 else ''} over {listed(metric.run for metric in metrics)}"
    plural = "epochs" if len(metrics[-1].epochs) > 1 else "epoch"
    return f"{runs}; {plural} {epochs} of {'the last' if len(metrics) > 1 else 'it'}"


def splits_in_words(card: Card) -> list[str]:
    """The metrics of each split, one line a split, and which of them a search may see."""
    lines = []
    names = metrics_by_name(card)
    for split, meaning in _SPLITS.items():
        of_split = [f"`{name}`" for name, runs in names.items() if runs[-1].split == split]
        if of_split:
            lines.append(f"`{split}`, {meaning}: {listed(of_split)}.")
    if any(name.startswith("valtest_") for name in names):
        lines.append(
            "`valtest` is the validation and the test images taken together. Half of it is test images, so it counts "
            "as test."
        )
    return lines


def trials_in_words(card: Card) -> list[str]:
    """What a trial is, how many there are, and from which seeds."""
    lines = [card.trials]
    if card.trial_counts:
        counts = [f"{rows:,} architectures have {trials}" for trials, rows in card.trial_counts]
        lines.append(f"{listed(counts)}.")
    elif not card.rows and any(metric.seeds for metric in card.metrics):
        lines.append("How many trials an architecture has is counted when the file is converted.")
    seeds: dict[int | None, list[int]] = {}
    for metric in card.metrics:
        for seed in metric.seeds:
            if seed not in seeds.setdefault(metric.run, []):
                seeds[metric.run].append(seed)
    if seeds:
        places = [f"{listed(of_run)} {_of_run(run)}" for run, of_run in seeds.items()]
        lines.append(f"{'Seeds' if card.rows else 'Usual seeds'}: {'; '.join(places)}.")
    once = [f"`{name}`" for name, runs in metrics_by_name(card).items() if not runs[-1].per_trial]
    if once and any(metric.per_trial for metric in card.metrics):
        lines.append(f"One value an architecture, not of a trial: {listed(once)}.")
    return lines


def cost_in_words(card: Card) -> list[str]:
    """What a query costs, and the cheaper answers that a strategy may ask for."""
    if card.cost is None:
        cost = "The table does not say how long a training took, so a query costs 0 simulated seconds."
    else:
        seconds = metrics_by_name(card)[card.cost][-1]
        parts = [
            f"A query costs one training: `{card.cost}`",
            "" if seconds.run is None else " of the run that is asked for",
            ", up to the epoch that is asked for" if len(seconds.epochs) > 1 else "",
            ", the mean over trials" if seconds.per_trial else "",
            ", whichever metric or trial is read. Within a study, asking again about an architecture is free.",
        ]
        cost = "".join(parts)
    runs = metrics_by_name(card)[card.objective]
    last = runs[-1]
    if card.fidelity == "epoch" and len(last.epochs) > 1:
        of_run = "" if last.run is None else f" of the run over {last.run}"
        epochs = epochs_in_words(last.epochs)
        fidelity = f"Fidelities are epochs: a strategy may ask for `{card.objective}` at epochs {epochs}{of_run}."
    elif card.fidelity == "run" and len(runs) > 1:
        fidelity = (
            "Fidelities are runs: a strategy may ask for a training of its own over "
            f"{listed((metric.run for metric in runs[:-1]), 'or')} epochs in place of the one over {last.run}."
        )
    else:
        fidelity = f"There are no fidelities: a search asks for `{card.objective}` after the full training."
    return [cost, fidelity]


def missing_in_words(card: Card) -> list[str]:
    """What a user may look for and not find."""
    longest = [runs[-1] for runs in metrics_by_name(card).values()]
    splits = {metric.split for metric in longest}
    lines = []
    if "valid" not in splits:
        lines.append(f"Validation values. A search on this table alone would improve `{card.objective}`.")
    if "test" not in splits:
        lines.append("Test values. To ask for one is an error, and reports say that there are none.")
    if "train" not in splits:
        lines.append("Values on the training data.")
    measured = [metric for metric in longest if metric.split is not None]
    curves = {metric.name for metric in measured if len(metric.epochs) > 1}
    at_the_end = [metric for metric in measured if len(metric.epochs) < 2 and f"{metric.name}_by_epoch" not in curves]
    if len(at_the_end) == len(measured):
        epochs = sorted({epoch for metric in measured for epoch in metric.epochs})
        held = f"every value is of epoch {listed(epochs)}" if epochs else "no value says its epoch"
        lines.append(f"Learning curves: {held}.")
    elif at_the_end:
        names = listed(f"`{metric.name}`" for metric in at_the_end)
        run = at_the_end[0].run
        in_run = "" if run is None else f" in the run over {run} epochs"
        lines.append(f"Learning curves of {names}{in_run}: {'the' if run is None else 'its'} end alone is held.")
    if card.cost is None:
        lines.append("Training times.")
    of_trials = [metric for metric in measured if metric.per_trial]
    if not of_trials:
        lines.append("Single trials: every value stands for all of them.")
    elif not any(metric.seeds for metric in of_trials):
        lines.append("Seeds: a trial is asked for by position (`trial=0`), and to name a seed is an error.")
    if not any(metric.name.startswith("latency") for metric in longest):
        lines.append("Inference latency. `bench.join` adds measurements of your own.")
    return lines or ["Nothing is known to be missing."]


def _of_run(run: int | None) -> str:
    if run is None:
        return "for what is of no run"
    return f"in the run over {run} epoch{'s' if run > 1 else ''}"
