"""The relaxed recurrent layer of the differentiable search: every edge is a mixture of all operations.

The cell is that of the official code of DARTS (``rnn/model_search.py``), with N nodes and p the probabilities of the
operations on an edge::

    s_i = sum over j < i and k != none of p_ijk ( s_j + sigmoid(c_ij) (.) (f_k(g_ij) - s_j) )
    [c_ij; g_ij] = (s_j (.) hm) W_i

The weights of a node are shared by all its edges; ``none`` takes probability and gives nothing; one batch normalisation
without weights is applied to every state. The relaxation of the connections is ours (ESS-style): each term is
sum over lags v and k != none of p_vk f_k(v W_v), the identity of h_{t-1} and x_t being unprojected; a gate adds to that
the share of ``none`` in its probability, so that it is 1 when it is certainly absent; both summaries are normalised
over the batch in the search alone. Probabilities are the softmax over the operations of an edge (DARTS), or over all
operations and edges into a node (Jiang et al., EMNLP 2019, D19-1367).

This module imports torch.
"""

from __future__ import annotations

from typing import Any, Literal

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.discretisation import discretise_cell, discretise_connections
from ganas.spaces.rnn.genotype import (
    GROUPS,
    PRIMITIVES,
    Connections,
    Group,
    RecurrentCell,
    RecurrentGenotype,
    Term,
    is_projected,
)
from ganas.spaces.rnn.layer import INITIAL_RANGE, Masks, SequenceLayer, activate
from ganas.spaces.rnn.mixed_activation import mixed_activation, relaxed_edges

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing_torch("building networks") from error

__all__ = ["RecurrentSupernet"]

# The deviation of the first architecture parameters, in the official code.
_INITIAL_DEVIATION = 1e-3


