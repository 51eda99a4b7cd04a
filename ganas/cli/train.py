"""``ganas train``: one network, trained for real."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ganas.bench.training.devices import is_first_process
from ganas.bench.training.finished import TrainingPlace
from ganas.bench.training.generation.protocol import INCEPTION, generation_protocol
from ganas.bench.training.generation.task import GENERATION_DATASETS, GenerationTask
from ganas.bench.training.identity import Identity
from ganas.bench.training.loop import Progress as Trained
from ganas.bench.training.names import MINI, trainer_name
from ganas.bench.training.running import Machine, train
from ganas.bench.training.task import Task
from ganas.bench.training.trainers import family_of, task_for
from ganas.cli.output import Json, Progress, example, print_note
from ganas.cli.trainer_facts import print_training
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, TrainingFailed, quote_list
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
            help="In the notation of its space, or by a published name (DARTS_V2, released, alphaGAN_s), or a network "
            "to compare with: LSTM for recurrent spaces, CONV, BIGRU or TRANSFORMER for text spaces.",
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="For recurrent spaces bbcnews, ptb, wikitext2, wikitext103, or to tag conll2000, conll2003, wnut17; "
            "for text spaces bbcnews, sst2, sst2-glue, sst5, agnews, sogou, dbpedia, yelp2, yelp5, yahoo, amazon2, "
            "amazon5, snli or mnli; for alphagan and alphagan-discriminator digits, cifar10, stl10, fashionmnist, or "
            "png for images of your own.",
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
    inception: Annotated[
        Path | None,
        typer.Option(
            "--inception",
            metavar="FILE",
            help="The weights of Inception, which FID needs; without it they are looked for in $GANAS_HOME/weights.",
        ),
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
    if inception is not None:
        task = _with_inception(task, inception)
    chosen = None if baseline is not None else known.parse(architecture)
    name = trainer_name(space, dataset, protocol)
    place = _place(name, task, chosen, seed, out, data, inception)
    if not resume and is_first_process():
        place.forget()
    before = place.known(Identity(task, chosen, seed, precision))
    if before is not None and before.epochs and not before.finished and is_first_process():
        print_note(f"going on after epoch {len(before.epochs)} of {task.protocol.epochs}")
    problem = task.missing() if before is None or not before.finished else None
    if problem is not None:
        # Said before anything is read: of large data sets that takes minutes.
        raise DataError(problem)
    with Progress("train", task.protocol.epochs, "epochs") as bar:
        history = train(
            task,
            chosen,
            place,
            seed=seed,
            machine=Machine(device, precision, compiled),
            every_steps=checkpoint_steps,
            weights=None if out is None else out / "weights.safetensors",
            progress=lambda trained: bar.update(trained.epoch - 1, progress_note(trained, task)),
        )
    if history.failure is not None:
        raise TrainingFailed(f"{task.describe(chosen)} on {name}: {history.failure}", history.seconds)
    if is_first_process():
        print_training(task, chosen, history, place, {"trainer": name, "seed": seed}, json=json)


def _with_inception(task: Task, weights: Path) -> Task:
    """The same task with the weights of Inception from a file of the user's."""
    if isinstance(task, GenerationTask) and task.protocol.extractor == INCEPTION:
        return task.with_source(replace(task.source, inception=weights))
    able = [name for name in GENERATION_DATASETS if generation_protocol("full", name).extractor == INCEPTION]
    raise InvalidSetting(
        f"{task.protocol.name} of {task.space.name} on {task.dataset} compares no images in Inception: leave "
        f"--inception out; full on {quote_list(able)} does"
    )


def _place(
    name: str,
    task: Task,
    architecture: Architecture | None,
    seed: int,
    out: Path | None,
    data: Path | None,
    inception: Path | None,
) -> TrainingPlace:
    """Where the training is kept: in the folder that the user names, or where a search looks for it."""
    if out is not None:
        if out.exists() and not out.is_dir():
            raise InvalidSetting(f"{out} is a file: --out takes a folder")
        return TrainingPlace(out, "training")
    label = task.protocol.label
    for kind, path in (("", data), ("-inception", inception)):
        if path is not None:
            # What came of other files must not stand where a search looks for what comes of the usual ones.
            name = f"{name}{kind}-{zlib.crc32(str(path.resolve()).encode()):08x}"
    if architecture is None:
        return TrainingPlace.of(f"{name}-{task.describe(None)}", label, 0, seed)
    return TrainingPlace.of(name, label, task.space.identity_key(architecture), seed)


def progress_note(trained: Trained, task: Task) -> str:
    """How far a training is, in a few words, with the objective of the last epoch."""
    parts = [f"{trained.done:.0%}", f"{trained.items_per_second:,.0f} {trained.item}/s"]
    if trained.seconds_left is not None:
        parts.append(f"{_duration(trained.seconds_left)} left")
    objective = task.metric(task.objective).source
    if objective in trained.values:
        parts.append(f"{objective} {trained.values[objective]:.4g}")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> _duration(42.3), _duration(4000)
    ('42 s', '1:06:40')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else str(timedelta(seconds=whole))
