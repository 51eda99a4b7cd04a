"""What stands for the previous hidden state and for the input in the search: relaxed connections, and kept ones.

The equations are in :mod:`ganas.spaces.rnn.supernet`. This module imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganas.spaces.errors import missing_torch
from ganas.spaces.rnn.genotype import GROUPS, Term
from ganas.spaces.rnn.layer import Masks, activate
from ganas.spaces.rnn.mixed_activation import mixed_activation

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise missing_torch("building networks") from error

if TYPE_CHECKING:
    from ganas.spaces.rnn.supernet import RecurrentSupernet

__all__ = ["KeptConnections", "RelaxedConnections"]


class RelaxedConnections:
    """The summaries of relaxed connections, step by step.

    Attributes:
        inputs: What stands for the input at all steps, where no hidden state has a part in it; here always None.
    """

    inputs: Tensor | None = None

    def __init__(self, net: RecurrentSupernet, history: Tensor, masks: Masks) -> None:
        probabilities = net.connection_probabilities()
        assert probabilities is not None
        self._window, self._size, self._norm = net.window, net.size, net.summary_norm
        self._mask = masks.h
        # Of none in all that the lags of a group share: 1 where they are certainly absent.
        none = probabilities[..., 0].sum(dim=1) / probabilities.sum(dim=(1, 2))
        kinds = probabilities[..., 1:]
        # The identity of h_{t-1} and x_t has no projection.
        self._direct_h, self._direct_x, self._direct_gate = kinds[0, 0, -1], kinds[2, 0, -1], kinds[3, 0, -1]
        is_projected = torch.ones_like(kinds)
        is_projected[[0, 2, 3], 0, -1] = 0
        kinds = kinds * is_projected
        weights = net.projections.view(len(GROUPS), net.window, net.size, net.size)
        masked = history if masks.x is None else history * masks.x
        x = self._input_term(2, masked, weights[2], kinds[2]) + self._direct_x * history[net.window :]
        self._x = x.unbind()
        self._h_gate = (self._input_term(1, masked, weights[1], kinds[1]) + none[1]).unbind()
        self._none = none[3]
        self._kinds = torch.cat([kinds[0], kinds[3]]).t()[:, None, :, None]
        self._weights = torch.cat([*weights[0].unbind(), *weights[3].unbind()], dim=1)
        self._terms: list[Tensor] = []

    def _input_term(self, number: int, masked: Tensor, weights: Tensor, kinds: Tensor) -> Tensor:
        """The sum over the lags of a group that reads inputs, for all steps, (steps, batch, n)."""
        products = (masked @ torch.cat(weights.unbind(), dim=1)).to(kinds.dtype)
        values = mixed_activation(
            products.view(*products.shape[:2], self._window, self._size), kinds.t()[:, None, None, :, None]
        )
        starts = [self._window - GROUPS[number].first_lag - place for place in range(self._window)]
        steps = len(masked) - self._window
        return torch.stack([values[start : start + steps, :, place] for place, start in enumerate(starts)]).sum(dim=0)

    def take(self, state: Tensor) -> None:
        """Take the next hidden state."""
        masked = state if self._mask is None else state * self._mask
        products = (masked @ self._weights).to(state.dtype)
        terms = mixed_activation(products.view(len(state), 2 * self._window, self._size), self._kinds)
        self._terms.append(terms.view(len(state), 2, self._window, self._size))
        self._last = state

    def _hidden_term(self, step: int, which: int) -> Tensor:
        """The sum over the lags of a group that reads hidden states: 0 is ``h``, 1 is ``x_gate``."""
        newest = self._window + step - 1
        lags = [self._terms[newest - place][:, which, place] for place in range(self._window)]
        return lags[0] if len(lags) == 1 else torch.stack(lags).sum(dim=0)

    def h_summary(self, step: int) -> Tensor:
        """What stands for the previous hidden state, (batch, n)."""
        found = (self._hidden_term(step, 0) + self._direct_h * self._last) * self._h_gate[step]
        return found if self._norm is None else self._norm(found)

    def x_summary(self, step: int) -> Tensor:
        """What stands for the input, (batch, n)."""
        found = (self._hidden_term(step, 1) + self._direct_gate * self._last + self._none) * self._x[step]
        return found if self._norm is None else self._norm(found)


class KeptConnections:
    """The summaries of kept connections, step by step.

    Attributes:
        inputs: What stands for the input at all steps, (steps, batch, n); None where a hidden state has a part in it.
    """

    def __init__(self, net: RecurrentSupernet, history: Tensor, masks: Masks) -> None:
        assert net.connections is not None
        self._window, self._masks, self._states = net.window, masks, list[Tensor]()
        self._terms = dict(zip((group.name for group in GROUPS), net.connections, strict=True))
        self._weights = dict(zip(net.projected_terms, net.projections, strict=True))
        x = self._input_term("x", history)
        assert x is not None  # only gates are optional
        self._x = x.unbind()
        self.inputs = x if net.connections.x_gate is None else None
        gate = self._input_term("h_gate", history)
        self._h_gate = None if gate is None else gate.unbind()

    def _input_term(self, name: str, history: Tensor) -> Tensor | None:
        """A term that reads inputs, for all steps, (steps, batch, n)."""
        term = self._terms[name]
        if term is None:
            return None
        return self._projected(name, term, history[self._window - term.lag : len(history) - term.lag], self._masks.x)

    def _hidden_term(self, name: str, step: int) -> Tensor | None:
        term = self._terms[name]
        if term is None:
            return None
        return self._projected(name, term, self._states[self._window + step - term.lag], self._masks.h)

    def _projected(self, name: str, term: Term, values: Tensor, mask: Tensor | None) -> Tensor:
        if name not in self._weights:
            return values
        products = ((values if mask is None else values * mask) @ self._weights[name]).to(values.dtype)
        return activate(products, term.operation)

    def take(self, state: Tensor) -> None:
        """Take the next hidden state."""
        self._states.append(state)

    def h_summary(self, step: int) -> Tensor:
        """What stands for the previous hidden state, (batch, n)."""
        found = self._hidden_term("h", step)
        assert found is not None  # only gates are optional
        return found if self._h_gate is None else found * self._h_gate[step]

    def x_summary(self, step: int) -> Tensor:
        """What stands for the input, (batch, n)."""
        gate = self._hidden_term("x_gate", step)
        return self._x[step] if gate is None else self._x[step] * gate
