"""The recurrent network of an architecture, in one direction over padded sentences.

This module imports torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganas.spaces.rnn.genotype import RecurrentGenotype
from ganas.spaces.rnn.layer import Masks, RecurrentLayer

__all__ = ["CellLayer"]


class CellLayer(nn.Module):
    """An architecture in one direction; a sentence begins after hidden states and inputs of zeros.

    Args:
        genotype: The architecture.
        size: Size of a hidden state and of what is read at a word.
        bound: Initial weights are drawn between minus and plus this.
    """

    def __init__(self, genotype: RecurrentGenotype, size: int, bound: float) -> None:
        super().__init__()
        self.size = size
        self.layer = RecurrentLayer(genotype, size)
        for weights in self.layer.parameters():
            nn.init.uniform_(weights, -bound, bound)

    def forward(self, inputs: Tensor, h_mask: Tensor | None) -> Tensor:
        """Read sentences.

        Args:
            inputs: (words, sentences, size).
            h_mask: Dropout of hidden states, (sentences, size); None for none.

        Returns:
            The hidden states, (words, sentences, size).
        """
        # Autocast hands over half precision, in which what is carried from word to word would lose too much.
        halved = inputs.dtype in (torch.float16, torch.bfloat16)
        outputs, _ = self.layer(inputs.float() if halved else inputs, masks=Masks(h_mask, None))
        hidden: Tensor = outputs
        return hidden
