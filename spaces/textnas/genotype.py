"""What a text network is: for each layer the one earlier layer that it reads, its operator, and its skip connections.

Wang, Yang, Chen, Bai, Zhang, Su, Kou, Tong, Yang and Zhou, "TextNAS: A Neural Architecture Search Space tailored for
Text Representation", AAAI 2020, https://arxiv.org/abs/1912.10729. The decisions and the numbers of the operators are
those of the official code, https://github.com/microsoft/TextNAS (``child_model/textnas_child.py``, ``ops.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from ganas.spaces.errors import InvalidArchitecture, closest_match, quote_list

__all__ = ["OPERATORS", "WINDOW", "TextGenotype", "TextLayer", "num_offsets"]

OPERATORS = ("conv_1", "conv_3", "conv_5", "conv_7", "average_pool", "max_pool", "gru", "attention")
"""The operators; the place of each is its number in the official code."""

WINDOW = 5
"""A layer reads one of so many layers before it."""


@dataclass(frozen=True, slots=True)
class TextLayer:
    """One layer, number i counted from 0.

    Attributes:
        offset: How many layers lie between it and the layer that its operator reads, which is i - 1 - ``offset``; 0 for
            the first layer, which reads the initial convolution.
        operator: One of :data:`OPERATORS`.
        skips: For each earlier layer whether its output is added to that of the operator, i values. The layer that the
            operator reads may be among them.
    """

    offset: int
    operator: str
    skips: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class TextGenotype:
    """A text network.

    Offsets are what they say: the rule of the official code that an offset beyond the first layer stands for 0 is
    applied where its files are read (:mod:`ganas.spaces.textnas.notation`), and no genotype holds such an offset. Which
    window the offsets lie in is up to the space.

    Attributes:
        layers: The layers, at least one.

    Raises:
        InvalidArchitecture: There is no layer, an operator is unknown, a layer reads what does not come before it, or
            has another number of skip bits than of earlier layers.

    >>> first, second = TextLayer(0, "conv_5", ()), TextLayer(0, "gru", (True,))
    >>> network = TextGenotype((first, second, TextLayer(1, "attention", (False, False))))
    >>> [network.source(number) for number in range(3)]
    [-1, 0, 0]
    """

    layers: tuple[TextLayer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidArchitecture("a text network without layers: wanted is at least one")
        for number, layer in enumerate(self.layers):
            if layer.operator not in OPERATORS:
                raise InvalidArchitecture(
                    f"unknown operator {layer.operator!r} in layer {number}: known are {quote_list(OPERATORS)}"
                    f"{closest_match(layer.operator, OPERATORS)}"
                )
            if not 0 <= layer.offset < max(number, 1):
                raise InvalidArchitecture(
                    f"layer {number} has the offset {layer.offset}: it can have 0 to {max(number, 1) - 1}"
                )
            if len(layer.skips) != number or not all(bit in (False, True) for bit in layer.skips):
                raise InvalidArchitecture(f"layer {number} has the skips {layer.skips}: wanted are {number} of 0 or 1")

    def source(self, number: int) -> int:
        """The layer whose output the operator of a layer reads; -1 for the initial convolution."""
        return number - 1 - self.layers[number].offset


def num_offsets(number: int, window: int = WINDOW) -> int:
    """How many offsets a layer chooses from; 1 for the first two, which have no choice."""
    return max(1, min(number, window))
