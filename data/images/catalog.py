"""The data sets of images by name, and where their files are looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ganas.data.catalog import home
from ganas.data.images import cifar10, digits, fashion_mnist, stl10
from ganas.data.images.image_set import ImageSet, Part
from ganas.data.images.png_folder import PNG_FOLDER, missing_png_folder, read_png_folder
from ganas.spaces.errors import DataError, unknown_name

__all__ = ["IMAGE_SETS", "ImageSource", "images_folder", "load_images", "missing_images"]

_NATIVE_STL10 = 96


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What is known about a data set of images before it is read.

    Attributes:
        name: Its name.
        title: What it is, in one line.
        url: Where it is described, and where its files come from.
        files: The sets of files that it is known as; empty for one that a package brings.
        size: Height and width of an image as it is published; None where the files say it.
        channels: 1 of grey images, 3 of colour images; None where the files say it.
        classes: The names of the classes; none where the files say them.
        counts: How many images each part has, as published; none where the files say it.
        counts_source: Who published that.
        missing: None where the files of a part are in a folder, else one line on which to put where.
        read: Reads a part from a folder, resized where a size is given.
    """

    name: str
    title: str
    url: str
    files: tuple[tuple[str, ...], ...]
    size: int | None
    channels: int | None
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    counts_source: str
    missing: Callable[[Path, Part], str | None]
    read: Callable[[Path, Part, int | None], ImageSet]

    @property
    def has_test_part(self) -> bool:
        """Whether images for a test were published beside those to train on."""
        return "test" in self.counts


def _every_file(files: Callable[[Part], list[dict[str, str]]]) -> tuple[tuple[str, ...], ...]:
    """The files of both parts in each version."""
    parts = zip(files("train"), files("test"), strict=True)
    return tuple((*train.values(), *test.values()) for train, test in parts)


def _png(folder: Path, part: Part, size: int | None) -> ImageSet:
    if part != "train":
        raise DataError(f"{PNG_FOLDER} has no part for {part}: name another folder")
    return read_png_folder(folder).resized(size)


IMAGE_SETS: Mapping[str, ImageSource] = MappingProxyType(
    {
        source.name: source
        for source in (
            ImageSource(
                name=digits.DIGITS,
                title="handwritten digits of scikit-learn, 1,797 images in ten classes",
                url=digits.URL,
                files=(),
                size=8,
                channels=1,
                classes=digits.CLASSES,
                counts=digits.COUNTS,
                counts_source="the documentation of sklearn.datasets.load_digits",
                missing=lambda folder, part: digits.missing_digits(),
                read=lambda folder, part, size: digits.read_digits(part).resized(size),
            ),
            ImageSource(
                name=cifar10.CIFAR10,
                title="CIFAR-10, 60,000 images in ten classes",
                url=cifar10.URL,
                files=_every_file(cifar10.cifar10_files),
                size=32,
                channels=3,
                classes=cifar10.CLASSES,
                counts=cifar10.COUNTS,
                counts_source=cifar10.URL,
                missing=cifar10.missing_cifar10,
                read=lambda folder, part, size: cifar10.read_cifar10(folder, part).resized(size),
            ),
            ImageSource(
                name=stl10.STL10,
                title="STL-10, 13,000 images in ten classes and 100,000 without",
                url=stl10.URL,
                files=_every_file(stl10.stl10_files),
                size=_NATIVE_STL10,
                channels=3,
                classes=stl10.CLASSES,
                counts=stl10.COUNTS,
                counts_source=stl10.URL,
                missing=stl10.missing_stl10,
                read=lambda folder, part, size: stl10.read_stl10(folder, part, _NATIVE_STL10 if size is None else size),
            ),
            ImageSource(
                name=fashion_mnist.FASHION_MNIST,
                title="Fashion-MNIST, 70,000 images of clothes in ten classes",
                url=fashion_mnist.URL,
                files=_every_file(fashion_mnist.fashion_mnist_files),
                size=28,
                channels=1,
                classes=fashion_mnist.CLASSES,
                counts=fashion_mnist.COUNTS,
                counts_source=fashion_mnist.URL,
                missing=fashion_mnist.missing_fashion_mnist,
                read=lambda folder, part, size: fashion_mnist.read_fashion_mnist(folder, part).resized(size),
            ),
            ImageSource(
                name=PNG_FOLDER,
                title="a folder of PNG files of one's own",
                url="files of your own",
                files=(("*.png",), ("CLASS/*.png",)),
                size=None,
                channels=None,
                classes=(),
                counts=MappingProxyType({}),
                counts_source="",
                missing=lambda folder, part: missing_png_folder(folder),
                read=_png,
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
