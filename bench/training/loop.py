"""The loop that every training goes through: epochs, validation, roll-backs, checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganas.bench.single_thread import one_thread
from ganas.bench.training.checkpoint import picture_path, read_checkpoint, snapshot, write_checkpoint
from ganas.bench.training.generators import (
    generators_now,
    generators_of_torch,
    memory_errors,
    seed_generators,
    set_generators,
)
from ganas.bench.training.history import History
from ganas.bench.training.identity import Identity
from ganas.bench.training.task import Task, Training
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting

if TYPE_CHECKING:
    import torch

    from ganas.bench.training.devices import Compute

__all__ = ["Progress", "TrainingLoop", "generators_of_torch", "memory_errors"]

# So often the progress is told at most, in seconds.
_TOLD = 0.2

# On a GPU looking at a loss waits for all that was asked of it, so it is looked at this often only.
_STEPS_UNSEEN = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        epoch: The epoch that it is in, from 1.
        epochs: How many there will be.
        done: The part of all its work that is done, from 0 to 1.
        items_per_second: How fast it learns, since it was begun or gone on with.
        item: What the items are called.
        seconds_left: About how long it will still take; None while nobody can say.
        values: What the last completed epoch gave; empty before the first.
    """

    epoch: int
    epochs: int
    done: float
    items_per_second: float
    item: str
    seconds_left: float | None
    values: Mapping[str, float]


