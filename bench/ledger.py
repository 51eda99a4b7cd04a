"""The ledger: the only door from a study to its benchmark, and the place where queries are paid."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from ganas.bench.benchmark import Benchmark
from ganas.bench.metric import Evaluation, Result
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import BudgetExhausted, InvalidSetting, NotMeasured, TrainingFailed, closest_match

__all__ = ["Entry", "Ledger", "Signal"]

Signal = Literal["mean", "random"]

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """One counted query, with the totals after it.

    Attributes:
        evaluation: What the strategy was told.
        simulated_seconds: Training seconds charged so far, on the benchmark's own machine, those of a search that
            trains a network of its own included.
        wall_seconds: Seconds since the study began, resumes added up.
    """

    evaluation: Evaluation
    simulated_seconds: float
    wall_seconds: float


class Ledger:
    """Charges a study for what it asks of a benchmark.

    An architecture evaluated before (by the space's ``identity_key``, at the same fidelity) is free and not counted.
    A refused one (``refuse``) is free as well. Everything else costs one query and the seconds of one training up to
    the fidelity asked for, whatever the reduction; a higher fidelity of the same architecture is charged from the
    start. When the budget is used up it raises. What a one-shot search spends on its own network is charged as well
    (:meth:`charge`), and with the first query what the benchmark trained for all of them: seconds, no query.

    Args:
        benchmark: Where the answers come from.
        metrics: Names of the metrics that one evaluation brings; the first is the objective.
        budget: The most counted queries; None for no limit.
        signal: ``"mean"`` over trials, or one trial drawn at ``"random"`` for each counted query.
        rng: Draws the trials; used with ``signal="random"`` only.
        refuse: Returns None, or one line on why a proposal is not to be evaluated.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        metrics: Sequence[str],
        *,
        budget: int | None,
        signal: Signal = "mean",
        rng: np.random.Generator,
        refuse: Callable[[Architecture], str | None] | None = None,
    ) -> None:
        if signal not in ("mean", "random"):
            raise InvalidSetting(
                f"signal must be mean or random, not {signal!r}{closest_match(signal, ['mean', 'random'])}"
            )
        self.benchmark = benchmark
        self.metrics = tuple(metrics)
        self.budget = budget
        self.signal = signal
        self.rng = rng
        self.entries: list[Entry] = []
        self.simulated_seconds = 0.0
        self.search_seconds = 0.0
        self._refuse = refuse
        self._known: dict[tuple[int, int | None], Evaluation] = {}
        self._identity_key = benchmark.space.identity_key
        self._started = time.perf_counter()

    @property
    def queries(self) -> int:
        """Counted queries so far."""
        return len(self.entries)

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up."""
        return self.budget is not None and len(self.entries) >= self.budget

    @property
    def wall_seconds(self) -> float:
        """Seconds since the study began, resumes added up."""
        return time.perf_counter() - self._started

    def charge(self, seconds: float) -> None:
        """Charge what was spent on training a network of many architectures, by a one-shot search or a benchmark.

        Args:
            seconds: Measured on this machine, which is that of the benchmark.
        """
        self.search_seconds += seconds
        self.simulated_seconds += seconds

    def evaluate(self, architecture: Architecture, fidelity: int | None = None) -> Evaluation:
        """Answer one proposal and charge for it.

        Args:
            architecture: An architecture of the benchmark's space.
            fidelity: The epoch or the run to evaluate at, as the benchmark's ``fidelity`` says; None for the full
                training.

        Raises:
            BudgetExhausted: It is new and the budget is used up.
            WrongSpace: It is of another space.
        """
        key = (self._identity_key(architecture), fidelity)
        known = self._known.get(key)
        if known is not None:
            return known
        if self._refuse is not None:
            reason = self._refuse(architecture)
            if reason is not None:
                return Evaluation(architecture, counted=False, fidelity=fidelity, failure=reason)
        if self.exhausted:
            raise BudgetExhausted(f"the budget of {self.budget} queries is used up")
        evaluation = self._ask(architecture, fidelity)
        if not self.entries:
            self.charge(self.benchmark.preparation_seconds(self.metrics))
        self._enter(key, evaluation, self.simulated_seconds + evaluation.cost_seconds, self.wall_seconds)
        return evaluation

    def _ask(self, architecture: Architecture, fidelity: int | None) -> Evaluation:
        query = len(self.entries) + 1
        trial = None
        try:
            if self.signal == "random":
                trials = self._result(architecture, self.metrics[0], fidelity, None).trials
                trial = int(self.rng.choice(trials)) if trials else None
            values, cost = {}, 0.0
            for name in self.metrics:
                result = self._result(architecture, name, fidelity, trial)
                values[name] = result.value
                if fidelity is None or self._has_fidelities(name):
                    cost = max(cost, result.cost_seconds)
        except NotMeasured as error:
            # What a training took before it broke down was spent.
            spent = error.cost_seconds if isinstance(error, TrainingFailed) else 0.0
            return Evaluation(architecture, _NOTHING, query, True, fidelity, trial, spent, str(error))
        return Evaluation(architecture, values, query, True, fidelity, trial, cost)

    def _result(self, architecture: Architecture, name: str, fidelity: int | None, trial: int | None) -> Result:
        """One metric of the training that is paid for; what has no epochs or trials is asked without."""
        if fidelity is None and trial is None:
            return self.benchmark.query(architecture, name)
        if trial is not None and not self.benchmark.num_trials(architecture, name):
            trial = None
        held = fidelity if self._has_fidelities(name) else None
        if self.benchmark.fidelity == "run":
            return self.benchmark.query(architecture, name, trial=trial, run=held)
        return self.benchmark.query(architecture, name, epoch=held, trial=trial)

    def _has_fidelities(self, name: str) -> bool:
        """Whether a metric depends on the fidelity; asking for one that does not costs no longer training."""
        metric = self.benchmark.metric(name)
        return metric.run is not None if self.benchmark.fidelity == "run" else bool(metric.epochs)

    def _enter(
        self, key: tuple[int, int | None], evaluation: Evaluation, simulated_seconds: float, wall_seconds: float
    ) -> None:
        self.simulated_seconds = simulated_seconds
        self.entries.append(Entry(evaluation, self.simulated_seconds, wall_seconds))
        # What comes again is told as free; made once here because a search may ask for it many times.
        self._known[key] = replace(evaluation, counted=False, cost_seconds=0.0)

    def state(self) -> dict[str, Any]:
        """Every entry and the generator, as JSON values and numpy arrays."""
        evaluations = [entry.evaluation for entry in self.entries]
        space = self.benchmark.space
        return {
            "rng": self.rng.bit_generator.state,
            "genotypes": space.encode_many([evaluation.architecture for evaluation in evaluations]),
            "values": [dict(evaluation.values) for evaluation in evaluations],
            "fidelities": [evaluation.fidelity for evaluation in evaluations],
            "trials": [evaluation.trial for evaluation in evaluations],
            "failures": [evaluation.failure for evaluation in evaluations],
            "costs": np.array([evaluation.cost_seconds for evaluation in evaluations], dtype=np.float64),
            "simulated_seconds": np.array([entry.simulated_seconds for entry in self.entries], dtype=np.float64),
            "simulated_total": self.simulated_seconds,
            "search_seconds": self.search_seconds,
            "wall_seconds": np.array([entry.wall_seconds for entry in self.entries], dtype=np.float64),
            "wall_total": self.wall_seconds,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned; only for a ledger that has no entry yet."""
        if self.entries:
            raise InvalidSetting("a state is loaded into a ledger without entries")
        space = self.benchmark.space
        for index, genotype in enumerate(np.asarray(state["genotypes"]).tolist()):
            architecture = space.decode(genotype)
            fidelity = state["fidelities"][index]
            evaluation = Evaluation(
                architecture,
                dict(state["values"][index]),
                index + 1,
                True,
                fidelity,
                state["trials"][index],
                float(state["costs"][index]),
                state["failures"][index],
            )
            seconds = float(state["simulated_seconds"][index]), float(state["wall_seconds"][index])
            self._enter((self._identity_key(architecture), fidelity), evaluation, *seconds)
        self.simulated_seconds = float(state["simulated_total"])
        self.search_seconds = float(state["search_seconds"])
        self.rng.bit_generator.state = state["rng"]
        self._started = time.perf_counter() - float(state["wall_total"])
