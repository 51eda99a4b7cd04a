"""The architecture: a frozen, hashable, operation-labelled directed acyclic graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from operator import index
from typing import TYPE_CHECKING, Any, NoReturn

from ganas.spaces.errors import MalformedArchitecture

if TYPE_CHECKING:
    import networkx

__all__ = ["Architecture"]

Edge = tuple[int, int]


class Architecture:
    """A frozen, hashable DAG whose nodes carry operation labels and whose edges carry data.

    Nodes are numbered in a topological order, so every edge goes from a smaller to a larger number. Spaces that
    put operations on edges (NAS-Bench-201) turn each such edge into a node. Spaces with several cells are one DAG
    with several components; ``cells`` then names the cell of each node by number.

    Two architectures are equal when space, labels, edges and cells are: equality is of the labelled graph as
    written. For equality up to isomorphism or function compare the keys that the space gives.

    Args:
        space: Name of the space it belongs to.
        operations: The label of each node, in topological order.
        edges: Pairs ``(source, target)`` with ``source < target``, in any order, without repeats.
        cells: The number of the cell of each node; empty for a space with one cell.

    Raises:
        MalformedArchitecture: The edges repeat, leave the graph or go backwards, or ``cells`` has the wrong length.

    >>> chain = Architecture("mine", ["input", "conv", "output"], [(1, 2), (0, 1)])
    >>> chain.edges
    ((0, 1), (1, 2))
    >>> chain == Architecture.from_json(chain.to_json())
    True
    """

    __slots__ = ("_hash", "cells", "edges", "identity", "operations", "space")

    space: str
    operations: tuple[str, ...]
    edges: tuple[Edge, ...]
    cells: tuple[int, ...]
    identity: int | None
    """The identity key, where the space that built the architecture noted it (see ``Space.identity_key``)."""

    def __init__(
        self, space: str, operations: Iterable[str], edges: Iterable[Sequence[int]], cells: Iterable[int] = ()
    ) -> None:
        labels = tuple(str(label) for label in operations)
        pairs = []
        for edge in edges:
            if len(edge) != 2:
                raise MalformedArchitecture(f"edge {tuple(edge)!r} is not a pair (source, target)")
            try:
                source, target = index(edge[0]), index(edge[1])
            except TypeError:
                raise MalformedArchitecture(f"edge {tuple(edge)!r} is not a pair of node numbers") from None
            if not 0 <= source < target < len(labels):
                raise MalformedArchitecture(
                    f"edge ({source}, {target}) does not go forward between two of the {len(labels)} nodes"
                )
            pairs.append((source, target))
        if len(set(pairs)) != len(pairs):
            repeated = next(pair for pair in pairs if pairs.count(pair) > 1)
            raise MalformedArchitecture(f"edge {repeated} is given more than once")
        try:
            numbers = tuple(index(cell) for cell in cells)
        except TypeError:
            raise MalformedArchitecture("cells must be whole numbers, one for each node") from None
        if numbers and len(numbers) != len(labels):
            raise MalformedArchitecture(f"{len(numbers)} cell numbers were given for {len(labels)} nodes")
        self._set(space, labels, tuple(sorted(pairs)), numbers, None)

    @classmethod
    def trusted(
        cls,
        space: str,
        operations: tuple[str, ...],
        edges: tuple[Edge, ...],
        cells: tuple[int, ...] = (),
        identity: int | None = None,
    ) -> Architecture:
        """Build without checks, for spaces that construct only valid graphs with sorted edges."""
        architecture = object.__new__(cls)
        architecture._set(space, operations, edges, cells, identity)
        return architecture

    def _set(
        self,
        space: str,
        operations: tuple[str, ...],
        edges: tuple[Edge, ...],
        cells: tuple[int, ...],
        identity: int | None,
    ) -> None:
        store = object.__setattr__
        store(self, "space", space)
        store(self, "operations", operations)
        store(self, "edges", edges)
        store(self, "cells", cells)
        store(self, "identity", identity)
        store(self, "_hash", None)

    @property
    def num_nodes(self) -> int:
        """How many nodes the graph has, inputs and outputs included."""
        return len(self.operations)

    def to_json(self) -> dict[str, Any]:
        """Return the graph as plain JSON values: ``space``, ``operations``, ``edges`` and, if any, ``cells``."""
        data: dict[str, Any] = {
            "space": self.space,
            "operations": list(self.operations),
            "edges": [list(edge) for edge in self.edges],
        }
        if self.cells:
            data["cells"] = list(self.cells)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Architecture:
        """Read what :meth:`to_json` wrote.

        Raises:
            MalformedArchitecture: A key is missing or its value has the wrong shape.
        """
        try:
            space, operations = data["space"], data["operations"]
            # A string would pass as a sequence of labels of one letter.
            if not isinstance(space, str) or not isinstance(operations, list | tuple):
                raise TypeError("'space' must be a string and 'operations' a list")
            if not all(isinstance(label, str) for label in operations):
                raise TypeError("every label in 'operations' must be a string")
            return cls(space, operations, data["edges"], data.get("cells", ()))
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedArchitecture(f"not an architecture in JSON: {error!r}") from None

    def to_networkx(self) -> networkx.DiGraph:
        """Return a ``networkx.DiGraph`` with node attribute ``operation`` (``cell`` too), graph attribute ``space``."""
        import networkx

        graph = networkx.DiGraph(space=self.space)
        for node, operation in enumerate(self.operations):
            graph.add_node(node, operation=operation, **({"cell": self.cells[node]} if self.cells else {}))
        graph.add_edges_from(self.edges)
        return graph

    @classmethod
    def from_networkx(cls, graph: networkx.DiGraph, space: str | None = None) -> Architecture:
        """Read a ``networkx.DiGraph`` whose nodes carry ``operation`` (and all of them ``cell``, or none).

        Nodes are renumbered in topological order; among those that could come next, numbers go by value and other
        names in the order in which they were added. So a graph that is numbered topologically keeps its numbers.

        Raises:
            MalformedArchitecture: The graph is not directed, has a cycle or parallel edges, a node has no
                ``operation``, only some nodes have a ``cell``, or no space is named.
        """
        import networkx

        name = space if space is not None else graph.graph.get("space")
        if name is None:
            raise MalformedArchitecture("the graph names no space: pass space=...")
        if not graph.is_directed():
            raise MalformedArchitecture("the graph is not directed: a networkx.DiGraph is wanted")
        # Names of other types need not compare with each other.
        ranks = {node: rank for rank, node in enumerate(graph)}
        numbered = all(isinstance(node, Integral) for node in graph)
        try:
            order = list(networkx.lexicographical_topological_sort(graph, key=None if numbered else ranks.__getitem__))
        except networkx.NetworkXUnfeasible:
            raise MalformedArchitecture("the graph has a cycle") from None
        position = {node: number for number, node in enumerate(order)}
        for node in order:
            if "operation" not in graph.nodes[node]:
                raise MalformedArchitecture(f"node {node!r} of the graph has no attribute 'operation'")
        cells = [graph.nodes[node]["cell"] for node in order if "cell" in graph.nodes[node]]
        return cls(
            name,
            [graph.nodes[node]["operation"] for node in order],
            # Called, edges come in pairs even from a multigraph, whose parallel edges are then found to repeat.
            [(position[source], position[target]) for source, target in graph.edges()],
            cells,
        )

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Architecture):
            return NotImplemented
        return (
            self.operations == other.operations
            and self.edges == other.edges
            and self.cells == other.cells
            and self.space == other.space
        )

    def __hash__(self) -> int:
        value: int | None = self._hash  # type: ignore[attr-defined]
        if value is None:
            value = hash((self.space, self.operations, self.edges, self.cells))
            object.__setattr__(self, "_hash", value)
        return value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Architecture is frozen: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Architecture is frozen: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Architecture.trusted, (self.space, self.operations, self.edges, self.cells, self.identity)

    def __repr__(self) -> str:
        labels = ", ".join(self.operations)
        return f"Architecture({self.space}: {labels}; {len(self.edges)} edges)"
