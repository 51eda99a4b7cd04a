"""The images that a generator learns from, and the real ones that what it makes is compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ganas.bench.training.generation.protocol import INCEPTION, GenerationProtocol
from ganas.bench.training.generation.weights_file import missing_inception, weights_path
from ganas.data.images.catalog import IMAGE_SETS, images_folder, load_images, missing_images
from ganas.data.images.image_set import ImageSet
from ganas.spaces.errors import DataError, InvalidSetting, NotEnoughMemory, unknown_name

if TYPE_CHECKING:
    import torch

    from ganas.bench.training.generation.extractor import Extractor
    from ganas.bench.training.generation.sample_scores import SampleScorer

__all__ = ["GENERATION_DATASETS", "GeneratedImages", "PreparedImages"]

GENERATION_DATASETS = tuple(IMAGE_SETS)
"""The data sets by name."""

_NOISE_SEED = 20_200_616
_AT_ONCE = 500
_MULTIPLE = 8
"""A generator doubles height and width three times."""

# Refused here, because a half that cannot be halved again would be called the whole data set.
_FEWEST = 4


class PreparedImages:
    """Images to learn from, and what compares samples with those that validation and test have.

    Args:
        train: What is learned from.
        valid: What validation compares with; may be the same.
        test: What the test compares with.
        extractor: The network in which they are compared.

    Attributes:
        train: What is learned from.
        scorers: What compares samples with a split.
        counts: How many images each split has.

    Raises:
        DataError: Height and width are no multiple of 8, or a split has no more images than there are features.
    """

    def __init__(self, train: ImageSet, valid: ImageSet, test: ImageSet, extractor: Extractor) -> None:
        from ganas.bench.training.generation.sample_scores import SampleScorer

        self.bottom_width = _bottom_width(train.name, train.size)
        self.train = train
        self._splits = {"train": train, "valid": valid, "test": test}
        self.counts = {split: len(images) for split, images in self._splits.items()}
        for split, count in self.counts.items():
            if count <= extractor.features:
                raise DataError(
                    f"{train.name} has {count:,} images for {split}, and {extractor.distance_name} needs more than "
                    f"{extractor.features:,}: the covariance of fewer is singular"
                )
        self.scorers: dict[Literal["valid", "test"], SampleScorer] = {
            "valid": SampleScorer(extractor, valid, test if valid is train else train),
            "test": SampleScorer(extractor, test, train),
        }
        self._facts: dict[int, dict[str, Any]] = {}

    @property
    def extractor(self) -> Extractor:
        """The network in which images are compared."""
        return self.scorers["valid"].extractor

    @cached_property
    def digest(self) -> str:
        """Hexadecimal SHA-256 over the images of all splits and the weights of the network that compares."""
        of_train = self.train.digest()
        others = [of_train if images is self.train else images.digest() for images in self._splits.values()]
        return hashlib.sha256(" ".join((*others, self.extractor.weights_digest)).encode()).hexdigest()

    def facts(self, samples: int) -> dict[str, Any]:
        """What stands beside every distance: the splits, the network, and what real images and noise get.

        Args:
            samples: How many images of noise are compared.
        """
        if samples not in self._facts:
            scorer = self.scorers["valid"]
            self._facts[samples] = {
                "images": self.counts,
                "image_size": self.train.size,
                **self.extractor.facts(),
                "valid_distance_of_real_images": scorer.floor,
                "valid_distance_of_noise": scorer.score(self._noise(samples), samples).distance,
            }
        return deepcopy(self._facts[samples])

    def _noise(self, count: int) -> Iterator[torch.Tensor]:
        import torch

        draw = torch.Generator().manual_seed(_NOISE_SEED)
        for start in range(0, count, _AT_ONCE):
            shape = min(_AT_ONCE, count - start), *self.train.images.shape[1:]
            yield torch.rand(shape, generator=draw) * 2 - 1


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
        if advice is None and protocol.whole and IMAGE_SETS[self.dataset].has_test_part:
            advice = missing_images(self.dataset, self.folder, part="test")
        if advice is None and protocol.extractor == INCEPTION:
            advice = missing_inception(self.inception)
        return advice

    def channels(self, protocol: GenerationProtocol) -> int:
        """How many channels an image has; read only where the name of the data set does not say it."""
        return IMAGE_SETS[self.dataset].channels or self.read(protocol).train.channels

    def bottom_width(self, protocol: GenerationProtocol) -> int:
        """Height and width of the smallest feature map of a generator; read only where nothing else says it.

        Raises:
            DataError: Height and width of images are no multiple of 8, or as :meth:`read`.
        """
        size = protocol.image_size or IMAGE_SETS[self.dataset].size
        return self.read(protocol).bottom_width if size is None else _bottom_width(self.dataset, size)

    def read(self, protocol: GenerationProtocol) -> PreparedImages:
        """Images and scorers; a process reads them once.

        Raises:
            DataError: A file is missing, damaged or not what was published, images have a size that no generator makes,
                or there are too few of them.
            InvalidSetting: The protocol generates too few samples, or learns from all images of a data set that has
                none for the test besides.
            MissingDependency: A package is not installed.
            NotEnoughMemory: They do not fit into memory.
        """
        if protocol.whole and not IMAGE_SETS[self.dataset].has_test_part:
            raise InvalidSetting(
                f"whole of protocol {protocol.name!r} must be false for {self.dataset}: no images for the test are "
                "published besides"
            )
        place = images_folder(self.dataset) if self.folder is None else self.folder
        weights = None
        if protocol.extractor == INCEPTION:
            weights = weights_path() if self.inception is None else self.inception
        prepared = _read(self.dataset, place, weights, protocol.image_size, protocol.whole)
        # Said before anything is trained, not at the first validation.
        extractor = prepared.extractor
        if protocol.samples <= extractor.features:
            raise InvalidSetting(
                f"samples of protocol {protocol.name!r} must be more than {extractor.features:,}, the features of "
                f"{extractor.distance_name}, not {protocol.samples:,}: the covariance of fewer is singular"
            )
        return prepared


def _bottom_width(name: str, size: int) -> int:
    if size % _MULTIPLE:
        raise DataError(
            f"{name} has images of {size} pixels, and generators make multiples of {_MULTIPLE}: choose an image_size"
        )
    return size // _MULTIPLE


@lru_cache(maxsize=2)
def _read(dataset: str, place: Path, inception: Path | None, size: int | None, whole: bool) -> PreparedImages:
    from ganas.bench.training.generation.classifier import trained_classifier

    try:
        images = load_images(dataset, place, size=size)
        # A classifier may take minutes: what cannot be generated is refused before.
        _bottom_width(dataset, images.size)
        if whole:
            train = valid = images
            test = load_images(dataset, place, part="test", size=size)
        else:
            if len(images) < _FEWEST:
                raise DataError(
                    f"{dataset} has too few images for a half to learn from and two quarters to compare with: "
                    f"{len(images)}, and at least {_FEWEST} are needed"
                )
            train, held_out = images.halves()
            valid, test = held_out.halves()
        network: Extractor
        if inception is not None:
            from ganas.bench.training.generation.inception import load_inception

            network = load_inception(inception)
        else:
            network = trained_classifier(images)
    except MemoryError:
        raise NotEnoughMemory(f"reading {dataset} needs more memory than there is") from None
    return PreparedImages(train, valid, test, network)
