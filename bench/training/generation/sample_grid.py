"""Samples side by side in one picture."""

from __future__ import annotations

import io
from math import ceil, isqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.training.checkpoint import write_atomically
from ganas.bench.training.generation.pixels import as_bytes
from ganas.spaces.errors import DataError, InvalidSetting, MissingDependency

if TYPE_CHECKING:
    import torch

__all__ = ["sample_grid", "save_sample_grid"]

_SHADE_BETWEEN = 128


def sample_grid(
    pixels: NDArray[np.uint8], *, columns: int | None = None, scale: int = 1, gap: int = 1
) -> NDArray[np.uint8]:
    """Put images side by side, row by row.

    Args:
        pixels: Bytes, (images, channels, size, size).
        columns: Images of a row; None for as many rows as columns.
        scale: Each pixel becomes a square of so many pixels a side.
        gap: Grey pixels between images and around them.

    Returns:
        (height, width) of grey images and (height, width, 3) of colour images.

    Raises:
        InvalidSetting: There are no images, or a number is too small.
        DataError: They have neither one nor three channels.
    """
    count, channels, height, width = pixels.shape
    if channels not in (1, 3):
        raise DataError(f"images of one or three channels are shown, not of {channels}")
    columns = isqrt(max(count - 1, 0)) + 1 if columns is None else columns
    if count < 1 or columns < 1 or scale < 1 or gap < 0:
        raise InvalidSetting(f"no grid has {count} images, {columns} columns, scale {scale} and gap {gap}")
    large = pixels.repeat(scale, axis=2).repeat(scale, axis=3)
    down, across = height * scale + gap, width * scale + gap
    rows = ceil(count / columns)
    picture = np.full((channels, rows * down + gap, columns * across + gap), _SHADE_BETWEEN, dtype=np.uint8)
    for place, image in enumerate(large):
        top, left = place // columns * down + gap, place % columns * across + gap
        picture[:, top : top + height * scale, left : left + width * scale] = image
    return picture[0] if channels == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0))


def save_sample_grid(
    path: Path, images: torch.Tensor, *, columns: int | None = None, scale: int = 1, gap: int = 1
) -> None:
    """Save images side by side as a PNG file, in place of the one before; it is on the disk when this returns.

    Args:
        path: The file; its folder is made.
        images: Numbers from -1 to 1, (images, channels, size, size).
        columns: As for :func:`sample_grid`.
        scale: As for :func:`sample_grid`.
        gap: As for :func:`sample_grid`.

    Raises:
        InvalidSetting: As :func:`sample_grid`.
        DataError: These are no images, or the file cannot be written.
        TrainingFailed: A value is no finite number.
        MissingDependency: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingDependency("PNG files need Pillow: pip install pillow") from None
    picture = sample_grid(as_bytes(images.detach()).cpu().numpy(), columns=columns, scale=scale, gap=gap)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")
    write_atomically(path, content.getvalue())
