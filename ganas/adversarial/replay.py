"""Building sequences replayed once: every partial graph and mask that a generator saw, as tensors.

Replaying costs Python time in the builder of the space, so it is done once for a batch and reused over the epochs that
train on it. What two sequences share is kept once: a state is known by its prefix, and early prefixes repeat a lot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space

__all__ = ["NodeStep", "Replay", "extend_prefixes", "node_steps", "replay", "require_existing"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NodeStep:
    """The consecutive decisions of a schedule that add one node.

    Attributes:
        node: The node that is added.
        start: Number of its first decision.
        has_operation: Whether that one is the node's operation.
        sources: The earlier node of each edge decision, which follow.
    """

    node: int
    start: int
    has_operation: bool
    sources: tuple[int, ...]

    @property
    def first_edge(self) -> int:
        """Number of the first edge decision."""
        return self.start + self.has_operation

    @property
    def stop(self) -> int:
        """One past its last decision."""
        return self.first_edge + len(self.sources)


def node_steps(space: Space) -> tuple[NodeStep, ...]:
    """Group the schedule of a space by the node that is added.

    Raises:
        InvalidSetting: The operation of a node is not decided before its edges.

    >>> from ganas.spaces.nasbench101.space import NASBench101
    >>> node_steps(NASBench101())[1]
    NodeStep(node=2, start=2, has_operation=True, sources=(0, 1))
    """
    steps: list[NodeStep] = []
    for number, decision in enumerate(space.decisions):
        same_node = bool(steps) and steps[-1].node == decision.node
        if decision.kind == "operation":
            if same_node:
                raise InvalidSetting(f"{space.name!r} decides on the operation of node {decision.node} after its edges")
            steps.append(NodeStep(decision.node, number, True, ()))
        elif same_node:
            step = steps[-1]
            steps[-1] = NodeStep(step.node, step.start, step.has_operation, (*step.sources, decision.source))
        else:
            steps.append(NodeStep(decision.node, number, False, (decision.source,)))
    return tuple(steps)


def require_existing(space: Space, step: NodeStep, legal: NDArray[np.bool_], operation_ids: Integers) -> None:
    """Raise if an edge is open to a node that was not added: no embedding tells where it would lead.

    Args:
        space: The space.
        step: The step whose edges are decided.
        legal: Masks of edge decisions, (count, ..., 2).
        operation_ids: Of the node of the step, (count,); -1 where it was not added.

    Raises:
        InvalidSetting: The space breaks the contract of its schedule.
    """
    if legal[operation_ids < 0].all(axis=-1).any():
        raise InvalidSetting(f"{space.name!r} leaves edges open to node {step.node}, which was not added")


def extend_prefixes(prefixes: Integers, choices: Integers) -> Integers:
    """Number the rows by prefix and next choice: equal rows get equal numbers, from 0 without gaps."""
    numbers: Integers = np.unique(prefixes * (int(choices.max(initial=0)) + 1) + choices, return_inverse=True)[1]
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What a generator needs to score building sequences; made by :func:`replay`.

    A *state* is a partial graph to which a node is about to be added. States where every decision of the step has one
    legal choice are left out, as are the edges of nodes that do not exist.

    Attributes:
        sequences: (count, decisions) int64.
        steps: The node steps of the space.
        state_of: Which state each sequence was in before each step, -1 where nothing was open, (count, steps) int64.
        states: The partial graph of each state.
        state_nodes: The node that is about to be added to each state, (states,) int64.
        operation_legal: Its legal operations, (states, operations) bool; all where the step has no such decision.
        wiring_of: Which wiring each sequence took at each step, -1 where no edge was open, (count, steps) int64.
        wiring_state: The state that each wiring starts from, (wirings,) int64. Wirings with more sources come first.
        wiring_operation: Operation id of the node that is wired, (wirings,) int64.
        wiring_lengths: How many edge decisions each wiring has, (wirings,) int64 on the CPU.
        wiring_sources: Their sources, padded with 0, (wirings, most sources) int64.
        wiring_bits: The choices, padded with 0, (wirings, most sources) int64.
        wiring_legal: Their masks, padded with no edge, (wirings, most sources, 2) bool.
    """

    sequences: Integers
    steps: tuple[NodeStep, ...]
    state_of: Integers
    states: GraphTensors
    state_nodes: torch.Tensor
    operation_legal: torch.Tensor
    wiring_of: Integers
    wiring_state: torch.Tensor
    wiring_operation: torch.Tensor
    wiring_lengths: torch.Tensor
    wiring_sources: torch.Tensor
    wiring_bits: torch.Tensor
    wiring_legal: torch.Tensor

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def open_steps(self) -> NDArray[np.bool_]:
        """At which steps a sequence had a choice, (count, steps)."""
        return self.state_of >= 0

    def select(self, rows: Integers) -> Replay:
        """The replay of some of the sequences, with no state that they do not need."""
        states, state_of = _keep_used(self.state_of[rows])
        wirings, wiring_of = _keep_used(self.wiring_of[rows])
        device = self.state_nodes.device
        new_number = torch.zeros(len(self.states), dtype=torch.int64)
        new_number[torch.from_numpy(states)] = torch.arange(len(states))
        kept_states = torch.from_numpy(states).to(device)
        kept = torch.from_numpy(wirings).to(device)
        return Replay(
            self.sequences[rows],
            self.steps,
            state_of,
            self.states[kept_states],
            self.state_nodes[kept_states],
            self.operation_legal[kept_states],
            wiring_of,
            new_number.to(device)[self.wiring_state[kept]],
            self.wiring_operation[kept],
            self.wiring_lengths[torch.from_numpy(wirings)],
            self.wiring_sources[kept],
            self.wiring_bits[kept],
            self.wiring_legal[kept],
        )


