"""STL-10: colour images of 96 pixels, 13,000 in ten classes and 100,000 without, from its binary version.

Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011. The binary
files hold one byte a pixel, one channel after another and columns before rows; labels count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ganas.data.corpora.standard_files import compare_count, missing_set
from ganas.data.images.image_set import NO_CLASS, ImageSet, Part, resize
from ganas.data.images.standard_images import read_file
from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["CLASSES", "COUNTS", "STL10", "URL", "missing_stl10", "read_stl10", "stl10_files"]

STL10 = "stl10"
"""Name of the data set."""

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")

URL = "https://cs.stanford.edu/~acoates/stl10/"

_FOLDER = "stl10_binary"
_SIZE = 96
_PIXELS = 3 * _SIZE**2

COUNTS: Mapping[str, int] = MappingProxyType({"train": 5_000, "test": 8_000, "unlabeled": 100_000})
"""How many images each file has."""

# The images of the unlabelled file have some 3 GB: so many are in memory before they are resized.
_AT_ONCE = 2_000


def stl10_files(part: Part = "train") -> list[dict[str, str]]:
    """The files of a part, to their paths below the folder."""
    names = [f"{part}_X.bin", f"{part}_y.bin", *(["unlabeled_X.bin"] if part == "train" else [])]
    return [{name: f"{_FOLDER}/{name}" for name in names}]


def missing_stl10(folder: Path, part: Part = "train") -> str | None:
    """None where the files of a part are there, else one line on which to put where; nothing is read."""
    return missing_set("STL-10", URL, stl10_files(part), _root(folder))


def read_stl10(folder: Path, part: Part = "train", size: int = 48) -> ImageSet:
    """Read a part of STL-10: the 5,000 images to train on with the 100,000 that have no class, or those for test.

    AlphaGAN is trained on these 105,000, resized to 48 pixels.

    Args:
        folder: Where the folder ``stl10_binary`` lies, or this folder itself.
        part: Which part.
        size: Height and width; the files have 96.

    Raises:
        DataError: A file is missing, damaged or not the published one.
        InvalidSetting: The size is below 1.
    """
    if size < 1:
        raise InvalidSetting(f"images are resized to at least 1 pixel, not {size}")
    problem = missing_stl10(folder, part)
    if problem is not None:
        raise DataError(problem)
    place = _root(folder) / _FOLDER
    kinds = (part, "unlabeled") if part == "train" else (part,)
    images = np.empty((sum(COUNTS[kind] for kind in kinds), 3, size, size), dtype=np.uint8)
    labels = np.full(len(images), NO_CLASS, dtype=np.int64)
    start = 0
    for kind in kinds:
        end = start + COUNTS[kind]
        _fill(images[start:end], place / f"{kind}_X.bin", COUNTS[kind])
        start = end
    labels[: COUNTS[part]] = _labels(place / f"{part}_y.bin", COUNTS[part])
    return ImageSet(STL10, images, labels, CLASSES)


def _root(folder: Path) -> Path:
    return folder.parent if folder.name == _FOLDER else folder


def _fill(images: NDArray[np.uint8], path: Path, count: int) -> None:
    """Read a file into an array."""
    try:
        num_bytes = path.stat().st_size
        if num_bytes % _PIXELS:
            raise DataError(
                f"{path} has {num_bytes:,} bytes, which are no whole images of {_PIXELS:,}: it is cut off or no binary "
                "version of STL-10"
            )
        compare_count(path, "images", num_bytes // _PIXELS, count, URL)
        with path.open("rb") as stream:
            for start in range(0, count, _AT_ONCE):
                piece = images[start : start + _AT_ONCE]
                content = stream.read(len(piece) * _PIXELS)
                columns = np.frombuffer(content, np.uint8).reshape(len(piece), 3, _SIZE, _SIZE)
                rows = columns.transpose(0, 1, 3, 2)
                piece[:] = rows if images.shape[2] == _SIZE else resize(rows, images.shape[2])
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _labels(path: Path, count: int) -> NDArray[np.int64]:
    labels = np.frombuffer(read_file(path, count), np.uint8).astype(np.int64)
    compare_count(path, "labels", len(labels), count, URL)
    if labels.min() < 1 or labels.max() > len(CLASSES):
        raise DataError(f"{path} has labels from {labels.min()} to {labels.max()}, not from 1 to {len(CLASSES)}")
    return labels - 1
