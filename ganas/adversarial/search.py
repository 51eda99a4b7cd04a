"""The strategy ``ganas``: a generator that proposes and a discriminator ensemble that ranks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.adversarial.dependencies import require_torch
from ganas.adversarial.diagnostics import DIAGNOSTIC_NOTE, DIAGNOSTIC_TITLES
from ganas.adversarial.search_settings import GANASSettings
from ganas.adversarial.truth import VIOLATION_REWARD, truth_members
from ganas.bench.metric import Evaluation
from ganas.bench.single_thread import one_thread
from ganas.spaces.architecture import Architecture
from ganas.strategies.drawing import draw_allowed
from ganas.strategies.proposals import ProposalPool, crossovers, mutants
from ganas.strategy import Problem, Settings, Strategy

if TYPE_CHECKING:
    from ganas.adversarial.actor import Actor
    from ganas.adversarial.ranking.ensemble import Ensemble

__all__ = ["GANAS"]

_LOG = logging.getLogger("ganas.adversarial")

# The smallest truth set of a shrinking schedule, as a share of the largest.
_LEAST_SHARE = 0.2


class GANAS(Strategy):
    """GA-NAS with a discriminator that ranks.

    The idea is that of Rezaei et al., "Generative Adversarial Neural Architecture Search", IJCAI 2021,
    https://arxiv.org/abs/2105.09356: a generator learns from a discriminator, which has learnt from the best
    architectures so far, so that learning costs no query. What differs, and is ours:

    - The discriminator is an ensemble of rankers that learns from everything evaluated, graded by rank, instead of
      the truth set against generated architectures. It is relativistic: the score of one architecture less that of
      another says which is better; and it also chooses what is evaluated.
    - It sees structural features of the live part of the graph by default.
    - The generator, paid with the probability that a sample beats a member of the truth set, is one source of
      proposals among others: mutants and crossovers of the truth set, and random draws. Only proposals are ranked,
      never the whole space.

    Failed evaluations and those that violate a measured constraint count as worst and are never in the truth set.
    """

    name: ClassVar[str] = "ganas"
    title: ClassVar[str] = "GA-NAS: a generator proposes, a discriminator ensemble ranks (after Rezaei et al., 2021)"
    settings_class: ClassVar[type[Settings]] = GANASSettings
    diagnostic_titles: ClassVar[Mapping[str, str]] = DIAGNOSTIC_TITLES
    diagnostic_note: ClassVar[str] = DIAGNOSTIC_NOTE
    settings: GANASSettings

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        require_torch()
        import torch

        from ganas.adversarial.ranking.ensemble import Ensemble

        initial = self.settings.initial_samples
        self._initial_samples = max(initial if problem.budget is None else min(initial, problem.budget // 3), 1)
        self._random = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._ensemble: Ensemble = Ensemble(problem.space, self.settings, rng=rng, random=self._random)
        self._pool = ProposalPool(problem, self._ensemble.features, self.settings.pool_size)
        self._actor: Actor | None = None
        self._trained_at = -1  # how much was evaluated when the generator was last trained
        self._evaluated: list[Architecture] = []
        self._rows: NDArray[np.float32] = self._ensemble.features.rows([])
        self._scores: list[float] = []
        self._seen: set[int] = set()  # identity keys of everything evaluated or queued
        self._queue: list[Architecture] = []
        self._started = False
        self._latest: dict[str, float] = {}

    # --- proposing -----------------------------------------------------------------------------------------------

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """The next of the batch, which is chosen where the last one is used up; nothing where the space is."""
        self._latest = {}
        if not self._queue:
            with one_thread():
                self._choose_batch()
        proposals, self._queue = self._queue[:count], self._queue[count:]
        return proposals

    def _choose_batch(self) -> None:
        """Queue the initial sample, or the proposals that rank first."""
        if not self._started:
            self._started = True
            self._queue_uniform(self._initial_samples)
            return
        scores = np.array(self._scores, dtype=np.float64)
        truth = self._truth(scores)
        if len(truth) < 2:
            self._queue_uniform(1)
            return
        accuracy = self._ensemble.fit(self._evaluated, self._rows, scores, len(truth))
        self._extend_pool(truth, scores, accuracy)
        settings = self.settings
        uniform = int((self.rng.random(settings.batch_size) < settings.exploration).sum())
        self._queue_best(settings.batch_size - uniform)
        missing = settings.batch_size - uniform - len(self._queue)
        if missing:
            _LOG.info("%s: after %d queries %d proposals were missing: uniform draws", self.name, len(scores), missing)
        if self._latest:
            self._latest["filled"] = float(missing)
        self._queue_uniform(uniform + missing)
        if len(self._queue) < settings.batch_size:
            # Predicates may allow so little of a large space that uniform draws find nothing, and proposals be left.
            self._queue_best(settings.batch_size - len(self._queue))

    def _full_size(self, evaluated: int) -> int:
        """How many members the truth set has once enough is evaluated; it never grows."""
        size = float(self.settings.truth_size)
        if self.settings.truth_schedule == "shrinking" and self.problem.budget is not None:
            size *= 1 - (1 - _LEAST_SHARE) * min(evaluated / self.problem.budget, 1.0)
        return max(2, round(size))

    def _truth(self, scores: NDArray[np.float64]) -> list[int]:
        """Numbers of the members of the truth set; while it grows, half of what is evaluated."""
        return truth_members(scores, max(2, min(self._full_size(len(scores)), len(scores) // 2)))

    def _queue_best(self, count: int) -> None:
        """Queue at most ``count`` proposals, those that rank first, or any where the selection is plain."""
        pool = self._pool
        if not count or not len(pool):
            return
        if self.settings.selection == "plain":
            ranks = self.rng.random(len(pool))
        else:
            ranks = self._ensemble.score(pool.architectures, pool.rows, optimism=self.settings.optimism)
        for architecture in pool.take(ranks, count):
            self._seen.add(self.problem.space.identity_key(architecture))
            self._queue.append(architecture)

    def _queue_uniform(self, count: int) -> None:
        """Queue at most ``count`` architectures of the space's own distribution that are not known yet."""
        for _ in range(count):
            drawn = draw_allowed(self.problem, rng=self.rng, seen=self._seen)
            if drawn is None:
                return
            key = self.problem.space.identity_key(drawn)
            self._seen.add(key)
            self._pool.discard(key)
            self._queue.append(drawn)

    def _extend_pool(self, truth: list[int], scores: NDArray[np.float64], accuracy: float) -> None:
        """Add new proposals of every source; train the generator when it is time."""
        settings, space = self.settings, self.problem.space
        members = [self._evaluated[number] for number in truth]
        # A pool that is empty is filled at once.
        wanted = settings.new_proposals if len(self._pool) else max(settings.new_proposals, settings.pool_size)
        counts = {name: round(share * wanted) for name, share in settings.shares().items()}
        if counts["generator"]:
            self._pool.add(self._generated(members, truth, scores, accuracy, counts["generator"]), self._seen)
        self._pool.add(mutants(space, members, counts["neighbours"], rng=self.rng), self._seen)
        self._pool.add(crossovers(space, members, counts["crossover"], rng=self.rng), self._seen)
        self._pool.add(space.sample(counts["random"], rng=self.rng), self._seen)

    def _generated(
        self, members: list[Architecture], truth: list[int], scores: NDArray[np.float64], accuracy: float, count: int
    ) -> list[Architecture]:
        """What the generator proposes, only after a training: its draws of the last one are in the pool already."""
        settings, space = self.settings, self.problem.space
        if self._trained_at >= 0 and len(scores) - self._trained_at < settings.generator_every:
            return []
        self._trained_at = len(scores)
        if self._actor is None or not settings.keep_generator:
            self._actor = self._new_actor()
        sequences = space.building_sequences(members)
        learned: dict[str, float] = {}
        drawn: list[Architecture] = []
        for _ in range(settings.generator_rounds):
            samples = self._actor.sample(settings.generator_samples, epsilon=settings.epsilon)
            drawn += samples.architectures
            paid, of_truth = self._rewards(members, self._rows[truth], samples.architectures)
            learned = self._actor.learn(samples, paid, sequences)
        proposed = self._actor.sample(count * settings.generator_every, epsilon=settings.epsilon).architectures
        keys = [space.identity_key(architecture) for architecture in proposed]
        self._latest = {
            "discriminator_accuracy": accuracy,
            "reward_truth": of_truth,
            "reward_generated": learned["mean_reward"],
            "entropy": learned["entropy"],
            "share_new": sum(key not in self._seen for key in keys) / len(keys),
            "share_unique": len(set(keys)) / len(keys),
            "divergence": self._actor.divergence(sequences, epsilon=settings.epsilon),
        }
        if len(truth) == self._full_size(len(scores)):
            # The direction of the objective is its own inverse.
            self._latest["kth_best"] = self.problem.objectives[0].score(self._scores[truth[-1]])
        return drawn + proposed

    def _new_actor(self) -> Actor:
        from ganas.adversarial.actor import Actor

        settings = self.settings
        return Actor(
            self.problem.space,
            method=settings.method,
            encoder=settings.generator_encoder,
            hidden=settings.generator_hidden,
            layers=settings.generator_layers,
            ppo_batch_size=settings.generator_samples,
            generator=self._random,
        )

    def _rewards(
        self, members: list[Architecture], rows: NDArray[np.float32], samples: list[Architecture]
    ) -> tuple[NDArray[np.float64], float]:
        """For each sample the mean probability that it beats a member; and that of one member against the others."""
        both = np.concatenate([rows, self._ensemble.features.rows(samples)])
        scores = self._ensemble.score([*members, *samples], both)
        beats = 1 / (1 + np.exp(scores[: len(members)] - scores[:, None]))
        paid = beats[len(members) :].mean(axis=1)
        allowed = [self.problem.allows(architecture) for architecture in samples]
        among = beats[: len(members)]
        of_truth = float((among.sum() - np.trace(among)) / (len(members) * (len(members) - 1)))
        return np.where(allowed, paid, VIOLATION_REWARD), of_truth

    def diagnostics(self) -> Mapping[str, float]:
        """What the training of the generator at the last :meth:`ask` gave, empty where it did not train.

        ``kth_best`` is left out until the truth set has its full size.
        """
        return dict(self._latest)

    # --- learning ------------------------------------------------------------------------------------------------

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Note values, failures as the worst; the ensemble learns when the next batch is chosen."""
        fresh = []
        for evaluation in evaluations:
            key = self.problem.space.identity_key(evaluation.architecture)
            self._seen.add(key)
            self._pool.discard(key)
            if evaluation.counted:
                fresh.append(evaluation.architecture)
                self._scores.append(self.problem.score(evaluation))
        self._evaluated += fresh
        self._rows = np.concatenate([self._rows, self._ensemble.features.rows(fresh)])

    def state(self) -> dict[str, Any]:
        """Everything evaluated, the pool, the queue, the rankers, the generator and torch's generator."""
        from ganas.adversarial.saved_state import state_arrays

        encode = self.problem.space.encode_many
        return {
            **super().state(),
            "random": state_arrays(self._random),
            "ensemble": self._ensemble.state(),
            "actor": None if self._actor is None else self._actor.state(),
            "trained_at": self._trained_at,
            "started": self._started,
            "pool": self._pool.state(),
            "evaluated": encode(self._evaluated),
            "scores": np.array(self._scores, dtype=np.float64),
            "seen": sorted(self._seen),
            "queue": encode(self._queue),
            "latest": dict(self._latest),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        from ganas.adversarial.saved_state import load_state_arrays

        # First, for it raises where the settings are others.
        super().load_state(state)
        decode = self.problem.space.decode
        self._ensemble.load_state(state["ensemble"])
        if state["actor"] is not None:
            self._actor = self._new_actor()
            self._actor.load_state(state["actor"])
        self._trained_at = state["trained_at"]
        self._started = state["started"]
        self._pool.load_state(np.asarray(state["pool"]))
        self._evaluated = [decode(genotype) for genotype in np.asarray(state["evaluated"]).tolist()]
        self._rows = self._ensemble.features.rows(self._evaluated)
        self._scores = np.asarray(state["scores"]).tolist()
        self._seen = set(state["seen"])
        self._queue = [decode(genotype) for genotype in np.asarray(state["queue"]).tolist()]
        self._latest = dict(state["latest"])
        # Last, and again: new networks drew from both generators.
        super().load_state(state)
        load_state_arrays(self._random, state["random"])
