"""The study: one strategy on one benchmark under one budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.ledger import Entry, Ledger, Signal
from ganas.bench.metric import Evaluation
from ganas.bench.registry import load_benchmark
from ganas.plugins import load_strategy, make_settings
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import BudgetExhausted, InvalidSetting, NotSupported
from ganas.state_file import read_state, write_state
from ganas.strategy import MeasuredConstraint, PredicateConstraint, Problem, Proposal, Settings, Strategy
from ganas.trace import TRACE_COLUMNS, Diagnostics, trace_frame

if TYPE_CHECKING:
    import pandas

    from ganas.bench.training.training_task import TrainingTask

__all__ = ["Study", "search"]

# Free answers in a row after which a study gives up: the strategy asks only for what it has seen.
_MOST_REPEATS = 10_000

Constraint = PredicateConstraint | MeasuredConstraint


class Study:
    """Runs one strategy on one benchmark; the ledger between them counts what is asked.

    The seed becomes two independent generators, one for the strategy and one that draws trials
    (``signal="random"``), so the same seed gives the same trace, wall seconds apart.

    Args:
        benchmark: Where the answers come from, or its registered name.
        strategy: A registered name, or a subclass of Strategy.
        budget: The most counted queries.
        seed: Of the study, not negative.
        metric: What to improve; None for the benchmark's objective. Never a test metric.
        signal: ``"mean"`` over trials, or one trial drawn at ``"random"`` for each query.
        settings: Settings of the strategy, as its dataclass or as names and values.
        constraints: Cheap predicates on the graph and bounds on measured metrics.
        stop_at_optimum: End once an architecture with the best known value is evaluated (for counting queries to
            the optimum; a strategy does not know).

    Attributes:
        stop: Why it ended: ``"budget"``, ``"optimum"``, ``"exhausted"`` (the strategy proposed nothing) or
            ``"stalled"`` (10,000 free answers in a row); None while it runs.

    Raises:
        UnknownName: No benchmark, strategy or metric has this name.
        InvalidSetting: A value is out of range.
        NotSupported: The strategy does not run on the benchmark.
    """

    def __init__(
        self,
        benchmark: Benchmark | str,
        strategy: type[Strategy] | str,
        *,
        budget: int,
        seed: int,
        metric: str | None = None,
        signal: Signal = "mean",
        settings: Settings | Mapping[str, Any] | None = None,
        constraints: Sequence[Constraint] = (),
        stop_at_optimum: bool = False,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise InvalidSetting(f"seed must be an integer of at least 0, not {seed!r}")
        if isinstance(budget, bool) or not isinstance(budget, int | np.integer):
            raise InvalidSetting(f"budget must be a number of queries, not {budget!r}")
        self.benchmark = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
        self.budget, self.seed, self.signal = int(budget), int(seed), signal
        strategy_class = load_strategy(strategy) if isinstance(strategy, str) else strategy
        objective = self.benchmark.metric(metric)
        task = self._training_task(strategy_class) if strategy_class.needs_training_task else None
        measured = [c.metric.name for c in constraints if isinstance(c, MeasuredConstraint)]
        self.problem = Problem(
            space=self.benchmark.space,
            objectives=(objective,),
            budget=self.budget,
            constraints=tuple(constraints),
            fidelities=self.benchmark.fidelities(objective.name),
            fidelity=self.benchmark.fidelity,
            training_task=task,
        )
        if not isinstance(settings, Settings):
            settings = make_settings(strategy_class, settings)
        strategy_seed, trial_seed = np.random.SeedSequence(self.seed).spawn(2)
        self.strategy = strategy_class(self.problem, rng=np.random.default_rng(strategy_seed), settings=settings)
        self.ledger = Ledger(
            self.benchmark,
            tuple(dict.fromkeys([objective.name, *measured])),
            budget=self.budget,
            signal=signal,
            rng=np.random.default_rng(trial_seed),
            refuse=self._refuse if self.problem.constraints else None,
        )
        # None while it runs, then why it ended.
        self.stop: Literal["budget", "optimum", "exhausted", "stalled"] | None = None
        self._target = objective.score(self.benchmark.optimum(objective.name).value) if stop_at_optimum else np.inf
        self._diagnostics = Diagnostics(self.strategy.name, (*TRACE_COLUMNS, *self.ledger.metrics[1:]))
        self._pending: list[Proposal] = []
        self._answered: list[Evaluation] = []
        self._repeats = 0

    def _training_task(self, strategy_class: type[Strategy]) -> TrainingTask:
        try:
            return self.benchmark.training_task()
        except NotSupported as error:
            raise NotSupported(f"{strategy_class.name!r} trains a network of its own, and {error}") from None

    def _refuse(self, architecture: Architecture) -> str | None:
        for constraint in self.problem.constraints:
            if isinstance(constraint, PredicateConstraint) and not constraint.allows(architecture):
                return f"violates the constraint {constraint.name!r}"
        return None

    # --- running -------------------------------------------------------------------------------------------------

    def run(self, queries: int | None = None, *, progress: Callable[[Study], None] | None = None) -> Study:
        """Run to the end, or until ``queries`` counted queries are made in all; returns itself.

        Args:
            queries: Stop at this many, ready to go on; None for the end.
            progress: Called after every evaluation.

        Raises:
            InvalidSetting: What the strategy's ``diagnostics`` gives cannot be a column of the trace.
        """
        while self.stop is None and (queries is None or self.ledger.queries < queries):
            self._advance()
            if progress is not None:
                progress(self)
        return self

    def _advance(self) -> None:
        """Take one proposal through the ledger; ask before and tell after where a batch begins or ends."""
        if not self._pending:
            started = time.perf_counter()
            asked = self.strategy.ask(1)
            if self.strategy.needs_training_task:
                self.ledger.charge(time.perf_counter() - started)
            # Answers that are free come before that query, so what is said at several asks may fall on one.
            self._diagnostics.record(self.ledger.queries + 1, self.strategy.diagnostics())
            if not asked:
                self.stop = "exhausted"
                return
            self._pending = [item if isinstance(item, Proposal) else Proposal(item) for item in asked]
            self._answered = []
        proposal = self._pending[0]
        try:
            evaluation = self.ledger.evaluate(proposal.architecture, proposal.fidelity)
        except BudgetExhausted:
            self.stop = "budget"
            return
        self._pending.pop(0)
        self._answered.append(evaluation)
        if evaluation.counted:
            self._repeats = 0
            if evaluation.failure is None and self.problem.score(evaluation) >= self._target:
                self.stop = "optimum"
        else:
            self._repeats += 1
            if self._repeats >= _MOST_REPEATS:
                self.stop = "stalled"
        if not self._pending:
            self.strategy.tell(self._answered)
        if self.stop is None and self.ledger.exhausted:
            self.stop = "budget"

    # --- results -------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[Entry]:
        """Every counted query in order."""
        return self.ledger.entries

    @property
    def diagnostics(self) -> Diagnostics:
        """What the strategy said of itself; each value stands at the query that its proposal became."""
        return self._diagnostics

    @property
    def best(self) -> Evaluation:
        """The best evaluation so far, the first among equals.

        Raises:
            InvalidSetting: Nothing was evaluated, or nothing that meets the constraints.
        """
        candidates = [entry.evaluation for entry in self.entries if self.problem.feasible(entry.evaluation)]
        if not candidates:
            raise InvalidSetting("nothing that meets the constraints was evaluated yet")
        return max(candidates, key=self.problem.score)

    @property
    def trace(self) -> pandas.DataFrame:
        """One row a counted query.

        Columns: query, architecture, value, best_so_far, simulated_seconds, wall_seconds, trial, fidelity, failure;
        measured constraints are further columns under the names of their metrics. After them there is a column for
        each diagnostic that the strategy recorded, under its name, with NaN at queries where it recorded nothing.
        """
        return trace_frame(self.entries, self.problem, self.ledger.metrics, self._diagnostics)

    # --- saving and resuming ---------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that :meth:`load_state` needs to go on at this very query, as JSON values and numpy arrays."""
        space = self.problem.space
        return {
            "identity": self._identity(),
            "strategy": self.strategy.state(),
            "ledger": self.ledger.state(),
            "diagnostics": self._diagnostics.state(),
            "pending": [[list(space.encode(item.architecture)), item.fidelity] for item in self._pending],
            "answered": [_record(space.encode(evaluation.architecture), evaluation) for evaluation in self._answered],
            "repeats": self._repeats,
            "stop": self.stop,
        }

    def load_state(self, state: Mapping[str, Any]) -> Study:
        """Go on from a state that a study of the same benchmark, strategy, budget and seed saved; returns itself.

        Raises:
            InvalidSetting: The state is of another study, or this study has already begun.
        """
        if state["identity"] != self._identity():
            raise InvalidSetting(f"the state is of the study {state['identity']}, this is {self._identity()}")
        decode = self.problem.space.decode
        self.ledger.load_state(state["ledger"])
        self.strategy.load_state(state["strategy"])
        self._diagnostics.load_state(state["diagnostics"])
        self._pending = [Proposal(decode(genotype), fidelity) for genotype, fidelity in state["pending"]]
        self._answered = [
            Evaluation(decode(record.pop("genotype")), **record) for record in map(dict, state["answered"])
        ]
        self._repeats = state["repeats"]
        self.stop = state["stop"]
        return self

    def save(self, path: str | Path) -> None:
        """Write :meth:`state` to a file, atomically (numpy's ``.npz``; nothing is pickled)."""
        write_state(Path(path), self.state())

    def load(self, path: str | Path) -> Study:
        """Go on from a file that :meth:`save` wrote; returns itself.

        Raises:
            DataError: The file is missing or damaged.
            InvalidSetting: It is of another study.
        """
        return self.load_state(read_state(Path(path)))

    def _identity(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark.name,
            "source": self.benchmark.source,
            "strategy": self.strategy.name,
            "metric": self.ledger.metrics[0],
            "budget": self.budget,
            "seed": self.seed,
            "signal": self.signal,
        }

    def __repr__(self) -> str:
        done = f"{self.ledger.queries} of {self.budget} queries"
        return f"<Study {self.strategy.name} on {self.benchmark.name}, seed {self.seed}: {done}>"


