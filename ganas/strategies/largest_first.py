"""The control: the largest networks first, without learning anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.metric import Evaluation
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import GanasError, NotSupported, quote_list
from ganas.spaces.registry import SPACES, load_space
from ganas.spaces.space import Space
from ganas.strategy import Problem, Settings, Strategy

__all__ = ["LargestFirst"]

# The whole space is listed and kept; beyond this it would take minutes and gigabytes.
_MOST_ARCHITECTURES = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Ranking:
    """A space by size.

    Attributes:
        architectures: All of them, in the order of ``Space.enumerate``.
        ranks: Of each its place by parameters and skips, from 0 for the largest; ties have one rank, (size,).
    """

    architectures: tuple[Architecture, ...]
    ranks: NDArray[np.int64]


class LargestFirst(Strategy):
    """Proposes the architecture with the most parameters, then the one with the most skips, then any of the rest.

    A control and not a search: it is told values and heeds none. A benchmark on which it does well rewards size, and
    there a strategy shows little by reaching the optimum soon.

    The order is by ``space.parameter_count`` (what the network has: on NAS-Bench-201 the convolutions on dead edges
    count, as the official network builds them), ties towards more nodes with a label of ``space.skip_operations``,
    live or not, and what is still equal in an order drawn from ``rng``. Never the same architecture twice.

    It lists the whole space, so it runs only where the space has at most 1,000,000 architectures, and only where it
    has the formula for parameters (``space.has_parameter_count``).

    Raises:
        NotSupported: The space has no formula, or is too large.
    """

    name: ClassVar[str] = "largest-first"
    title: ClassVar[str] = "Control that learns nothing: most parameters first, then most skips, then random"

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        space = problem.space
        if not space.has_parameter_count:
            raise NotSupported(
                f"{self.name!r} needs the number of parameters, and {space.name!r} has no formula for it: "
                f"spaces with a formula are {quote_list(_spaces_with_formula())}"
            )
        if space.size > _MOST_ARCHITECTURES:
            raise NotSupported(
                f"{self.name!r} lists the whole space, and {space.name!r} has {space.size:,} architectures: "
                f"at most {_MOST_ARCHITECTURES:,} are possible"
            )
        self._ranking = _ranking(space)
        # The order of ties follows from this number, so that the state need not hold the order.
        self._start(int(rng.integers(2**63)), 0)

    def _start(self, tie_seed: int, position: int) -> None:
        self._tie_seed, self._position = tie_seed, position
        ranks = self._ranking.ranks
        self._order = np.lexsort((np.random.default_rng(tie_seed).random(len(ranks)), ranks))

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The next architectures that the predicates allow; fewer than ``count`` where the space is used up."""
        proposals: list[Architecture] = []
        while len(proposals) < count and self._position < len(self._order):
            architecture = self._ranking.architectures[int(self._order[self._position])]
            self._position += 1
            if self.problem.allows(architecture):
                proposals.append(architecture)
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        """What the order of ties follows from, and the place in the order."""
        return {**super().state(), "tie_seed": self._tie_seed, "position": self._position}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the order and the place in it."""
        super().load_state(state)
        self._start(int(state["tie_seed"]), int(state["position"]))


@lru_cache(maxsize=4)
def _ranking(space: Space) -> _Ranking:
    """Rank a space, once a process: an experiment makes hundreds of studies."""
    architectures = tuple(space.enumerate())
    skips = space.skip_operations
    sizes = [
        # Negative: the largest first.
        (-space.parameter_count(one), -sum(operation in skips for operation in one.operations))
        for one in architectures
    ]
    _, ranks = np.unique(np.array(sizes, dtype=np.int64), axis=0, return_inverse=True)
    return _Ranking(architectures, ranks.ravel().astype(np.int64))


def _spaces_with_formula() -> list[str]:
    found = []
    for name in SPACES.entries():
        try:
            if load_space(name).has_parameter_count:
                found.append(name)
        except GanasError:
            continue  # a plug-in that cannot be imported is no reason to lose the message that this list is for
    return found
