"""How many parameters the network of a DARTS architecture has, and which layers it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ganas.spaces.darts.notation import Cell
from ganas.spaces.errors import InvalidSetting

__all__ = ["STEM_FACTOR", "Layer", "layers_of", "parameter_count", "require_counts"]

STEM_FACTOR = 3
"""The stem gives this many times the channels of the first cell."""

_JOINED = 4


class Layer(NamedTuple):
    """One cell of the network, with channel counts.

    Attributes:
        before_last: Channels of the output of the layer before the last.
        last: Channels of the output of the last layer.
        channels: Channels of each node of this cell; its output has four times as many.
        is_reduction: Whether it halves height and width, and is the reduction cell.
        after_reduction: Whether the last layer was one.
        has_auxiliary_head: Whether the auxiliary head, where there is one, reads the output of this cell.
    """

    before_last: int
    last: int
    channels: int
    is_reduction: bool
    after_reduction: bool
    has_auxiliary_head: bool


def layers_of(channels: int, layers: int) -> Iterator[Layer]:
    """The cells of a network: reduction cells at one and two thirds of the depth double the channels."""
    before_last = last = STEM_FACTOR * channels
    after_reduction = False
    for number in range(layers):
        is_reduction = number in (layers // 3, 2 * layers // 3)
        if is_reduction:
            channels *= 2
        yield Layer(before_last, last, channels, is_reduction, after_reduction, number == 2 * layers // 3)
        before_last, last, after_reduction = last, _JOINED * channels, is_reduction


def require_counts(**counts: int) -> None:
    """Raise unless every count is at least 1.

    Raises:
        InvalidSetting: One is not.
    """
    for name, value in counts.items():
        if value < 1:
            raise InvalidSetting(f"{name} must be at least 1, not {value}")


def parameter_count(
    normal: Cell, reduction: Cell, *, num_classes: int, channels: int, layers: int, auxiliary: bool
) -> int:
    """Parameters of the network by a closed formula.

    A separable convolution of kernel k on C channels is two times a convolution of k * k * C weights on each channel
    for itself, C * C across them, and a batch normalisation of 2 * C; a dilated one is that once. A skip of stride 2 is
    C * C weights and a batch normalisation. Each cell projects its two inputs to C channels. Stem, auxiliary head and
    classifier come on top.

    Raises:
        InvalidSetting: A count is below 1.
    """
    require_counts(num_classes=num_classes, channels=channels, layers=layers)
    total = STEM_FACTOR * channels * (3 * 9 + 2)
    output = 0
    for layer in layers_of(channels, layers):
        width, output = layer.channels, _JOINED * layer.channels
        total += (layer.before_last + layer.last + 4) * width
        for node in reduction if layer.is_reduction else normal:
            for operation, source in node:
                total += _operation(operation, width, stride_2=layer.is_reduction and source < 2)
        if auxiliary and layer.has_auxiliary_head:
            total += output * 128 + 2 * 128 + 128 * 768 * 4 + 2 * 768 + (768 + 1) * num_classes
    return total + (output + 1) * num_classes


def _operation(name: str, channels: int, *, stride_2: bool) -> int:
    if name == "skip_connect":
        return channels**2 + 2 * channels if stride_2 else 0
    if "conv" not in name:
        return 0
    kernel = int(name[-1])
    once = kernel**2 * channels + channels**2 + 2 * channels
    return 2 * once if name.startswith("sep") else once
