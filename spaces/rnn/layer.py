"""A recurrent layer: a cell, and what of the history it reads, over a sequence.

The cell is that of Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
https://arxiv.org/abs/1806.09055, as its official code computes it (``rnn/model.py``). With hhat and xhat in place of
the previous hidden state and the input (:mod:`ganas.spaces.rnn.genotype`), hm and xm the dropout masks of a sequence,
and (.) the product of elements::

    [c; g] = [xhat (.) xm; hhat (.) hm] W_0                 s_0 = hhat + sigmoid(c) (.) (tanh(g) - hhat)
    [c; g] = (s_p (.) hm) W_i                               s_i = s_p + sigmoid(c) (.) (f_i(g) - s_p)
    h_t = mean of the joined s_i

for node i with the activation f_i and the predecessor p. Weights are drawn from U(-0.04, 0.04); nothing has a bias. The
terms of hhat and xhat are ours: f((h (.) hm) W) or f((x (.) xm) W), and the identity of h_{t-1} or x_t is that vector
itself, unmasked and without weights, so that the plain connections give the network of DARTS.

This module imports torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.genotype import GROUPS, RecurrentGenotype, is_projected
from ganas.spaces.rnn.operands import Operands
from ganas.spaces.rnn.plan import make_plan
from ganas.spaces.rnn.recurrence import recurrence

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = [
    "INITIAL_RANGE",
    "Masks",
    "RecurrentLayer",
    "RecurrentState",
    "SequenceLayer",
    "activate",
    "draw_mask",
    "product_precision",
]

INITIAL_RANGE = 0.04
"""Weights are drawn from minus to plus this."""


class RecurrentState(NamedTuple):
    """What a layer carries from one segment of a text to the next; zeros before a text.

    Attributes:
        h: The last hidden states, the latest last, (m, batch, n).
        x: The last inputs, the latest last, (m, batch, n).
    """

    h: Tensor
    x: Tensor

    def detached(self) -> RecurrentState:
        """The same without its history, for truncated backpropagation."""
        return RecurrentState(self.h.detach(), self.x.detach())


class Masks(NamedTuple):
    """Dropout masks, the same for all steps of a sequence; None drops nothing.

    Attributes:
        h: Of hidden states and nodes, (batch, n).
        x: Of inputs, (batch, n).
    """

    h: Tensor | None
    x: Tensor | None


class SequenceLayer(nn.Module, ABC):
    """What recurrent layers share: their sizes, states and dropout masks.

    Args:
        size: Of inputs and hidden states, n.
        window: How many steps back it may read, m.
        dropout_h: How often hidden states and nodes are dropped in training.
        dropout_x: How often inputs are.
        dropout_generator: Where masks are drawn from; None for torch's global generator.
    """

    def __init__(
        self,
        size: int,
        window: int,
        *,
        dropout_h: float = 0.0,
        dropout_x: float = 0.0,
        dropout_generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if size < 1:
            raise InvalidSetting(f"the size of a hidden state must be at least 1, not {size}")
        self.size, self.window = size, window
        self.dropout_h, self.dropout_x = require_rate(dropout_h), require_rate(dropout_x)
        self.dropout_generator = dropout_generator

    def initial_state(self, inputs: Tensor) -> RecurrentState:
        """Zeros for the batch of some inputs, (steps, batch, n)."""
        zeros = inputs.new_zeros(self.window, inputs.shape[1], self.size)
        return RecurrentState(zeros, zeros)

    def draw_masks(self, inputs: Tensor) -> Masks:
        """Masks for the batch of some inputs, (steps, batch, n); None in evaluation."""
        if not self.training:
            return Masks(None, None)
        shape, generator = inputs.shape[1:], self.dropout_generator
        return Masks(
            draw_mask(inputs, shape, self.dropout_h, generator), draw_mask(inputs, shape, self.dropout_x, generator)
        )

    def forward(
        self, inputs: Tensor, state: RecurrentState | None = None, masks: Masks | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """Run over a sequence.

        Args:
            inputs: (steps, batch, n).
            state: What was carried over; None at the beginning of a text.
            masks: Dropout masks; None to draw them.

        Returns:
            The hidden states, (steps, batch, n), and what is carried on.

        Raises:
            InvalidSetting: The inputs have another shape, or no step.
        """
        if inputs.ndim != 3 or inputs.shape[2] != self.size or not len(inputs):
            raise InvalidSetting(f"inputs must be (steps, batch, {self.size}), not {tuple(inputs.shape)}")
        before = self.initial_state(inputs) if state is None else state
        history = torch.cat([before.x, inputs])
        outputs = self.run(history, before.h, self.draw_masks(inputs) if masks is None else masks)
        # As long as the window, also after a shorter segment.
        return outputs, RecurrentState(torch.cat([before.h, outputs])[-self.window :], history[-self.window :])

    @abstractmethod
    def run(self, history: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Compute the hidden states, (steps, batch, n).

        Args:
            history: Inputs, those carried over first, (m + steps, batch, n).
            hidden: Hidden states carried over, (m, batch, n).
            masks: Dropout masks.
        """


