"""Certificates: byte strings that two architectures share exactly when they are the same.

The canonical form is found by individualisation and refinement (McKay and Piperno, "Practical graph isomorphism, II",
2014, https://arxiv.org/abs/1301.1493): refine colours until neighbourhoods tell no more nodes apart, then give one
node of a remaining class a colour of its own and go on; of all orders of the nodes that this yields, the smallest
graph is the certificate. Automorphisms found on the way cut branches that repeat one already searched, and twins
(equal label, equal neighbours) are never branched on. It is exact for every graph; nothing is hashed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from ganas.spaces.architecture import Architecture

__all__ = ["canonical_certificate", "functional_certificate"]

Label = tuple[str, int]
Signature = tuple[int, tuple[int, ...], tuple[int, ...]]
# What refinement has seen on the way to a branch: the distinct signatures and how many nodes have each.
Trace = tuple[tuple[tuple[Signature, int], ...], ...]


def canonical_certificate(architecture: Architecture) -> bytes:
    """Return a certificate that isomorphic labelled DAGs share and others never do.

    A node's label is its operation and, where the architecture has cells, the number of its cell. The certificate
    holds the full labels and all edges, so it can be compared across spaces.

    >>> one = Architecture("mine", ["input", "conv", "pool", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    >>> two = Architecture("mine", ["input", "pool", "conv", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    >>> canonical_certificate(one) == canonical_certificate(two)
    True
    """
    return _certificate(_labels(architecture), dict.fromkeys(architecture.edges, 1))


def functional_certificate(architecture: Architecture, *, zero: frozenset[str], skip: frozenset[str]) -> bytes:
    """Return a certificate of what the architecture computes, once dead paths and skips are taken out.

    What does not lie on a live path from an input (a node without in-edges) to an output (a node without out-edges)
    is pruned; no live path leads through a node labelled in ``zero``. A node labelled in ``skip`` is contracted: what
    reads it reads its live inputs instead, as often as the paths say (x + x is not x). Sharing is kept: one
    convolution read twice differs from two convolutions of the same input. Inputs and outputs are never contracted.
    Architectures with nothing live share one certificate.

    >>> def cell(*operations):
    ...     return Architecture("mine", ["input", *operations, "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    >>> options = {"zero": frozenset({"none"}), "skip": frozenset({"skip"})}
    >>> once = functional_certificate(cell("conv", "none"), **options)
    >>> once == functional_certificate(cell("none", "conv"), **options)
    True
    >>> once == functional_certificate(cell("conv", "conv"), **options)
    False
    """
    labels = _labels(architecture)
    predecessors: list[list[int]] = [[] for _ in labels]
    has_reader = [False] * len(labels)
    for source, target in architecture.edges:
        predecessors[target].append(source)
        has_reader[source] = True

    # terms[v]: which instances a reader of v adds up, and how often; empty for what passes nothing on.
    terms: list[Counter[int]] = []
    reads: dict[int, Counter[int]] = {}
    for node, operation in enumerate(architecture.operations):
        total: Counter[int] = Counter()
        for source in predecessors[node]:
            total.update(terms[source])
        if operation in zero or (predecessors[node] and not total):
            terms.append(Counter())
        elif operation in skip and predecessors[node] and has_reader[node]:
            terms.append(total)
        else:
            reads[node] = total
            terms.append(Counter({node: 1}))

    live: set[int] = set()
    waiting = [node for node in reads if not has_reader[node]]
    while waiting:
        node = waiting.pop()
        if node not in live:
            live.add(node)
            waiting.extend(reads[node])
    position = {node: index for index, node in enumerate(sorted(live))}
    edges = {(position[source], position[node]): times for node in position for source, times in reads[node].items()}
    return _certificate([labels[node] for node in position], edges)


def _labels(architecture: Architecture) -> list[Label]:
    cells = architecture.cells or (-1,) * architecture.num_nodes
    return list(zip(architecture.operations, cells, strict=True))


def _certificate(labels: Sequence[Label], edges: Mapping[tuple[int, int], int]) -> bytes:
    """The smallest graph over the searched orders, as JSON: labels in canonical order, then (source, target, times)."""
    search = _Search(labels, edges)
    search.run()
    content = [[labels[node] for node in search.best_order], search.best_form]
    return json.dumps(content, separators=(",", ":")).encode()


class _Search:
    """One search for the canonical order of a labelled multigraph.

    Args:
        labels: The label of each node.
        edges: (source, target) to how many parallel edges there are.
    """

    def __init__(self, labels: Sequence[Label], edges: Mapping[tuple[int, int], int]) -> None:
        self.edges = edges
        self.size = len(labels)
        # A neighbour of colour c over m edges counts as the one number c * width + m.
        self.width = max(edges.values(), default=0) + 1
        self.predecessors: list[list[tuple[int, int]]] = [[] for _ in labels]
        self.successors: list[list[tuple[int, int]]] = [[] for _ in labels]
        for (source, target), times in sorted(edges.items()):
            self.successors[source].append((target, times))
            self.predecessors[target].append((source, times))
        rank = {label: colour for colour, label in enumerate(sorted(set(labels)))}
        self.colours = [rank[label] for label in labels]
        first: dict[object, int] = {}
        self.twin = [
            first.setdefault((labels[node], tuple(self.predecessors[node]), tuple(self.successors[node])), node)
            for node in range(self.size)
        ]
        self.automorphisms: list[list[int]] = []
        self.best_trace: Trace | None = None
        self.best_path: tuple[int, ...] = ()
        self.best_order: list[int] = []
        self.best_form: list[tuple[int, int, int]] = []

    def run(self) -> None:
        """Search from the labels; the result is in ``best_order`` and ``best_form``."""
        self._visit(self.colours, (), ())

    def _refine(self, colours: list[int]) -> tuple[list[int], tuple[tuple[Signature, int], ...]]:
        """Split classes by the colours of in- and out-neighbours until nothing splits.

        Colours are numbered in the order of the signatures, so they do not depend on how the nodes are numbered.
        """
        width = self.width
        classes = len(set(colours))
        while True:
            signatures = [
                (
                    colour,
                    tuple(sorted([colours[other] * width + times for other, times in self.predecessors[node]])),
                    tuple(sorted([colours[other] * width + times for other, times in self.successors[node]])),
                )
                for node, colour in enumerate(colours)
            ]
            counts = sorted(Counter(signatures).items())
            rank = {signature: colour for colour, (signature, _) in enumerate(counts)}
            colours = [rank[signature] for signature in signatures]
            if len(counts) == classes:
                return colours, tuple(counts)
            classes = len(counts)

    def _visit(self, colours: list[int], path: tuple[int, ...], trace: Trace) -> int:
        """Search below ``path``, the nodes given a colour of their own so far; return the depth to go back to."""
        colours, seen = self._refine(colours)
        trace = (*trace, seen)
        if self.best_trace is not None and trace > self.best_trace[: len(trace)]:
            return len(path)
        classes: dict[int, list[int]] = {}
        for node, colour in enumerate(colours):
            classes.setdefault(colour, []).append(node)
        # A class of mutual twins may stand in any order: every order gives the same graph.
        open_classes = [
            (len(members), colour)
            for colour, members in classes.items()
            if any(self.twin[node] != self.twin[members[0]] for node in members)
        ]
        if not open_classes:
            return self._leaf([node for colour in sorted(classes) for node in classes[colour]], path, trace)
        _, colour = min(open_classes)
        explored: set[int] = set()
        for node in {self.twin[member]: member for member in reversed(classes[colour])}.values():
            if explored and self._repeats(node, explored, path):
                continue
            explored.add(node)
            split = [2 * value + 1 for value in colours]
            split[node] -= 1
            depth = self._visit(split, (*path, node), trace)
            if depth < len(path):
                return depth
        return len(path)

    def _leaf(self, order: list[int], path: tuple[int, ...], trace: Trace) -> int:
        """Compare a finished order with the best one; return the depth to go back to."""
        position = [0] * self.size
        for index, node in enumerate(order):
            position[node] = index
        form = sorted((position[source], position[target], times) for (source, target), times in self.edges.items())
        if self.best_trace is None or (trace, form) < (self.best_trace, self.best_form):
            self.best_trace, self.best_form, self.best_order, self.best_path = trace, form, order, path
        elif (trace, form) == (self.best_trace, self.best_form):
            image = [0] * self.size
            for known, node in zip(self.best_order, order, strict=True):
                image[known] = node
            self.automorphisms.append(image)
            # The automorphism maps the branch of the best order, searched to its end, onto this one.
            return next(depth for depth, node in enumerate(path) if node != self.best_path[depth])
        return len(path)

    def _repeats(self, node: int, explored: set[int], path: tuple[int, ...]) -> bool:
        """Whether automorphisms that fix ``path`` carry an explored node to ``node``."""
        fixing = [image for image in self.automorphisms if all(image[fixed] == fixed for fixed in path)]
        orbit, waiting = {node}, [node]
        while waiting:
            current = waiting.pop()
            for image in fixing:
                reached = image[current]
                if reached not in orbit:
                    orbit.add(reached)
                    waiting.append(reached)
        return not orbit.isdisjoint(explored)
