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

from itertools import pairwise
from typing import Any, Literal

from ganas.spaces.errors import InvalidSetting, missing_torch
from ganas.spaces.rnn.connections import KeptConnections, RelaxedConnections
from ganas.spaces.rnn.discretisation import discretise_cell, discretise_connections
from ganas.spaces.rnn.genotype import (
    GROUPS,
    PRIMITIVES,
    Connections,
    RecurrentCell,
    RecurrentGenotype,
    is_projected,
)
from ganas.spaces.rnn.layer import INITIAL_RANGE, Masks, SequenceLayer, activate, product_precision
from ganas.spaces.rnn.mixed_activation import relaxed_node
from ganas.spaces.rnn.wiring import make_layout

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
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
        projections: Of each group and lag, (4 m, n, n), or of the kept terms that have one, by group.
        projected_terms: Those of the kept terms that have one.

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
        if cell is not None and len(cell.nodes) != nodes:
            raise InvalidSetting(f"the kept cell has {len(cell.nodes)} nodes, not {nodes}")
        self.nodes, self.cell, self.connections, self.softmax = nodes, cell, connections, softmax
        self.concat = make_layout(nodes, window, concat if cell is None else cell.concat).concat
        if connections is not None and RecurrentGenotype(RecurrentCell((), ()), connections).window > window:
            raise InvalidSetting(f"the kept connections read further back than the window, {window}")
        self.projected_terms = [
            group.name
            for group, term in zip(GROUPS, connections or (None,) * len(GROUPS), strict=True)
            if is_projected(group, term)
        ]
        device = None if generator is None else generator.device
        count = len(GROUPS) * window if connections is None else len(self.projected_terms)
        self.initial_weight = nn.Parameter(torch.empty(2 * size, 2 * size, device=device))
        self.node_weights = nn.Parameter(torch.empty(nodes, size, 2 * size, device=device))
        # Without any, it takes no part in training.
        self.projections = nn.Parameter(torch.empty(count, size, size, device=device), requires_grad=count > 0)
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
        self.cell_norm = _Norm(size) if batch_norm and cell is None else None
        self.summary_norm = _Norm(size) if batch_norm and connections is None else None

    # --- parameters and probabilities ----------------------------------------------------------------------------

    def architecture_parameters(self) -> list[nn.Parameter]:
        """What says which architecture it is."""
        return [logits for logits in (self.cell_logits, self.connection_logits) if logits is not None]

    def weight_parameters(self) -> list[nn.Parameter]:
        """All other parameters."""
        weights = (self.initial_weight, self.node_weights, self.projections)
        return [weight for weight in weights if weight.requires_grad]

    def cell_probabilities(self) -> Tensor | None:
        """Of each operation on each edge of the cell, (N (N + 1) / 2, 5); None where it is kept."""
        if self.cell_logits is None:
            return None
        if self.softmax == "edge":
            return self.cell_logits.softmax(dim=-1)
        ends = [node * (node + 1) // 2 for node in range(self.nodes + 1)]
        parts = [
            self.cell_logits[start:stop].flatten().softmax(dim=0).view(stop - start, -1)
            for start, stop in pairwise(ends)
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
        connect = RelaxedConnections if self.connections is None else KeptConnections
        connections: RelaxedConnections | KeptConnections = connect(self, history, masks)
        cell = self._relaxed_cell(masks.h) if self.cell is None else self._kept_cell(masks.h)
        for state in hidden.unbind():
            connections.take(state)
        x_weight, h_weight = self.initial_weight.chunk(2)
        ahead: tuple[Tensor, ...] = ()
        if connections.inputs is not None:
            # What the input gives to node 0 is known for all steps.
            read = connections.inputs if masks.x is None else connections.inputs * masks.x
            ahead = (read @ x_weight).to(history.dtype).unbind()
        outputs = []
        for step in range(steps):
            last = connections.h_summary(step)
            masked = last if masks.h is None else last * masks.h
            if ahead:
                products = (masked @ h_weight).to(last.dtype) + ahead[step]
            else:
                current = connections.x_summary(step)
                current = current if masks.x is None else current * masks.x
                products = (torch.cat([current, masked], dim=-1) @ self.initial_weight).to(last.dtype)
            gate, candidate = products.chunk(2, dim=-1)
            output = cell(torch.lerp(last, candidate.tanh(), gate.sigmoid()))
            connections.take(output)
            outputs.append(output)
        return torch.stack(outputs)

    def _relaxed_cell(self, mask: Tensor | None) -> Any:
        """The cell as a function of its node 0, (batch, n) to (batch, n)."""
        probabilities = self.cell_probabilities()
        assert probabilities is not None
        precision = product_precision(self.initial_weight)
        weights = [weight.to(precision) for weight in self.node_weights.unbind()]
        # Edges into one node stand side by side: (4, edges, 1, 1) for each.
        counts = range(1, self.nodes + 1)
        shares = [part.t()[:, :, None, None] for part in torch.split(probabilities[:, 1:], list(counts))]
        norm = self.cell_norm

        def run(state: Tensor) -> Tensor:
            states = [state if norm is None else norm(state)]
            for weight, own in zip(weights, shares, strict=True):
                state = relaxed_node(torch.stack(states), mask, weight, own)
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


class _Norm(nn.Module):
    """Batch normalisation without weights: ``BatchNorm1d(size, affine=False)``, which counts its calls besides."""

    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (batch, n); in training by the batch."""
        return functional.batch_norm(values, self.mean, self.variance, training=self.training)


def _numbers(probabilities: Tensor | None) -> Any:
    assert probabilities is not None
    return probabilities.detach().double().cpu().numpy()
