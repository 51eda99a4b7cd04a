"""The trainable generator.

Tian et al., "AlphaGAN", TPAMI 2021, https://arxiv.org/abs/2006.09134; layers are those of its official code
(``models/alphaGAN_network.py``, ``models/building_blocks.py``). The latent vector is projected to the smallest feature
map; three cells double height and width each; the image is the hyperbolic tangent of a convolution of the normalised
and rectified last feature map.

This module imports torch; :meth:`ganas.spaces.alphagan.space.AlphaGAN.network` imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ganas.spaces.alphagan.counts import require_sizes
from ganas.spaces.alphagan.genotype import GENERATOR as CHOICES
from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS
from ganas.spaces.alphagan.operations import build, make_operation
from ganas.spaces.alphagan.wiring import GENERATOR
from ganas.spaces.errors import InvalidSetting, missing_torch

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["Generator", "GeneratorFrame", "build_network"]


def build_network(
    genotype: Sequence[int],
    *,
    channels: int = 256,
    bottom_width: int = 4,
    image_channels: int = 3,
    latent: int = 128,
    affine: bool = True,
    xavier: bool = True,
    generator: torch.Generator | None = None,
) -> Generator:
    """Build a generator, by default of the size and with the first weights that the official code trains on CIFAR-10.

    Args:
        genotype: 18 whole numbers, as ``AlphaGAN.encode`` gives them.
        channels: Of every feature map; 256 in the official code (``gf_dim``).
        bottom_width: Height and width of the smallest feature map: 4 for CIFAR-10, 6 for STL-10. Images are 8 times as
            high and wide.
        image_channels: Of an image.
        latent: Length of the latent vector.
        affine: Whether the batch normalisation of separable convolutions has weights; in the supernet it has none.
        xavier: Which weights it begins with; see :func:`ganas.spaces.alphagan.operations.build`.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidArchitecture: The genotype is none.
        InvalidSetting: A size is below 1.
    """
    names = CHOICES.names(genotype)
    return build(
        lambda: Generator(names, channels, bottom_width, image_channels, latent, affine),
        xavier=xavier,
        generator=generator,
    )


_LAST_READER = dict(GENERATOR.edges)
"""The node that reads each feature map last: edges are sorted, so of each source the last edge is kept."""


class GeneratorFrame(nn.Module):
    """What every generator has around its edges: the projection of the latent vector, sums, and the head.

    Attributes:
        latent: Length of the latent vector.
        image_size: Height and width of an image.
        image_channels: Of an image.
    """

    def __init__(self, channels: int, bottom_width: int, image_channels: int, latent: int) -> None:
        super().__init__()
        require_sizes(channels=channels, bottom_width=bottom_width, image_channels=image_channels, latent=latent)
        self.latent, self.image_size, self.image_channels = latent, 8 * bottom_width, image_channels
        self._shape = (channels, bottom_width, bottom_width)
        self.stem = nn.Linear(latent, channels * bottom_width**2)
        self.head_norm = nn.BatchNorm2d(channels)
        self.head = nn.Conv2d(channels, image_channels, 3, padding=1)

    def run(self, latents: Tensor, edge: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Generate images.

        Args:
            latents: (batch, latent).
            edge: What the edge of a number of the genotype makes of what it reads; for a normal edge the ReLU before it
                is done here.

        Returns:
            Images within -1 and 1, (batch, image_channels, image_size, image_size).

        Raises:
            InvalidSetting: The latent vectors have another length.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise InvalidSetting(f"latents must have shape (batch, {self.latent}), not {tuple(latents.shape)}")
        projected = self.stem(latents).view(len(latents), *self._shape)
        # A clone: to make a map of one pixel contiguous would leave the order of its dimensions in memory as it is.
        values = {0: projected.clone(memory_format=torch.channels_last)}
        for node, place in enumerate(GENERATOR.places[1:-1], start=1):
            position = GENERATOR.position.get(node)
            if position is None:
                total = values[place.sources[0]]
                for source in place.sources[1:]:
                    total = total + values[source]
                values[node] = total
            else:
                read = values[place.sources[0]]
                is_normal = place.labels == NORMAL_OPERATIONS
                values[node] = edge(position, functional.relu(read) if is_normal else read)
            for source in place.sources:
                # What nothing reads any more need not stay in memory.
                if _LAST_READER[source] == node:
                    del values[source]
        (last,) = values.values()
        images: Tensor = self.head(functional.relu(self.head_norm(last))).tanh()
        return images


class Generator(GeneratorFrame):
    """A generator; made by :func:`build_network`.

    Attributes:
        edges: The operation on each edge, in the order of the genotype.
    """

    def __init__(
        self,
        names: Sequence[str],
        channels: int,
        bottom_width: int,
        image_channels: int,
        latent: int,
        affine: bool,
    ) -> None:
        super().__init__(channels, bottom_width, image_channels, latent)
        self.edges = nn.ModuleList(
            make_operation(name, channels, factor=GENERATOR.factor(node), affine=affine)
            for node, name in zip(GENERATOR.searched, names, strict=True)
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Latent vectors (batch, latent) to images within -1 and 1, (batch, image_channels, image_size, image_size)."""
        return self.run(latents, lambda position, read: self.edges[position](read))
