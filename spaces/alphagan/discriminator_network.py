"""The network of a searched discriminator.

As the official code of AlphaGAN computes one in the search (``Network_dis_Auto`` in ``models/model_search_gan.py``, all
four cells): the blocks of the fixed discriminator with other operations in them. The first block applies a ReLU to the
image, and its first convolution has no spectral norm. What the official code trains afterwards differs in that no ReLU
stands before a ``skip_connect`` and before the sum over all pixels, and the short cuts have no spectral norm; here the
network is the one that was searched.

This module imports torch; :meth:`ganas.spaces.alphagan.space.AlphaGANDiscriminator.network` imports it when it is
called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganas.spaces.alphagan.counts import require_sizes
from ganas.spaces.alphagan.discriminator import Block, Convolution, Discriminator, Nothing, Part, Rectified, Score
from ganas.spaces.alphagan.genotype import DISCRIMINATOR as CHOICES
from ganas.spaces.alphagan.operations import build

if TYPE_CHECKING:
    import torch

__all__ = ["build_discriminator"]


def build_discriminator(
    genotype: Sequence[int],
    *,
    channels: int = 128,
    image_channels: int = 3,
    outputs: int = 1,
    xavier: bool = True,
    generator: torch.Generator | None = None,
) -> Discriminator:
    """Build a searched discriminator, by default of the size that the official code trains on CIFAR-10.

    Args:
        genotype: 8 whole numbers, as ``AlphaGANDiscriminator.encode`` gives them.
        channels: Of every feature map (``df_dim``).
        image_channels: Of an image.
        outputs: Of the last layer.
        xavier: Which weights it begins with; see :func:`ganas.spaces.alphagan.operations.build`.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidArchitecture: The genotype is none.
        InvalidSetting: A size is below 1.
    """
    require_sizes(channels=channels, image_channels=image_channels, outputs=outputs)
    names = CHOICES.names(genotype)

    def make() -> Discriminator:
        blocks = []
        for cell, pair in enumerate(zip(names[::2], names[1::2], strict=True)):
            inputs = channels if cell else image_channels
            first, second = _part(pair[0], inputs, channels), _part(pair[1], channels, channels)
            blocks.append(Block(inputs, channels, first, second, halves=cell < 2, rectifies=True))
        return Discriminator(blocks, Score(channels, outputs), image_channels)

    return build(make, xavier=xavier, generator=generator)


def _part(name: str, inputs: int, channels: int) -> Part:
    if name == "none":
        return Nothing()
    if name == "skip_connect":
        return Rectified()
    kernel, is_spectral = name.removesuffix("_SN"), name.endswith("_SN")
    return Convolution(inputs, channels, int(kernel[-1]), spectral=is_spectral)
