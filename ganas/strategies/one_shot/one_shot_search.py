"""The frame of one-shot searches: epochs that make a proposal, roll-backs of broken ones, and what is saved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from ganas.bench.metric import Evaluation
from ganas.bench.training.protocol import Protocol
from ganas.bench.training.training_task import TrainingTask
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting, TrainingFailed, missing_torch
from ganas.strategies.one_shot.one_shot_settings import OneShotSettings
from ganas.strategy import Problem, Settings, Strategy

if TYPE_CHECKING:
    from ganas.bench.training.devices import Compute

__all__ = ["OneShotSearch"]

_Found = TypeVar("_Found")


class OneShotSearch(Strategy):
    """Trains one network that holds all architectures, and proposes what it comes to.

    Every :meth:`ask` trains for some epochs and gives one architecture, whatever the count asked for; after the last
    epoch of the recipe it gives none. What it is told changes nothing.

    A subclass says in :meth:`_supported` what it runs on, trains in :meth:`_train`, and adds its networks to
    :meth:`state` and :meth:`load_state`.
    """

    settings_class: ClassVar[type[Settings]] = OneShotSettings
    needs_training_task: ClassVar[bool] = True

    _task: TrainingTask
    _recipe: Protocol

    def __init__(self, problem: Problem, *, rng: np.random.Generator, settings: Settings | None = None) -> None:
        super().__init__(problem, rng=rng, settings=settings)
        self._task = self._supported(problem)
        try:
            import torch  # noqa: F401
        except ImportError:
            raise missing_torch(self.name) from None
        chosen = cast("OneShotSettings", self.settings)
        self._epochs_per_proposal = chosen.epochs_per_proposal
        self._recipe = replace(self._task.protocol, **chosen.changes)
        self._done = 0
        self._rollbacks = 0
        self._said: dict[str, float] = {}

    @abstractmethod
    def _supported(self, problem: Problem) -> TrainingTask:
        """The training task of a problem that the search runs on.

        Raises:
            NotSupported: It does not run on the space, or cannot learn from such training data.
        """

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, count: int = 1) -> Sequence[Architecture]:
        """Train, and give the architecture that was come to; none after the last epoch.

        Raises:
            DataError: The training data are missing, damaged or too few.
            TrainingFailed: The loss was no finite number, more often than the recipe allows.
            NotEnoughMemory: The network does not fit into the memory of the device.
        """
        self._said = {}
        epochs = min(self._epochs_per_proposal, self._recipe.epochs - self._done)
        if epochs < 1:
            return []
        from ganas.strategies.one_shot.training_place import training_place

        with training_place(self._task, self.name) as compute:
            for _ in range(epochs):
                said = self._train(compute)
                self._done += 1
            self._said = said
            return [self._proposal()]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing to learn: the architecture is learned from the training data."""

    def diagnostics(self) -> Mapping[str, float]:
        """What the last epoch said of itself."""
        return dict(self._said)

    @abstractmethod
    def _train(self, compute: Compute) -> dict[str, float]:
        """Train for the epoch after those that are done; its diagnostics."""

    @abstractmethod
    def _proposal(self) -> Architecture:
        """The architecture that the search has come to."""

    def _until_finite(self, train: Callable[[], _Found | None], restore: Callable[[], None]) -> _Found:
        """Train for an epoch, again where a loss is no finite number, as often as the recipe allows.

        Args:
            train: Trains with draws of its own every time; None where a loss is no finite number.
            restore: Brings back what was learned before the epoch.

        Raises:
            TrainingFailed: It was none more often than that.
        """
        while True:
            found = train()
            if found is not None:
                return found
            self._rollbacks += 1
            if self._rollbacks > self._recipe.rollbacks:
                raise TrainingFailed(
                    f"the search broke down in epoch {self._done + 1}: the loss was no finite number, for the "
                    f"{self._rollbacks}. time; a smaller learning_rate may help"
                )
            restore()

    # --- saving ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """How far the search is; a subclass adds its networks with their optimisers."""
        return {
            **super().state(),
            "recipe": self._recipe.label,
            "done": self._done,
            "rollbacks": self._rollbacks,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on with what was saved.

        Raises:
            InvalidSetting: The state is of other settings or of another recipe.
        """
        if state["recipe"] != self._recipe.label:
            raise InvalidSetting(f"the state was saved with the recipe {state['recipe']}, not {self._recipe.label}")
        super().load_state(state)
        self._done, self._rollbacks = int(state["done"]), int(state["rollbacks"])
        self._said = {}

    @contextmanager
    def _restoring(self) -> Iterator[Compute]:
        """Where networks are made to take saved weights; what is drawn for that is not missing afterwards."""
        from ganas.strategies.one_shot.training_place import training_place

        drawn = self.rng.bit_generator.state
        with training_place(self._task, self.name) as compute:
            yield compute
        self.rng.bit_generator.state = drawn
