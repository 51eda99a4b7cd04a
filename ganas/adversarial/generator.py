"""The generator: builds architectures node by node, re-encoding the partial graph before every node.

Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356, have
an autoregressive generator of a GNN encoder, an MLP that gives the operation and a GRU that gives the edges to earlier
nodes. Sizes, initial states and what the GRU reads are choices of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganas.adversarial.replay import NodeStep, Replay, node_steps, replay, require_existing
from ganas.adversarial.samples import Drawing, Samples, require_policy
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.bench.graph_encoder.encoder import EncoderKind, make_encoder
from ganas.bench.graph_encoder.weights import draw_weights, without_weights
from ganas.spaces.space import Space

__all__ = ["Generator", "PolicyValues", "Samples"]

# Not infinity: its product with a probability of zero must be zero, in the gradient as well.
_ILLEGAL = -1e9
# The last layers start this much smaller than torch's default, so that a new generator is close to uniform choices.
_HEAD_SCALE = 0.1
_START_BIT = 2
# An input layer is applied to the nodes that are read alone where they are fewer than one in so many.
_FEW = 4


@dataclass(frozen=True, slots=True, eq=False)
class PolicyValues:
    """What a generator says about building sequences, with gradients.

    Attributes:
        log_probability: Of each sequence, (count,).
        entropy: The exact entropies of the decisions along each path, summed, in nats, (count,). Its expectation over
            the generator's own samples is the entropy of the generator (chain rule).
        decision_log_probability: (count, decisions); 0 where one choice was legal.
        decision_entropy: (count, decisions); 0 where one choice was legal.
    """

    log_probability: Tensor
    entropy: Tensor
    decision_log_probability: Tensor
    decision_entropy: Tensor


class Generator(nn.Module):
    """A distribution over the building sequences of any space; whatever it draws is an architecture of the space.

    Before a node is added, the encoder reads the partial graph. An MLP on the graph's embedding and the node's number
    gives the operation. A GRU, started from the graph's embedding and the operation, then reads the earlier nodes'
    embeddings one by one, each with the operation and the previous bit, and gives one edge bit at a time. The mask of
    the space's builder leaves out every choice that is not legal.

    With an exploration share ``epsilon`` the probability of a legal choice is ``(1 - epsilon)`` times the network's
    plus ``epsilon`` over the number of legal choices, so no architecture is ever out of reach.

    Args:
        space: The space.
        hidden: Length of every embedding and of the GRU's state.
        layers: How many graph convolutions the encoder has.
        encoder: ``"kgnn"`` or ``"lstm"``.
        generator: Where the weights are drawn from, and on whose device they lie.
    """

    def __init__(
        self,
        space: Space,
        *,
        hidden: int = 64,
        layers: int = 4,
        encoder: EncoderKind = "kgnn",
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.space = space
        self.steps = node_steps(space)
        self._last_source = max((source for step in self.steps for source in step.sources), default=-1)
        kinds = len(space.operations)
        self.encoder = make_encoder(encoder, space, hidden=hidden, layers=layers, generator=generator)
        with without_weights():
            self.node = nn.Embedding(space.max_nodes, hidden)
            self.operation_head = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.Tanh(), nn.Linear(hidden, kinds))
            # One more for a node whose operation the space fixes only later.
            self.operation = nn.Embedding(kinds + 1, hidden)
            self.bit = nn.Embedding(3, hidden)
            self.edge_start = nn.Linear(2 * hidden, hidden)
            # The three gates of a GRU: reset, update, new.
            self.edge_input = nn.Linear(3 * hidden, 3 * hidden)
            self.edge_state = nn.Linear(hidden, 3 * hidden)
            self.edge_head = nn.Linear(hidden, 1)
        draw_weights(self, generator)
        with torch.no_grad():
            for head in (self.operation_head[-1], self.edge_head):
                for parameter in head.parameters():
                    parameter.mul_(_HEAD_SCALE)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.edge_head.weight.device

    # --- drawing -------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def sample(
        self, count: int, *, generator: torch.Generator, epsilon: float = 0.0, temperature: float = 1.0
    ) -> Samples:
        """Draw architectures.

        Args:
            count: How many, at least 1.
            generator: The only source of randomness.
            epsilon: Share of uniform choices among the legal ones at every decision, from 0 to 1.
            temperature: Divides the logits; above 0.

        Raises:
            InvalidSetting: A setting is out of range.
        """
        require_policy(epsilon, temperature)
        drawing = Drawing(self.space.builder(count), generator, epsilon, temperature)
        with self.encoder.remembering():
            for step in self.steps:
                # Rows with one prefix have one partial graph, which is encoded once.
                _, first, state = np.unique(drawing.prefixes, return_index=True, return_inverse=True)
                partial = drawing.builder.operation_ids[first], drawing.builder.adjacency[first]
                nodes, graphs = self.encoder.encode(GraphTensors.from_arrays(*partial, device=self.device))
                if step.has_operation:
                    numbers = torch.full((len(first),), step.node, device=self.device)
                    drawing.choose(self._operation_logits(graphs, numbers).cpu().numpy()[state])
                if step.sources:
                    self._draw_edges(step, drawing, nodes, graphs, state)
        builder = drawing.builder
        return Samples(builder.finish(), drawing.sequences, drawing.log_probabilities, epsilon, temperature)

    def _draw_edges(
        self, step: NodeStep, drawing: Drawing, nodes: Tensor, graphs: Tensor, state: NDArray[np.int64]
    ) -> None:
        """Take the edge decisions of a step; ``state`` says which of the encoded graphs each row continues."""
        added = drawing.builder.operation_ids[:, step.node]
        rows = np.flatnonzero(added >= 0) if step.has_operation else np.arange(len(added))
        states = torch.from_numpy(state[rows]).to(self.device)
        operations = torch.from_numpy(added[rows]).to(self.device)
        sources = torch.tensor(step.sources, device=self.device)
        by_node = self._node_inputs(nodes, states[:, None], sources)
        by_operation, by_bit = self._choice_inputs()
        memory = self._edge_memory(graphs[states], operations)
        bits = torch.full((len(rows),), _START_BIT, device=self.device)
        for place in range(len(step.sources)):
            gates = by_node[:, place] + by_operation[operations + 1] + by_bit[bits]
            memory = self._edge_step(gates, memory)
            if step.has_operation:
                require_existing(self.space, step, drawing.builder.mask(), added)
            logits = np.zeros((len(added), 2))
            logits[rows, 1] = self.edge_head(memory)[:, 0].cpu().numpy()
            bits = torch.from_numpy(drawing.choose(logits)[rows]).to(self.device)

    # --- scoring -------------------------------------------------------------------------------------------------

    def evaluate(
        self, sequences: NDArray[np.integer] | Replay, *, epsilon: float = 0.0, temperature: float = 1.0
    ) -> PolicyValues:
        """Log-probabilities and entropies of building sequences (teacher forcing), in one pass over all states.

        Args:
            sequences: Building sequences, (count, decisions), or their replay, which saves the time to make it.
            epsilon: Share of uniform choices, as in :meth:`sample`.
            temperature: Divides the logits, as in :meth:`sample`.

        Raises:
            InvalidSetting: A setting is out of range, or a choice is not legal.
        """
        require_policy(epsilon, temperature)
        known = sequences if isinstance(sequences, Replay) else replay(self.space, sequences, device=self.device)
        nodes, graphs = self.encoder.encode(known.states)
        by_operation, operation_entropy = _log_probabilities(
            self._operation_logits(graphs, known.state_nodes), known.operation_legal, epsilon, temperature
        )
        by_edge, edge_entropy = self._evaluate_wirings(known, nodes, graphs, epsilon, temperature)
        by_edge = by_edge.gather(2, known.wiring_bits[:, :, None])
        nothing = graphs.new_zeros(1)
        operation_at, entropy_at, edge_at = _places(known, len(self.space.operations))
        places = torch.from_numpy(np.where(edge_at >= 0, by_operation.numel() + edge_at, operation_at))
        log_probability = torch.cat([by_operation.flatten(), by_edge.flatten(), nothing])[places.to(self.device)]
        places = torch.from_numpy(np.where(edge_at >= 0, operation_entropy.numel() + edge_at, entropy_at))
        entropy = torch.cat([operation_entropy, edge_entropy.flatten(), nothing])[places.to(self.device)]
        return PolicyValues(log_probability.sum(dim=1), entropy.sum(dim=1), log_probability, entropy)

    def log_probability(
        self, sequences: NDArray[np.integer] | Replay, *, epsilon: float = 0.0, temperature: float = 1.0
    ) -> Tensor:
        """Log-probability of each building sequence, (count,), with gradient; see :meth:`evaluate`."""
        return self.evaluate(sequences, epsilon=epsilon, temperature=temperature).log_probability

    def _evaluate_wirings(
        self, known: Replay, nodes: Tensor, graphs: Tensor, epsilon: float, temperature: float
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of both bits, (wirings, most sources, 2), and entropies, (wirings, most sources)."""
        count, most = known.wiring_bits.shape
        logits = graphs.new_zeros(count, most)
        if count:
            state, operation = known.wiring_state, known.wiring_operation
            by_node = self._node_inputs(nodes, state[:, None], known.wiring_sources)
            by_operation, by_bit = self._choice_inputs()
            before = nn.functional.pad(known.wiring_bits[:, :-1], (1, 0), value=_START_BIT)
            gates = by_node + by_operation[operation + 1][:, None] + by_bit[before]
            memory = self._edge_memory(graphs[state], operation)
            columns = []
            for place in range(most):
                # Wirings with more sources come first, so those that go on are a prefix.
                going = int((known.wiring_lengths > place).sum())
                memory = self._edge_step(gates[:going, place], memory[:going])
                columns.append(nn.functional.pad(self.edge_head(memory)[:, 0], (0, count - going)))
            logits = torch.stack(columns, dim=1)
        both = torch.stack([torch.zeros_like(logits), logits], dim=2)
        return _log_probabilities(both, known.wiring_legal, epsilon, temperature)

    # --- networks ------------------------------------------------------------------------------------------------

    def _operation_logits(self, graphs: Tensor, numbers: Tensor) -> Tensor:
        """For partial graphs (states, hidden) and the numbers of the nodes to be added, (states, operations)."""
        logits: Tensor = self.operation_head(torch.cat([graphs, self.node(numbers)], dim=1))
        return logits

    def _node_inputs(self, nodes: Tensor, states: Tensor, sources: Tensor) -> Tensor:
        """What the sources of some states add to the gates: the GRU's input layer, done once for each node.

        Args:
            nodes: Embeddings, (all states, nodes, hidden).
            states: Which of the states, (wirings, 1).
            sources: Nodes, (sources,) or (wirings, sources).

        Returns:
            (wirings, sources, 3 * hidden).
        """
        missing = self._last_source + 1 - nodes.shape[1]
        nodes = nn.functional.pad(nodes, (0, 0, 0, max(missing, 0)))
        for_node = self.edge_input.weight.chunk(3, dim=1)[0]
        # Where edges are open to few of the nodes, as in cells of fixed parts, the others are left out.
        if _FEW * len(states) * sources.shape[-1] < nodes.shape[0] * nodes.shape[1]:
            return nn.functional.linear(nodes[states, sources], for_node)
        return nn.functional.linear(nodes, for_node)[states, sources]

    def _choice_inputs(self) -> tuple[Tensor, Tensor]:
        """What each operation and previous bit adds to the gates."""
        _, for_operation, for_bit = self.edge_input.weight.chunk(3, dim=1)
        return (
            nn.functional.linear(self.operation.weight, for_operation, self.edge_input.bias),
            nn.functional.linear(self.bit.weight, for_bit),
        )

    def _edge_memory(self, graphs: Tensor, operations: Tensor) -> Tensor:
        """The GRU's first state."""
        return torch.tanh(self.edge_start(torch.cat([graphs, self.operation(operations + 1)], dim=1)))

    def _edge_step(self, gates: Tensor, memory: Tensor) -> Tensor:
        """The equations of a GRU, given what the inputs add to its gates."""
        hidden = memory.shape[1]
        from_memory = self.edge_state(memory)
        both = torch.sigmoid(gates[:, : 2 * hidden] + from_memory[:, : 2 * hidden])
        reset, update = both.chunk(2, dim=1)
        new = torch.tanh(gates[:, 2 * hidden :] + reset * from_memory[:, 2 * hidden :])
        return new + update * (memory - new)


