"""A tiny recipe for generators of digits, and trainings by it."""

from dataclasses import replace
from pathlib import Path

from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.images import GeneratedImages
from ganas.bench.training.generation.protocol import CLASSIFIER, MINI
from ganas.bench.training.generation.task import GenerationTask
from ganas.bench.training.loop import TrainingLoop
from ganas.spaces.registry import load_space

TINY = replace(
    MINI,
    epochs=2,
    steps=3,
    image_size=8,
    channels=4,
    discriminator_channels=4,
    latent=8,
    batch=8,
    generator_batch=6,
    critic_steps=2,
    learning_rate=1e-3,
    discriminator_learning_rate=2e-3,
    first_moment=0.0,
    second_moment=0.9,
    decay_from=1.0,
    last_rate=0.0,
    averaging=0.9,
    whole=False,
    extractor=CLASSIFIER,
    samples=100,
)

SPACE = load_space("alphagan")
ARCHITECTURE = SPACE.decode((0, 1, 0, 1, 3, 2, 0, 0, 4, 0, 1, 1, 0, 0, 1, 1, 0, 2))

DISTANCE = "classifier_frechet_distance"


def task_of(space=SPACE, **changes):
    """The task; digits come from no folder, and naming one lets tests share what was read."""
    return GenerationTask(space, GeneratedImages("digits", Path("digits")), replace(TINY, **changes))


def loop_of(task, seed=0, compute=None, architecture=ARCHITECTURE, **options):
    return TrainingLoop(task, architecture, seed=seed, compute=compute or Compute(), **options)


def values_of(history):
    return [epoch.values for epoch in history.epochs], history.final


class Part(Compute):
    """One of several processes, whose gradients nobody averages."""

    def wrap(self, module):
        return module


def training(compute=None, space=None, architecture=ARCHITECTURE, **changes):
    import torch

    torch.manual_seed(0)
    task = task_of(**changes) if space is None else task_of(space, **changes)
    return task.start(architecture, seed=0, compute=compute or Compute())


def run_epoch(made, epoch=1):
    made.start_epoch(epoch)
    steps = []
    while (step := made.step()) is not None:
        steps.append(step)
    return steps


def weights_of(network):
    return [values.detach().clone() for values in network.parameters()]


def same(first, second):
    import torch

    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def same_weights(first, second):
    assert first.keys() == second.keys()
    return same(first.values(), second.values())
