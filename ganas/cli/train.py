"""``ganas train``: one network, trained for real."""

from __future__ import annotations

import zlib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ganas.bench.training.devices import is_first_process
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.bench.training.loop import Progress as Trained
from ganas.bench.training.names import MINI, trainer_name
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import Task
from ganas.bench.training.trainers import family_of, task_for
from ganas.cli.output import Json, Progress, example, print_json, print_note, print_pairs, snake_case
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, TrainingFailed
from ganas.spaces.registry import load_space

__all__ = ["add_commands", "progress_note"]


def add_commands(app: typer.Typer) -> None:
    """Add ``train``."""
    app.command(
        "train",
        epilog=example("ganas train rnn DARTS_V2 --dataset bbcnews --protocol mini"),
    )(train_network)


def train_network(
    space: Annotated[str, typer.Argument(metavar="SPACE", help="A name of ganas list spaces.")],
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCHITECTURE",
            help="In the notation of its space, or a network to compare with: LSTM for recurrent spaces, "
            "CONV, BIGRU or TRANSFORMER for text spaces.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="For recurrent spaces bbcnews, ptb, wikitext2, wikitext103, or to tag conll2000, conll2003, wnut17; "
            "for text spaces bbcnews, sst2, sst2-glue, sst5, agnews, sogou, dbpedia, yelp2, yelp5, yahoo, amazon2, "
            "amazon5, snli or mnli.",
        ),
    ],
    protocol: Annotated[str, typer.Option(metavar="NAME", help="full for the recipe, mini for its miniature.")] = MINI,
    seed: Annotated[int, typer.Option(metavar="N", help="Of initial weights, data order and dropout.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    precision: Annotated[
        str, typer.Option(metavar="NAME", help="auto (bfloat16 on cuda), float32 or bfloat16.")
    ] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the network with torch.compile.")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="Where the files of the data set lie.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Keep checkpoint, measurements and weights here."),
    ] = None,
    checkpoint_steps: Annotated[
        int | None, typer.Option(metavar="N", help="Write a checkpoint every N steps, not only after epochs.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from a checkpoint, or begin anew.")] = True,
    json: Json = False,
) -> None:
    """Train one network and test it.

    The same command goes on where it was interrupted, and trains nothing twice. Without --out the training is kept
    where trainers keep theirs, so that a search finds it. Started by torchrun, several GPUs train it together.
    """
    known = load_space(space)
    baselines = family_of(known, dataset).baselines
    baseline = next((name for name in baselines if name.lower() == architecture.strip().lower()), None)
    task = task_for(known, dataset, protocol, folder=data, baseline=baseline)
    chosen = None if baseline is not None else known.parse(architecture)
    name = trainer_name(space, dataset, protocol)
    place = _place(name, task, chosen, seed, out, data)
    if not resume and is_first_process():
        place.forget()
    before = place.known(Identity(task, chosen, seed, precision))
    if before is not None and before.epochs and not before.finished and is_first_process():
        print_note(f"going on after epoch {len(before.epochs)} of {task.protocol.epochs}")
    with Progress("train", task.protocol.epochs, "epochs") as bar:
        history = train(
            task,
            chosen,
            place,
            seed=seed,
            machine=Machine(device, precision, compiled),
            every_steps=checkpoint_steps,
            weights=None if out is None else out / "weights.safetensors",
            progress=lambda trained: bar.update(trained.epoch - 1, progress_note(trained)),
        )
    if history.failure is not None:
        raise TrainingFailed(f"{task.describe(chosen)} on {name}: {history.failure}", history.seconds)
    if is_first_process():
        _print(task, chosen, history, {"trainer": name, "seed": seed, "kept in": str(place.record)}, json=json)


def _place(
    name: str, task: Task, architecture: Architecture | None, seed: int, out: Path | None, data: Path | None
) -> TrainingPlace:
    """Where the training is kept: in the folder that the user names, or where a search looks for it."""
    if out is not None:
        if out.exists() and not out.is_dir():
            raise InvalidSetting(f"{out} is a file: --out takes a folder")
        return TrainingPlace(out, "training")
    label = task.protocol.label
    if data is not None:
        # Other files under the name of a data set must not stand where a search looks for the usual ones.
        name = f"{name}-{zlib.crc32(str(data.resolve()).encode()):08x}"
    if architecture is None:
        return TrainingPlace.of(f"{name}-{task.describe(None)}", label, 0, seed)
    return TrainingPlace.of(name, label, task.space.identity_key(architecture), seed)


def progress_note(trained: Trained) -> str:
    """How far a training is, in a few words."""
    parts = [f"{trained.done:.0%}", f"{trained.items_per_second:,.0f} {trained.item}/s"]
    if trained.seconds_left is not None:
        parts.append(f"{_duration(trained.seconds_left)} left")
    parts += [f"{name} {value:.4g}" for name, value in trained.values.items() if name.startswith("valid_")]
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> _duration(42.3), _duration(4000)
    ('42 s', '1:06:40')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else str(timedelta(seconds=whole))


def _print(
    task: Task, architecture: Architecture | None, history: History, about: dict[str, Any], *, json: bool
) -> None:
    epochs = len(history.epochs)
    facts: dict[str, Any] = {
        "architecture": task.describe(architecture),
        "space": task.space.name,
        "dataset": task.dataset,
        "protocol": task.protocol.label,
        "about the protocol": task.protocol.title,
        **about,
        "epochs": epochs,
        "best epoch": history.best,
        "rollbacks": len(history.rollbacks),
        **task.data_facts(),
        **task.static(architecture),
        **{metric.name: history.value(metric, epochs) for metric in task.metrics if metric.when in ("kept", "end")},
        "train_seconds": history.epochs[-1].seconds,
    }
    if json:
        curve = [{"epoch": number, **epoch.values} for number, epoch in enumerate(history.epochs, start=1)]
        print_json({**snake_case(facts), "curve": curve})
        return
    units = {metric.name: metric.unit for metric in task.metrics}
    print_pairs([(name, _in_words(value, units.get(name, ""))) for name, value in facts.items()])


def _in_words(value: Any, unit: str) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{split} {count:,}" for split, count in value.items())
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