def _log_probabilities(logits: Tensor, legal: Tensor, epsilon: float, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities of all choices, (..., choices), meaningless where not legal, and the entropies, (...)."""
    count = legal.sum(dim=-1, keepdim=True)
    values = torch.log_softmax((logits / temperature).masked_fill(~legal, _ILLEGAL), dim=-1)
    if epsilon:
        values = torch.where(legal, torch.log((1 - epsilon) * values.exp() + epsilon / count), _ILLEGAL)
    # Exactly zero where there is no choice, whatever the rounding of a mixture.
    values = values * (count > 1)
    return values, -(values.exp() * values * legal).sum(dim=-1)


def _places(known: Replay, num_operations: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each decision finds its values, (count, decisions) each: last (-1) where nothing was open.

    In the flat log-probabilities of the operations (states * operations), in the entropies of the operations (states),
    and in the flat values of the edges (wirings * most sources).
    """
    operation_at = np.full(known.sequences.shape, -1, dtype=np.int64)
    entropy_at, edge_at = operation_at.copy(), operation_at.copy()
    most = known.wiring_bits.shape[1]
    for number, step in enumerate(known.steps):
        if step.has_operation:
            state, column = known.state_of[:, number], step.start
            entropy_at[:, column] = state
            operation_at[:, column] = np.where(state < 0, -1, state * num_operations + known.sequences[:, column])
        wiring = known.wiring_of[:, number, None]
        edge_at[:, step.first_edge : step.stop] = np.where(wiring < 0, -1, wiring * most + np.arange(len(step.sources)))
    return operation_at, entropy_at, edge_at