class RecurrentSupernet(SequenceLayer):
    """A layer whose cell, or connections, or both, are relaxed.

    Args:
        size: Of inputs and hidden states, n.
        nodes: Of the cell, N.
        window: How many steps back it reads, m.
        concat: The nodes whose mean is the output; None for all.
        cell: A cell to keep; None to search it.
        connections: Connections to keep; None to search them.
        softmax: Whether operations compete on an ``"edge"`` or on all edges into a ``"node"``.
        batch_norm: Whether states and summaries that are searched are normalised.
        generator: Where weights and architecture parameters are drawn from, and on whose device they lie; None for
            torch's global generator and default device.
        dropout_h: See :class:`~ganas.spaces.rnn.layer.SequenceLayer`.
        dropout_x: As there.
        dropout_generator: As there.

    Attributes:
        cell_logits: Architecture parameters of the cell, (N (N + 1) / 2, 5); None where it is kept.
        connection_logits: Architecture parameters of the connections, (4, m, 5); None where they are kept.
        initial_weight: Of node 0, (2 n, 2 n), the rows of the input first.
        node_weights: Of nodes 1 to N, (N, n, 2 n).
        projections: Of each group and lag, (4, m, n, n), or of the kept terms alone, in the order of groups.

    Raises:
        InvalidSetting: A size is out of range, nothing is searched, or what is kept has another size.
    """

    def __init__(
        self,
        size: int,
        *,
        nodes: int = 8,
        window: int = 2,
        concat: tuple[int, ...] | None = None,
        cell: RecurrentCell | None = None,
        connections: Connections | None = None,
        softmax: Literal["edge", "node"] = "edge",
        batch_norm: bool = True,
        generator: torch.Generator | None = None,
        dropout_h: float = 0.0,
        dropout_x: float = 0.0,
        dropout_generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(size, window, dropout_h=dropout_h, dropout_x=dropout_x, dropout_generator=dropout_generator)
        if cell is not None and connections is not None:
            raise InvalidSetting("both the cell and the connections are kept: there is nothing to search")
        if softmax not in ("edge", "node"):
            raise InvalidSetting(f"softmax must be 'edge' or 'node', not {softmax!r}")
        if nodes < 1 or window < 1:
            raise InvalidSetting(f"nodes and window must be at least 1, not {nodes} and {window}")
        if cell is not None and len(cell.nodes) != nodes:
            raise InvalidSetting(f"the kept cell has {len(cell.nodes)} nodes, not {nodes}")
        self.nodes, self.cell, self.connections, self.softmax = nodes, cell, connections, softmax
        self.concat = tuple(range(1, nodes + 1)) if concat is None else tuple(concat)
        if cell is not None:
            self.concat = cell.concat
        if connections is not None and RecurrentGenotype(RecurrentCell((), ()), connections).window > window:
            raise InvalidSetting(f"the kept connections read further back than the window, {window}")
        self._kept = [
            (number, term)
            for number, (group, term) in enumerate(zip(GROUPS, connections or (), strict=connections is not None))
            if term is not None and is_projected(group, term)
        ]
        device = None if generator is None else generator.device
        count = len(GROUPS) * window if connections is None else len(self._kept)
        self.initial_weight = nn.Parameter(torch.empty(2 * size, 2 * size, device=device))
        self.node_weights = nn.Parameter(torch.empty(nodes, size, 2 * size, device=device))
        self.projections = nn.Parameter(torch.empty(count, size, size, device=device))
        for weight in self.parameters():
            nn.init.uniform_(weight, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)
        kinds = len(PRIMITIVES)
        self.cell_logits = (
            None if cell is not None else nn.Parameter(torch.empty(nodes * (nodes + 1) // 2, kinds, device=device))
        )
        self.connection_logits = (
            None if connections is not None else nn.Parameter(torch.empty(len(GROUPS), window, kinds, device=device))
        )
        for logits in self.architecture_parameters():
            nn.init.normal_(logits, std=_INITIAL_DEVIATION, generator=generator)
        self.cell_norm = _norm(size) if batch_norm and cell is None else None
        self.summary_norm = _norm(size) if batch_norm and connections is None else None

    # --- parameters and probabilities ----------------------------------------------------------------------------

    def architecture_parameters(self) -> list[nn.Parameter]:
        """What says which architecture it is."""
        return [logits for logits in (self.cell_logits, self.connection_logits) if logits is not None]

    def weight_parameters(self) -> list[nn.Parameter]:
        """All other parameters."""
        return [self.initial_weight, self.node_weights, self.projections]

    def cell_probabilities(self) -> Tensor | None:
        """Of each operation on each edge of the cell, (N (N + 1) / 2, 5); None where it is kept."""
        if self.cell_logits is None:
            return None
        if self.softmax == "edge":
            return self.cell_logits.softmax(dim=-1)
        ends = [node * (node + 1) // 2 for node in range(self.nodes + 1)]
        parts = [
            self.cell_logits[start:stop].flatten().softmax(dim=0).view(stop - start, -1)
            for start, stop in zip(ends[:-1], ends[1:], strict=True)
        ]
        return torch.cat(parts)

    def connection_probabilities(self) -> Tensor | None:
        """Of each operation on each lag of each group, (4, m, 5); None where they are kept."""
        if self.connection_logits is None:
            return None
        if self.softmax == "edge":
            return self.connection_logits.softmax(dim=-1)
        return self.connection_logits.flatten(1).softmax(dim=-1).view_as(self.connection_logits)

    def genotype(self) -> RecurrentGenotype:
        """The architecture that it discretises to; see :mod:`ganas.spaces.rnn.discretisation`."""
        cell, connections = self.cell, self.connections
        if cell is None:
            cell = discretise_cell(_numbers(self.cell_probabilities()), self.concat)
        if connections is None:
            connections = discretise_connections(_numbers(self.connection_probabilities()))
        return RecurrentGenotype(cell, connections)

    # --- forward -------------------------------------------------------------------------------------------------

    def run(self, history: Tensor, hidden: Tensor, masks: Masks) -> Tensor:
        """Compute the hidden states."""
        steps = len(history) - self.window
        connect = _Relaxed if self.connections is None else _Kept
        connections: _Relaxed | _Kept = connect(self, history, masks)
        cell = self._relaxed_cell(masks.h) if self.cell is None else self._kept_cell(masks.h)
        for state in hidden.unbind():
            connections.take(state)
        outputs = []
        for step in range(steps):
            last, current = connections.summaries(step)
            if masks.x is not None:
                current = current * masks.x
            entering = torch.cat([current, last if masks.h is None else last * masks.h], dim=-1)
            gate, candidate = (entering @ self.initial_weight).to(last.dtype).chunk(2, dim=-1)
            state = torch.lerp(last, candidate.tanh(), gate.sigmoid())
            output = cell(state)
            connections.take(output)
            outputs.append(output)
        return torch.stack(outputs)

    def _relaxed_cell(self, mask: Tensor | None) -> Any:
        """The cell as a function of its node 0, (batch, n) to (batch, n)."""
        probabilities = self.cell_probabilities()
        assert probabilities is not None
        size, norm, count = self.size, self.cell_norm, self.nodes
        # Every node sends along its edges at once: the weights of all later nodes, side by side, gates first.
        weights, shares = [], []
        for source in range(count):
            weights.append(self.node_weights[source:].unflatten(2, (2, size)).permute(1, 2, 0, 3).flatten(1))
            edges = [node * (node - 1) // 2 + source for node in range(source + 1, count + 1)]
            shares.append(probabilities[edges, 1:])

        def run(state: Tensor) -> Tensor:
            states = []
            arriving: Tensor | None = None
            for source in range(count):
                state = state if norm is None else norm(state)
                states.append(state)
                masked = state if mask is None else state * mask
                products = (masked @ weights[source]).to(state.dtype)
                sent = relaxed_edges(products, state, shares[source])
                arriving = sent if arriving is None else arriving + sent
                state, arriving = arriving[:, 0], arriving[:, 1:]
            states.append(state if norm is None else norm(state))
            return torch.stack([states[node] for node in self.concat]).mean(dim=0)

        return run

    def _kept_cell(self, mask: Tensor | None) -> Any:
        """The cell as a function of its node 0, (batch, n) to (batch, n)."""
        assert self.cell is not None
        cell, weights = self.cell, self.node_weights.unbind()

        def run(state: Tensor) -> Tensor:
            states = [state]
            for (name, source), weight in zip(cell.nodes, weights, strict=True):
                read = states[source]
                products = ((read if mask is None else read * mask) @ weight).to(read.dtype)
                gate, candidate = products.chunk(2, dim=-1)
                states.append(torch.lerp(read, activate(candidate, name), gate.sigmoid()))
            return torch.stack([states[node] for node in cell.concat]).mean(dim=0)

        return run


class _Relaxed:
    """The summaries of relaxed connections, step by step."""

    def __init__(self, net: RecurrentSupernet, history: Tensor, masks: Masks) -> None:
        probabilities = net.connection_probabilities()
        assert probabilities is not None
        self._net, self._mask, window = net, masks.h, net.window
        # Of none in all that the lags of a group share: 1 where they are certainly absent.
        none = probabilities[..., 0].sum(dim=1) / probabilities.sum(dim=(1, 2))
        kinds = probabilities[..., 1:]
        unprojected = torch.zeros(len(GROUPS), window, dtype=torch.bool, device=kinds.device)
        unprojected[0, 0] = unprojected[2, 0] = unprojected[3, 0] = True
        keeps = torch.ones_like(kinds).masked_fill_(unprojected[..., None], 0)
        keeps[..., :-1] = 1
        self._direct = kinds[..., -1]
        projected = kinds * keeps
        steps = len(history) - window
        masked = history if masks.x is None else history * masks.x
        x, gate = (self._input_term(group, masked, history, projected[group], steps) for group in (2, 1))
        self._x, self._gate = x.unbind(), (gate + none[1]).unbind()
        self._none = none[3]
        self._kinds = torch.cat([projected[0], projected[3]])
        self._weights = torch.cat([net.projections[lag] for lag in self._h_projections()], dim=1)
        self._terms: list[Tensor] = []
        self._direct_h, self._direct_gate = self._direct[0, 0], self._direct[3, 0]

    def _h_projections(self) -> list[int]:
        window = self._net.window
        return [*range(window), *range(3 * window, 4 * window)]

    def _input_term(self, number: int, masked: Tensor, history: Tensor, kinds: Tensor, steps: int) -> Tensor:
        """The sum over the lags of a group that reads inputs, for all steps, (steps, batch, n)."""
        net = self._net
        window, group = net.window, GROUPS[number]
        weights = torch.cat(net.projections[number * window : (number + 1) * window].unbind(), dim=1)
        products = (masked @ weights).to(history.dtype).unflatten(2, (window, net.size))
        values = mixed_activation(products, kinds)
        total: Tensor | None = None
        for place in range(window):
            start = window - group.first_lag - place
            part = values[start : start + steps, :, place]
            total = part if total is None else total + part
        assert total is not None
        if group.first_lag == 0:
            total = total + self._direct[number, 0] * history[window:]
        return total

    def take(self, state: Tensor) -> None:
        """Take the next hidden state."""
        net = self._net
        masked = state if self._mask is None else state * self._mask
        products = (masked @ self._weights).to(state.dtype).unflatten(1, (2 * net.window, net.size))
        self._terms.append(mixed_activation(products, self._kinds))
        self._last = state

    def summaries(self, step: int) -> tuple[Tensor, Tensor]:
        """What stands for the previous hidden state and for the input, (batch, n) each."""
        net = self._net
        window = net.window
        h, gate = self._direct_h * self._last, self._direct_gate * self._last + self._none
        for lag in range(1, window + 1):
            values = self._terms[window + step - lag]
            h = h + values[:, lag - 1]
            gate = gate + values[:, window + lag - 1]
        last, current = h * self._gate[step], self._x[step] * gate
        if net.summary_norm is None:
            return last, current
        return net.summary_norm(last), net.summary_norm(current)


class _Kept:
    """The summaries of kept connections, step by step."""

    def __init__(self, net: RecurrentSupernet, history: Tensor, masks: Masks) -> None:
        assert net.connections is not None
        self._net, self._history, self._masks = net, history, masks
        self._states: list[Tensor] = []
        self._weights = {number: weight for (number, _), weight in zip(net._kept, net.projections, strict=True)}

    def take(self, state: Tensor) -> None:
        """Take the next hidden state."""
        self._states.append(state)

    def summaries(self, step: int) -> tuple[Tensor, Tensor]:
        """What stands for the previous hidden state and for the input, (batch, n) each."""
        assert self._net.connections is not None
        h, h_gate, x, x_gate = (
            self._value(number, group, term, self._net.window + step)
            for number, (group, term) in enumerate(zip(GROUPS, self._net.connections, strict=True))
        )
        assert h is not None and x is not None  # only gates are optional
        return h if h_gate is None else h * h_gate, x if x_gate is None else x * x_gate

    def _value(self, number: int, group: Group, term: Term | None, now: int) -> Tensor | None:
        if term is None:
            return None
        reads_h = group.source == "h"
        values = self._states[now - term.lag] if reads_h else self._history[now - term.lag]
        if number not in self._weights:
            return values
        mask = self._masks.h if reads_h else self._masks.x
        products = ((values if mask is None else values * mask) @ self._weights[number]).to(values.dtype)
        return activate(products, term.operation)


def _norm(size: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(size, affine=False)


def _numbers(probabilities: Tensor | None) -> Any:
    assert probabilities is not None
    return probabilities.detach().double().cpu().numpy()
