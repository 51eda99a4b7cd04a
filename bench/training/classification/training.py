"""One text classifier in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganas.bench.training.checkpoint import as_tensors
from ganas.bench.training.classification.model import WordClassifier
from ganas.bench.training.classification.prepared import DocumentBatch, PreparedTexts
from ganas.bench.training.classification.protocol import ClassificationProtocol
from ganas.bench.training.devices import Compute
from ganas.bench.training.length_batches import batch_order
from ganas.bench.training.optimiser_memory import optimiser_memory, restore_memory
from ganas.bench.training.task import Step, Training

__all__ = ["ClassificationTraining"]

# Batches of validation and test, where nothing is learned, are larger.
_MEASURED = 4


class ClassificationTraining(Training):
    """A text classifier with its corpus and optimiser.

    Where several processes train together, each has its part of every batch, and normalises by it; what evaluation
    normalises by is the mean over processes.

    Args:
        model: The classifier.
        texts: What it reads.
        protocol: The recipe.
        seed: Of the order of documents.
        compute: Device, precision and the like.
    """

    item = "documents"

    def __init__(
        self,
        model: WordClassifier,
        texts: PreparedTexts,
        protocol: ClassificationProtocol,
        *,
        seed: int,
        compute: Compute,
    ) -> None:
        self._texts, self._protocol, self._compute = texts, protocol, compute
        self.model = model.to(compute.device)
        self._wrapped = compute.wrap(self.model)
        self._optimiser = torch.optim.Adam(
            self.model.parameters(), protocol.learning_rate, eps=protocol.epsilon, weight_decay=protocol.weight_decay
        )
        self._rng = np.random.default_rng([seed, protocol.batch])
        self._drawn_from = self._rng.bit_generator.state
        self._order: list[NDArray[np.int64]] = []
        self._position = 0

    @property
    def num_parameters(self) -> int:
        """How many trainable numbers the classifier has."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def items_in_epoch(self) -> int:
        """Documents of the training split."""
        return len(self._texts.splits["train"].labels)

    # --- learning ----------------------------------------------------------------------------------------------------

    def start_epoch(self, epoch: int) -> None:
        """Draw an order of the documents, and go on along the cosine."""
        self._set_learning_rate(self._protocol.rate_in(epoch))
        self._drawn_from = self._rng.bit_generator.state
        self._order = batch_order(self._texts.splits["train"].lengths, self._protocol.batch, rng=self._rng)
        self._position = 0

    def step(self) -> Step | None:
        """Learn from the next batch."""
        if self._position == len(self._order):
            return None
        members = self._order[self._position]
        self._position += 1
        processes = self._compute.processes
        mine = members[self._compute.rank :: processes]
        # The mean over processes is the mean over documents, also where the last batch leaves one without any.
        share = processes / len(members) if len(mine) else 0.0
        pieces = np.array_split(mine if len(mine) else members[:1], min(self._protocol.parts, max(1, len(mine))))
        self._wrapped.train()
        self._optimiser.zero_grad()
        loss = torch.zeros((), device=self._compute.device)
        for piece in pieces:
            words, mask, labels = self._tensors(self._texts.splits["train"].batch(piece))
            with self._compute.autocast():
                part = self._wrapped(words, mask, labels).sum() * share
            part.backward()
            loss += part.detach()
        if self._protocol.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._protocol.clip)
        self._optimiser.step()
        return Step(loss, max(1, round(len(members) / processes)))

    def _set_learning_rate(self, rate: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = rate

    def _tensors(self, batch: DocumentBatch) -> tuple[Tensor, Tensor, Tensor]:
        words, mask, labels = (torch.from_numpy(array).to(self._compute.device) for array in batch)
        return words, mask, labels

    # --- measuring ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """Which part of the documents of a split is given its class, in percent."""
        encoded = self._texts.splits[split]
        self._share_statistics()
        self.model.eval()
        right = 0
        with torch.no_grad():
            for batch in encoded.in_order(_MEASURED * self._protocol.batch):
                words, mask, labels = self._tensors(batch)
                with self._compute.autocast():
                    logits = self.model.logits(words, mask)
                if not logits.isfinite().all():
                    return {f"{split}_accuracy": float("nan")}
                right += int((logits.argmax(1) == labels).sum())
        return {f"{split}_accuracy": 100 * right / len(encoded.labels)}

    def _share_statistics(self) -> None:
        """Take the mean over processes of what evaluation normalises by: each has seen other documents."""
        if self._compute.processes > 1:
            import torch.distributed

            for values in self.model.buffers():
                torch.distributed.all_reduce(values)
                values /= self._compute.processes

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights that are evaluated, and what they are normalised by."""
        return {name: values.detach().clone() for name, values in self.model.state_dict().items()}

    # --- state -------------------------------------------------------------------------------------------------------

    def learned(self) -> dict[str, Any]:
        """Weights, what evaluation normalises by, and what the optimiser remembers."""
        return {"model": self.model.state_dict(), "remembered": optimiser_memory(self._optimiser)}

    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Take weights, statistics and the optimiser's memory."""
        self.model.load_state_dict(as_tensors(state["model"], self._compute.device))
        restore_memory(self._optimiser, state["remembered"])

    def progress(self) -> dict[str, Any]:
        """The place in the data, the generator and the learning rate."""
        return {
            # The order is drawn again from here: of a large corpus it is too long to be written down.
            "drawn_from": self._drawn_from,
            "begun": bool(self._order),
            "position": self._position,
            "learning_rate": float(self._optimiser.param_groups[0]["lr"]),
        }

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take the place in the data and the rest."""
        self._rng.bit_generator.state = self._drawn_from = state["drawn_from"]
        if state["begun"]:
            self._order = batch_order(self._texts.splits["train"].lengths, self._protocol.batch, rng=self._rng)
        self._position = int(state["position"])
        self._set_learning_rate(float(state["learning_rate"]))
