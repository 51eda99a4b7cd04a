"""How a recurrent architecture is drawn as one DAG, and in which order a genotype lists its choices.

For a window m and N nodes of the cell:

===============================  ==================================================================
0 to m - 1                       h_{t-1} to h_{t-m}, labelled ``input_h1`` and so on
m to 2 m                         x_t to x_{t-m}, labelled ``input_x0`` and so on
2 m + 1 to 2 m + 4               the operations of the four terms, in the order of
                                 :data:`~ganas.spaces.rnn.genotype.GROUPS`; ``none`` for an absent one
2 m + 5, 2 m + 6                 the two summaries ``hhat`` and ``xhat``, products
2 m + 7                          node 0 of the cell, ``state``
2 m + 8 to 2 m + 7 + N           nodes 1 to N of the cell, labelled with their activations
2 m + 8 + N                      the output, the mean of the joined nodes
===============================  ==================================================================

Nodes before node 0 of the cell have the cell number 0 (inter-cell), the others 1 (intra-cell). All edges through time
lead from the past to now, so the unrolled network has no cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ganas.spaces.architecture import Edge
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.rnn.genotype import (
    ACTIVATIONS,
    GROUPS,
    PRIMITIVES,
    Connections,
    RecurrentCell,
    RecurrentGenotype,
    Term,
)

__all__ = ["Layout", "make_layout"]

_MOST_NODES = 64


@dataclass(frozen=True)
class Layout:
    """The fixed part of every architecture of one space; made by :func:`make_layout`.

    A *code* is the list of all choices: the activation of node 1, then for each further node its activation and its
    predecessor, then one number for each group: 0 for an absent term where that is allowed, and then the lags by the
    four operations. It is the flat code of the specification with lag and operation of a term in one number, so that
    every code is valid.

    Attributes:
        nodes: Nodes of the cell, N.
        window: Lags of each group, m.
        concat: The nodes whose mean is the output, increasing.
    """

    nodes: int
    window: int
    concat: tuple[int, ...]

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """Every label of a node."""
        lags = range(self.window + 1)
        sources = [*(f"input_h{lag}" for lag in lags if lag), *(f"input_x{lag}" for lag in lags)]
        return (*sources, *PRIMITIVES, "hhat", "xhat", "state", "output")

    @property
    def first_group(self) -> int:
        """The node of the operation of the first term."""
        return 2 * self.window + 1

    @property
    def state(self) -> int:
        """The DAG's node that is node 0 of the cell; node i of the cell is i further on."""
        return self.first_group + len(GROUPS) + 2

    @property
    def num_nodes(self) -> int:
        """How many nodes the DAG has."""
        return self.state + self.nodes + 2

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """The number of the cell of each node."""
        return (0,) * self.state + (1,) * (self.nodes + 2)

    @cached_property
    def fixed_labels(self) -> tuple[str, ...]:
        """The label of each node that every architecture has there; empty for an operation that is chosen."""
        open_groups, open_nodes = ("",) * len(GROUPS), ("",) * self.nodes
        return (*self.operations[: self.first_group], *open_groups, "hhat", "xhat", "state", *open_nodes, "output")

    @cached_property
    def fixed_edges(self) -> tuple[Edge, ...]:
        """The edges of every architecture: terms to summaries, these to node 0, joined nodes to the output."""
        first = self.first_group
        products = first + len(GROUPS)
        terms = [(first + group, products + group // 2) for group in range(len(GROUPS))]
        joined = [(self.state + node, self.num_nodes - 1) for node in self.concat]
        return (*terms, (products, self.state), (products + 1, self.state), *joined)

    def sources(self, group: int) -> tuple[int, ...]:
        """The nodes that the term of a group may read, by increasing lag."""
        start = 0 if GROUPS[group].source == "h" else self.window + GROUPS[group].first_lag
        return tuple(range(start, start + self.window))

    # --- codes ---------------------------------------------------------------------------------------------------

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """How many values each number of a code takes."""
        kinds = len(ACTIVATIONS)
        cell = [kinds]
        for node in range(2, self.nodes + 1):
            cell += (kinds, node)
        return (*cell, *(kinds * self.window + group.optional for group in GROUPS))

    @property
    def cell_choices(self) -> int:
        """How many numbers of a code are of the cell."""
        return 2 * self.nodes - 1

    def code(self, genotype: RecurrentGenotype) -> tuple[int, ...]:
        """The code of a genotype that fits this layout."""
        numbers = []
        for node, (activation, predecessor) in enumerate(genotype.cell.nodes, start=1):
            numbers.append(ACTIVATIONS.index(activation))
            if node > 1:
                numbers.append(predecessor)
        for group, term in zip(GROUPS, genotype.connections, strict=True):
            if term is None:
                numbers.append(0)
            else:
                lag = term.lag - group.first_lag
                numbers.append(group.optional + len(ACTIVATIONS) * lag + ACTIVATIONS.index(term.operation))
        return tuple(numbers)

    def genotype(self, code: tuple[int, ...]) -> RecurrentGenotype:
        """The genotype of a code."""
        cell = code[: self.cell_choices]
        predecessors = (0, *cell[2::2])
        activations = (cell[0], *cell[1::2])
        nodes = tuple(
            (ACTIVATIONS[activation], predecessor)
            for activation, predecessor in zip(activations, predecessors, strict=True)
        )
        terms: list[Term | None] = []
        for group, number in zip(GROUPS, code[self.cell_choices :], strict=True):
            lag, operation = divmod(number - group.optional, len(ACTIVATIONS))
            terms.append(None if lag < 0 else Term(ACTIVATIONS[operation], group.first_lag + lag))
        h, h_gate, x, x_gate = terms
        assert h is not None and x is not None  # only gates are optional
        return RecurrentGenotype(RecurrentCell(nodes, self.concat), Connections(h, h_gate, x, x_gate))

    def graph(self, code: tuple[int, ...]) -> tuple[tuple[str, ...], tuple[Edge, ...]]:
        """The labels and the sorted edges of a code."""
        cell = code[: self.cell_choices]
        labels = list(self.fixed_labels)
        edges = list(self.fixed_edges)
        state = self.state
        for node, (activation, predecessor) in enumerate(
            zip((cell[0], *cell[1::2]), (0, *cell[2::2]), strict=True), start=1
        ):
            labels[state + node] = ACTIVATIONS[activation]
            edges.append((state + predecessor, state + node))
        for number, (group, value) in enumerate(zip(GROUPS, code[self.cell_choices :], strict=True)):
            target = self.first_group + number
            lag, operation = divmod(value - group.optional, len(ACTIVATIONS))
            labels[target] = "none" if lag < 0 else ACTIVATIONS[operation]
            if lag >= 0:
                edges.append((self.sources(number)[lag], target))
        return tuple(labels), tuple(sorted(edges))

    def code_of_graph(self, labels: tuple[str, ...], edges: tuple[Edge, ...]) -> tuple[int, ...] | None:
        """The code whose graph this may be; None where it is surely that of none. Compare with :meth:`graph`."""
        if len(labels) != self.num_nodes:
            return None
        read = {target: source for source, target in edges}
        numbers = []
        for node in range(self.state + 1, self.state + 1 + self.nodes):
            predecessor = read.get(node, -1) - self.state
            if labels[node] not in ACTIVATIONS or not 0 <= predecessor < node - self.state:
                return None
            numbers.append(ACTIVATIONS.index(labels[node]))
            if node > self.state + 1:
                numbers.append(predecessor)
        for number, group in enumerate(GROUPS):
            target = self.first_group + number
            sources = self.sources(number)
            if group.optional and labels[target] == "none":
                numbers.append(0)
            elif labels[target] in ACTIVATIONS and read.get(target) in sources:
                lag = sources.index(read[target])
                numbers.append(group.optional + len(ACTIVATIONS) * lag + ACTIVATIONS.index(labels[target]))
            else:
                return None
        return tuple(numbers)


def make_layout(nodes: int, window: int, concat: tuple[int, ...] | None = None) -> Layout:
    """Build a layout.

    Args:
        nodes: Nodes of the cell.
        window: Lags of each group.
        concat: The nodes whose mean is the output; None for all.

    Raises:
        InvalidSetting: A count is out of range, or the joined nodes are not some of 1 to ``nodes`` in order.

    >>> make_layout(3, 2).choices
    (4, 4, 2, 4, 3, 8, 9, 8, 9)
    """
    for name, value in (("nodes", nodes), ("window", window)):
        if not 1 <= value <= _MOST_NODES:
            raise InvalidSetting(f"{name} must be from 1 to {_MOST_NODES}, not {value}")
    joined = tuple(range(1, nodes + 1)) if concat is None else tuple(concat)
    if not joined or list(joined) != sorted(set(joined)) or not 1 <= joined[0] <= joined[-1] <= nodes:
        raise InvalidSetting(f"concat must be some of the nodes 1 to {nodes}, in order, not {joined}")
    return Layout(nodes, window, joined)