class TrainingLoop:
    """Runs one training, in pieces if need be.

    With a checkpoint it is written after every epoch, and every ``every_steps`` steps; a loop made with the same
    arguments goes on from there to the numbers that the first would have come to, on the CPU bit for bit. What is
    random comes from the seed alone; torch's global generators are afterwards as they were before.

    A loss or a validation that is no finite number brings back weights and optimiser of the best epoch, or those of the
    beginning, and the epoch is begun again with other draws; after as many roll-backs as the protocol allows the
    training has failed.

    Args:
        task: What is trained.
        architecture: The network; None for a task that is of one network only.
        seed: Of initial weights, the order of the data and dropout.
        compute: Device, precision and the like.
        checkpoint: The file; None for none.
        every_steps: Write it after so many steps as well; None for after epochs only.
        progress: Called a few times a second.

    Raises:
        InvalidSetting: The seed or ``every_steps`` is out of range.
    """

    def __init__(
        self,
        task: Task,
        architecture: Architecture | None,
        *,
        seed: int,
        compute: Compute,
        checkpoint: Path | None = None,
        every_steps: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise InvalidSetting(f"the seed of a training must be a whole number of at least 0, not {seed!r}")
        if every_steps is not None and every_steps < 1:
            raise InvalidSetting(f"a checkpoint can be written every 1 or more steps, not every {every_steps}")
        self.task, self.architecture, self.seed, self.compute = task, architecture, seed, compute
        self.identity = Identity(task, architecture, seed)
        self.checkpoint, self.every_steps, self._report = checkpoint, every_steps, progress
        self.history = History()
        self._objective = task.metric(task.objective)
        self._learning: dict[str, float] = {}
        self._best: Any = None
        self._training: Training | None = None
        self._digest = ""
        self._steps = 0
        self._items_now, self._seconds_now = 0, 0.0
        self._clock, self._told_at = time.perf_counter(), -math.inf

    def run(self, until: int | None = None) -> History:
        """Train to the end, or until so many epochs are completed; returns what is known then.

        Raises:
            DataError: The data or the checkpoint are missing, damaged or of another training, or the disk is full.
            NotEnoughMemory: The network does not fit into the memory of the device.
            MissingDependency: A package is not installed.
        """
        last = self.task.protocol.epochs if until is None else min(until, self.task.protocol.epochs)
        with ExitStack() as stack:
            stack.enter_context(generators_of_torch(self.compute, self.seed))
            if self.compute.kind == "cpu":
                stack.enter_context(one_thread())
            stack.enter_context(memory_errors(self.task.describe(self.architecture), self.compute))
            training = self.task.start(self.architecture, seed=self.seed, compute=self.compute)
            self._training = training
            self._digest = self.task.digest()
            if not self._go_on(training):
                self._best = snapshot(training.learned())
                if self.compute.rank:
                    seed_generators(self.seed, self.compute)
            while not self.history.finished and len(self.history.epochs) < last:
                self._epoch(training)
            if not self.history.finished and len(self.history.epochs) == self.task.protocol.epochs:
                self._end(training)
        return self.history

    def kept_weights(self) -> dict[str, torch.Tensor]:
        """The weights that are kept at the end of a training that this loop has finished, by name."""
        return {} if self._training is None else self._training.kept_weights()

    # --- one epoch ---------------------------------------------------------------------------------------------------

    def _epoch(self, training: Training) -> None:
        """Complete an epoch, or begin it again until it has failed."""
        epoch = len(self.history.epochs) + 1
        if not self._learning:
            training.start_epoch(epoch)
            self._learning = {"loss": 0.0, "items": 0.0}
            self._steps = 0
        self._clock = time.perf_counter()
        values = self._learn(training, epoch)
        if values is not None:
            values |= training.evaluate("valid")
        self._spend()
        self._learning = {}
        if values is None or not all(map(math.isfinite, values.values())):
            self._roll_back(training, epoch)
            return
        if self.history.add(values, self._objective):
            self._best = snapshot(training.learned())
        training.finish_epoch(epoch, values)
        if self.checkpoint is not None and not self.compute.rank:
            training.save_picture(picture_path(self.checkpoint, epoch))
        self._save(training)

    def _learn(self, training: Training, epoch: int) -> dict[str, float] | None:
        """Take every step of the epoch; None once a loss is no number."""
        import torch

        learned = self._learning
        seen = 1 if self.compute.kind == "cpu" else _STEPS_UNSEEN
        unseen: list[tuple[torch.Tensor, int]] = []
        while True:
            step = training.step()
            if step is not None:
                loss = step.loss.detach().double() if self.compute.kind != "mps" else step.loss.detach()
                unseen.append((self._over_processes(loss), step.items * self.compute.processes))
                self._steps += 1
                self._items_now += unseen[-1][1]
            if unseen and (step is None or len(unseen) >= seen):
                losses = torch.stack([loss for loss, _ in unseen]).tolist()
                for value, (_, items) in zip(losses, unseen, strict=True):
                    learned["loss"] += value * items
                    learned["items"] += items
                unseen.clear()
                if not math.isfinite(learned["loss"]):
                    return None
            if step is None:
                return {"train_loss": learned["loss"] / max(learned["items"], 1.0)}
            if self.every_steps is not None and self._steps % self.every_steps == 0 and not unseen:
                self._spend()
                self._save(training)
                self._clock = time.perf_counter()
            self._tell(training, epoch)

    def _over_processes(self, loss: torch.Tensor) -> torch.Tensor:
        if self.compute.processes > 1:
            import torch.distributed

            torch.distributed.all_reduce(loss)
            loss /= self.compute.processes
        return loss

    def _roll_back(self, training: Training, epoch: int) -> None:
        self.history.rollbacks.append(epoch)
        allowed = self.task.protocol.rollbacks
        if len(self.history.rollbacks) > allowed:
            self.history.failure = (
                f"training with seed {self.seed} broke down in epoch {epoch}: the loss was no finite number, "
                f"for the {len(self.history.rollbacks)}. time"
            )
            self.history.finished = True
        else:
            training.load_learned(self._best)
        self._save(training)

    def _end(self, training: Training) -> None:
        """Measure on the test data the weights that are kept."""
        self._clock = time.perf_counter()
        last = training.evaluate("test") if self.task.measures_last else {}
        training.load_learned(self._best)
        self.history.final = training.evaluate("test") | {f"last_{name}": value for name, value in last.items()}
        self._spend()
        self.history.finished = True
        self._save(training)

    def _spend(self) -> None:
        spent = time.perf_counter() - self._clock
        self.history.seconds += spent
        self._seconds_now += spent

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self, training: Training) -> None:
        if self.checkpoint is None or self.compute.rank:
            return
        summary = {"identity": self.identity.record, "data": self._digest, "history": self.history.record()}
        state = {
            "learned": training.learned(),
            "best": self._best,
            "progress": training.progress(),
            "learning": self._learning,
            "steps": self._steps,
            "generators": generators_now(self.compute),
        }
        write_checkpoint(self.checkpoint, summary, state)

    def _go_on(self, training: Training) -> bool:
        """Load the checkpoint, if there is one."""
        found = None if self.checkpoint is None else read_checkpoint(self.checkpoint)
        if found is None:
            return False
        summary, state = found
        what = f"the checkpoint {self.checkpoint}"
        self.identity.check(summary.get("identity"), what)
        if summary.get("data") != self._digest:
            raise DataError(f"{what} was begun with other data of {self.task.dataset}: remove it to begin anew")
        self.history = History.from_record(summary.get("history"), what)
        try:
            training.load_learned(state["learned"])
            training.load_progress(state["progress"])
            self._best = state["best"]
            self._learning, self._steps = dict(state["learning"]), int(state["steps"])
            set_generators(self.compute, state["generators"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"{what} is damaged, remove it to begin anew: {' '.join(str(error).split()):.120}"
            ) from None
        if self.compute.rank:
            # The file is that of the first process, and the others draw other masks.
            seed_generators(self.seed + len(self.history.epochs) + 1, self.compute)
        return True

    # --- progress ----------------------------------------------------------------------------------------------------

    def _tell(self, training: Training, epoch: int) -> None:
        now = time.perf_counter()
        if self._report is None or now - self._told_at < _TOLD:
            return
        self._told_at = now
        here = min(1.0, self._learning["items"] / max(1, training.items_in_epoch))
        done = (epoch - 1 + here) / self.task.protocol.epochs
        passed = self.history.seconds + now - self._clock
        values = self.history.epochs[-1].values if self.history.epochs else {}
        rate = self._items_now / max(1e-9, self._seconds_now + now - self._clock)
        left = passed / done * (1 - done) if done > 0 else None
        self._report(Progress(epoch, self.task.protocol.epochs, done, rate, training.item, left, values))
