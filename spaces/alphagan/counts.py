"""How many parameters the networks have, and how many multiplications a generator takes; no network is built."""

from __future__ import annotations

from collections.abc import Sequence

from ganas.spaces.alphagan.genotype import DISCRIMINATOR as DISCRIMINATOR_CHOICES
from ganas.spaces.alphagan.genotype import GENERATOR as GENERATOR_CHOICES
from ganas.spaces.alphagan.genotype import NORMAL_OPERATIONS, UP_OPERATIONS
from ganas.spaces.alphagan.wiring import GENERATOR
from ganas.spaces.errors import InvalidSetting

__all__ = [
    "discriminator_parameters",
    "fixed_discriminator_parameters",
    "generator_multiply_accumulates",
    "generator_parameters",
    "require_sizes",
    "supernet_parameters",
]


def require_sizes(**sizes: int) -> None:
    """Raise unless every size is a whole number of at least 1.

    Raises:
        InvalidSetting: One is not.
    """
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidSetting(f"{name} must be a whole number of at least 1, not {value!r}")


def _kernel(name: str) -> int:
    """The kernel size in the name of a convolution, such as 3 for ``sep_conv_3x3``."""
    return int(name.removesuffix("_SN").rpartition("x")[2])


# --- generators ----------------------------------------------------------------------------------------------------


def generator_parameters(
    genotype: Sequence[int],
    *,
    channels: int = 256,
    bottom_width: int = 4,
    image_channels: int = 3,
    latent: int = 128,
    affine: bool = True,
) -> int:
    """Parameters of a generator.

    With C channels, a convolution of kernel k has C C k k + C, a separable one twice C C + C k k and, if ``affine``,
    twice 2 C of its batch normalisations, a transposed one 4 C C + C, however often it is applied. The projection of
    the latent vector has (L + 1) C b b, the head 2 C of its batch normalisation and 9 C I + I.

    Args:
        genotype: 18 whole numbers.
        channels: Of every feature map, C; 256 in the official code (``gf_dim``).
        bottom_width: Height and width of the smallest feature map, b; images are 8 times as high and wide.
        image_channels: Of an image, I.
        latent: Length of the latent vector, L.
        affine: Whether the batch normalisation of separable convolutions has weights.

    Raises:
        InvalidArchitecture: The genotype is none.
        InvalidSetting: A size is below 1.

    >>> from ganas.spaces.alphagan.published import PUBLISHED
    >>> generator_parameters(PUBLISHED["alphaGAN_s"]), generator_parameters(PUBLISHED["alphaGAN_l"], bottom_width=6)
    (2952707, 9278979)
    """
    require_sizes(channels=channels, bottom_width=bottom_width, image_channels=image_channels, latent=latent)
    names = GENERATOR_CHOICES.names(genotype)
    frame = _frame_parameters(channels, bottom_width, image_channels, latent)
    return frame + sum(_operation_parameters(name, channels, affine) for name in names)


def supernet_parameters(
    *, channels: int = 256, bottom_width: int = 4, image_channels: int = 3, latent: int = 128
) -> int:
    """Parameters of the generator supernet, which has every operation on every edge; arguments as those of a generator.

    >>> supernet_parameters()
    27469571
    """
    require_sizes(channels=channels, bottom_width=bottom_width, image_channels=image_channels, latent=latent)
    edges = sum(
        _operation_parameters(name, channels, False) for names in GENERATOR_CHOICES.operations for name in names
    )
    return edges + _frame_parameters(channels, bottom_width, image_channels, latent)


def _frame_parameters(channels: int, bottom_width: int, image_channels: int, latent: int) -> int:
    return (latent + 1) * channels * bottom_width**2 + 2 * channels + (9 * channels + 1) * image_channels


def _operation_parameters(name: str, channels: int, affine: bool) -> int:
    if name == "deconv":
        return 4 * channels**2 + channels
    if name in UP_OPERATIONS:
        return 0
    kernel = _kernel(name)
    if name.startswith("sep"):
        return 2 * (channels * kernel**2 + channels**2 + 2 * channels * affine)
    return channels**2 * kernel**2 + channels


def generator_multiply_accumulates(
    genotype: Sequence[int],
    *,
    channels: int = 256,
    bottom_width: int = 4,
    image_channels: int = 3,
    latent: int = 128,
) -> int:
    """Multiply-accumulate operations of a generator for one image.

    Those of the projection and of all convolutions are counted, at every pixel, those in the padding too: H W C C k k
    for a convolution with an output of H by W pixels, H W C (C + k k) for each half of a separable one. A transposed
    convolution of kernel 2 and stride 2 takes one product for each pair of channels and pixel of its output, H W C C
    (some counters take four). Batch normalisation, interpolation, biases and sums are left out. Arguments and errors as
    for :func:`generator_parameters`.

    >>> from ganas.spaces.alphagan.published import PUBLISHED
    >>> [round(generator_multiply_accumulates(one) / 1e9, 3) for one in PUBLISHED.values()]
    [0.745, 2.718]
    """
    require_sizes(channels=channels, bottom_width=bottom_width, image_channels=image_channels, latent=latent)
    total = latent * channels * bottom_width**2
    for node, name in zip(GENERATOR.searched, GENERATOR_CHOICES.names(genotype), strict=True):
        pixels = (GENERATOR.places[node].resolution * bottom_width) ** 2
        if name in NORMAL_OPERATIONS:
            kernel = _kernel(name)
            separable = 2 * channels * (kernel**2 + channels)
            total += pixels * (separable if name.startswith("sep") else channels**2 * kernel**2)
        elif name == "deconv":
            factor = GENERATOR.factor(node)
            while factor > 1:
                total += pixels * channels**2
                pixels, factor = pixels // 4, factor // 2
    return total + (8 * bottom_width) ** 2 * 9 * channels * image_channels


# --- discriminators ------------------------------------------------------------------------------------------------


def discriminator_parameters(
    genotype: Sequence[int], *, channels: int = 128, image_channels: int = 3, outputs: int = 1
) -> int:
    """Parameters of a searched discriminator.

    With d channels, a convolution of kernel k has d d k k + d, that on the image d I k k + d; the short cuts are of
    kernel 1; the last layer has d for each output.

    Args:
        genotype: 8 whole numbers.
        channels: Of every feature map, d; 128 in the official code (``df_dim``).
        image_channels: Of an image, I.
        outputs: Of the last layer.

    Raises:
        InvalidArchitecture: The genotype is none.
        InvalidSetting: A size is below 1.
    """
    require_sizes(channels=channels, image_channels=image_channels, outputs=outputs)
    first, *others = DISCRIMINATOR_CHOICES.names(genotype)
    total = (image_channels * _kernel(first) ** 2 + 1) * channels
    for name in others:
        if name.startswith("conv"):
            total += (channels * _kernel(name) ** 2 + 1) * channels
    return total + (image_channels + 1 + channels + 1 + outputs) * channels


def fixed_discriminator_parameters(*, channels: int = 128, image_channels: int = 3) -> int:
    """Parameters of the discriminator that the official code trains with by default: all convolutions of kernel 3.

    >>> fixed_discriminator_parameters()
    1053824
    """
    return discriminator_parameters([1, *[2] * 7], channels=channels, image_channels=image_channels)
