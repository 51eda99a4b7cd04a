"""The discriminator that AlphaGAN searches and trains generators against, and the parts of discriminators.

Four residual blocks, the first two of which halve height and width, the sum over all pixels, and one linear score; as
in Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
https://arxiv.org/abs/1802.05957, and the official code of AlphaGAN (``Discriminator`` in
``models/alphaGAN_network.py``). Every weight is divided by its largest singular value.

Two products are taken in another order than there, which changes nothing but rounding (ours): a convolution of kernel
1 and the average over pairs of pixels commute, so short cuts average first; and a convolution of kernel 3 with the
average after it is one of kernel 4 and stride 2.

This module imports torch.
"""

from __future__ import annotations

from ganas.spaces.alphagan.counts import require_sizes
from ganas.spaces.alphagan.operations import build
from ganas.spaces.errors import InvalidSetting, missing_torch

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = [
    "Block",
    "Convolution",
    "Discriminator",
    "Nothing",
    "Part",
    "Rectified",
    "Score",
    "SpectralNorm",
    "build_fixed_discriminator",
]

SMALLEST_IMAGE = 4
"""Pixels a side: height and width are halved twice."""

_INITIAL_ITERATIONS = 15
_EPS = 1e-12


def build_fixed_discriminator(
    *,
    channels: int = 128,
    image_channels: int = 3,
    xavier: bool = True,
    generator: torch.Generator | None = None,
) -> Discriminator:
    """Build the fixed discriminator, by default of the size that the official code trains on CIFAR-10.

    To copy one, build another and load the state, or use :func:`copy.deepcopy`.

    Args:
        channels: Of every feature map (``df_dim``).
        image_channels: Of an image.
        xavier: Which weights it begins with; see :func:`ganas.spaces.alphagan.operations.build`.
        generator: Where the weights are drawn from, and on whose device they lie; None for torch's global generator
            and default device.

    Raises:
        InvalidSetting: A size is below 1.
    """
    require_sizes(channels=channels, image_channels=image_channels)

    def make() -> Discriminator:
        blocks = []
        for cell in range(4):
            inputs = channels if cell else image_channels
            parts = Convolution(inputs, channels, 3), Convolution(channels, channels, 3)
            blocks.append(Block(inputs, channels, *parts, halves=cell < 2, rectifies=cell > 0))
        return Discriminator(blocks, Score(channels, 1), image_channels)

    return build(make, xavier=xavier, generator=generator)