class RecurrentLayer(SequenceLayer):
    """The layer of an architecture; settings are those of :class:`SequenceLayer`.

    Args:
        genotype: The architecture.
        size: Of inputs and hidden states, n.
        window: How many steps back a state goes; None for as many as the architecture reads.
        generator: Where weights are drawn from, and on whose device they lie; None for torch's global generator and
            default device.
        dropout_h: As there.
        dropout_x: As there.
        dropout_generator: As there.

    Attributes:
        initial_weight: W_0, (2 n, 2 n), the rows of the input first.
        node_weights: W_1 to W_N, (N, n, 2 n).
        projections: Of the terms that have one, by their names in ``Connections``, (n, n) each.

    Raises:
        InvalidSetting: A size or rate is out of range, or the window too short for the architecture.
    """

    def __init__(
        self,
        genotype: RecurrentGenotype,
        size: int,
        *,
        window: int | None = None,
        generator: torch.Generator | None = None,
        dropout_h: float = 0.0,
        dropout_x: float = 0.0,
        dropout_generator: torch.Generator | None = None,
    ) -> None:
        reach = genotype.window
        super().__init__(
            *(size, reach if window is None else window),
            dropout_h=dropout_h,
            dropout_x=dropout_x,
            dropout_generator=dropout_generator,
        )
        if self.window < reach:
            raise InvalidSetting(f"the architecture reads {reach} steps back, and the window is {self.window}")
        self.genotype, self._plan = genotype, make_plan(genotype)
        device = None if generator is None else generator.device
        self.initial_weight = nn.Parameter(torch.empty(2 * size, 2 * size, device=device))
        self.node_weights = nn.Parameter(torch.empty(len(genotype.cell.nodes), size, 2 * size, device=device))
        self._terms = dict(zip((group.name for group in GROUPS), genotype.connections, strict=True))
        self.projections = nn.ParameterDict(
            {
                group.name: torch.empty(size, size, device=device)
                for group in GROUPS
                if is_projected(group, self._terms[group.name])
            }
        )
        for weight in self.parameters():
            nn.init.uniform_(weight, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)

    def run(self, history: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Compute the hidden states."""
        precision = product_precision(self.initial_weight)
        x_weight, h_weight = self.initial_weight.chunk(2)
        x = self._input_term("x", history, masks)
        assert x is not None  # only gates are optional
        gate = self._input_term("h_gate", history, masks)
        if self._plan.x_gate is None:
            x = ((x if masks.x is None else x * masks.x) @ x_weight).to(history.dtype)
        own = [self.projections[name] for name in ("h", "x_gate") if name in self.projections]
        operands = Operands(
            inputs=x,
            gate=gate,
            history=hidden,
            initial_weight=(h_weight if self._plan.x_gate is None else self.initial_weight).to(precision),
            node_weights=tuple(weight.to(precision) for weight in self._weights_of_siblings()),
            projections=torch.cat(own, dim=1).to(precision) if own else None,
            h_mask=masks.h,
            x_mask=masks.x,
        )
        return recurrence(self._plan, operands)

    def _input_term(self, name: str, history: Tensor, masks: Masks) -> Tensor | None:
        """A term that reads inputs, for all steps at once, (steps, batch, n); None where there is none."""
        term = self._terms[name]
        if term is None:
            return None
        values = history[self.window - term.lag : len(history) - term.lag]
        if name in self.projections:
            values = (values if masks.x is None else values * masks.x) @ self.projections[name]
            values = activate(values.to(history.dtype), term.operation)
        return values

    def _weights_of_siblings(self) -> list[Tensor]:
        """The weights of nodes that are computed together, those of gates first, side by side."""
        weights = self.node_weights.unbind()
        found = []
        for each in self._plan.siblings:
            members = [weights[node] for node in self._plan.nodes[each.start - 1 : each.stop - 1]]
            if len(members) > 1:
                halves = torch.stack(members).view(len(members), self.size, 2, self.size)
                members = [halves.permute(1, 2, 0, 3).flatten(1)]
            found += members
        return found


def activate(values: Tensor, name: str) -> Tensor:
    """Apply an activation."""
    if name == "identity":
        return values
    found: Tensor = getattr(torch, name)(values)
    return found


def product_precision(weight: Tensor) -> torch.dtype:
    """The type of products with a weight matrix: another one than its own where autocast is on."""
    one = weight.detach()
    return (one[:1] @ one[:1].t()).dtype


def draw_mask(
    like: Tensor, shape: tuple[int, ...], rate: float, generator: torch.Generator | None = None
) -> Tensor | None:
    """A dropout mask, 0 or 1 / (1 - rate), of the type and on the device of ``like``; None at rate 0."""
    if rate == 0:
        return None
    return like.new_empty(shape).bernoulli_(1 - rate, generator=generator).div_(1 - rate)


def require_rate(rate: float) -> float:
    """Return a dropout rate.

    Raises:
        InvalidSetting: It is not from 0 to below 1.
    """
    if not 0 <= rate < 1:
        raise InvalidSetting(f"a dropout rate must be from 0 to below 1, not {rate}")
    return float(rate)
