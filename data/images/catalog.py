"""The data sets of images by name, and where their files are looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ganas.data.catalog import home
from ganas.data.images.cifar10 import CIFAR10, missing_cifar10, read_cifar10
from ganas.data.images.digits import DIGITS, missing_digits, read_digits
from ganas.data.images.fashion_mnist import FASHION_MNIST, missing_fashion_mnist, read_fashion_mnist
from ganas.data.images.image_set import ImageSet, Part
from ganas.data.images.png_folder import PNG_FOLDER, missing_png_folder, read_png_folder
from ganas.data.images.stl10 import STL10, missing_stl10, read_stl10
from ganas.spaces.errors import DataError, unknown_name

__all__ = ["IMAGE_SETS", "ImageSource", "images_folder", "load_images", "missing_images"]

_NATIVE_STL10 = 96


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What is known about a data set of images before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        size: Height and width of an image as it is published; None where the files say it.
        channels: 1 of grey images, 3 of colour images; None where the files say it.
        has_test_part: Whether images for a test were published beside those to train on.
        missing: None where the files of a part are in a folder, else one line on which to put where.
        read: Reads a part from a folder, resized where a size is given.
    """

    name: str
    title: str
    size: int | None
    channels: int | None
    has_test_part: bool
    missing: Callable[[Path, Part], str | None]
    read: Callable[[Path, Part, int | None], ImageSet]


def _png(folder: Path, part: Part, size: int | None) -> ImageSet:
    if part != "train":
        raise DataError(f"{PNG_FOLDER} has no part for {part}: name another folder")
    return read_png_folder(folder).resized(size)


IMAGE_SETS: Mapping[str, ImageSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            ImageSource(
                DIGITS,
                "handwritten digits of scikit-learn, 1,797 images in ten classes",
                8,
                1,
                False,
                lambda folder, part: missing_digits(),
                lambda folder, part, size: read_digits(part).resized(size),
            ),
            ImageSource(
                CIFAR10,
                "CIFAR-10, 50,000 images in ten classes",
                32,
                3,
                True,
                missing_cifar10,
                lambda folder, part, size: read_cifar10(folder, part).resized(size),
            ),
            ImageSource(
                STL10,
                "STL-10, 5,000 images in ten classes and 100,000 without",
                _NATIVE_STL10,
                3,
                True,
                missing_stl10,
                lambda folder, part, size: read_stl10(folder, part, _NATIVE_STL10 if size is None else size),
            ),
            ImageSource(
                FASHION_MNIST,
                "Fashion-MNIST, 60,000 images of clothes in ten classes",
                28,
                1,
                True,
                missing_fashion_mnist,
                lambda folder, part, size: read_fashion_mnist(folder, part).resized(size),
            ),
            ImageSource(
                PNG_FOLDER,
                "a folder of PNG files of one's own",
                None,
                None,
                False,
                lambda folder, part: missing_png_folder(folder),
                _png,
            ),
        )
    }
)
"""The data sets by name."""


def images_folder(name: str) -> Path:
    """The folder in which the files of a data set are looked for where no other is given."""
    return home() / "images" / name


def missing_images(name: str, folder: Path | None = None, *, part: Part = "train") -> str | None:
    """None where a data set is at hand, else one line on which files to put where; nothing is read.

    Args:
        name: Name of the data set.
        folder: Where its files lie; None for :func:`images_folder`.
        part: Which part.

    Raises:
        UnknownName: There is no such data set.
    """
    return _source(name).missing(images_folder(name) if folder is None else folder, part)


def load_images(name: str, folder: Path | None = None, *, part: Part = "train", size: int | None = None) -> ImageSet:
    """Read a part of a data set.

    Args:
        name: Name of the data set.
        folder: Where its files lie; None for :func:`images_folder`.
        part: Which part.
        size: Height and width that the images are resized to; None for their own.

    Raises:
        UnknownName: There is no such data set.
        DataError: A file is missing, damaged or not the published one.
        MissingDependency: A package is not installed.
        InvalidSetting: The size is below 1.

    >>> images = load_images("digits", size=16)
    >>> images.images.shape, [len(half) for half in images.halves()]
    ((1797, 1, 16, 16), [899, 898])
    """
    return _source(name).read(images_folder(name) if folder is None else folder, part, size)


def _source(name: str) -> ImageSource:
    if name not in IMAGE_SETS:
        raise unknown_name("data set of images", name, IMAGE_SETS)
    return IMAGE_SETS[name]
