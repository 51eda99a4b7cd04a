"""Which operations the best architectures of a run have more of, and less, than random ones; no network is built."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ganas.bench.benchmark import Benchmark
from ganas.report.frames import distinct_values, finished_studies
from ganas.report.results import Panel
from ganas.report.statistics import wilson_interval
from ganas.spaces.space import Space
from ganas.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    import pandas

__all__ = [
    "BEST_SHARE",
    "FEWEST_BEST",
    "Alphabet",
    "OperationUse",
    "PanelOperations",
    "Share",
    "alphabets_of",
    "read_operations",
]

BEST_SHARE = 10
"""One of so many architectures is among the best."""

FEWEST_BEST = 5
"""The fewest that are called the best; fewer than twice as many architectures have no best ones."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Positions of a genotype that choose from the same operations.

    Attributes:
        operations: By the number that stands for it in the genotype.
        positions: Which positions choose from them.
    """

    operations: tuple[str, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """How often an operation stands at some positions of some architectures.

    Attributes:
        count: Positions that have it.
        draws: Positions in all; 0 for a share that was computed and not counted.
        value: The share, 0 to 1.
        low: Lower end of its Wilson interval; the share itself where it was computed.
        high: The upper one.
    """

    count: int
    draws: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OperationUse:
    """One operation at the positions of one alphabet, in the best architectures and in random ones."""

    alphabet: Alphabet
    operation: str
    best: Share
    random: Share

    @property
    def differs(self) -> bool:
        """Whether the intervals do not overlap."""
        return self.best.low > self.random.high or self.best.high < self.random.low


@dataclass(frozen=True, slots=True)
class PanelOperations:
    """The operations of one panel.

    Attributes:
        label: Label of the panel.
        evaluated: Distinct architectures that the finished studies evaluated successfully.
        best: How many of them are the best.
        random: Distinct architectures that random search evaluated; 0 where there are none, and the share in random
            ones was computed.
        uses: By alphabet, and in the order of its operations.
    """

    label: str
    evaluated: int
    best: int
    random: int
    uses: tuple[OperationUse, ...]

    @property
    def alphabets(self) -> tuple[Alphabet, ...]:
        """Those of the space."""
        return tuple(dict.fromkeys(use.alphabet for use in self.uses))


def alphabets_of(space: Space) -> tuple[Alphabet, ...]:
    """The positions of the genotype by the operations that they choose from; none where that is not what they choose.

    Every vector must be an architecture of its own, so that in a uniform sample each value of a position has the same
    share; and another value must give one node, the same each time, another label and change nothing else. Labels that
    are numbers are amounts (channels of a layer), and no operations.

    >>> from ganas.spaces.registry import load_space
    >>> [(one.operations[0], len(one.positions)) for one in alphabets_of(load_space("alphagan"))]
    [('deconv', 9), ('conv_1x1', 9)]
    >>> alphabets_of(load_space("natsbench-size"))
    ()
    """
    if math.prod(space.choices) != space.size:
        return ()
    first = [0] * len(space.choices)
    base = space.decode(first)
    found: dict[tuple[str, ...], list[int]] = {}
    for position, count in enumerate(space.choices):
        labels: list[str] = []
        nodes: set[int] = set()
        for value in range(1, count):
            other = space.decode([*first[:position], value, *first[position + 1 :]])
            if other.edges != base.edges or other.num_nodes != base.num_nodes:
                return ()
            changed = [node for node in range(base.num_nodes) if other.operations[node] != base.operations[node]]
            nodes.update(changed)
            if len(changed) != 1 or len(nodes) != 1:
                return ()
            labels.append(other.operations[changed[0]])
        if not labels:
            continue  # one value: nothing is chosen
        alphabet = (base.operations[nodes.pop()], *labels)
        if all(label.isdecimal() for label in alphabet):
            return ()
        found.setdefault(alphabet, []).append(position)
    return tuple(Alphabet(operations, tuple(positions)) for operations, positions in found.items())


def read_operations(
    panels: Sequence[Panel],
    studies: pandas.DataFrame,
    evaluations: pandas.DataFrame,
    benchmarks: Mapping[str, Benchmark],
) -> tuple[PanelOperations, ...]:
    """Count the operations of each panel; without those whose genotype chooses something else or that have no best.

    Args:
        panels: The results.
        studies: As :func:`ganas.report.write_report` takes them.
        evaluations: The same.
        benchmarks: The same; a panel whose benchmark is missing has no space to ask.
    """
    read = []
    for panel in panels:
        benchmark = benchmarks.get(panel.benchmark)
        alphabets = alphabets_of(benchmark.space) if benchmark is not None else ()
        if benchmark is None or not alphabets:
            continue
        own = finished_studies(studies, panel)
        values = distinct_values(evaluations, own, panel, benchmark)
        ranked = sorted(
            (text for text, value in values.items() if not math.isnan(value)),
            key=lambda text: -panel.metric.score(values[text]),
        )
        if len(ranked) < 2 * FEWEST_BEST:
            continue
        best = ranked[: max(FEWEST_BEST, -(-len(ranked) // BEST_SHARE))]
        random = own[own["strategy"].astype(str) == RandomSearch.name]
        drawn = evaluations["architecture"][evaluations["study"].isin(random["study"])].astype(str).unique().tolist()
        genotypes = _genotypes(benchmark.space, best), _genotypes(benchmark.space, drawn)
        uses = tuple(use for alphabet in alphabets for use in _uses(alphabet, *genotypes))
        read.append(PanelOperations(panel.label, len(ranked), len(best), len(drawn), uses))
    return tuple(read)


def _genotypes(space: Space, notations: Sequence[str]) -> NDArray[np.int64]:
    return space.encode_many([space.parse(text) for text in notations])


def _uses(alphabet: Alphabet, best: NDArray[np.int64], drawn: NDArray[np.int64]) -> list[OperationUse]:
    counts = [_counts(alphabet, genotypes) for genotypes in (best, drawn)]
    uniform = 1.0 / len(alphabet.operations)
    uses = []
    for number, operation in enumerate(alphabet.operations):
        shares = [
            Share(int(count[number]), int(count.sum()), count[number] / count.sum(), *_interval(count, number))
            if count.sum()
            else Share(0, 0, uniform, uniform, uniform)
            for count in counts
        ]
        uses.append(OperationUse(alphabet, operation, *shares))
    return uses


def _counts(alphabet: Alphabet, genotypes: NDArray[np.int64]) -> NDArray[np.int64]:
    chosen = genotypes[:, list(alphabet.positions)].ravel()
    return np.bincount(chosen, minlength=len(alphabet.operations)).astype(np.int64)


def _interval(counts: NDArray[np.int64], number: int) -> tuple[float, float]:
    return wilson_interval(int(counts[number]), int(counts.sum()))
