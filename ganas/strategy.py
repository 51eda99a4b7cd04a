"""The strategy: proposes architectures, and is told what they are worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ganas.bench.metric import Evaluation, Metric
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.space import Space

if TYPE_CHECKING:
    from ganas.bench.training.training_task import TrainingTask

__all__ = ["MeasuredConstraint", "PredicateConstraint", "Problem", "Proposal", "Settings", "Strategy"]


@dataclass(frozen=True, slots=True)
class PredicateConstraint:
    """A cheap condition on the graph alone. A proposal that violates it is refused and costs no query."""

    name: str
    allows: Callable[[Architecture], bool]


@dataclass(frozen=True, slots=True)
class MeasuredConstraint:
    """Bounds on a metric that only a query tells; both ends are included."""

    metric: Metric
    low: float = -np.inf
    high: float = np.inf

    def holds(self, value: float) -> bool:
        """Whether ``value`` is within the bounds."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a strategy knows: never the benchmark, never a test metric.

    Attributes:
        space: Where to search.
        objectives: Metrics to improve, each with its direction; the first is the one that ``score`` reads.
        budget: How many counted queries there will be, or None.
        constraints: Cheap predicates on the graph and bounds on measured metrics.
        fidelities: What an evaluation may be asked at, in increasing order; the last is the full training. Empty
            where there is only one.
        fidelity: What they are: an ``"epoch"`` of the one training, or a ``"run"`` of its own that was scheduled for
            so many epochs (a shorter run is not the beginning of a longer one).
        training_task: Training data in two halves, for a strategy that says ``needs_training_task``; None for others.
    """

    space: Space
    objectives: tuple[Metric, ...]
    budget: int | None = None
    constraints: tuple[PredicateConstraint | MeasuredConstraint, ...] = ()
    fidelities: tuple[int, ...] = ()
    fidelity: Literal["epoch", "run"] = "epoch"
    training_task: TrainingTask | None = None

    def __post_init__(self) -> None:
        if not self.objectives:
            raise InvalidSetting("a problem needs at least one objective")
        for objective in self.objectives:
            if objective.split == "test":
                raise InvalidSetting(f"{objective.name!r} is a test metric: a search may not see it")
        for constraint in self.constraints:
            if isinstance(constraint, MeasuredConstraint) and constraint.metric.split == "test":
                raise InvalidSetting(f"{constraint.metric.name!r} is a test metric: a search may not be bounded by it")
        if self.budget is not None and self.budget < 1:
            raise InvalidSetting(f"budget must be at least 1 query, not {self.budget}")

    def allows(self, architecture: Architecture) -> bool:
        """Whether every cheap predicate holds."""
        return all(c.allows(architecture) for c in self.constraints if isinstance(c, PredicateConstraint))

    def feasible(self, evaluation: Evaluation) -> bool:
        """Whether the evaluation succeeded and every measured constraint holds."""
        return evaluation.failure is None and all(
            c.holds(evaluation.values[c.metric.name]) for c in self.constraints if isinstance(c, MeasuredConstraint)
        )

    def score(self, evaluation: Evaluation) -> float:
        """The first objective turned so that higher is better; minus infinity for a failed or infeasible one."""
        if not self.constraints and evaluation.failure is None:
            return self.objectives[0].score(evaluation.values[self.objectives[0].name])
        if not self.feasible(evaluation):
            return -np.inf
        return self.objectives[0].score(evaluation.values[self.objectives[0].name])


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to be evaluated, with the fidelity wanted; None for the full training."""

    architecture: Architecture
    fidelity: int | None = None


@dataclass(frozen=True)
class Settings:
    """Base of every strategy's settings: a frozen dataclass, each field documented, each with a default."""


class Strategy(ABC):
    """Proposes architectures by ask and tell.

    A strategy is built from a :class:`Problem`, a generator and its settings. It draws only from ``rng``, so the
    same seed gives the same proposals. It may propose an architecture again: the study answers that for free, with
    ``counted=False``. What is told arrives in the order asked, once for every proposal, except at the end of the
    budget, where the rest of a batch is not evaluated and not told.

    A subclass names itself, implements :meth:`ask` and :meth:`tell`, and saves in :meth:`state` whatever it would
    need to go on as if nothing had happened. ``ganas.testing.check_strategy`` judges the result.
    """

    name: ClassVar[str]
    """Registered name, such as ``"random-search"``."""
    title: ClassVar[str]
    """One line for ``ganas list``, with the source."""
    settings_class: ClassVar[type[Settings]] = Settings
    """The frozen dataclass of its settings."""
    needs_training_task: ClassVar[bool] = False
    """Whether it is a one-shot search, whose :meth:`ask` trains a network of its own: a study then gives it the
    training data of its benchmark (``problem.training_task``, in two halves, never validation or test data), and
    charges the seconds of every ``ask``. A benchmark that has none refuses it."""
    diagnostic_titles: ClassVar[Mapping[str, str]] = {}
    """Name of a diagnostic to one line that says what it is, with its unit; see :meth:`diagnostics`."""
    diagnostic_note: ClassVar[str] = ""
    """How to read them together: a paragraph for the report."""
    diagnostic_groups: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Title to the names of diagnostics of one kind, in the order in which a report shows them in one figure; what is
    in no group has a figure of its own."""

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        self.problem = problem
        self.rng = rng
        self.settings = settings if settings is not None else type(self).settings_class()
        if type(self.settings) is not type(self).settings_class:
            raise InvalidSetting(
                f"settings of {self.name!r} are a {type(self).settings_class.__qualname__}, "
                f"not a {type(self.settings).__qualname__}"
            )

    @abstractmethod
    def ask(self, count: int = 1) -> Sequence[Architecture | Proposal]:
        """Propose at most ``count`` architectures; an empty answer says that there is nothing left to propose."""

    @abstractmethod
    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Take in what was asked: values, repeats (``counted=False``) and failures (``failure``) alike."""

    def diagnostics(self) -> Mapping[str, float]:
        """What the strategy can say of itself, such as the loss of a model that it trains.

        A study reads it right after every :meth:`ask` and records it at the query that the first counted proposal
        of that ask becomes (the count of queries so far + 1). A strategy returns values only when there is something
        new, and an empty mapping otherwise. Reading must change nothing: the same ask, read twice, says the same.

        Returns:
            Name, an identifier, to value; NaN for what has no value this time.
        """
        return {}

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`load_state` needs, as JSON values and numpy arrays.

        A subclass extends what this returns (the generator and the settings).
        """
        return {"rng": self.rng.bit_generator.state, "settings": asdict(self.settings)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that another object of this class with the same problem and settings saved.

        Raises:
            InvalidSetting: The state is of other settings.
        """
        if state["settings"] != asdict(self.settings):
            raise InvalidSetting(f"the state was saved with settings {state['settings']}, not {asdict(self.settings)}")
        self.rng.bit_generator.state = state["rng"]
