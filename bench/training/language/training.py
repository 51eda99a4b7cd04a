"""One language model in training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ganas.bench.training.devices import Compute
from ganas.bench.training.language.averaging import AveragingOptimiser, begins_to_average
from ganas.bench.training.language.batching import columns, draw_length
from ganas.bench.training.language.model import LanguageModel, State
from ganas.bench.training.language.protocol import LanguageProtocol
from ganas.bench.training.task import Step, Training
from ganas.data.corpora.language import LanguageCorpus
from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["LanguageTraining"]


class LanguageTraining(Training):
    """A language model with its corpus and optimiser.

    Where several processes train together, each has its part of the columns.

    Args:
        make: Makes the model for a number of words; its weights come from torch's global generator.
        corpus: What it reads.
        protocol: The recipe.
        seed: Of the lengths of batches.
        compute: Device, precision and the like.

    Raises:
        DataError: A split has too few words for its columns.
        InvalidSetting: The columns cannot be shared evenly among the processes.
    """

    item = "words"

    def __init__(
        self,
        make: Callable[[int], LanguageModel],
        corpus: LanguageCorpus,
        protocol: LanguageProtocol,
        *,
        seed: int,
        compute: Compute,
    ) -> None:
        self._protocol, self._compute = protocol, compute
        self.model = make(len(corpus.words)).to(compute.device)
        self._wrapped = compute.wrap(self.model)
        self._optimiser = AveragingOptimiser(self.model, protocol)
        shared, rest = divmod(protocol.batch, compute.processes)
        if rest or shared % protocol.parts:
            what = f"{protocol.parts} parts of each of {compute.processes} processes"
            raise InvalidSetting(f"a batch of {protocol.batch} columns cannot be shared evenly among {what}")
        what = f"the split {{}} of {corpus.name}"
        train = columns(corpus.splits["train"], protocol.batch, what.format("train"))
        if len(train) < 3:
            raise DataError(f"{what.format('train')} has too few words for {protocol.batch} columns")
        self._train = train[:, compute.rank * shared : (compute.rank + 1) * shared].to(compute.device)
        batches = {"valid": protocol.valid_batch, "test": protocol.test_batch}
        self._held_out = {
            split: columns(corpus.splits[split], batch, what.format(split)).to(compute.device)
            for split, batch in batches.items()
        }
        self._rng = np.random.default_rng([seed, protocol.batch, protocol.bptt])
        self._position = 0
        self._state: State = self.model.begin(shared)
        self._validations: list[float] = []

    @property
    def num_parameters(self) -> int:
        """How many trainable numbers the model has."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def items_in_epoch(self) -> int:
        """Words that an epoch predicts, those of all processes."""
        return (len(self._train) - 1) * self._protocol.batch

    # --- learning ----------------------------------------------------------------------------------------------------

    def start_epoch(self, epoch: int) -> None:
        """Go to the beginning of the text, with a hidden state of zeros."""
        self._position = 0
        self._state = self.model.begin(self._train.shape[1])

    def step(self) -> Step | None:
        """Learn from the next batch; the learning rate is in proportion to its length."""
        rows = len(self._train)
        # A single last row would have no successive hidden states.
        if self._position >= rows - 2:
            return None
        length = min(draw_length(self._protocol, rng=self._rng), rows - 1 - self._position)
        start, stop = self._position, self._position + length
        words, targets = self._train[start:stop], self._train[start + 1 : stop + 1]
        self._wrapped.train()
        self._optimiser.zero_gradients()
        losses, states = [], []
        parts = self._protocol.parts
        width = words.shape[1] // parts
        for part in range(parts):
            here = slice(part * width, (part + 1) * width)
            with self._compute.autocast():
                loss, mean, state = self._wrapped(
                    words[:, here], targets[:, here], tuple(each[:, here] for each in self._state)
                )
            (loss / parts).backward()
            losses.append(mean)
            states.append(state)
        self._state = tuple(torch.cat(pieces, dim=1) for pieces in zip(*states, strict=True))
        self._optimiser.step(length / self._protocol.bptt)
        self._position = stop
        return Step(torch.stack(losses).mean(), words.numel())

    def finish_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Begin to average the weights once validation has stopped to improve."""
        self._validations.append(math.log(values["valid_perplexity"]))
        if not self._optimiser.averages and begins_to_average(self._validations, self._protocol.averaging):
            self._optimiser.begin_averaging()

    # --- measuring ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """The perplexity of a split: exp of the mean negative log-probability of a word in nats.

        The hidden state is carried through the whole text, and the weights are the averaged ones where there are any.
        """
        data = self._held_out[split]
        total = torch.zeros(
            (), dtype=torch.float32 if self._compute.kind == "mps" else torch.float64, device=data.device
        )
        self.model.eval()
        with torch.no_grad(), self._optimiser.averaged():
            state = self.model.begin(data.shape[1])
            for start in range(0, len(data) - 1, self._protocol.bptt):
                stop = min(start + self._protocol.bptt, len(data) - 1)
                with self._compute.autocast():
                    losses, state = self.model.losses(data[start:stop], data[start + 1 : stop + 1], state)
                total += losses.sum(dtype=total.dtype)
        mean = float(total) / ((len(data) - 1) * data.shape[1])
        # Of more, exp is no floating-point number; infinite perplexity is what the loop takes for a break-down.
        return {f"{split}_perplexity": math.exp(mean) if mean < 700 else math.inf}

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights that are evaluated: the averaged ones where there are any."""
        with self._optimiser.averaged():
            return {name: weights.detach().clone() for name, weights in self.model.named_parameters()}

    # --- state -------------------------------------------------------------------------------------------------------

    def learned(self) -> dict[str, Any]:
        """Weights, their averages, and what the optimiser remembers."""
        return self._optimiser.state()

    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Take weights, averages and the optimiser's memory."""
        self._optimiser.load_state(state)

    def progress(self) -> dict[str, Any]:
        """The place in the text, the hidden state, the generator and all validations."""
        return {
            "position": self._position,
            "state": [part.float() for part in self._state],
            "rng": self._rng.bit_generator.state,
            "validations": list(self._validations),
        }

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take the place in the text and the rest."""
        self._position = int(state["position"])
        self._state = tuple(torch.tensor(each, device=self._compute.device) for each in state["state"])
        self._rng.bit_generator.state = state["rng"]
        self._validations = [float(value) for value in state["validations"]]