class Discriminator(nn.Module):
    """Residual blocks and a score.

    It is made by :func:`build_fixed_discriminator` or
    :func:`ganas.spaces.alphagan.discriminator_network.build_discriminator`.

    Attributes:
        image_channels: Of an image.
    """

    def __init__(self, blocks: list[Block], score: Score, image_channels: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.score = score
        self.image_channels = image_channels

    def forward(self, images: Tensor) -> Tensor:
        """Score images: (batch, image_channels, height, width) to (batch, 1), the higher the more real.

        Raises:
            InvalidSetting: The images have another number of channels, or fewer than 4 pixels a side.
        """
        if images.ndim != 4 or images.shape[1] != self.image_channels or min(images.shape[2:]) < SMALLEST_IMAGE:
            raise InvalidSetting(
                f"images must have shape (batch, {self.image_channels}, height, width) with at least {SMALLEST_IMAGE} "
                f"pixels a side, not {tuple(images.shape)}"
            )
        features = images.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            features = block(features)
        scores: Tensor = self.score(functional.relu(features).sum(dim=(2, 3)))
        return scores


# --- parts ---------------------------------------------------------------------------------------------------------


class Part(nn.Module):
    """An operation of a block, features (batch, inputs, height, width) to (batch, channels, height, width)."""

    def halved(self, features: Tensor) -> Tensor:
        """What it gives, averaged over pairs of pixels: (batch, channels, height / 2, width / 2), rounded down."""
        return functional.avg_pool2d(self(features), 2)


class Rectified(Part):
    """``skip_connect``: what the ReLU gives."""

    def forward(self, features: Tensor) -> Tensor:
        """Nothing is done."""
        return features


class Nothing(Part):
    """``none``: zeros."""

    def forward(self, features: Tensor) -> Tensor:
        """Features of any shape to zeros of this shape."""
        return torch.zeros_like(features)


class Block(nn.Module):
    """The sum of two operations in a row and of a short cut.

    The short cut is the identity, or where the block halves height and width an average and a convolution of kernel 1.

    Args:
        inputs: Channels of what it reads.
        channels: Of what it gives.
        first: The first operation.
        second: The second.
        halves: Whether it halves height and width.
        rectifies: Whether there is a ReLU before the first operation.
    """

    def __init__(self, inputs: int, channels: int, first: Part, second: Part, *, halves: bool, rectifies: bool) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.shortcut = Convolution(inputs, channels, 1) if halves else None
        self._rectifies = rectifies

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, height, width) to (batch, channels, ...)."""
        read = functional.relu(features) if self._rectifies else features
        inner = functional.relu(self.first(read))
        if self.shortcut is None:
            total: Tensor = self.second(inner) + features
            return total
        halved: Tensor = self.second.halved(inner) + self.shortcut(functional.avg_pool2d(features, 2))
        return halved


class SpectralNorm(nn.Module):
    """The singular vectors that belong to the largest singular value of a weight, found by power iteration.

    As in the paper they are kept from step to step, and each forward pass in training improves them by one iteration;
    they are constants of the gradient. (Unlike ``torch.nn.utils.spectral_norm`` the weight stays a leaf, so that
    modules can be copied at any time.)
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("left", weight.new_empty(weight.shape[0]))
        self.register_buffer("right", weight.new_empty(weight[0].numel()))

    def start(self, weight: Tensor, generator: torch.Generator | None) -> None:
        """Draw the vectors and improve them a few times, as torch does."""
        nn.init.normal_(self.left, generator=generator)
        functional.normalize(self.left, dim=0, eps=_EPS, out=self.left)
        for _ in range(_INITIAL_ITERATIONS):
            self._iterate(weight.detach().flatten(1))

    def _iterate(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        right = functional.normalize(torch.mv(matrix.t(), self.left), dim=0, eps=_EPS)
        left = functional.normalize(torch.mv(matrix, right), dim=0, eps=_EPS)
        # New tensors are given to the gradient: the buffers may change before it is computed.
        self.left.copy_(left)
        self.right.copy_(right)
        return left, right

    def forward(self, weight: Tensor) -> Tensor:
        """Divide a weight by its largest singular value."""
        matrix = weight.flatten(1)
        if self.training:
            left, right = self._iterate(matrix.detach())
        else:
            left, right = self.left.clone(), self.right.clone()
        return weight / torch.dot(left, torch.mv(matrix, right))


class Convolution(Part):
    """A convolution that keeps height and width; with spectral norm unless that is switched off."""

    def __init__(self, inputs: int, channels: int, kernel: int, *, spectral: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, channels, kernel, padding=kernel // 2)
        self.norm = SpectralNorm(self.convolution.weight) if spectral else None

    def draw(self, generator: torch.Generator | None) -> None:
        """Begin the spectral norm; the weights are drawn."""
        if self.norm is not None:
            self.norm.start(self.convolution.weight, generator)

    def _weight(self) -> Tensor:
        weight = self.convolution.weight
        normalised: Tensor = weight if self.norm is None else self.norm(weight)
        return normalised

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, inputs, height, width) to (batch, channels, height, width)."""
        convolution = self.convolution
        return functional.conv2d(features, self._weight(), convolution.bias, padding=convolution.padding)

    def halved(self, features: Tensor) -> Tensor:
        """The same averaged over pairs of pixels, as one convolution."""
        convolution = self.convolution
        margin = convolution.kernel_size[0] // 2
        # The average of the kernel at the four places of a pair of pixels a side.
        kernel = functional.avg_pool2d(functional.pad(self._weight(), (1, 1, 1, 1)), 2, stride=1)
        return functional.conv2d(features, kernel, convolution.bias, stride=2, padding=margin)


class Score(nn.Module):
    """A linear layer without bias, with spectral norm."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, outputs, bias=False)
        self.norm = SpectralNorm(self.linear.weight)

    def draw(self, generator: torch.Generator | None) -> None:
        """Begin the spectral norm; the weights are drawn."""
        self.norm.start(self.linear.weight, generator)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, channels) to (batch, outputs)."""
        return functional.linear(features, self.norm(self.linear.weight))
