"""Handwritten digits that come with scikit-learn: 1,797 grey images of 8 pixels in ten classes, to train offline.

Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI 1998, the part for test. scikit-learn carries them
in its wheel; they are read from there and never copied. A pixel has 17 shades, which are spread over 0 to 255 here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ganas.data.images.image_set import ImageSet, Part
from ganas.spaces.errors import DataError, MissingDependency

__all__ = ["CLASSES", "COUNTS", "DIGITS", "URL", "missing_digits", "read_digits"]

DIGITS = "digits"
"""Name of the data set."""

CLASSES = tuple("0123456789")

URL = "https://archive.ics.uci.edu/dataset/80"

_IMAGES = 1_797

COUNTS: Mapping[str, int] = MappingProxyType({"train": _IMAGES})
"""How many images each part has."""

_SHADES = 16.0


def missing_digits() -> str | None:
    """None where scikit-learn is installed, else one line on what to do."""
    if importlib.util.find_spec("sklearn") is not None:
        return None
    return f"{DIGITS} need scikit-learn: pip install 'ganas[surrogates]'"


def read_digits(part: Part = "train") -> ImageSet:
    """All the digits; there is no part for test.

    Raises:
        MissingDependency: scikit-learn is not installed.
        DataError: The part for test is asked for, or scikit-learn has other images.
    """
    if part != "train":
        raise DataError(f"{DIGITS} have no published part for {part}: all {_IMAGES:,} images are the part for train")
    problem = missing_digits()
    if problem is not None:
        raise MissingDependency(problem)
    from sklearn.datasets import load_digits

    found = load_digits()
    images, labels = np.asarray(found.images), np.asarray(found.target, dtype=np.int64)
    if images.shape != (_IMAGES, 8, 8) or images.min() < 0 or images.max() > _SHADES:
        raise DataError(f"scikit-learn has digits of shape {images.shape}, not {_IMAGES:,} images of 8 pixels")
    shades = np.floor(images[:, None] * (255 / _SHADES) + 0.5).astype(np.uint8)
    return ImageSet(DIGITS, shades, labels, CLASSES)
