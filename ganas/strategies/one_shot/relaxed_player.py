"""The relaxed generator as a player: with which shares of operations it generates images.

Drawn shares are those of ``calculate_gumbel_softmax`` in ``models/cell.py`` of the official code of AlphaGAN,
https://github.com/yuesongtian/AlphaGAN: Gumbel noise is added to the architecture parameters of an edge, anew in every
forward pass, and the softmax is taken of the sum over a temperature.

This module imports torch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganas.spaces.alphagan.genotype import GENERATOR, UP_OPERATIONS
from ganas.spaces.alphagan.supernet import GeneratorSupernet, Shares

__all__ = ["RelaxedPlayer"]

# Keeps the logarithm of a number that is drawn finite, in the official code.
_LEAST = 1e-20


class RelaxedPlayer(nn.Module):
    """The relaxed generator as steps of weights see it: the shares of operations are constants.

    Args:
        supernet: The relaxed generator.
        temperature: Where shares are drawn; None for the softmax itself.
    """

    def __init__(self, supernet: GeneratorSupernet, temperature: float | None = None) -> None:
        super().__init__()
        self.supernet, self.temperature = supernet, temperature

    def shares(self) -> Shares:
        """The shares of operations; drawn ones from torch's global generator, anew at every call."""
        if self.temperature is None:
            return self.supernet.shares()
        up, normal = (self._drawn(logits, self.temperature) for logits in self.supernet.architecture_parameters())
        return Shares(up, normal)

    @staticmethod
    def _drawn(logits: Tensor, temperature: float) -> Tensor:
        noise = torch.rand(logits.shape).to(logits.device)
        return ((logits - (-(noise + _LEAST).log()).log()) / temperature).softmax(dim=-1)

    def forward(self, latents: Tensor) -> Tensor:
        """Latent vectors (batch, latent) to images within -1 and 1, (batch, channels, size, size)."""
        with torch.no_grad():
            shares = self.shares()
        images: Tensor = self.supernet(latents, shares)
        return images

    def entropies(self) -> tuple[float, ...]:
        """How undecided each edge is, in the order of the genotype: 1 where all shares are equal, 0 where one is 1."""
        logits = self.supernet.architecture_parameters()
        up, normal = (iter(part.detach().double().cpu().softmax(dim=-1)) for part in logits)
        found = []
        for names in GENERATOR.operations:
            shares = next(up if names == UP_OPERATIONS else normal)
            found.append(float(torch.special.entr(shares).sum()) / math.log(len(names)))
        return tuple(found)
