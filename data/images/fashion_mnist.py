"""Fashion-MNIST: 70,000 grey images of 28 pixels in ten classes of clothes, from its compressed idx files.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017. An
idx file is two zeros, the type of its numbers (8: bytes), how many dimensions it has, their lengths as four bytes each
with the highest first, and the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ganas.data.corpora.standard_files import compare_count, missing_set
from ganas.data.images.image_set import ImageSet, Part
from ganas.data.images.standard_images import read_compressed
from ganas.spaces.errors import DataError

__all__ = [
    "CLASSES",
    "COUNTS",
    "FASHION_MNIST",
    "URL",
    "fashion_mnist_files",
    "missing_fashion_mnist",
    "read_fashion_mnist",
]

FASHION_MNIST = "fashionmnist"
"""Name of the data set."""

CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)

URL = "https://github.com/zalandoresearch/fashion-mnist"

_SIZE = 28
COUNTS: Mapping[str, int] = MappingProxyType({"train": 60_000, "test": 10_000})
"""How many images each part has."""

_PREFIX: Mapping[Part, str] = MappingProxyType({"train": "train", "test": "t10k"})


def fashion_mnist_files(part: Part = "train") -> list[dict[str, str]]:
    """The files of a part: of its images and of their classes."""
    prefix = _PREFIX[part]
    return [{"images": f"{prefix}-images-idx3-ubyte.gz", "labels": f"{prefix}-labels-idx1-ubyte.gz"}]


def missing_fashion_mnist(folder: Path, part: Part = "train") -> str | None:
    """None where the files of a part are there, else one line on which to put where; nothing is read."""
    return missing_set("Fashion-MNIST", URL, fashion_mnist_files(part), folder)


def read_fashion_mnist(folder: Path, part: Part = "train") -> ImageSet:
    """Read a part of Fashion-MNIST.

    Args:
        folder: Where its four files lie, as ``train-images-idx3-ubyte.gz``.
        part: Which part.

    Raises:
        DataError: A file is missing, damaged or not the published one.
    """
    problem = missing_fashion_mnist(folder, part)
    if problem is not None:
        raise DataError(problem)
    (files,) = fashion_mnist_files(part)
    pictures, classes = folder / files["images"], folder / files["labels"]
    images = _read(pictures, (COUNTS[part], _SIZE, _SIZE), "images")
    labels = _read(classes, (COUNTS[part],), "labels").astype(np.int64)
    if labels.max() >= len(CLASSES):
        raise DataError(f"{classes} has labels up to {labels.max()}, not up to {len(CLASSES) - 1}")
    return ImageSet(FASHION_MNIST, images[:, None].copy(), labels, CLASSES)


def _read(path: Path, shape: tuple[int, ...], what: str) -> NDArray[np.uint8]:
    header = 4 + 4 * len(shape)
    content = read_compressed(path, header + int(np.prod(shape)))
    if content[:4] != bytes((0, 0, 8, len(shape))) or len(content) < header:
        raise DataError(f"{path} is no idx file of bytes with {len(shape)} dimensions")
    lengths = tuple(np.frombuffer(content, ">i4", len(shape), offset=4).tolist())
    compare_count(path, what, lengths[0], shape[0], URL)
    if lengths != shape:
        raise DataError(f"{path} has {what} of {lengths[1:]} pixels, not of {shape[1:]}")
    values = np.frombuffer(content, np.uint8, offset=header)
    if len(values) != np.prod(shape):
        raise DataError(f"{path} is cut off: it has {len(values):,} of {np.prod(shape):,} bytes")
    return values.reshape(shape)
