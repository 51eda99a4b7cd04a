"""The controller of ``enas``: a recurrent network that draws text architectures, decision by decision.

As in ``controller/rl_controller.py`` of https://github.com/microsoft/TextNAS. For every layer an LSTM takes three
steps, which draw what the layer reads, its operator, and its skip connections:

- offset: ``W_o h``, of which as many logits are used as the layer has offsets;
- operator: ``W_p h``;
- skip connection from layer j: the logits ``(-q, q)`` with ``q = v tanh(A a_j + B h)``, where the anchor ``a_j`` is the
  state of the LSTM after the third step of layer j.

Every logit x is used as ``c tanh x``. The next step reads the embedding of what was drawn; after skip connections, the
sum of the anchors that were chosen, divided by one more than their number.

This module imports torch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.spaces.textnas.genotype import OPERATORS, num_offsets
from ganas.spaces.textnas.wiring import Layout

__all__ = ["Drawn", "TextController"]

# All weights are uniform between minus and plus this, as in the official code.
_INITIAL = 0.1


class Drawn(NamedTuple):
    """An architecture that was drawn.

    Attributes:
        code: Its code, as :class:`~ganas.spaces.textnas.wiring.Layout` lists it.
        log_probability: The sum over decisions; of the skip connections of a layer the mean counts, as in the official
            code, so that late layers do not outweigh early ones.
        action_entropy: The sum over the same terms of -p log p, of what was drawn; without a gradient.
        divergence: From the probability of skip connections to the target: the mean over layers of the sum over bits.
        undecided: The mean entropy of the choices, as a share of the largest: 1 when undecided and 0 when decided.
        skip_rate: The share of skip bits that are set; NaN without any.
    """

    code: tuple[int, ...]
    log_probability: Tensor
    action_entropy: float
    divergence: Tensor
    undecided: float
    skip_rate: float


class TextController(nn.Module):
    """The controller.

    Args:
        layout: Of the architectures.
        hidden: Units of the LSTM.
        tanh_constant: The bound of logits.
        skip_target: The share of skip connections that :attr:`Drawn.divergence` is zero at.
        generator: Where the weights are drawn from.
    """

    def __init__(
        self, layout: Layout, hidden: int, *, tanh_constant: float, skip_target: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self._layout, self._bound, self._target = layout, tanh_constant, skip_target
        self.cell = nn.LSTMCell(hidden, hidden)
        self.start = nn.Parameter(torch.empty(1, hidden))
        self.offset_logits = nn.Linear(hidden, layout.window, bias=False)
        self.operator_logits = nn.Linear(hidden, len(OPERATORS), bias=False)
        self.offset_embedding = nn.Embedding(layout.window, hidden)
        self.operator_embedding = nn.Embedding(len(OPERATORS), hidden)
        self.of_anchor = nn.Linear(hidden, hidden, bias=False)
        self.of_state = nn.Linear(hidden, hidden, bias=False)
        self.to_skip = nn.Linear(hidden, 1, bias=False)
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-_INITIAL, _INITIAL, generator=generator)

    def draw(self, *, rng: np.random.Generator) -> Drawn:
        """Draw an architecture; with a gradient where torch takes one."""
        code: list[int] = []
        terms: list[Tensor] = []
        divergences: list[Tensor] = []
        entropies: list[float] = []
        anchors: list[Tensor] = []
        projected: list[Tensor] = []
        bits = 0
        inputs, state = self.start, None
        for layer in range(self._layout.layers):
            state = self.cell(inputs, state)
            offsets = num_offsets(layer, self._layout.window)
            offset = self._choose(self.offset_logits(state[0])[0, :offsets], terms, entropies, rng)
            state = self.cell(self.offset_embedding.weight[offset : offset + 1], state)
            operator = self._choose(self.operator_logits(state[0])[0], terms, entropies, rng)
            state = self.cell(self.operator_embedding.weight[operator : operator + 1], state)
            code += (offset, operator)
            inputs = self.start
            if layer:
                query = torch.cat(projected) + self.of_state(state[0])
                score = self._bound * self.to_skip(query.tanh()).squeeze(1).tanh()
                chosen = self._skips(score, terms, divergences, entropies, rng)
                code += chosen
                bits += sum(chosen)
                weights = score.new_tensor(chosen).unsqueeze(0)
                inputs = weights @ torch.cat(anchors) / (1 + sum(chosen))
            anchors.append(state[0])
            projected.append(self.of_anchor(state[0]))
        log_probability = torch.stack(terms).sum()
        counted = torch.stack(terms).detach().double()
        divergence = torch.stack(divergences).mean() if divergences else log_probability.new_zeros(())
        possible = self._layout.layers * (self._layout.layers - 1) // 2
        return Drawn(
            tuple(code),
            log_probability,
            float(-(counted.exp() * counted).sum()),
            divergence,
            float(np.mean(entropies)),
            bits / possible if possible else float("nan"),
        )

    def _choose(self, values: Tensor, terms: list[Tensor], entropies: list[float], rng: np.random.Generator) -> int:
        """Draw one of some alternatives."""
        logs = (self._bound * values.tanh()).log_softmax(0)
        shares = logs.detach().double().exp().numpy()
        # The last alternative takes what rounding leaves over.
        choice = min(int(np.searchsorted(np.cumsum(shares), rng.random(), side="right")), len(shares) - 1)
        terms.append(logs[choice])
        if len(shares) > 1:
            entropies.append(float(-(shares * np.log(shares)).sum() / np.log(len(shares))))
        return choice

    def _skips(
        self,
        score: Tensor,
        terms: list[Tensor],
        divergences: list[Tensor],
        entropies: list[float],
        rng: np.random.Generator,
    ) -> list[int]:
        """Draw the skip connections of a layer from their bounded scores, (earlier layers,)."""
        # Of the logits -q and q, the softmax is the sigmoid of 2 q.
        shares = (2 * score).detach().double().sigmoid().numpy()
        chosen = (rng.random(len(shares)) < shares).tolist()
        signs = score.new_tensor([1.0 if bit else -1.0 for bit in chosen])
        terms.append(functional.logsigmoid(2 * signs * score).mean())
        # What is drawn to the target are the sigmoids of the logits themselves, as in the official code.
        on, target = score.sigmoid(), self._target
        divergences.append((on * (on / target).log() + (1 - on) * ((1 - on) / (1 - target)).log()).sum())
        entropies += (-(shares * np.log2(shares) + (1 - shares) * np.log2(1 - shares))).tolist()
        return [int(bit) for bit in chosen]
