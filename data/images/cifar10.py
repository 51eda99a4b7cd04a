"""CIFAR-10: 60,000 colour images of 32 pixels in ten classes, from its version for Python or its binary version.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Both versions have the same images in the
same order: five files of 10,000 to train on and one for test. The version for Python is pickles of Python 2; they are
read only if their digest is the published one, by :mod:`ganas.data.safe_pickle`, which runs nothing that is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ganas.data.corpora.standard_files import compare_count, missing_set
from ganas.data.images.image_set import ImageSet, Part
from ganas.data.images.standard_images import read_file
from ganas.data.pickle_constructors import PickledArray
from ganas.data.safe_pickle import ARRAY_DATA, load_pickle
from ganas.spaces.errors import DataError

__all__ = ["CIFAR10", "CLASSES", "COUNTS", "URL", "cifar10_files", "missing_cifar10", "read_cifar10"]

CIFAR10 = "cifar10"
"""Name of the data set."""

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

URL = "https://www.cs.toronto.edu/~kriz/cifar.html"

_PYTHON, _BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"
_SIZE = 32
_PIXELS = 3 * _SIZE**2
_IMAGES = 10_000
_MAX_PICKLE_BYTES = 32 << 20

# MD5 digests, which torchvision publishes in torchvision/datasets/cifar.py.
_DIGESTS: Mapping[str, str] = MappingProxyType(
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    }
)

_BATCHES: Mapping[Part, tuple[str, ...]] = MappingProxyType(
    {"train": tuple(name for name in _DIGESTS if name != "test_batch"), "test": ("test_batch",)}
)

COUNTS: Mapping[str, int] = MappingProxyType({part: _IMAGES * len(names) for part, names in _BATCHES.items()})
"""How many images each part has."""


def cifar10_files(part: Part = "train") -> list[dict[str, str]]:
    """The files of a part in each version, its batches to their paths below the folder."""
    return [{name: f"{version}/{name}{suffix}" for name in _BATCHES[part]} for version, suffix in _versions()]


def missing_cifar10(folder: Path, part: Part = "train") -> str | None:
    """None where the files of a part are there, else one line on which to put where; nothing is read."""
    return missing_set("CIFAR-10", URL, cifar10_files(part), _root(folder))


def read_cifar10(folder: Path, part: Part = "train") -> ImageSet:
    """Read a part of CIFAR-10.

    Args:
        folder: Where the folder ``cifar-10-batches-py`` or ``cifar-10-batches-bin`` lies, or one of these itself; if
            both are there, the first is read.
        part: Which part.

    Raises:
        DataError: A file is missing, damaged or not the published one.
    """
    problem = missing_cifar10(folder, part)
    if problem is not None:
        raise DataError(problem)
    root = _root(folder)
    for version, suffix in _versions():
        paths = [root / version / f"{name}{suffix}" for name in _BATCHES[part]]
        if all(path.is_file() for path in paths):
            break
    read = [_from_pickle(path) if version == _PYTHON else _from_binary(path) for path in paths]
    images = np.concatenate([pixels for pixels, _ in read]).reshape(-1, 3, _SIZE, _SIZE)
    return ImageSet(CIFAR10, images, np.concatenate([labels for _, labels in read]), CLASSES)


def _versions() -> tuple[tuple[str, str], ...]:
    """The folder of each version, and how its files end."""
    return (_PYTHON, ""), (_BINARY, ".bin")


def _root(folder: Path) -> Path:
    return folder.parent if folder.name in (_PYTHON, _BINARY) else folder


def _from_pickle(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    content = read_file(path, _MAX_PICKLE_BYTES)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != _DIGESTS[path.name]:
        raise DataError(
            f"{path} is not the published file: its MD5 is {digest} and should be {_DIGESTS[path.name]}; get it again "
            f"from {URL}, or take {_BINARY}"
        )
    try:
        batch = load_pickle(content, ARRAY_DATA, max_bytes=_MAX_PICKLE_BYTES, encoding="latin1")
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    pixels, labels = (batch.get("data"), batch.get("labels")) if isinstance(batch, dict) else (None, None)
    images = pixels.array() if isinstance(pixels, PickledArray) else None
    if (
        images is None
        or images.dtype != np.uint8
        or images.shape[1:] != (_PIXELS,)
        or not isinstance(labels, list)
        or {type(label) for label in labels} - {int}
        or len(labels) != len(images)
    ):
        raise DataError(f"{path} is no batch of CIFAR-10: its data and labels are not as they should be")
    compare_count(path, "images", len(images), _IMAGES, URL)
    return images, _checked(path, np.array(labels, dtype=np.int64))


def _from_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    # A record is the label and the pixels, each a byte.
    records = np.frombuffer(read_file(path, _IMAGES * (1 + _PIXELS)), np.uint8)
    if len(records) % (1 + _PIXELS):
        raise DataError(
            f"{path} has {len(records):,} bytes, which are no whole records of {1 + _PIXELS:,}: it is cut off or no "
            "binary version of CIFAR-10"
        )
    records = records.reshape(-1, 1 + _PIXELS)
    compare_count(path, "images", len(records), _IMAGES, URL)
    return records[:, 1:], _checked(path, records[:, 0].astype(np.int64))


def _checked(path: Path, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise DataError(f"{path} has labels from {labels.min()} to {labels.max()}, not from 0 to {len(CLASSES) - 1}")
    return labels
