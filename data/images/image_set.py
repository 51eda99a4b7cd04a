"""Images of one size with their classes, and what is done with them before a network sees them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["NO_CLASS", "ImageSet", "Part", "resize"]

Part = Literal["train", "test"]
"""A published part of a data set."""

NO_CLASS = -1
"""The label of an image whose class is not known."""

# The halves are drawn once and for all.
_SEED = 20_200_616

# So many images at a time are resized, which bounds the memory beside them.
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Images and their classes.

    Attributes:
        name: Name of the data set.
        images: (count, channels, height, width), from 0 to 255; height and width are the same, channels 1 or 3.
        labels: Number of the class of each, (count,); :data:`NO_CLASS` where it is not known.
        classes: The names of the classes; none where nothing is known of them.

    Raises:
        DataError: The arrays are not as said above, there is no image, or a label has no class.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[1] not in (1, 3) or shape[2] != shape[3]:
            raise DataError(
                f"{self.name} has images of shape {shape} and type {self.images.dtype}: square ones of one or three "
                "channels of bytes are wanted"
            )
        if not shape[0] or not shape[2]:
            raise DataError(f"{self.name} has no images")
        if self.labels.shape != (shape[0],):
            raise DataError(f"{self.name} has {shape[0]:,} images and labels of shape {self.labels.shape}")
        lowest, highest = self.labels.min(), self.labels.max()
        if lowest < NO_CLASS or highest >= len(self.classes):
            raise DataError(f"{self.name} has labels from {lowest} to {highest} and {len(self.classes)} classes")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Height and width, in pixels."""
        return int(self.images.shape[2])

    @property
    def channels(self) -> int:
        """1 of grey images, 3 of colour images."""
        return int(self.images.shape[1])

    def subset(self, rows: NDArray[Any]) -> ImageSet:
        """Some of the images, by their numbers or by a mask."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def labelled(self) -> ImageSet:
        """The images whose class is known.

        Raises:
            DataError: There are none.
        """
        known = self.labels != NO_CLASS
        if not known.any():
            raise DataError(
                f"{self.name} has no images whose class is known, so a classifier has nothing to learn from: "
                "in a folder of PNG files, each class is a folder within it"
            )
        return self if known.all() else self.subset(known)

    def halves(self) -> tuple[ImageSet, ImageSet]:
        """The half to train on and the half held out; which images they have depends on their number only.

        Of an odd number of images the first half has one more. Both keep the order of the images.

        Raises:
            DataError: There is only one image.
        """
        if len(self) < 2:
            raise DataError(f"{self.name} has one image, which cannot be halved")
        order = np.random.default_rng(_SEED).permutation(len(self))
        middle = (len(self) + 1) // 2
        return self.subset(np.sort(order[:middle])), self.subset(np.sort(order[middle:]))

    def resized(self, size: int | None) -> ImageSet:
        """The same images with another height and width; None for their own.

        Raises:
            InvalidSetting: The size is below 1.
        """
        return self if size in (None, self.size) else replace(self, images=resize(self.images, size or 0))

    def digest(self) -> str:
        """Hexadecimal SHA-256 over images, labels and classes."""
        digest = hashlib.sha256("\n".join((str(self.images.shape), *self.classes)).encode())
        digest.update(b"\0" + np.ascontiguousarray(self.images).data)
        digest.update(b"\0" + np.ascontiguousarray(self.labels, "<i8").data)
        return digest.hexdigest()


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize images bilinearly; where they become smaller, a pixel is a mean of all that it covers.

    The weights are those of ``Image.resize`` in Pillow with its filter ``BILINEAR``, which the official code of
    AlphaGAN uses: a triangle around the middle of a pixel, two pixels of the coarser grid wide.

    Args:
        images: (count, channels, height, width).
        size: The new height and width.

    Raises:
        InvalidSetting: The size is below 1.
    """
    if size < 1:
        raise InvalidSetting(f"images are resized to at least 1 pixel, not {size}")
    count, channels, height, width = images.shape
    down, across = _weights(height, size), _weights(width, size)
    result = np.empty((count, channels, size, size), dtype=np.uint8)
    for start in range(0, count, _AT_ONCE):
        piece = images[start : start + _AT_ONCE].astype(np.float32)
        result[start : start + _AT_ONCE] = np.floor(down @ piece @ across.T + 0.5)
    return result


@lru_cache(maxsize=16)
def _weights(old: int, new: int) -> NDArray[np.float32]:
    """What each new pixel of a line takes from each old one, (new, old)."""
    scale = old / new
    middles = (np.arange(new) + 0.5) * scale
    distances = np.abs(np.arange(old) + 0.5 - middles[:, None]) / max(scale, 1.0)
    weights = np.maximum(1.0 - distances, 0.0)
    normalised: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normalised
