"""DARTS: a normal and a reduction cell of four nodes, seven operations; about 10^18 architectures.

Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, https://arxiv.org/abs/1806.09055; the
search space of NAS-Bench-301 (Zela, Siems, Zimmer, Lukasik, Keuper and Hutter, "Surrogate NAS Benchmarks: Going Beyond
the Limited Search Spaces of Tabular NAS Benchmarks", ICLR 2022, https://arxiv.org/abs/2008.09777). Operation names,
node numbers and notations are those of their official code.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from operator import index, mul
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture, Edge
from ganas.spaces.building import Builder, Decision
from ganas.spaces.darts import notation
from ganas.spaces.darts.builder import CellsBuilder, schedule, sequences_of_genotypes
from ganas.spaces.darts.parameters import parameter_count
from ganas.spaces.darts.wiring import (
    CELL_CHOICES,
    CELL_NODES,
    CELLS,
    EDGES_PER_CELL,
    NODES,
    OPERATIONS,
    SOURCE_PAIRS,
    cell_edges,
    cell_labels,
    wiring_number,
)
from ganas.spaces.errors import InvalidArchitecture, WrongSpace
from ganas.spaces.space import Genotype, Space, positive_count

if TYPE_CHECKING:
    import torch

__all__ = ["DARTS"]

_NUMBER = {operation: number for number, operation in enumerate(OPERATIONS)}
_CELL_NUMBERS = tuple(cell for cell in range(len(CELLS)) for _ in range(CELL_NODES))
_PER_CELL = len(CELL_CHOICES)
_DECISIONS = schedule()
# Labels of a cell with its operations left out, and where they stand.
_FRAME = cell_labels([0] * _PER_CELL)
_OPERATION_NODES = tuple(node for node, label in enumerate(_FRAME) if label == OPERATIONS[0])
_FIXED_NODES = tuple(node for node in range(CELL_NODES) if node not in _OPERATION_NODES)
# What nodes 3 to 5 of a cell read, by the numbers of the pairs, for each set of edges that a cell may have.
_READS: list[dict[tuple[Edge, ...], tuple[int, int, int]]] = [
    {
        cell_edges(cell, wiring_number(third, fourth, fifth)): (third, fourth, fifth)
        for third in range(len(SOURCE_PAIRS[3]))
        for fourth in range(len(SOURCE_PAIRS[4]))
        for fifth in range(len(SOURCE_PAIRS[5]))
    }
    for cell in range(len(CELLS))
]


class DARTS(Space):
    """The cells of DARTS, without ``none``.

    Each of the four nodes of a cell adds two operations on two different sources among the cell's inputs and earlier
    nodes; the cell's output joins the four. The DAG has two components, one for each cell (see
    :mod:`ganas.spaces.darts.wiring`); ``cells`` is 0 for the nodes of the normal and 1 for those of the reduction cell.

    The genotype lists, for the normal and then the reduction cell, the operations of node 2, and for nodes 3 to 5 the
    number of the pair of sources in :data:`~ganas.spaces.darts.wiring.SOURCE_PAIRS` and the operation on the lower and
    on the higher source: 22 choices, as many as NAS-Bench-301's configuration of an architecture. Every vector is
    valid.

    Two architectures are the same entry if their genotypes in the official notation differ at most in the order of the
    two operations of a node, as in NAS-Bench-301; ``identity_key`` is the rank of the genotype, below 2^63. Nodes that
    change places make another entry, though the network is the same: ``canonical_key`` and ``functional_key`` tell.
    ``skip_connect`` counts as a skip. On an input of the reduction cell it is a convolution of stride 2; there as
    elsewhere a sum stands between two skips, so that contracting them makes no two architectures the same.

    :meth:`sample` draws uniformly from all architectures.

    >>> space = DARTS()
    >>> space.size
    1076746950455072400
    >>> one = space.decode([0] * 22)
    >>> space.to_genotype(one).normal[:4]
    [('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1)]
    >>> len(space.neighbours(one))
    128
    """

    name: ClassVar[str] = "darts"
    title: ClassVar[str] = "DARTS: normal and reduction cell, 4 nodes each, 7 operations (Liu et al., 2019)"
    operations: ClassVar[tuple[str, ...]] = ("input_0", "input_1", *OPERATIONS, "add", "output")
    max_nodes: ClassVar[int] = CELL_NODES * len(CELLS)
    choices: ClassVar[tuple[int, ...]] = CELL_CHOICES * len(CELLS)
    size: ClassVar[int] = (len(OPERATIONS) ** 8 * 3 * 6 * 10) ** 2
    longest_path: ClassVar[int | None] = 8
    skip_operations: ClassVar[frozenset[str]] = frozenset({"skip_connect"})
    has_parameter_count: ClassVar[bool] = True

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), reduce=[...], ...)``.

        The order of the two operations of a node does not matter, joined nodes may be given as a list or left out, and
        the genotype may stand behind a name and an equals sign.

        Raises:
            MalformedArchitecture: The text is not in the notation.
            InvalidArchitecture: A node reads one source twice or one that it does not have, or not all nodes are
                joined.
        """
        return self._from_cells(notation.parse_genotype(text))

    def format(self, architecture: Architecture) -> str:
        """Write what the official code prints, the lower source of each node first."""
        return repr(self.to_genotype(architecture))

    def from_genotype(self, genotype: object) -> Architecture:
        """The architecture of a genotype of the official code.

        Args:
            genotype: An object with the attributes ``normal`` and ``reduce``, a mapping with these keys, or the four
                fields in order.

        Raises:
            MalformedArchitecture: It is not of this form, or an operation is unknown.
            InvalidArchitecture: As for :meth:`parse`.
        """
        return self._from_cells(notation.cells_of_genotype(genotype))

    def to_genotype(self, architecture: Architecture) -> notation.Genotype:
        """The genotype as the official code takes it, the lower source of each node first."""
        return notation.Genotype.of(self.cells(architecture))

    def from_config(self, config: Mapping[str, Any]) -> Architecture:
        """The architecture of a configuration of NAS-Bench-301, whose other hyperparameters are not looked at.

        Raises:
            MalformedArchitecture: A hyperparameter is missing or has an unknown value.
            InvalidArchitecture: There is an operation on an edge that its node does not read.
        """
        return self._from_cells(notation.cells_of_config(config))

    def to_config(self, architecture: Architecture) -> dict[str, str]:
        """The 22 hyperparameters of an architecture in NAS-Bench-301's configuration space.

        >>> config = DARTS().to_config(DARTS().decode([0] * 22))
        >>> len(config), config["NetworkSelectorDatasetInfo:darts:inputs_node_normal_3"]
        (22, '0_1')
        """
        return notation.config_of(self.cells(architecture))

    def cells(self, architecture: Architecture) -> tuple[notation.Cell, notation.Cell]:
        """The normal and the reduction cell: for each node its two (operation, source), the lower source first."""
        genotype = self.encode(architecture)
        return _cell(genotype[:_PER_CELL]), _cell(genotype[_PER_CELL:])

    def encode(self, architecture: Architecture) -> Genotype:
        """The 22 choices."""
        if architecture.identity is not None and architecture.space == "darts":
            rank = architecture.identity
            return tuple([rank // place % count for place, count in zip(self.radix, self.choices, strict=True)])
        return self._read(architecture)

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The architecture with these 22 choices."""
        try:
            # Plain ints: the rank overflows the small integers of numpy.
            values = [index(value) for value in genotype]
        except TypeError:
            values = []
        if not self.is_valid(values):
            raise InvalidArchitecture(f"{genotype!r} is not a genotype of 'darts': 22 choices within {self.choices}")
        _, _, a, _, _, b, _, _, c, _, _, _, _, d, _, _, e, _, _, f, _, _ = values
        return Architecture.trusted(
            "darts",
            cell_labels(values[:_PER_CELL]) + cell_labels(values[_PER_CELL:]),
            cell_edges(0, wiring_number(a, b, c)) + cell_edges(1, wiring_number(d, e, f)),
            _CELL_NUMBERS,
            sum(map(mul, values, self.radix)),
        )

    def encode_many(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """Genotypes of many architectures, (len(architectures), 22)."""
        ranks = np.array([self.identity_key(architecture) for architecture in architectures], dtype=np.int64)
        genotypes: NDArray[np.int64] = ranks[:, None] // np.array(self.radix) % np.array(self.choices)
        return genotypes

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """All architectures in the order of their genotypes; nobody will see the last one."""
        return map(self.decode, itertools.product(*map(range, self.choices)))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from all architectures, with replacement."""
        genotypes = rng.integers(self.choices, size=(positive_count(count), len(self.choices))).tolist()
        return [self.decode(genotype) for genotype in genotypes]

    # --- building step by step ---------------------------------------------------------------------------------------

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Sixteen operations, and from node 3 of a cell on one bit for each source that an operation may read; 52."""
        return _DECISIONS

    def builder(self, batch_size: int) -> Builder:
        """Start a batch with the inputs of the normal cell placed; see :mod:`ganas.spaces.darts.builder`."""
        return CellsBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each architecture, (count, 52)."""
        return sequences_of_genotypes(self.encode_many(architectures))

    # --- network -----------------------------------------------------------------------------------------------------

    def parameter_count(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 10,
        channels: int = 36,
        layers: int = 20,
        auxiliary: bool = False,
    ) -> int:
        """Parameters of :meth:`network`; by default without the auxiliary head, as papers report them.

        Raises:
            InvalidSetting: A count is below 1.
        """
        normal, reduction = self.cells(architecture)
        return parameter_count(
            normal, reduction, num_classes=num_classes, channels=channels, layers=layers, auxiliary=auxiliary
        )

    def network(
        self,
        architecture: Architecture,
        *,
        num_classes: int = 10,
        channels: int = 36,
        layers: int = 20,
        auxiliary: bool = False,
    ) -> torch.nn.Module:
        """The network that DARTS trains on CIFAR-10: by default 36 channels and 20 cells.

        NAS-Bench-301's has 32 channels, 8 cells and the auxiliary head. See :mod:`ganas.spaces.darts.network` for more
        settings.
        """
        from ganas.spaces.darts.network import build_network

        normal, reduction = self.cells(architecture)
        return build_network(
            normal, reduction, num_classes=num_classes, channels=channels, layers=layers, auxiliary=auxiliary
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _from_cells(self, cells: Sequence[notation.Cell]) -> Architecture:
        genotype: list[int] = []
        for cell in cells:
            for node, ((first, lower), (second, higher)) in zip(NODES, cell, strict=True):
                if node > 2:
                    genotype.append(SOURCE_PAIRS[node].index((lower, higher)))
                genotype += (_NUMBER[first], _NUMBER[second])
        return self.decode(genotype)

    def _read(self, architecture: Architecture) -> Genotype:
        """The genotype of an architecture that this space has not built."""
        if architecture.space != "darts":
            raise WrongSpace(f"an architecture of 'darts' is wanted, not of {architecture.space!r}")
        labels, edges = architecture.operations, architecture.edges
        genotype: list[int] = []
        if len(labels) == self.max_nodes and architecture.cells == _CELL_NUMBERS:
            for cell in range(len(CELLS)):
                own = labels[cell * CELL_NODES : (cell + 1) * CELL_NODES]
                reads = _READS[cell].get(edges[cell * EDGES_PER_CELL : (cell + 1) * EDGES_PER_CELL])
                numbers = [_NUMBER.get(own[node], -1) for node in _OPERATION_NODES]
                if reads is None or min(numbers) < 0 or any(own[node] != _FRAME[node] for node in _FIXED_NODES):
                    break
                genotype += numbers[:2]
                for pair, place in zip(reads, (2, 4, 6), strict=True):
                    genotype += (pair, *numbers[place : place + 2])
        if len(genotype) != len(self.choices) or len(edges) != len(CELLS) * EDGES_PER_CELL:
            raise InvalidArchitecture(f"{architecture!r} does not have the nodes and edges of two cells of DARTS")
        return tuple(genotype)


def _cell(choices: Sequence[int]) -> notation.Cell:
    """The sources and operations of the nodes of a cell, given the choices that a genotype lists for it."""
    a, b, *others = choices
    nodes = [((OPERATIONS[a], 0), (OPERATIONS[b], 1))]
    for node, place in zip(NODES[1:], (0, 3, 6), strict=True):
        pair, first, second = others[place : place + 3]
        lower, higher = SOURCE_PAIRS[node][pair]
        nodes.append(((OPERATIONS[first], lower), (OPERATIONS[second], higher)))
    return tuple(nodes)
