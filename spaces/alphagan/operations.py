"""The operations on the edges of a generator, and how weights are drawn.

They are those of the official code of AlphaGAN (``models/operations_gan.py``). Features are kept with the channels last
in memory, which makes depthwise and transposed convolutions, interpolation and pooling several times as fast on a
processor; ``perf/gan.py`` measures whole steps.

This module imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS, UP_OPERATIONS
from ganas.spaces.errors import missing_torch, unknown_name

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Interpolation", "SeparableConvolution", "UpConvolution", "build", "make_operation"]

Network = TypeVar("Network", bound=nn.Module)

# The deviation of the weights of batch normalisation around 1, in the official code.
_NORM_DEVIATION = 0.02


def make_operation(name: str, channels: int, *, factor: int = 1, affine: bool = True) -> nn.Module:
    """The module of an operation; one of a normal edge reads features that a ReLU has been applied to.

    Args:
        name: One of ``NORMAL_OPERATIONS`` or ``UP_OPERATIONS``.
        channels: Of what it reads and of what it gives.
        factor: How many times higher and wider an up operation makes what it reads: 2 or 4.
        affine: Whether the batch normalisation of a separable convolution has weights.

    Raises:
        UnknownName: There is no such operation.
    """
    if name == "deconv":
        return UpConvolution(channels, factor)
    if name in UP_OPERATIONS:
        return Interpolation(name, factor)
    if name not in NORMAL_OPERATIONS:
        raise unknown_name("operation", name, (*NORMAL_OPERATIONS, *UP_OPERATIONS))
    kernel = int(name[-1])
    if name.startswith("sep"):
        return SeparableConvolution(channels, kernel, affine=affine)
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2)


class UpConvolution(nn.ConvTranspose2d):
    """A transposed convolution of kernel 2 and stride 2; applied twice, with the same weights, for a factor of 4."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__(channels, channels, kernel_size=2, stride=2)
        self.times = int(math.log2(factor))

    def forward(self, features: Tensor) -> Tensor:  # type: ignore[override]  # an output size is never given
        """Features (batch, channels, height, width) to (batch, channels, factor height, factor width)."""
        for _ in range(self.times):
            features = super().forward(features)
        return features


class Interpolation(nn.Module):
    """Double height and width by nearest or bilinear interpolation, as often as the factor says."""

    def __init__(self, mode: str, factor: int) -> None:
        super().__init__()
        self.mode, self.times = mode, int(math.log2(factor))

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, channels, height, width) to (batch, channels, factor height, factor width)."""
        if self.mode == "nearest":
            return functional.interpolate(features, scale_factor=2**self.times, mode="nearest")
        for _ in range(self.times):
            features = functional.interpolate(features, scale_factor=2, mode="bilinear")
        return features


class SeparableConvolution(nn.Module):
    """Twice: a convolution of each channel for itself, one across the channels, batch normalisation; a ReLU between."""

    def __init__(self, channels: int, kernel: int, *, affine: bool) -> None:
        super().__init__()
        self.first = _half(channels, kernel)
        self.first_norm = nn.BatchNorm2d(channels, affine=affine)
        self.second = _half(channels, kernel)
        self.second_norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, rectified: Tensor, share: Tensor | None = None) -> Tensor:
        """Features (batch, channels, height, width) to the same shape.

        Args:
            rectified: Features that a ReLU has been applied to.
            share: What the result is multiplied by, a number; only where batch normalisation has no weights of its own,
                in whose place it then stands.
        """
        features = self.second(functional.relu(self.first_norm(self.first(rectified))))
        norm = self.second_norm
        if share is None:
            scaled: Tensor = norm(features)
            return scaled
        if norm.training and norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
        return functional.batch_norm(
            features,
            norm.running_mean,
            norm.running_var,
            # Contiguous: the backward pass of torch 2.13 reads an expanded number as if it were a vector in memory.
            weight=share.expand(norm.num_features).contiguous(),
            training=norm.training,
            momentum=norm.momentum or 0.0,
            eps=norm.eps,
        )


def _half(channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
    )


# --- weights -------------------------------------------------------------------------------------------------------


def build(make: Callable[[], Network], *, xavier: bool, generator: torch.Generator | None) -> Network:
    """Make a network and draw its weights.

    Args:
        make: Makes it.
        xavier: Whether convolutions and batch normalisations begin as the official code has them when it trains a
            generator that was found: weights of convolutions, but not of transposed ones, from the uniform distribution
            of Glorot and Bengio, those of batch normalisation from N(1, 0.02). All else, and in its search everything,
            begins as torch has it.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator and
            default device.
    """
    # Modules draw their weights from the global generator when they are built; on the meta device they draw nothing.
    with torch.device("meta"):
        network = make()
    network.to_empty(device=torch.get_default_device() if generator is None else generator.device)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            if module.affine and xavier:
                nn.init.normal_(module.weight, 1.0, _NORM_DEVIATION, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # Where torch counts the inputs of a transposed convolution: the second dimension of its weights.
            inputs = module.weight[0].numel()
            bound = 1.0 / math.sqrt(inputs)
            if isinstance(module, nn.Conv2d) and xavier:
                nn.init.xavier_uniform_(module.weight, generator=generator)
            else:
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
    # What depends on weights comes after all of them: a module stands before its parts.
    for module in network.modules():
        draw = getattr(module, "draw", None)
        if callable(draw):
            draw(generator)
    return network
