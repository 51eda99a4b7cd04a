"""The images that a generator learns from, and the real ones that what it makes is compared with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganas.bench.training.generation.protocol import INCEPTION, GenerationProtocol
from ganas.bench.training.generation.weights_file import missing_inception
from ganas.data.images.catalog import IMAGE_SETS, images_folder, load_images, missing_images
from ganas.data.images.image_set import ImageSet
from ganas.spaces.errors import DataError, NotEnoughMemory, unknown_name

if TYPE_CHECKING:
    import torch

    from ganas.bench.training.generation.sample_scores import SampleScorer

__all__ = ["GENERATION_DATASETS", "GeneratedImages", "PreparedImages"]

GENERATION_DATASETS = tuple(IMAGE_SETS)
"""The data sets by name."""

_NOISE_SEED = 20_200_616
_MULTIPLE = 8
"""A generator doubles height and width three times."""


class PreparedImages:
    """Images to learn from, and what compares samples with those that validation and test have.

    Args:
        train: What is learned from.
        valid: The scorer of validation.
        test: The scorer of the test.
        counts: How many images each split has.

    Raises:
        DataError: Height and width are no multiple of 8.
    """

    def __init__(self, train: ImageSet, valid: SampleScorer, test: SampleScorer, counts: dict[str, int]) -> None:
        if train.size % _MULTIPLE:
            raise DataError(
                f"{train.name} has images of {train.size} pixels, and generators make multiples of {_MULTIPLE}: choose "
                "an image_size"
            )
        self.train = train
        self.scorers: dict[Literal["valid", "test"], SampleScorer] = {"valid": valid, "test": test}
        self.counts = counts

    @property
    def bottom_width(self) -> int:
        """Height and width of the smallest feature map of a generator."""
        return self.train.size // _MULTIPLE

    @cached_property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over the images to learn from, the splits and the weights of the network that compares.

        The images of the other splits follow from these: they are of the same files.
        """
        parts = [self.train.digest(), *map(str, self.counts.values()), self.scorers["valid"].extractor.weights_digest]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def facts(self, samples: int) -> dict[str, Any]:
        """What stands beside every distance: the splits, the network, and what real images and noise get.

        Args:
            samples: How many images of noise are compared.
        """
        scorer = self.scorers["valid"]
        return {
            "images": dict(self.counts),
            "image_size": self.train.size,
            **scorer.extractor.facts(),
            "valid_distance_of_real_images": scorer.floor,
            "valid_distance_of_noise": scorer.score([self._noise(samples)], samples).distance,
        }

    def _noise(self, count: int) -> torch.Tensor:
        import torch

        draw = torch.Generator().manual_seed(_NOISE_SEED)
        return torch.rand(count, self.train.channels, self.train.size, self.train.size, generator=draw) * 2 - 1


@dataclass(frozen=True, slots=True)
class GeneratedImages:
    """The data set of a generator.

    Attributes:
        dataset: Name of the data set.
        folder: Where its files lie; None for where they are looked for by default.
        inception: The file of the weights of Inception; None for where it is looked for by default.

    Raises:
        UnknownName: There is no such data set.
    """

    dataset: str
    folder: Path | None = None
    inception: Path | None = None

    def __post_init__(self) -> None:
        if self.dataset not in GENERATION_DATASETS:
            raise unknown_name("data set of images", self.dataset, GENERATION_DATASETS)

    def missing(self, protocol: GenerationProtocol) -> str | None:
        """None where the files are there, else one line on what to do."""
        advice = missing_images(self.dataset, self.folder)
        if advice is None and _has_test_part(self.dataset, protocol):
            advice = missing_images(self.dataset, self.folder, part="test")
        if advice is None and protocol.extractor == INCEPTION:
            advice = missing_inception(self.inception)
        return advice

    def channels(self, protocol: GenerationProtocol) -> int:
        """How many channels an image has; read only where the name of the data set does not say it."""
        return IMAGE_SETS[self.dataset].channels or self.read(protocol).train.channels

    def read(self, protocol: GenerationProtocol) -> PreparedImages:
        """Images and scorers; the same object as long as the files are.

        Raises:
            DataError: A file is missing, damaged or not what was published, or there are too few images.
            MissingDependency: A package is not installed.
            NotEnoughMemory: They do not fit into memory.
        """
        place = images_folder(self.dataset) if self.folder is None else self.folder
        return _read(self.dataset, place, self.inception, protocol.image_size, protocol.whole, protocol.extractor)


def _has_test_part(dataset: str, protocol: GenerationProtocol) -> bool:
    """Whether what is learned from leaves out a published part for the test."""
    return protocol.whole and IMAGE_SETS[dataset].has_test_part


@lru_cache(maxsize=2)
def _read(
    dataset: str, place: Path, inception: Path | None, size: int | None, whole: bool, extractor: str
) -> PreparedImages:
    from ganas.bench.training.generation.classifier import trained_classifier
    from ganas.bench.training.generation.extractor import Extractor
    from ganas.bench.training.generation.sample_scores import SampleScorer

    try:
        images = load_images(dataset, place, size=size)
        if whole and IMAGE_SETS[dataset].has_test_part:
            train, test = images, load_images(dataset, place, part="test", size=size)
            valid, valid_others = train, test
        else:
            train, held_out = images.halves()
            valid, test = held_out.halves()
            valid_others = train
        network: Extractor
        if extractor == INCEPTION:
            from ganas.bench.training.generation.inception import load_inception

            network = load_inception(inception)
        else:
            network = trained_classifier(images)
    except MemoryError:
        raise NotEnoughMemory(f"reading {dataset} needs more memory than there is") from None
    counts = {"train": len(train), "valid": len(valid), "test": len(test)}
    return PreparedImages(train, SampleScorer(network, valid, valid_others), SampleScorer(network, test, train), counts)