def _keep_used(numbers: Integers) -> tuple[Integers, Integers]:
    """Which numbers from 0 on occur, in order, and the same array renumbered to them; -1 stays."""
    used, renumbered = np.unique(numbers, return_inverse=True)
    absent = int(len(used) > 0 and used[0] == -1)
    return used[absent:], renumbered.reshape(numbers.shape) - absent


@dataclass(slots=True)
class _Parts:
    """The states and wirings of each step, to be joined."""

    operation_ids: list[NDArray[np.int64]]
    adjacency: list[NDArray[np.bool_]]
    nodes: list[Integers]
    operation_legal: list[NDArray[np.bool_]]
    wirings: list[tuple[Integers, Integers, Integers, Integers, NDArray[np.bool_]]]


def replay(space: Space, sequences: NDArray[np.integer], *, device: torch.device | str = "cpu") -> Replay:
    """Replay building sequences through the builder of their space.

    Args:
        space: The space.
        sequences: One choice for each decision, (count, decisions).
        device: Where the tensors go.

    Raises:
        InvalidSetting: The shape is wrong, there is no sequence, or a choice is not legal.
    """
    taken = np.array(sequences, dtype=np.int64)
    if taken.ndim != 2 or taken.shape[1] != len(space.decisions):
        raise InvalidSetting(f"sequences must have shape (count, {len(space.decisions)}), not {taken.shape}")
    steps = node_steps(space)
    count = len(taken)
    most = max((len(step.sources) for step in steps), default=0)
    builder = space.builder(count)
    prefixes: Integers = np.zeros(count, dtype=np.int64)
    state_of = np.full((count, len(steps)), -1, dtype=np.int64)
    wiring_of = np.full((count, len(steps)), -1, dtype=np.int64)
    parts = _Parts([], [], [], [], [])
    num_states = 0
    for number, step in enumerate(steps):
        _, first, state = np.unique(prefixes, return_index=True, return_inverse=True)
        operation_ids, adjacency = builder.operation_ids[first], builder.adjacency[first]
        legal = np.ones((len(first), len(space.operations)), dtype=bool)
        is_open = np.zeros(count, dtype=bool)
        if step.has_operation:
            mask = builder.mask()
            legal = mask[first]
            is_open = mask.sum(axis=1) > 1
            builder.apply(taken[:, step.start])
            prefixes = extend_prefixes(prefixes, taken[:, step.start])
        added = builder.operation_ids[:, step.node].copy()
        edge_legal = np.zeros((count, most, 2), dtype=bool)
        edge_legal[:, :, 0] = True
        for place in range(len(step.sources)):
            edge_legal[:, place] = builder.mask()
            builder.apply(taken[:, step.first_edge + place])
            prefixes = extend_prefixes(prefixes, taken[:, step.first_edge + place])
        wired = np.asarray(edge_legal.all(axis=2)).any(axis=1)
        if step.has_operation:
            require_existing(space, step, edge_legal, added)
        is_open |= wired

        used = np.unique(state[is_open])
        new_number = np.full(len(first), -1, dtype=np.int64)
        new_number[used] = num_states + np.arange(len(used))
        state_of[is_open, number] = new_number[state[is_open]]
        num_states += len(used)
        parts.operation_ids.append(operation_ids[used])
        parts.adjacency.append(adjacency[used])
        parts.nodes.append(np.full(len(used), step.node, dtype=np.int64))
        parts.operation_legal.append(legal[used])

        rows = np.flatnonzero(wired)
        _, first, wiring = np.unique(prefixes[rows], return_index=True, return_inverse=True)
        wiring_of[rows, number] = wiring
        rows = rows[first]
        bits = np.zeros((len(rows), most), dtype=np.int64)
        bits[:, : len(step.sources)] = taken[rows, step.first_edge : step.stop]
        sources = np.zeros((len(rows), most), dtype=np.int64)
        sources[:, : len(step.sources)] = step.sources
        parts.wirings.append((state_of[rows, number], added[rows], sources, bits, edge_legal[rows]))

    order = sorted(range(len(steps)), key=lambda number: -len(steps[number].sources))
    lengths = np.concatenate([np.full(len(parts.wirings[n][0]), len(steps[n].sources), dtype=np.int64) for n in order])
    num_wirings = 0
    for number in order:
        wiring_of[wiring_of[:, number] >= 0, number] += num_wirings
        num_wirings += len(parts.wirings[number][0])
    joined = [np.concatenate([parts.wirings[number][field] for number in order]) for field in range(5)]
    wiring_state, wiring_operation, wiring_sources, wiring_bits, wiring_legal = (
        torch.from_numpy(array).to(device) for array in joined
    )
    return Replay(
        taken,
        steps,
        state_of,
        GraphTensors.from_arrays(np.concatenate(parts.operation_ids), np.concatenate(parts.adjacency), device=device),
        torch.from_numpy(np.concatenate(parts.nodes)).to(device),
        torch.from_numpy(np.concatenate(parts.operation_legal)).to(device),
        wiring_of,
        wiring_state,
        wiring_operation,
        torch.from_numpy(lengths),
        wiring_sources,
        wiring_bits,
        wiring_legal,
    )
