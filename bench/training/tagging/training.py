"""One tagger in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganas.bench.training.checkpoint import as_tensors
from ganas.bench.training.devices import Compute
from ganas.bench.training.length_batches import batch_order
from ganas.bench.training.optimiser_memory import optimiser_memory, restore_memory
from ganas.bench.training.tagging.model import Tagger
from ganas.bench.training.tagging.prepared import PaddedBatch, PreparedCorpus
from ganas.bench.training.tagging.protocol import TaggingProtocol
from ganas.bench.training.tagging.span_scores import SpanScores, score_tags
from ganas.bench.training.task import Step, Training

__all__ = ["TaggingTraining"]

# Batches of validation and test, where nothing is learned, are larger.
_MEASURED = 4


class TaggingTraining(Training):
    """A tagger with its corpus and optimiser.

    Where several processes train together, each has its part of every batch.

    Args:
        model: The tagger.
        corpus: What it reads.
        protocol: The recipe.
        seed: Of the order of sentences.
        compute: Device, precision and the like.
    """

    item = "sentences"

    def __init__(
        self, model: Tagger, corpus: PreparedCorpus, protocol: TaggingProtocol, *, seed: int, compute: Compute
    ) -> None:
        self._corpus, self._protocol, self._compute = corpus, protocol, compute
        self.model = model.to(compute.device)
        self._wrapped = compute.wrap(self.model)
        self._optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(self.model.parameters(), protocol.learning_rate)
            if protocol.optimiser == "sgd"
            else torch.optim.Adam(self.model.parameters(), protocol.learning_rate)
        )
        self._lengths = np.array([len(sentence) for sentence in corpus.sentences["train"]])
        self._rng = np.random.default_rng([seed, protocol.batch])
        self._order: list[NDArray[np.int64]] = []
        self._position = 0
        self._best, self._waited = float("-inf"), 0

    @property
    def num_parameters(self) -> int:
        """How many trainable numbers the tagger has."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def items_in_epoch(self) -> int:
        """Sentences of the training split."""
        return len(self._lengths)

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._optimiser.param_groups[0]["lr"])

    # --- learning ----------------------------------------------------------------------------------------------------

    def start_epoch(self, epoch: int) -> None:
        """Draw an order of the sentences."""
        self._order = batch_order(self._lengths, self._protocol.batch, rng=self._rng)
        self._position = 0

    def step(self) -> Step | None:
        """Learn from the next batch."""
        if self._position == len(self._order):
            return None
        members = self._order[self._position]
        self._position += 1
        processes = self._compute.processes
        mine = members[self._compute.rank :: processes]
        # The mean over processes is the mean over sentences, also where the last batch leaves one without any.
        weight = len(mine) * processes / len(members)
        batch = self._corpus.batch("train", mine if len(mine) else members[:1])
        self._wrapped.train()
        self._optimiser.zero_grad()
        with self._compute.autocast():
            loss = self._wrapped(*self._tensors(batch)).mean() * weight
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._protocol.clip)
        self._optimiser.step()
        return Step(loss.detach(), max(1, round(len(members) / processes)))

    def finish_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Lower the learning rate where validation has not improved for longer than the protocol's patience."""
        score = values["valid_span_f1"]
        if score > self._best:
            self._best, self._waited = score, 0
            return
        self._waited += 1
        if self._waited > self._protocol.patience:
            self._waited = 0
            self._set_learning_rate(self.learning_rate * self._protocol.anneal)

    def _set_learning_rate(self, rate: float) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = rate

    def _tensors(self, batch: PaddedBatch) -> tuple[Tensor, Tensor, Tensor]:
        types, tags, mask = (torch.from_numpy(array).to(self._compute.device) for array in batch)
        return types, tags, mask

    # --- measuring ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """Precision, recall and F1 of spans, in percent."""
        micro = self.scores(split).micro
        measured = {"f1": micro.f1, "precision": micro.precision, "recall": micro.recall}
        return {f"{split}_span_{name}": 100 * value for name, value in measured.items()}

    def scores(self, split: Literal["valid", "test"]) -> SpanScores:
        """How well the predicted spans of a split agree with those of the corpus, also by kind."""
        gold = [[self._corpus.tags[tag] for tag in tags] for tags in self._corpus.targets[split]]
        return score_tags(gold, self.predicted(split))

    def predicted(self, split: Literal["valid", "test"]) -> list[list[str]]:
        """The predicted tags of each sentence of a split, in its order."""
        found: list[list[str]] = [[] for _ in self._corpus.sentences[split]]
        self.model.eval()
        with torch.no_grad():
            for members, batch in self._corpus.in_order(split, _MEASURED * self._protocol.batch):
                types, _, mask = self._tensors(batch)
                with self._compute.autocast():
                    tags = self.model.decode(types, mask).tolist()
                for member, row in zip(members.tolist(), tags, strict=True):
                    length = len(self._corpus.sentences[split][member])
                    found[member] = [self._corpus.tags[tag] for tag in row[:length]]
        return found

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights that are evaluated."""
        return {name: weights.detach().clone() for name, weights in self.model.named_parameters()}

    # --- state -------------------------------------------------------------------------------------------------------

    def learned(self) -> dict[str, Any]:
        """Weights, and what the optimiser remembers."""
        return {"weights": dict(self.model.named_parameters()), "remembered": optimiser_memory(self._optimiser)}

    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Take weights and the optimiser's memory."""
        kept = as_tensors(state["weights"])
        with torch.no_grad():
            for name, weights in self.model.named_parameters():
                weights.copy_(kept[name])
        restore_memory(self._optimiser, state["remembered"])

    def progress(self) -> dict[str, Any]:
        """The place in the data, the generator and the schedule."""
        return {
            "order": [members.tolist() for members in self._order],
            "position": self._position,
            "rng": self._rng.bit_generator.state,
            "learning_rate": self.learning_rate,
            "best": self._best if self._best > float("-inf") else None,
            "waited": self._waited,
        }

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take the place in the data and the rest."""
        self._order = [np.array(members, dtype=np.int64) for members in state["order"]]
        self._position = int(state["position"])
        self._rng.bit_generator.state = state["rng"]
        self._set_learning_rate(float(state["learning_rate"]))
        self._best = float("-inf") if state["best"] is None else float(state["best"])
        self._waited = int(state["waited"])
