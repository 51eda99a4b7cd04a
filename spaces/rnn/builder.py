"""Building recurrent architectures step by step.

The schedule is, for each of the four terms and then for each node of the cell, its operation, and then one bit for each
source that it may read, of which exactly one is set; for an absent term none is. What node 1 of the cell reads is no
decision. Sources, summaries, node 0 and the output are placed as soon as they can be, and so is what the space fixes.
Every architecture is the result of exactly one sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.rnn.genotype import ACTIVATIONS, GROUPS

if TYPE_CHECKING:
    from ganas.spaces.rnn.space import RecurrentSpace

__all__ = ["RecurrentBuilder", "schedule", "sequences_of_codes"]


def schedule(space: RecurrentSpace) -> tuple[Decision, ...]:
    """The decisions of a space; none on what it fixes."""
    layout = space.layout
    labels = len(layout.operations)
    decisions: list[Decision] = []
    for node, sources in _open_nodes(space):
        decisions.append(Decision("operation", node, -1, labels))
        decisions += [Decision("edge", node, source, 2) for source in sources]
    return tuple(decisions)


def sequences_of_codes(space: RecurrentSpace, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The choices that build the architectures of some codes, (count, code) -> (count, decisions)."""
    layout = space.layout
    label = {name: number for number, name in enumerate(layout.operations)}
    first = label[ACTIVATIONS[0]]
    columns = []
    for node, sources in _open_nodes(space):
        if node > layout.state:
            place = max(0, 2 * (node - layout.state) - 3)
            operations = codes[:, place] + first
            chosen = codes[:, place + 1] if sources else codes[:, place]
        else:
            group = node - layout.first_group
            optional = int(GROUPS[group].optional)
            numbers = codes[:, layout.cell_choices + group] - optional
            absent = numbers < 0
            operations = np.where(absent, label["none"], numbers % len(ACTIVATIONS) + first)
            chosen = np.where(absent, -1, numbers // len(ACTIVATIONS))
        columns.append(operations)
        columns += [(chosen == number).astype(np.int64) for number in range(len(sources))]
    return np.stack(columns, axis=1)


def _open_nodes(space: RecurrentSpace) -> list[tuple[int, tuple[int, ...]]]:
    """The nodes whose operation is chosen, with the sources that they choose from."""
    layout = space.layout
    found: list[tuple[int, tuple[int, ...]]] = []
    if space.fixed_connections is None:
        found += [(layout.first_group + group, layout.sources(group)) for group in range(len(GROUPS))]
    if space.fixed_cell is None:
        state = layout.state
        found += [
            (state + node, tuple(range(state, state + node)) if node > 1 else ()) for node in range(1, layout.nodes + 1)
        ]
    return found


class RecurrentBuilder(Builder):
    """A batch of partial architectures."""

    def __init__(self, space: RecurrentSpace, batch_size: int) -> None:
        super().__init__(space, batch_size)
        layout = space.layout
        self._space, self._layout = space, layout
        self._label = {name: number for number, name in enumerate(layout.operations)}
        self._open = dict(_open_nodes(space))
        # Any architecture has what the space fixes.
        labels, edges = layout.graph(space.full_code((0,) * len(space.choices)))
        self._labels = labels
        self._edges = [edge for edge in edges if edge[1] not in self._open or edge[1] == layout.state + 1]
        self._is_linked: NDArray[np.bool_] = np.zeros(batch_size, dtype=bool)
        self._fill()

    def mask(self) -> NDArray[np.bool_]:
        """Which choices are legal now."""
        decision = self.decision
        if decision is None:
            return np.zeros((self.batch_size, 0), dtype=bool)
        legal = np.zeros((self.batch_size, decision.num_choices), dtype=bool)
        if decision.kind == "operation":
            first = self._label[ACTIVATIONS[0]]
            legal[:, first : first + len(ACTIVATIONS)] = True
            group = decision.node - self._layout.first_group
            legal[:, self._label["none"]] = group < len(GROUPS) and GROUPS[group].optional
            return legal
        is_closed = self._is_linked | (self.operation_ids[:, decision.node] == self._label["none"])
        legal[:, 1] = ~is_closed
        legal[:, 0] = is_closed if decision.source == self._open[decision.node][-1] else True
        return legal

    def _place(self, decision: Decision, choices: NDArray[np.int64]) -> None:
        sources = self._open[decision.node]
        if decision.kind == "operation":
            self._is_linked[:] = False
            self._add_node(decision.node, choices)
        else:
            self._is_linked |= choices == 1
            self.adjacency[:, decision.source, decision.node] = choices == 1
        if not sources or decision.source == sources[-1]:
            self._fill()

    def _fill(self) -> None:
        """Place what is no decision, up to the next node that is one."""
        while (node := int(self.num_nodes[0])) < self._layout.num_nodes and node not in self._open:
            self._add_node(node, self._label[self._labels[node]])

    def _add_node(self, node: int, operation_ids: NDArray[np.int64] | int) -> None:
        self.operation_ids[:, node] = operation_ids
        self.num_nodes += 1
        for source, target in self._edges:
            if target == node:
                self.adjacency[:, source, node] = True

    def finish(self) -> list[Architecture]:
        """The finished architectures."""
        self._require_done()
        layout, space = self._layout, self._space
        found = []
        for ids, adjacency in zip(self.operation_ids.tolist(), self.adjacency, strict=True):
            labels = tuple(layout.operations[number] for number in ids)
            edges = tuple((source, target) for source, target in np.argwhere(adjacency).tolist())
            code = layout.code_of_graph(labels, edges)
            assert code is not None  # the masks allow nothing else
            found.append(space.decode(space.free_code(code)))
        return found
