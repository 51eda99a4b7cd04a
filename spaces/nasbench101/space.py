"""NAS-Bench-101: cells of free wiring, at most 7 vertices and 9 edges; 423,624 up to isomorphism.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019,
https://arxiv.org/abs/1902.09635. Operation names, record format and pruning are those of its official code.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.errors import InvalidArchitecture, WrongSpace
from ganas.spaces.nasbench101.builder import DECISIONS, CellBuilder, sequences_of_cells
from ganas.spaces.nasbench101.edits import Cell, EditableCell
from ganas.spaces.nasbench101.isomorphism import (
    MAX_EDGES,
    MAX_VERTICES,
    NUM_SLOT_EDGES,
    cell_table,
    edge_bit,
    labelled_cells,
    prune_code,
)
from ganas.spaces.nasbench101.notation import (
    INPUT,
    INTERIOR_OPERATIONS,
    OPERATIONS,
    OUTPUT,
    format_record,
    matrix_of,
    parse_record,
    slot_code,
)
from ganas.spaces.space import Genotype, Space, positive_count

__all__ = ["NASBench101"]

_NUMBER = {operation: number for number, operation in enumerate(INTERIOR_OPERATIONS)}
_EDGE_WEIGHTS = 1 << np.arange(NUM_SLOT_EDGES)
# Redraws before a mutant is drawn from the list of all neighbours.
_REDRAWS = 100


class NASBench101(Space):
    """The cell space of NAS-Bench-101.

    An architecture is a *pruned* cell: every vertex lies on a path from input to output. Two architectures are the
    same entry when they are isomorphic as labelled graphs; ``identity_key`` numbers the 423,624 classes without gaps
    from 0 to ``size - 1``, in the order of :meth:`enumerate`.

    The genotype is 21 bits, the edges between 7 vertices in target-major order (0->1, 0->2, 1->2, 0->3, ...), and the
    operation numbers (0 conv3x3, 1 conv1x1, 2 maxpool) of vertices 1 to 5; vertex 0 is the input, 6 the output.
    Decoding prunes; a genotype is valid when that leaves a cell of at most 9 edges.

    The notation is that of the official records, adjacency by rows and labels, joined by a colon.

    :meth:`sample` draws uniformly from the 423,624 classes.

    >>> space = NASBench101()
    >>> cell = space.parse("0110001100010000:input,conv3x3-bn-relu,maxpool3x3,output")
    >>> cell.edges
    ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3))
    >>> space.format(space.parse("0110000100010000:input,conv3x3-bn-relu,maxpool3x3,output"))
    '0110000100010000:input,conv3x3-bn-relu,maxpool3x3,output'
    """

    name: ClassVar[str] = "nasbench101"
    title: ClassVar[str] = "NAS-Bench-101 cell: at most 7 vertices and 9 edges, 3 operations (Ying et al., 2019)"
    operations: ClassVar[tuple[str, ...]] = OPERATIONS
    max_nodes: ClassVar[int] = MAX_VERTICES
    choices: ClassVar[tuple[int, ...]] = (2,) * NUM_SLOT_EDGES + (3,) * (MAX_VERTICES - 2)
    size: ClassVar[int] = 423_624

    # --- notation and genotype -------------------------------------------------------------------------------

    def parse(self, text: str) -> Architecture:
        """Read ``raw_adjacency:raw_operations`` of a cell, pruned or not; see :meth:`from_matrix` for the errors."""
        return self.from_matrix(*parse_record(text))

    def format(self, architecture: Architecture) -> str:
        """Write ``raw_adjacency:raw_operations``, such as ``010001000:input,conv3x3-bn-relu,output``."""
        self._cell_number(architecture)
        return format_record(architecture)

    def from_matrix(self, matrix: ArrayLike, operations: Sequence[str]) -> Architecture:
        """Prune a cell given as the official ``ModelSpec`` takes it; the order of the vertices is kept.

        Args:
            matrix: Upper-triangular adjacency matrix of 0 and 1 in any numeric type, (vertices, vertices).
            operations: The label of each vertex.

        Raises:
            MalformedArchitecture: The matrix is not square, upper-triangular and of 0 and 1, or a label is wrong.
            InvalidArchitecture: There are more than 7 vertices, no path from input to output, or, once pruned, more
                than 9 edges.
        """
        code, labels = slot_code(matrix, operations)
        return self._from_code(code, labels)

    def to_matrix(self, architecture: Architecture) -> tuple[NDArray[np.int8], list[str]]:
        """The adjacency matrix, (vertices, vertices) int8, and the labels."""
        self._cell_number(architecture)
        return matrix_of(architecture)

    def encode(self, architecture: Architecture) -> Genotype:
        """The genotype with the output at vertex 6 and, for fewer than 7 vertices, 0 for what is not used."""
        self._cell_number(architecture)
        last = architecture.num_nodes - 1
        genotype = [0] * len(self.choices)
        for source, target in architecture.edges:
            genotype[edge_bit(source, MAX_VERTICES - 1 if target == last else target)] = 1
        for position, label in enumerate(architecture.operations[1:-1], start=NUM_SLOT_EDGES):
            genotype[position] = _NUMBER[label]
        return tuple(genotype)

    def decode(self, genotype: Sequence[int]) -> Architecture:
        """The pruned cell of a genotype."""
        if not super().is_valid(genotype):
            raise InvalidArchitecture(f"{list(genotype)} is not 21 edge bits and 5 operation numbers from 0 to 2")
        return self._from_code(_code(genotype), genotype[NUM_SLOT_EDGES:])

    def is_valid(self, genotype: Sequence[int]) -> bool:
        """Whether the genotype is in range and pruning leaves a cell of at most 9 edges."""
        return super().is_valid(genotype) and bool(cell_table().wiring_of_slots[prune_code(_code(genotype))[0]] >= 0)

    # --- counting and drawing ----------------------------------------------------------------------------------

    def enumerate(self) -> Iterator[Architecture]:
        """One cell of each class, by vertices, wiring and labels; the n-th has ``identity_key`` n."""
        for start in range(0, self.size, 4096):
            yield from self.from_cells(cell_table().representatives[start : start + 4096].astype(np.int64))

    def sample(self, count: int, *, rng: np.random.Generator) -> list[Architecture]:
        """Draw uniformly from the 423,624 classes, with replacement; each in the vertex order of :meth:`enumerate`."""
        drawn = rng.integers(self.size, size=positive_count(count))
        return self.from_cells(cell_table().representatives[drawn].astype(np.int64))

    def from_key(self, key: int) -> Architecture:
        """The cell that :meth:`enumerate` yields for an ``identity_key``.

        Raises:
            InvalidArchitecture: There is no such key.
        """
        return self.from_keys([key])[0]

    def from_keys(self, keys: Sequence[int]) -> list[Architecture]:
        """As :meth:`from_key`, much faster for many keys."""
        for key in keys:
            if not 0 <= key < self.size:
                raise InvalidArchitecture(f"the keys of {self.name!r} go from 0 to {self.size - 1}, not {key}")
        return self.from_cells(cell_table().representatives[np.array(keys, dtype=np.int64)].astype(np.int64))

    def from_cells(self, cells: NDArray[np.int64]) -> list[Architecture]:
        """Cells by their number among the 1,293,208 labelled ones; see :mod:`ganas.spaces.nasbench101.isomorphism`.

        Raises:
            InvalidArchitecture: A number is out of range.
        """
        table = cell_table()
        outside = (cells < 0) | (cells >= len(table.classes))
        if outside.any():
            raise InvalidArchitecture(
                f"labelled cells have numbers from 0 to {len(table.classes) - 1}, not {int(cells[outside][0])}"
            )
        wirings = np.searchsorted(table.offsets, cells, side="right") - 1
        labels = cells - table.offsets[wirings]
        rows = zip(wirings.tolist(), labels.tolist(), table.classes[cells].tolist(), strict=True)
        edges, texts, sizes = table.edges, _label_tuples(), table.num_vertices[wirings].tolist()
        return [
            Architecture.trusted("nasbench101", texts[size][label], edges[wiring], (), key)
            for (wiring, label, key), size in zip(rows, sizes, strict=True)
        ]

    # --- keys ----------------------------------------------------------------------------------------------------

    def identity_key(self, architecture: Architecture) -> int:
        """The number of the isomorphism class, exact, from 0 to 423,623."""
        if architecture.identity is not None and architecture.space == "nasbench101":
            return architecture.identity
        return int(cell_table().classes[self._cell_number(architecture)])

    def identity_keys(self, genotypes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Numbers of the isomorphism classes of many genotypes, (count, 26) -> (count,).

        Raises:
            InvalidArchitecture: The array has the wrong shape, or a genotype is not valid.
        """
        array = self.check_genotypes(genotypes)
        cells = labelled_cells(array[:, :NUM_SLOT_EDGES] @ _EDGE_WEIGHTS, array[:, NUM_SLOT_EDGES:])
        if len(cells) and int(cells.min()) < 0:
            row = int(np.flatnonzero(cells < 0)[0])
            raise InvalidArchitecture(f"genotype {array[row].tolist()} in row {row} is not a valid cell")
        return cell_table().classes[cells].astype(np.int64)

    def canonical_key(self, architecture: Architecture) -> bytes:
        """The number of the isomorphism class as 8 bytes."""
        return self.identity_key(architecture).to_bytes(8, "big")

    # --- variation -------------------------------------------------------------------------------------------------

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Every other cell one edit away, once by identity, in a fixed order.

        The edits are those of :mod:`ganas.spaces.nasbench101.edits`; being a neighbour is mutual, and does not depend
        on the order of the vertices.
        """
        seen = {self.identity_key(architecture)}
        self._cell_number(architecture)
        found = []
        for cell in EditableCell(architecture).all_edits():
            neighbour = self._from_edit(cell)
            key = self.identity_key(neighbour)
            if key not in seen:
                seen.add(key)
                found.append(neighbour)
        return found

    def mutate(self, architecture: Architecture, *, rng: np.random.Generator) -> Architecture:
        """Make one random edit: its kind uniformly (operation, edge, insertion, removal), then uniformly its place.

        An edit that is not allowed, or gives an isomorphic cell, is redrawn, kind included.
        """
        identity = self.identity_key(architecture)
        self._cell_number(architecture)
        editable = EditableCell(architecture)
        for _ in range(_REDRAWS):
            cell = editable.random_edit(rng)
            if cell is not None:
                mutant = self._from_edit(cell)
                if mutant.identity != identity:
                    return mutant
        neighbours = self.neighbours(architecture)
        return neighbours[int(rng.integers(len(neighbours)))]

    # --- building step by step ---------------------------------------------------------------------------------------

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """For vertices 1 to 6 the operation, then one bit for each earlier vertex; 27 decisions."""
        return DECISIONS

    def builder(self, batch_size: int) -> Builder:
        """Start a batch of cells with the input placed; see :mod:`ganas.spaces.nasbench101.builder`."""
        return CellBuilder(self, batch_size)

    def building_sequences(self, architectures: Sequence[Architecture]) -> NDArray[np.int64]:
        """The choices that build each cell in its own vertex order, (count, 27)."""
        cells = [self._cell_number(architecture) for architecture in architectures]
        return sequences_of_cells(np.array(cells, dtype=np.int64))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _from_code(self, code: int, labels: Sequence[int]) -> Architecture:
        """Prune a slot code with the labels of its 5 interior slots."""
        table = cell_table()
        pruned, live = prune_code(code)
        wiring = int(table.wiring_of_slots[pruned])
        if wiring < 0:
            if not live:
                raise InvalidArchitecture("no path leads from the input of the cell to its output")
            raise InvalidArchitecture(
                f"a cell of NAS-Bench-101 has at most {MAX_EDGES} edges, not {pruned.bit_count()} once it is pruned"
            )
        label = 0
        for slot in range(1, MAX_VERTICES - 1):
            if live >> slot & 1:
                label = 3 * label + int(labels[slot - 1])
        cell = int(table.offsets[wiring]) + label
        texts = _label_tuples()[live.bit_count()]
        return Architecture.trusted("nasbench101", texts[label], table.edges[wiring], (), int(table.classes[cell]))

    def _from_edit(self, cell: Cell) -> Architecture:
        operations, edges = cell
        table = cell_table()
        number = int(table.offsets[table.wiring_of_edges[edges]]) + _label_number(operations)
        return Architecture.trusted("nasbench101", operations, edges, (), int(table.classes[number]))

    def _cell_number(self, architecture: Architecture) -> int:
        """The number of the labelled cell.

        Raises:
            WrongSpace: The architecture is of another space.
            InvalidArchitecture: It is not a pruned cell within the limits.
        """
        if architecture.space != "nasbench101":
            raise WrongSpace(f"an architecture of 'nasbench101' is wanted, not of {architecture.space!r}")
        table = cell_table()
        operations = architecture.operations
        wiring = table.wiring_of_edges.get(architecture.edges)
        if (
            wiring is None
            or int(table.num_vertices[wiring]) != len(operations)
            or operations[0] != INPUT
            or operations[-1] != OUTPUT
            or architecture.cells
            or not all(label in _NUMBER for label in operations[1:-1])
        ):
            raise InvalidArchitecture(_reason(architecture))
        return int(table.offsets[wiring]) + _label_number(operations)


def _code(genotype: Iterable[int]) -> int:
    """The slot code of a genotype: its edge bits as one number."""
    return sum(1 << bit for bit, value in enumerate(itertools.islice(genotype, NUM_SLOT_EDGES)) if value)


def _label_number(operations: Sequence[str]) -> int:
    number = 0
    for label in operations[1:-1]:
        number = 3 * number + _NUMBER[label]
    return number


@functools.cache
def _label_tuples() -> dict[int, list[tuple[str, ...]]]:
    """For each number of vertices the labels of every labelling, in the order of their numbers."""
    return {
        vertices: [(INPUT, *labels, OUTPUT) for labels in itertools.product(INTERIOR_OPERATIONS, repeat=vertices - 2)]
        for vertices in range(2, MAX_VERTICES + 1)
    }


def _reason(architecture: Architecture) -> str:
    """Say why a graph is not a pruned cell."""
    if architecture.cells:
        return f"{architecture!r} names cells: an architecture of NAS-Bench-101 is one cell"
    try:
        code, _ = slot_code(
            [
                [(s, t) in architecture.edges for t in range(architecture.num_nodes)]
                for s in range(architecture.num_nodes)
            ],
            architecture.operations,
        )
    except InvalidArchitecture as error:
        return f"{architecture!r} is not a cell of NAS-Bench-101: {error}"
    pruned, live = prune_code(code)
    if pruned == code and live.bit_count() == architecture.num_nodes:
        return f"a cell of NAS-Bench-101 has at most {MAX_EDGES} edges, not {len(architecture.edges)}"
    return f"{architecture!r} is not pruned: from_matrix prunes a cell to the paths from its input to its output"
