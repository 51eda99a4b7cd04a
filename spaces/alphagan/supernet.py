"""The relaxed generator of the differentiable search: every edge is a mixture of all its operations.

Tian et al., "AlphaGAN", TPAMI 2021, https://arxiv.org/abs/2006.09134; its official code is in
``models/model_search_gan.py`` and ``models/cell.py``. An edge gives the sum of what its operations give, each times its
share, the softmax of the architecture parameters of the edge (Liu, Simonyan and Yang, "DARTS", ICLR 2019). Batch
normalisation inside the operations has no weights. In the end an edge keeps the operation with the largest share.

What the operations of an edge have in common is computed once (ours). All of them but the separable convolutions are
linear in what they read, so the three plain convolutions are one of kernel 5 whose weights are the mixture of theirs,
padded; the transposed convolution and the nearest neighbour are one transposed convolution; the share of a separable
convolution is the weight of its last batch normalisation. With ``merged=False`` each operation is computed for itself.
Both give the same up to rounding.

This module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from ganas.spaces.alphagan.genotype import GENERATOR as CHOICES
from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS, UP_OPERATIONS
from ganas.spaces.alphagan.network import GeneratorFrame
from ganas.spaces.alphagan.operations import SeparableConvolution, UpConvolution, build, make_operation
from ganas.spaces.alphagan.wiring import GENERATOR
from ganas.spaces.errors import InvalidSetting, missing_torch

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["GeneratorSupernet", "MixedEdge", "MixedNormal", "MixedUp", "Shares", "build_supernet"]

# The deviation of the first architecture parameters, in the official code.
_INITIAL_DEVIATION = 1e-3

_UP = [position for position, names in enumerate(CHOICES.operations) if names == UP_OPERATIONS]
_NORMAL = [position for position, names in enumerate(CHOICES.operations) if names == NORMAL_OPERATIONS]


def build_supernet(
    *,
    channels: int = 256,
    bottom_width: int = 4,
    image_channels: int = 3,
    latent: int = 128,
    merged: bool = True,
    xavier: bool = False,
    generator: torch.Generator | None = None,
) -> GeneratorSupernet:
    """Build the relaxed generator, by default of the size and with the first weights of the official search.

    Args:
        channels: Of every feature map (``gf_dim``).
        bottom_width: Height and width of the smallest feature map; images are 8 times as high and wide.
        image_channels: Of an image.
        latent: Length of the latent vector.
        merged: Whether what the operations of an edge share is computed once; may be changed at any time.
        xavier: Which weights it begins with; see :func:`ganas.spaces.alphagan.operations.build`.
        generator: Where weights and architecture parameters are drawn from, and on whose device they lie; None for
            torch's global generator and default device.

    Raises:
        InvalidSetting: A size is below 1.
    """
    network = build(
        lambda: GeneratorSupernet(channels, bottom_width, image_channels, latent), xavier=xavier, generator=generator
    )
    network.merged = merged
    return network


class Shares(NamedTuple):
    """The share of every operation in its edge.

    Attributes:
        up: Of the up edges in the order of the genotype, (9, 3).
        normal: Of the normal edges, (9, 6).
    """

    up: Tensor
    normal: Tensor


class GeneratorSupernet(GeneratorFrame):
    """All generators in one; made by :func:`build_supernet`.

    Attributes:
        up_logits: Architecture parameters of the up edges in the order of the genotype, (9, 3).
        normal_logits: Those of the normal edges, (9, 6).
        merged: Whether what the operations of an edge share is computed once.
    """

    def __init__(self, channels: int, bottom_width: int, image_channels: int, latent: int) -> None:
        super().__init__(channels, bottom_width, image_channels, latent)
        self.up_logits = nn.Parameter(torch.empty(len(_UP), len(UP_OPERATIONS)))
        self.normal_logits = nn.Parameter(torch.empty(len(_NORMAL), len(NORMAL_OPERATIONS)))
        self.edges = nn.ModuleList(
            MixedNormal(channels) if names == NORMAL_OPERATIONS else MixedUp(channels, GENERATOR.factor(node))
            for node, names in zip(GENERATOR.searched, CHOICES.operations, strict=True)
        )
        self.merged = True

    def draw(self, generator: torch.Generator | None) -> None:
        """Draw the architecture parameters."""
        for logits in self.architecture_parameters():
            nn.init.normal_(logits, std=_INITIAL_DEVIATION, generator=generator)

    def architecture_parameters(self) -> list[nn.Parameter]:
        """What says which generator it is."""
        return [self.up_logits, self.normal_logits]

    def weight_parameters(self) -> list[nn.Parameter]:
        """All other parameters."""
        own = {id(logits) for logits in self.architecture_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in own]

    def shares(self) -> Shares:
        """The softmax of the architecture parameters of each edge."""
        return Shares(self.up_logits.softmax(dim=-1), self.normal_logits.softmax(dim=-1))

    def genotype(self) -> tuple[int, ...]:
        """The generator that it discretises to: the operation with the largest share, of equals the first."""
        best = dict(zip(_UP, self.up_logits.argmax(dim=-1).tolist(), strict=True))
        best |= dict(zip(_NORMAL, self.normal_logits.argmax(dim=-1).tolist(), strict=True))
        return tuple(best[position] for position in range(len(best)))

    def forward(self, latents: Tensor, shares: Shares | None = None) -> Tensor:
        """Generate images with all operations.

        Args:
            latents: (batch, latent).
            shares: What stands for :meth:`shares`, such as one that is drawn.

        Returns:
            Images within -1 and 1, (batch, image_channels, image_size, image_size).
        """
        up, normal = self.shares() if shares is None else shares
        if up.shape != self.up_logits.shape or normal.shape != self.normal_logits.shape:
            raise InvalidSetting(
                f"shares must have shapes {tuple(self.up_logits.shape)} and {tuple(self.normal_logits.shape)}, not "
                f"{tuple(up.shape)} and {tuple(normal.shape)}"
            )
        of_edge = dict(zip(_UP, up.unbind(), strict=True)) | dict(zip(_NORMAL, normal.unbind(), strict=True))

        def edge(position: int, read: Tensor) -> Tensor:
            mixed = cast(MixedNormal | MixedUp, self.edges[position])
            given: Tensor = (mixed.merged if self.merged else mixed)(read, of_edge[position])
            return given

        return self.run(latents, edge)

    def forward_path(self, latents: Tensor, genotype: Sequence[int]) -> Tensor:
        """Generate images with one operation on each edge, its share being 1; nothing else is computed.

        Args:
            latents: (batch, latent).
            genotype: Which operations, 18 whole numbers.

        Returns:
            Images within -1 and 1, (batch, image_channels, image_size, image_size).

        Raises:
            InvalidArchitecture: The genotype is none.
        """
        names = CHOICES.names(genotype)
        chosen = [cast(MixedEdge, edge)[name] for edge, name in zip(self.edges, names, strict=True)]
        return self.run(latents, lambda position, read: chosen[position](read))

    def weights_of(self, genotype: Sequence[int]) -> dict[str, Tensor]:
        """The weights of one generator, as ``build_network(genotype, affine=False)`` loads them.

        Raises:
            InvalidArchitecture: The genotype is none.
        """
        names = CHOICES.names(genotype)
        found = {}
        for key, value in self.state_dict().items():
            part, _, rest = key.partition(".")
            if part == "edges":
                position, operation, rest = rest.split(".", 2)
                if operation == names[int(position)]:
                    found[f"edges.{position}.{rest}"] = value
            elif not part.endswith("_logits"):
                found[key] = value
        return found


class MixedEdge(nn.ModuleDict):
    """The operations of one edge by name."""

    def forward(self, read: Tensor, shares: Tensor) -> Tensor:
        """The mixture, every operation computed for itself: features (batch, channels, height, width), shares (k,)."""
        total: Tensor | None = None
        for share, operation in zip(shares.unbind(), self.values(), strict=True):
            term = share * operation(read)
            total = term if total is None else total + term
        assert total is not None  # every edge has operations
        return total


class MixedNormal(MixedEdge):
    """A normal edge, which reads rectified features."""

    def __init__(self, channels: int) -> None:
        super().__init__({name: make_operation(name, channels, affine=False) for name in NORMAL_OPERATIONS})

    def merged(self, read: Tensor, shares: Tensor) -> Tensor:
        """The same with one plain convolution for all three."""
        of = dict(zip(NORMAL_OPERATIONS, shares.unbind(), strict=True))
        kernel: Tensor | None = None
        bias: Tensor | None = None
        for name in ("conv_5x5", "conv_3x3", "conv_1x1"):
            convolution = cast(nn.Conv2d, self[name])
            assert convolution.bias is not None
            margin = 2 - convolution.kernel_size[0] // 2
            own = functional.pad(of[name] * convolution.weight, (margin,) * 4)
            kernel = own if kernel is None else kernel + own
            bias = of[name] * convolution.bias if bias is None else bias + of[name] * convolution.bias
        assert kernel is not None
        total = functional.conv2d(read, kernel, bias, padding=2)
        for name in ("sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"):
            total = total + cast(SeparableConvolution, self[name])(read, of[name])
        return total


class MixedUp(MixedEdge):
    """An up edge."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__({name: make_operation(name, channels, factor=factor) for name in UP_OPERATIONS})
        self._factor = factor

    def merged(self, read: Tensor, shares: Tensor) -> Tensor:
        """The same with nearest neighbours as part of the transposed convolution, or shares taken before rising."""
        convolution, nearest, bilinear = self["deconv"], self["nearest"], self["bilinear"]
        assert isinstance(convolution, UpConvolution)
        deconv_share, nearest_share, bilinear_share = shares.unbind()
        risen: Tensor
        if self._factor > 2:
            risen = deconv_share * convolution(read) + nearest(nearest_share * read)
        else:
            kernel = deconv_share * convolution.weight
            # A pixel is copied by the identity at each of the four places that it becomes.
            kernel.diagonal(dim1=0, dim2=1).add_(nearest_share)
            assert convolution.bias is not None
            risen = functional.conv_transpose2d(read, kernel, deconv_share * convolution.bias, stride=2)
        smooth: Tensor = bilinear(bilinear_share * read)
        return risen + smooth
