"""Images of one's own: a folder of PNG files, all of one size, grey or in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganas.data.images.image_set import NO_CLASS, ImageSet
from ganas.spaces.errors import DataError, MissingDependency

__all__ = ["PNG_FOLDER", "missing_png_folder", "read_png_folder"]

PNG_FOLDER = "png"
"""Name of the data set."""

_MODES = {"L": 1, "RGB": 3}
_LARGEST = 1024
"""Pixels; networks are not trained on larger images, and a header may say anything."""


def missing_png_folder(folder: Path) -> str | None:
    """None where there are PNG files in a folder or the folders in it, else one line on that; nothing is read."""
    if not folder.is_dir():
        return f"{PNG_FOLDER} reads *.png from {folder}: there is no such folder"
    if next((path for pattern in ("*.png", "*/*.png") for path in folder.glob(pattern)), None) is None:
        return f"{PNG_FOLDER} reads *.png from {folder}: there are none in it"
    return None


def read_png_folder(folder: Path) -> ImageSet:
    """Read all PNG files of a folder, in the order of their names.

    If they lie in folders within it, each of these is a class; otherwise nothing is known of classes.

    Args:
        folder: The folder.

    Raises:
        DataError: There are no PNG files, a file is damaged, its image is not square, has another size or mode than the
            first, or is of a mode other than L and RGB; or some files lie in classes and some do not.
        MissingDependency: Pillow is not installed.
    """
    problem = missing_png_folder(folder)
    if problem is not None:
        raise DataError(problem)
    loose, sorted_out = (sorted(folder.glob(pattern)) for pattern in ("*.png", "*/*.png"))
    if loose and sorted_out:
        raise DataError(f"{folder} has PNG files beside folders with such files: put all of them into classes, or none")
    paths = loose or sorted_out
    classes = tuple(sorted({path.parent.name for path in sorted_out}))
    first = _read(paths[0])
    images = np.empty((len(paths), *first.shape), dtype=np.uint8)
    for row, path in enumerate(paths):
        image = _read(path)
        if image.shape != first.shape:
            raise DataError(f"{path} has {_shown(image)}, and {paths[0].name} has {_shown(first)}: all must be alike")
        images[row] = image
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers.get(path.parent.name, NO_CLASS) if classes else NO_CLASS for path in paths])
    return ImageSet(PNG_FOLDER, images, labels.astype(np.int64), classes)


def _read(path: Path) -> NDArray[np.uint8]:
    """(channels, size, size)."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingDependency("PNG files need Pillow: pip install pillow") from None
    try:
        with Image.open(path, formats=("PNG",)) as image:
            width, height = image.size
            if width != height or width > _LARGEST:
                raise DataError(
                    f"{path} has {width} x {height} pixels: images must be square, of at most {_LARGEST} pixels a side"
                )
            if image.mode not in _MODES:
                raise DataError(f"{path} has the mode {image.mode}: convert it to L (grey) or RGB (colour)")
            pixels = np.array(image, dtype=np.uint8)
    except DataError:
        raise
    except Exception as error:
        # Pillow raises SyntaxError, OSError, ValueError and others of its own for damaged files.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} is damaged or no PNG file: {reason:.120}") from None
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _shown(image: NDArray[np.uint8]) -> str:
    channels, height, width = image.shape
    return f"{height} x {width} pixels, {'grey' if channels == 1 else 'in colour'}"
