"""Which tasks there are, and trainers made of them.

Each kind of task is a :class:`Family`: which spaces, data sets and protocols it has, and how its tasks are made. One
data set may be of several: BBC News is a text to predict for recurrent spaces, and documents to classify for text
spaces. Nothing is read, and torch is not loaded, until something is asked of a trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

from ganas.bench.training.benchmark import TrainerBenchmark
from ganas.bench.training.names import MINI, PROTOCOLS, trainer_name
from ganas.bench.training.running import Machine
from ganas.bench.training.task import Task
from ganas.spaces.errors import NotSupported, quote_list, unknown_name
from ganas.spaces.registry import load_space
from ganas.spaces.space import Space

__all__ = ["Family", "MakeTask", "datasets_for", "families", "family_of", "make_trainer", "task_for"]

MakeTask = Callable[[Space, str, str, Path | None], Task]
"""Makes a task of a space, a data set, a protocol and the folder of the data, None for where they are looked for."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of task.

    Attributes:
        name: What it is called.
        spaces: The class of the spaces whose architectures it trains.
        datasets: Its data sets.
        protocols: Its protocols.
        task: Makes the tasks for architectures of a space.
        baselines: Networks that are of no space, to compare with: the name to what makes a task of it.
    """

    name: str
    spaces: type[Space]
    datasets: tuple[str, ...]
    protocols: tuple[str, ...]
    task: MakeTask
    baselines: Mapping[str, MakeTask]


@cache
def families() -> tuple[Family, ...]:
    """Every family."""
    from ganas.bench.training.classification.task import (
        BASELINES,
        CLASSIFICATION_DATASETS,
        baseline_task,
        classification_task,
    )
    from ganas.bench.training.generation.task import GENERATION_DATASETS, generation_task
    from ganas.bench.training.language.task import LANGUAGE_DATASETS, language_task, lstm_task
    from ganas.bench.training.tagging.task import TAGGING_DATASETS, lstm_tagging_task, tagging_task
    from ganas.spaces.alphagan.space import SkeletonSpace
    from ganas.spaces.rnn.space import RecurrentSpace
    from ganas.spaces.textnas.space import TextSpace

    language, tagging = (MappingProxyType({"LSTM": task}) for task in (lstm_task, lstm_tagging_task))
    texts = MappingProxyType({name: partial(baseline_task, name) for name in BASELINES})
    return (
        Family("language modelling", RecurrentSpace, LANGUAGE_DATASETS, PROTOCOLS, language_task, language),
        Family("tagging", RecurrentSpace, TAGGING_DATASETS, PROTOCOLS, tagging_task, tagging),
        Family("text classification", TextSpace, CLASSIFICATION_DATASETS, PROTOCOLS, classification_task, texts),
        Family("generation of images", SkeletonSpace, GENERATION_DATASETS, PROTOCOLS, generation_task, {}),
    )


def datasets_for(space: Space) -> tuple[str, ...]:
    """The data sets that architectures of a space can be trained on; none where there is no trainer for it."""
    return tuple(name for family in families() if isinstance(space, family.spaces) for name in family.datasets)


def family_of(space: Space, dataset: str) -> Family:
    """The kind of task that a data set is for a space.

    Raises:
        NotSupported: The space cannot be trained on this data set, or on none.
        UnknownName: There is no data set of this name.
    """
    for family in families():
        if dataset in family.datasets and isinstance(space, family.spaces):
            return family
    mine = datasets_for(space)
    if not mine:
        raise NotSupported(f"there is no data set to train architectures of {space.name!r} on")
    if not any(dataset in family.datasets for family in families()):
        raise unknown_name(f"data set to train architectures of {space.name!r} on", dataset, mine)
    raise NotSupported(f"architectures of {space.name!r} are not trained on {dataset}, but on {quote_list(mine, 24)}")


def task_for(
    space: Space, dataset: str, protocol: str = MINI, *, folder: Path | None = None, baseline: str | None = None
) -> Task:
    """The task of a space, a data set and a protocol.

    Args:
        space: Of the architectures.
        dataset: Name of the data set.
        protocol: Name of the protocol.
        folder: Where the files of the data set lie; None for where they are looked for by default.
        baseline: Name of a network to compare with; None for the architectures of the space.

    Raises:
        UnknownName: There is no such data set, protocol or baseline.
        NotSupported: The architectures of the space cannot be trained on it.
    """
    family = family_of(space, dataset)
    if protocol not in family.protocols:
        raise unknown_name(f"protocol of {family.name}", protocol, family.protocols)
    if baseline is None:
        return family.task(space, dataset, protocol, folder)
    if baseline not in family.baselines:
        raise unknown_name(f"baseline of {family.name}", baseline, family.baselines)
    return family.baselines[baseline](space, dataset, protocol, folder)


def make_trainer(
    space: str, dataset: str, protocol: str = MINI, *, seeds: Sequence[int] = (0,), machine: Machine | None = None
) -> TrainerBenchmark:
    """Make a trainer.

    Args:
        space: Name of the space.
        dataset: Name of the data set.
        protocol: Name of the protocol.
        seeds: The seeds of the trials.
        machine: Device, precision and the like.

    Raises:
        UnknownName: There is no such space, data set or protocol.
        NotSupported: The architectures of the space cannot be trained on it.
    """
    task = task_for(load_space(space), dataset, protocol)
    return TrainerBenchmark(trainer_name(space, dataset, protocol), task, seeds=seeds, machine=machine)
