"""What a recurrent architecture is: the cell, and how cells are connected through time.

*Intra-cell* part: the recurrent cell of Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019,
https://arxiv.org/abs/1806.09055, as in its official code (``rnn/model.py``, ``rnn/genotypes.py``). Node 0 mixes the two
inputs of the cell; each further node applies an activation to one earlier node; the output is the mean of some nodes.

*Inter-cell* part: Li et al., "Learning Architectures from an Extended Search Space for Language Modeling" (ESS), ACL
2020, https://arxiv.org/abs/2005.02593, lets the cell read learned summaries of the history in place of h_{t-1} and x_t.
There is no official code, and the paper's own window, operations and connections are not known to this project: what
is here is *ESS-style*, and its details are ours. Each summary is a product of two terms::

    hhat_{t-1} = a(h_{t-i}) * b(x_{t-j})        i = 1..m, j = 1..m
    xhat_t     = a(x_{t-i}) * b(h_{t-j})        i = 0..m-1, j = 1..m

where m is the window, each term has an operation of its own, and the second factor may be absent. With
hhat_{t-1} = h_{t-1} and xhat_t = x_t (:data:`PLAIN`) the network is that of DARTS.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ACTIVATIONS",
    "GROUPS",
    "PLAIN",
    "PRIMITIVES",
    "Connections",
    "Group",
    "RecurrentCell",
    "RecurrentGenotype",
    "Term",
    "is_projected",
    "num_parameters",
]

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")
"""The operations of an architecture, in the order of the official code."""

PRIMITIVES = ("none", *ACTIVATIONS)
"""The operations of the search, in the order of the official code."""


class Term(NamedTuple):
    """One factor of a summary: an operation on an input or a hidden state of the past.

    Attributes:
        operation: One of :data:`ACTIVATIONS`.
        lag: How many steps back; 0 is the current input.
    """

    operation: str
    lag: int


class Connections(NamedTuple):
    """The inter-cell part.

    Attributes:
        h: What stands for the previous hidden state, an operation on h_{t-1} to h_{t-m}.
        h_gate: What it is multiplied by, an operation on x_{t-1} to x_{t-m}; None for 1.
        x: What stands for the current input, an operation on x_t to x_{t-m+1}.
        x_gate: What it is multiplied by, an operation on h_{t-1} to h_{t-m}; None for 1.
    """

    h: Term
    h_gate: Term | None
    x: Term
    x_gate: Term | None


PLAIN = Connections(Term("identity", 1), None, Term("identity", 0), None)
"""The connections of DARTS and of every plain recurrent network: the last hidden state and the current input."""


class Group(NamedTuple):
    """A place for one term.

    Attributes:
        name: The field of :class:`Connections`.
        source: ``"h"`` or ``"x"``: what its term reads.
        first_lag: The shortest lag; there are as many lags as the window is long.
        optional: Whether it may be empty.
    """

    name: str
    source: str
    first_lag: int
    optional: bool


GROUPS = (
    Group("h", "h", 1, optional=False),
    Group("h_gate", "x", 1, optional=True),
    Group("x", "x", 0, optional=False),
    Group("x_gate", "h", 1, optional=True),
)
"""The places of the inter-cell part, in the order of :class:`Connections`."""


class RecurrentCell(NamedTuple):
    """The intra-cell part.

    Attributes:
        nodes: For each node from 1 on its (activation, predecessor).
        concat: The nodes whose mean is the output.
    """

    nodes: tuple[tuple[str, int], ...]
    concat: tuple[int, ...]

    def truncated(self, nodes: int) -> RecurrentCell:
        """The first nodes of the cell, all of them joined: a cell for a smaller space.

        >>> RecurrentCell((("tanh", 0), ("relu", 1), ("tanh", 2)), (1, 2, 3)).truncated(2)
        RecurrentCell(nodes=(('tanh', 0), ('relu', 1)), concat=(1, 2))
        """
        return RecurrentCell(self.nodes[:nodes], tuple(range(1, min(nodes, len(self.nodes)) + 1)))


class RecurrentGenotype(NamedTuple):
    """A recurrent architecture.

    Attributes:
        cell: The intra-cell part.
        connections: The inter-cell part.
    """

    cell: RecurrentCell
    connections: Connections = PLAIN

    @property
    def window(self) -> int:
        """The shortest window that has all lags; at least 1."""
        terms = zip(GROUPS, self.connections, strict=True)
        return max(term.lag - group.first_lag + 1 for group, term in terms if term is not None)


def is_projected(group: Group, term: Term | None) -> bool:
    """Whether a term has a weight matrix before its operation.

    The previous hidden state and the current input themselves have none, so that the plain connections cost nothing.
    """
    if term is None:
        return False
    return term.operation != "identity" or term.lag != (1 if group.source == "h" else 0)


def num_parameters(genotype: RecurrentGenotype, *, vocabulary: int, hidden: int) -> int:
    """Parameters of the language model: the cell, the projections, the tied embedding, and the bias of the decoder.

    >>> cell = RecurrentCell((("tanh", 0),) * 8, tuple(range(1, 9)))
    >>> num_parameters(RecurrentGenotype(cell), vocabulary=10_000, hidden=850)
    22960000
    """
    projections = sum(is_projected(group, term) for group, term in zip(GROUPS, genotype.connections, strict=True))
    matrices = 4 + 2 * len(genotype.cell.nodes) + projections
    return matrices * hidden**2 + vocabulary * (hidden + 1)
