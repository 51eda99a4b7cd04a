"""How many parameters a text network has, by a closed formula.

The layers are those of ``child_model/ops.py`` of the official code.
"""

from __future__ import annotations

from ganas.spaces.errors import InvalidSetting
from ganas.spaces.textnas.genotype import TextGenotype

__all__ = ["num_parameters"]

_KERNEL_SIZES = {"conv_1": 1, "conv_3": 3, "conv_5": 5, "conv_7": 7}


def num_parameters(
    genotype: TextGenotype,
    *,
    channels: int = 256,
    inputs: int = 300,
    num_classes: int = 5,
    normalise_always: bool = False,
) -> int:
    """Parameters of the classifier without the embedding of the words; the defaults are those of the official scripts.

    Args:
        genotype: The network.
        channels: Of every layer.
        inputs: Length of the embedding of a word.
        num_classes: Of the classifier.
        normalise_always: Whether there is a normalisation behind every layer, as in the code of NNI, or behind those
            with skip connections alone, as in the official one.

    Raises:
        InvalidSetting: A count is below 1.

    >>> from ganas.spaces.textnas.notation import parse_genotype
    >>> num_parameters(parse_genotype("released")), num_parameters(parse_genotype("released"), normalise_always=True)
    (6139421, 6140957)
    """
    for name, value in (("channels", channels), ("inputs", inputs), ("num_classes", num_classes)):
        if value < 1:
            raise InvalidSetting(f"{name} must be at least 1, not {value}")
    normalisation = 2 * channels
    total = inputs * channels + channels + normalisation  # the initial convolution
    for layer in genotype.layers:
        total += _of_operator(layer.operator, channels)
        if normalise_always or any(layer.skips):
            total += normalisation
    return total + len(genotype.layers) + (channels + 1) * num_classes


def _of_operator(operator: str, channels: int) -> int:
    if operator in _KERNEL_SIZES:
        return _KERNEL_SIZES[operator] * channels**2 + 3 * channels
    if operator == "gru":
        # Two directions of three gates, each with two matrices and two biases.
        return 12 * (channels**2 + channels)
    return 3 * (channels**2 + channels) + 2 * channels if operator == "attention" else 0
