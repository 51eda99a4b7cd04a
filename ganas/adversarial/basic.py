"""The strategy ``ganas-basic``: the algorithm of the paper as far as it is known, and nothing added."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ganas.adversarial.basic_settings import GANASBasicSettings
from ganas.adversarial.dependencies import require_torch
from ganas.adversarial.diagnostics import BASIC_DIAGNOSTIC_NOTE, DIAGNOSTIC_TITLES
from ganas.adversarial.truth import truth_members
from ganas.bench.metric import Evaluation
from ganas.bench.single_thread import one_thread
from ganas.spaces.architecture import Architecture
from ganas.strategies.drawing import draw_allowed
from ganas.strategy import Problem, Settings, Strategy

if TYPE_CHECKING:
    from ganas.adversarial.training import AdversarialTraining

__all__ = ["GANASBasic"]

_LOG = logging.getLogger("ganas.adversarial")

# Batches that are drawn from the generator for one round of evaluations before uniform draws fill it up.
_MOST_BATCHES = 10


class GANASBasic(Strategy):
    """A generator and a discriminator trained against each other; what the generator draws is evaluated.

    Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021, https://arxiv.org/abs/2105.09356:

    1. A random sample is evaluated.
    2. The truth set is the best of everything evaluated so far that meets the constraints; the first among equals.
    3. Generator and discriminator are trained against each other, which costs no query: the discriminator on pairs of
       members of the truth set and pairs of a member and a generated architecture, the generator by reinforcement
       learning, paid with the discriminator's output.
    4. The first architectures that the generator then draws, which were not evaluated before, are. Back to 2.

    Ours are, besides every number: the random start; the exploration share; that a sample which violates a cheap
    predicate is paid -1; that uniform draws fill up where the generator repeats itself; and that single random
    architectures are evaluated while fewer than two meet the constraints.

    A round is queued at once and asked one by one. What failed is never a member of the truth set.
    """

    name: ClassVar[str] = "ganas-basic"
    title: ClassVar[str] = "GA-NAS as far as the paper is known: generator against discriminator (Rezaei et al., 2021)"
    settings_class: ClassVar[type[Settings]] = GANASBasicSettings
    diagnostic_titles: ClassVar[Mapping[str, str]] = DIAGNOSTIC_TITLES
    diagnostic_note: ClassVar[str] = BASIC_DIAGNOSTIC_NOTE
    settings: GANASBasicSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        require_torch()
        import torch

        from ganas.adversarial.training import AdversarialTraining

        initial = self.settings.initial_samples
        self._initial_samples = initial if problem.budget is None else min(initial, problem.budget // 3)
        # Fixed for the whole search: the value of the last member of a growing set could fall.
        self._truth_size = max(2, min(self.settings.truth_size, self._initial_samples // 2))
        self._random = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._training: AdversarialTraining = AdversarialTraining(problem.space, self.settings, random=self._random)
        self._trainings = 0
        self._started = False
        self._evaluated: list[Architecture] = []
        self._scores: list[float] = []
        self._seen: set[int] = set()  # identity keys of everything evaluated, failed or queued
        self._queue: list[Architecture] = []
        self._latest: dict[str, float] = {}

    # --- proposing -----------------------------------------------------------------------------------------------

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The next of the round, which is made where the last one is used up; nothing where the space is."""
        self._latest = {}
        if not self._queue:
            with one_thread():
                self._begin_round()
        proposals, self._queue = self._queue[:count], self._queue[count:]
        return proposals

    def _begin_round(self) -> None:
        """Queue the initial sample, or what a newly trained generator draws."""
        truth = self._truth()
        if not self._started:
            self._started = True
            self._draw_uniform(max(self._initial_samples, 1))
        elif len(truth) < 2:
            self._draw_uniform(1)
        else:
            self._trainings += 1
            epsilon = self.settings.epsilon(self._trainings)
            diagnostics = self._training.train(
                [self._evaluated[number] for number in truth], epsilon=epsilon, allows=self.problem.allows
            )
            diagnostics |= self._draw_generated(epsilon)
            if len(truth) == self._truth_size:
                # The direction of the objective is its own inverse.
                diagnostics["kth_best"] = self.problem.objectives[0].score(self._scores[truth[-1]])
            self._latest = diagnostics

    def _truth(self) -> list[int]:
        """Numbers of the members of the truth set."""
        return truth_members(np.array(self._scores, dtype=np.float64), self._truth_size)

    def _draw_generated(self, epsilon: float) -> dict[str, float]:
        """Queue a round of new architectures that the generator draws, filled up with uniform ones."""
        identity = self.problem.space.identity_key
        wanted = self.settings.evaluations_per_round
        diagnostics: dict[str, float] = {}
        for _ in range(_MOST_BATCHES):
            drawn = self._training.actor.sample(self.settings.fakes, epsilon=epsilon).architectures
            keys = [identity(architecture) for architecture in drawn]
            if not diagnostics:
                diagnostics["share_new"] = sum(key not in self._seen for key in keys) / len(keys)
                diagnostics["share_unique"] = len(set(keys)) / len(keys)
            for key, architecture in zip(keys, drawn, strict=True):
                if len(self._queue) < wanted and key not in self._seen and self.problem.allows(architecture):
                    self._seen.add(key)
                    self._queue.append(architecture)
            if len(self._queue) == wanted:
                break
        missing = wanted - len(self._queue)
        filled = self._draw_uniform(missing)
        if missing:
            _LOG.info(
                "training %d of %s: the generator drew %d of %d new architectures in %d; uniform draws: %d",
                self._trainings,
                self.name,
                wanted - missing,
                wanted,
                _MOST_BATCHES * self.settings.fakes,
                filled,
            )
        return {**diagnostics, "filled": float(filled)}

    def _draw_uniform(self, count: int) -> int:
        """Queue at most ``count`` architectures of the space's own distribution that are not known yet; how many."""
        for number in range(count):
            drawn = draw_allowed(self.problem, rng=self.rng, seen=self._seen)
            if drawn is None:
                return number
            self._seen.add(self.problem.space.identity_key(drawn))
            self._queue.append(drawn)
        return count

    def diagnostics(self) -> Mapping[str, float]:
        """What the training of the last :meth:`ask` gave, empty where it did not train.

        ``kth_best`` is left out while fewer architectures than the truth set has members meet the constraints.
        """
        return dict(self._latest)

    # --- learning ------------------------------------------------------------------------------------------------

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Note values and failures; the networks learn when the next round begins."""
        for evaluation in evaluations:
            self._seen.add(self.problem.space.identity_key(evaluation.architecture))
            if evaluation.failure is None and evaluation.counted:
                self._evaluated.append(evaluation.architecture)
                self._scores.append(self.problem.score(evaluation))

    def state(self) -> dict[str, Any]:
        """Everything evaluated, the queue, the networks, torch's generator and the diagnostics of the last ask."""
        from ganas.adversarial.saved_state import state_arrays

        space = self.problem.space
        return {
            **super().state(),
            "random": state_arrays(self._random),
            "training": self._training.state(),
            "trainings": self._trainings,
            "started": self._started,
            "evaluated": space.encode_many(self._evaluated),
            "scores": np.array(self._scores, dtype=np.float64),
            "seen": sorted(self._seen),
            "queue": space.encode_many(self._queue),
            "latest": dict(self._latest),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        from ganas.adversarial.saved_state import load_state_arrays

        super().load_state(state)
        decode = self.problem.space.decode
        load_state_arrays(self._random, state["random"])
        self._training.load_state(state["training"])
        self._trainings = state["trainings"]
        self._started = state["started"]
        self._evaluated = [decode(genotype) for genotype in np.asarray(state["evaluated"]).tolist()]
        self._scores = np.asarray(state["scores"]).tolist()
        self._seen = set(state["seen"])
        self._queue = [decode(genotype) for genotype in np.asarray(state["queue"]).tolist()]
        self._latest = dict(state["latest"])
