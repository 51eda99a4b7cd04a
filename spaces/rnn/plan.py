"""In which order the nodes of a recurrent cell are computed."""

from __future__ import annotations

from dataclasses import dataclass

from ganas.spaces.rnn.genotype import ACTIVATIONS, GROUPS, RecurrentCell, RecurrentGenotype, is_projected

__all__ = ["Plan", "Reading", "Run", "Siblings", "make_plan"]

Run = tuple[int, int, str]
"""A range, from its first to before its last, and the activation that it shares."""


@dataclass(frozen=True, slots=True)
class Siblings:
    """Nodes of the cell that read the same node; they are computed together.

    Attributes:
        source: The place of the node that they read; place 0 is node 0 of the cell.
        start: The place of the first.
        stop: The place after the last.
        runs: Where the nodes of each activation are, counted from ``start``.
    """

    source: int
    start: int
    stop: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A term that reads hidden states.

    Attributes:
        lag: How many steps back.
        operation: Its activation.
        column: The number of its projection among those of hidden states; -1 where it has none.
    """

    lag: int
    operation: str
    column: int


@dataclass(frozen=True, slots=True)
class Plan:
    """In which order a cell is computed.

    Nodes that do not reach the output are left out. The others have places from 1 on, siblings side by side.

    Attributes:
        nodes: The node at each place from 1 on, counted from 0 for node 1.
        siblings: All places from 1 on, in order.
        joined: The places whose mean is the output.
        h: The term that stands for the previous hidden state.
        x_gate: The gate of the current input, if any.
    """

    nodes: tuple[int, ...]
    siblings: tuple[Siblings, ...]
    joined: tuple[int, ...]
    h: Reading
    x_gate: Reading | None

    @property
    def projected(self) -> tuple[Run, ...]:
        """The columns of projections of hidden states, and the activation of each."""
        readings = [reading for reading in (self.h, self.x_gate) if reading is not None]
        return tuple((each.column, each.column + 1, each.operation) for each in readings if each.column >= 0)


def make_plan(genotype: RecurrentGenotype) -> Plan:
    """Plan the computation of an architecture.

    >>> cell = RecurrentCell((("tanh", 0), ("relu", 1), ("tanh", 1)), (1, 2, 3))
    >>> plan = make_plan(RecurrentGenotype(cell))
    >>> plan.nodes, [(each.source, each.start, each.stop) for each in plan.siblings]
    ((0, 2, 1), [(0, 1, 2), (1, 2, 4)])
    """
    cell = genotype.cell
    live = _live_nodes(cell)
    place = {0: 0}
    siblings = []
    # Nodes get places in the order in which those that they read got theirs.
    for source in range(len(live) + 1):
        parent = next(node for node, own in place.items() if own == source)
        members = [node for node in live if cell.nodes[node - 1][1] == parent]
        members.sort(key=lambda node: (ACTIVATIONS.index(cell.nodes[node - 1][0]), node))
        if members:
            start = len(place)
            place.update({node: start + number for number, node in enumerate(members)})
            names = [cell.nodes[node - 1][0] for node in members]
            runs = [(names.index(name), names.index(name) + names.count(name), name) for name in dict.fromkeys(names)]
            siblings.append(Siblings(source, start, start + len(members), tuple(runs)))
    readings: dict[str, Reading] = {}
    columns = 0
    for group, term in zip(GROUPS, genotype.connections, strict=True):
        if group.source == "h" and term is not None:
            projected = is_projected(group, term)
            readings[group.name] = Reading(term.lag, term.operation, columns if projected else -1)
            columns += projected
    return Plan(
        nodes=tuple(node - 1 for node in place if node),
        siblings=tuple(siblings),
        joined=tuple(sorted(place[node] for node in cell.concat)),
        h=readings["h"],
        x_gate=readings.get("x_gate"),
    )


def _live_nodes(cell: RecurrentCell) -> set[int]:
    """The nodes that are joined or read by a live one, but for node 0."""
    live = set(cell.concat)
    for node in range(len(cell.nodes), 0, -1):
        if node in live:
            live.add(cell.nodes[node - 1][1])
    return live - {0}
