"""The supernet of the text space: every architecture of some size, sharing one set of weights.

As in the official code (``child_model/textnas_child.py`` without a fixed architecture): each layer owns all eight
operators and one batch normalisation; an architecture uses one operator of each layer, whatever this reads. Only what
the architecture of a batch uses is computed, and gets gradients.

This module imports torch.
"""

from __future__ import annotations

from typing import cast

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype
from ganas.spaces.textnas.network import TextEncoder, TextNetwork
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.operators import Dropouts, make_operator

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["TextSupernet"]


class TextSupernet(TextEncoder):
    """All architectures of some number of layers.

    Args:
        layers: How many layers there are.
        channels: Of every layer; a multiple of 4, the heads of attention.
        inputs: Of the embedded words.
        dropouts: As for :class:`~ganas.spaces.textnas.network.TextEncoder`.
        normalise_always: As there.

    Raises:
        InvalidSetting: A size does not fit.
    """

    def __init__(
        self,
        layers: int,
        channels: int,
        *,
        inputs: int = 300,
        dropouts: Dropouts | None = None,
        normalise_always: bool = False,
    ) -> None:
        super().__init__(layers, channels, inputs=inputs, dropouts=dropouts, normalise_always=normalise_always)
        self.operators = nn.ModuleList(
            nn.ModuleDict({name: make_operator(name, channels, self.dropouts) for name in OPERATORS})
            for _ in range(layers)
        )
        self.normalisations = nn.ModuleDict({str(number): MaskedBatchNorm(channels) for number in range(layers)})

    def forward(self, values: Tensor, mask: Tensor, genotype: TextGenotype) -> Tensor:
        """Run one architecture.

        Args:
            values: Embedded words, (batch, time, inputs).
            mask: True for words, (batch, time).
            genotype: The architecture.

        Returns:
            One vector a text, (batch, channels).

        Raises:
            InvalidSetting: The architecture has another number of layers, or a tensor another shape.
        """
        return self.encode(values, mask, genotype, self._used(genotype), self.normalisations)

    def network(self, genotype: TextGenotype) -> TextNetwork:
        """One architecture by itself, with a copy of its weights and batch statistics.

        Raises:
            InvalidSetting: It has another number of layers.
        """
        used = self._used(genotype)
        made = TextNetwork(
            genotype,
            self.channels,
            inputs=self.inputs,
            dropouts=self.dropouts,
            normalise_always=self.normalise_always,
        )
        made.to(self.combination)
        made.initial.load_state_dict(self.initial.state_dict())
        for mine, other in zip(made.operators, used, strict=True):
            mine.load_state_dict(other.state_dict())
        for number, normalisation in made.normalisations.items():
            normalisation.load_state_dict(self.normalisations[number].state_dict())
        with torch.no_grad():
            made.combination.copy_(self.combination)
        return made.train(self.training)

    def _used(self, genotype: TextGenotype) -> list[nn.Module]:
        """The operator of each layer."""
        if len(genotype.layers) != len(self.operators):
            raise InvalidSetting(
                f"the supernet has {len(self.operators)} layers, and the architecture {len(genotype.layers)}"
            )
        owned = (cast("nn.ModuleDict", own) for own in self.operators)
        return [own[layer.operator] for own, layer in zip(owned, genotype.layers, strict=True)]
