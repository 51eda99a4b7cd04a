"""Images as bytes and as the numbers from -1 to 1 that generators make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ganas.spaces.errors import DataError, TrainingFailed

if TYPE_CHECKING:
    import torch

    from ganas.data.images.image_set import ImageSet

__all__ = ["as_bytes", "as_numbers", "image_tensor"]


def image_tensor(images: ImageSet) -> torch.Tensor:
    """The images of a data set as a tensor of bytes, (count, channels, size, size)."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(images.images))


def as_numbers(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes as single precision numbers from -1 to 1, as the official code of AlphaGAN normalises images."""
    return pixels.float() / 127.5 - 1.0


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    """Numbers from -1 to 1 as bytes, cut off at both ends; a fraction is dropped, as the official code does.

    Raises:
        TrainingFailed: One of them is no finite number.
        DataError: They are not images, (count, channels, size, size).
    """
    import torch

    if images.dim() != 4 or images.shape[1] not in (1, 3) or images.shape[2] != images.shape[3]:
        raise DataError(
            f"images of one or three channels and of as many rows as columns are wanted, not {tuple(images.shape)}"
        )
    if not torch.isfinite(images).all():
        raise TrainingFailed("the generator makes images with values that are no finite numbers")
    return (images.float() * 127.5 + 127.5).clamp(0.0, 255.0).to(torch.uint8)
