"""How a generator learns: its distance to real images at every evaluation, as Markdown, and a picture of its samples.

Trains one architecture with several seeds and prints its validation distance before it has learned anything and at each
evaluation, beside those of real images and of noise. With ``--picture`` its samples at the first, the middle and the
last evaluation of the first seed stand beside real images. Finished trainings are kept, so the same command goes on
where it stopped::

    python examples/generator_training.py train-alphagan-digits alphaGAN_s --seeds 0 1 2 --picture digits.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import ganas
from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.checkpoint import picture_path
from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.sample_grid import sample_grid
from ganas.bench.training.generation.task import GenerationTask
from ganas.bench.training.history import History
from ganas.bench.training.loop import TrainingLoop
from ganas.spaces.architecture import Architecture

__all__ = ["main", "markdown", "untrained_distance"]

_SHOWN = 64
_GAP = 12


def untrained_distance(task: GenerationTask, architecture: Architecture, seed: int) -> float:
    """The validation distance of a generator whose weights were drawn, after a step that changes them by nothing."""
    still = task.with_protocol(
        replace(task.protocol, epochs=1, steps=1, learning_rate=1e-30, discriminator_learning_rate=1e-30)
    )
    history = TrainingLoop(still, architecture, seed=seed, compute=Compute()).run()
    return history.epochs[0].values[task.objective]


def markdown(seeds: Sequence[int], untrained: Sequence[float], histories: Sequence[History], name: str) -> str:
    """The table: a row a seed, a column an evaluation."""
    evaluations = [f"evaluation {number}" for number in range(1, len(histories[0].epochs) + 1)]
    columns = ["seed", "untrained", *evaluations, "test, best", "test, last"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for seed, before, history in zip(seeds, untrained, histories, strict=True):
        curve = " | ".join(f"{epoch.values[f'valid_{name}']:.1f}" for epoch in history.epochs)
        tested = f"{history.final[f'test_{name}']:.1f} | {history.final[f'last_test_{name}']:.1f}"
        lines.append(f"| {seed} | {before:.1f} | {curve} | {tested} |")
    return "\n".join(lines)


def save_picture(path: Path, pictures: Sequence[Path], task: GenerationTask) -> None:
    """Put samples of several evaluations and real images side by side."""
    from PIL import Image

    parts = [np.asarray(Image.open(picture)) for picture in pictures]
    real = task.source.read(task.protocol).train.images[:_SHOWN]
    side = (parts[0].shape[0] - 1) // 8 - 1
    parts.append(sample_grid(real, scale=max(1, side // real.shape[-1])))
    gap = np.full((parts[0].shape[0], _GAP, *parts[0].shape[2:]), 255, dtype=np.uint8)
    row = [piece for part in parts for piece in (part, gap)][:-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(row, axis=1)).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, print the table and save the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trainer", help="such as train-alphagan-digits")
    parser.add_argument("architecture", help="in the notation of its space, such as alphaGAN_s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--change", nargs="+", default=[], metavar="FIELD=VALUE", help="of the protocol")
    parser.add_argument("--picture", type=Path, help="a PNG file for samples")
    given = parser.parse_args(arguments)
    listed = ganas.load_benchmark(given.trainer)
    if not isinstance(listed, TrainerBenchmark) or not isinstance(listed.task, GenerationTask):
        parser.error(f"{given.trainer!r} is no trainer of generators")
    task, architecture = listed.task, listed.space.parse(given.architecture)
    task = task.with_protocol(task.protocol.with_values(given.change))
    trainer = TrainerBenchmark(given.trainer, task, seeds=given.seeds)
    histories = trainer.trained(architecture)
    untrained = [untrained_distance(task, architecture, seed) for seed in given.seeds]
    print(markdown(given.seeds, untrained, histories, task.objective.removeprefix("valid_")))
    facts = task.data_facts()
    told = ", ".join(f"{name.replace('_', ' ')} {facts[name]:.1f}" for name in facts if "distance_of" in name)
    print(f"\n{told}; {np.mean([history.seconds for history in histories]):.0f} seconds a training")
    if given.picture is not None:
        last = len(histories[0].epochs)
        place = trainer.place(architecture, given.seeds[0])
        shown = [picture_path(place.checkpoint, number) for number in sorted({1, (last + 1) // 2, last})]
        save_picture(given.picture, shown, task)


if __name__ == "__main__":
    main()
