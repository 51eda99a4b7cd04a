"""Generation of images for one-shot searches: the halves of the images that a trainer learns from.

The official code of AlphaGAN (``search.py``) cuts the training images in the middle; here they are drawn into halves,
always the same ones. Of images for validation and test a search sees none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ganas.bench.training.generation.images import PreparedImages
from ganas.bench.training.generation.search_protocol import SEARCH_MINI, GenerationSearchProtocol
from ganas.bench.training.running import Machine
from ganas.bench.training.training_task import TrainingTask
from ganas.data.images.image_set import ImageSet
from ganas.spaces.alphagan.space import AlphaGAN
from ganas.spaces.errors import DataError

__all__ = ["GenerationTrainingTask", "ImageHalves", "toy_training_task", "training_images"]


class ImageHalves(NamedTuple):
    """The training images of a search.

    Attributes:
        weights: The half that the weights of both players learn from.
        architecture: The half that the worst copies and the architecture learn from.
    """

    weights: ImageSet
    architecture: ImageSet


@dataclass(frozen=True, slots=True, eq=False)
class GenerationTrainingTask(TrainingTask):
    """The training images of a generator, for searches.

    Attributes:
        space: Of the architectures.
        dataset: Name of the data set.
        protocol: The recipe for the relaxed generator.
        machine: Device, precision and the like.
        read: Reads the images that a trainer learns from.
    """

    space: AlphaGAN
    dataset: str
    protocol: GenerationSearchProtocol
    machine: Machine
    read: Callable[[], ImageSet]

    def halves(self) -> ImageHalves:
        """Read the training images and halve them.

        Raises:
            DataError: The files are missing or damaged, or there are fewer than four images.
        """
        images = self.read()
        if len(images) < 4:
            raise DataError(f"{self.dataset} has {len(images)} images to learn from: too few for two halves of two")
        return ImageHalves(*images.halves())


def training_images(read: Callable[[], PreparedImages]) -> ImageSet:
    """What of the prepared images a search may see."""
    return read().train


# --- a toy -----------------------------------------------------------------------------------------------------------


_TOY = replace(
    SEARCH_MINI,
    title="a toy: a search of milliseconds",
    epochs=5,
    channels=2,
    discriminator_channels=2,
    latent=2,
    batch=4,
    inner_steps=1,
    worst_steps=1,
    outer_steps=1,
)


def toy_training_task(space: AlphaGAN) -> GenerationTrainingTask:
    """Two dozen made-up grey images of 8 pixels: for conformance kits and first tries, never for results."""
    return GenerationTrainingTask(space, "toy", _TOY, Machine("cpu", "float32"), _toy_images)


def _toy_images() -> ImageSet:
    # A bright square somewhere: there is something to learn.
    pixels = np.zeros((24, 1, 8, 8), dtype=np.uint8)
    for number, image in enumerate(pixels):
        row, column = number % 5, number % 6
        image[0, row : row + 3, column : column + 3] = 255
    return ImageSet("toy", pixels, np.zeros(len(pixels), dtype=np.int64), ("square",))
