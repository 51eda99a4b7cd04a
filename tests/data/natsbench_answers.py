"""What tables answer, beside what the official packages answer on the same records; for several tests."""

import contextlib
import io
import itertools
import math
from dataclasses import astuple

from ganas.bench.metric import REDUCTIONS
from ganas.data.convert.natsbench_cards import DATASETS
from ganas.spaces.errors import GanasError

TABLES = {dataset.official: dataset.suffix for dataset in DATASETS}
SETS = {dataset.official: {one.official: one.prefix for one in dataset.sets} for dataset in DATASETS}


def close(first, second):
    """Equal up to the order in which trials and epochs are added up."""
    return math.isclose(first, second, rel_tol=1e-12)


def quietly(call, *arguments, **named):
    """The result of a call that prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*arguments, **named)


def outcome(call, *arguments, **named):
    """What a question gives, without the source; of an error its type and text."""
    try:
        result = call(*arguments, **named)
    except GanasError as error:
        return type(error), str(error)
    return tuple(part.tolist() if hasattr(part, "tolist") else part for part in astuple(result))


def answers(bench, rows, epochs=(1, 12, 13, 90, 200, 201), runs=(1, 12, 90, 200, 36)):
    """The answers to questions of every kind about some rows, errors included."""
    found = {}
    kinds: list[dict[str, object]] = [{"trial": trial} for trial in range(4)]
    kinds += [{"seed": seed} for seed in (111, 777, 888, 999, 5)]
    kinds += [{"reduction": how} for how in REDUCTIONS]
    for row in rows:
        architecture = bench.architecture_at(row)
        for metric, run, kind in itertools.product([*bench.metrics, "valid_acc"], (None, *runs), kinds):
            asked = {"run": run, **kind}
            for epoch in (None, *epochs):
                answer = outcome(bench.query, architecture, metric, epoch=epoch, **asked)
                found[row, metric, epoch, *asked.items()] = _without(bench.source, answer)
            answer = outcome(bench.curve, architecture, metric, **asked)
            found[row, metric, "curve", *asked.items()] = _without(bench.source, answer)
    return found


def _without(source, result):
    return tuple(part for part in result if part != source)


def metric_values(info):
    """An answer of ``get_more_info`` under the names of our metrics: of an epoch, and of the whole trial."""
    of_epoch, once = {}, {}
    for key, value in info.items():
        prefix, _, kind = key.partition("-")
        if kind in ("accuracy", "loss"):
            of_epoch[f"{prefix}_{kind}"] = value
        elif key == "train-all-time":
            of_epoch["train_seconds"] = value
        elif kind == "per-time" and prefix != "train":
            once[f"{prefix}_seconds"] = value
    return of_epoch, once


def files_in(folder):
    """The names in a folder; empty where there is none."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def contents(cards):
    """The bytes of every file of tables, but for what names their source."""
    return {
        (card.name, path.name): path.read_bytes()
        for card in cards
        for path in card.folder.iterdir()
        if path.name != "card.toml"
    }