def _record(genotype: Sequence[int], evaluation: Evaluation) -> dict[str, Any]:
    return {
        "genotype": list(genotype),
        "values": dict(evaluation.values),
        "query": evaluation.query,
        "counted": evaluation.counted,
        "fidelity": evaluation.fidelity,
        "trial": evaluation.trial,
        "cost_seconds": evaluation.cost_seconds,
        "failure": evaluation.failure,
    }


def search(
    benchmark: Benchmark | str,
    strategy: type[Strategy] | str,
    *,
    budget: int = 150,
    seed: int = 0,
    metric: str | None = None,
    signal: Signal = "mean",
    settings: Settings | Mapping[str, Any] | None = None,
    constraints: Sequence[Constraint] = (),
    stop_at_optimum: bool = False,
    progress: Callable[[Study], None] | None = None,
) -> Study:
    """Run one study to its end; the arguments are those of :class:`Study`.

    >>> import ganas
    >>> study = ganas.search("nasbench201-cifar10", "local-search", budget=50, seed=0)
    >>> len(study.trace), study.stop
    (50, 'budget')
    """
    return Study(
        benchmark,
        strategy,
        budget=budget,
        seed=seed,
        metric=metric,
        signal=signal,
        settings=settings,
        constraints=constraints,
        stop_at_optimum=stop_at_optimum,
    ).run(progress=progress)
