"""The network of all text architectures in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ganas.bench.shared_weights.task import SharedTraining
from ganas.bench.training.classification.encoders import dropouts_of
from ganas.bench.training.classification.model import WordClassifier
from ganas.bench.training.classification.prepared import PreparedTexts
from ganas.bench.training.classification.sharing import SharedTextProtocol
from ganas.bench.training.classification.training import ClassificationTraining
from ganas.bench.training.devices import Compute
from ganas.bench.training.length_batches import batch_order
from ganas.bench.training.task import Step
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidSetting
from ganas.spaces.textnas.genotype import TextGenotype
from ganas.spaces.textnas.normalisation import MaskedBatchNorm
from ganas.spaces.textnas.space import TextSpace
from ganas.spaces.textnas.supernet import TextSupernet

__all__ = ["SharedEncoder", "SharedTextTraining"]

# The batches that recalibrate, and the architectures that say which epoch is kept, are drawn once and for all.
_SEED = 20_200_209


class SharedEncoder(nn.Module):
    """The supernet as the encoder of a classifier: it runs the architecture that was chosen last.

    Args:
        layers: How many layers there are.
        protocol: The recipe.

    Attributes:
        channels: Length of a vector.
        genotype: The architecture; None before one was chosen.
    """

    def __init__(self, layers: int, protocol: SharedTextProtocol) -> None:
        super().__init__()
        self.channels = protocol.channels
        self.supernet = TextSupernet(
            layers,
            protocol.channels,
            inputs=protocol.word_width,
            dropouts=dropouts_of(protocol),
            normalise_always=protocol.normalise_always,
        )
        self.genotype: TextGenotype | None = None

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Embedded words (batch, time, inputs) and their mask (batch, time) to vectors (batch, channels)."""
        if self.genotype is None:
            raise InvalidSetting("shared weights are asked for an output before an architecture was chosen")
        vectors: Tensor = self.supernet(values, mask, self.genotype)
        return vectors


class SharedTextTraining(ClassificationTraining, SharedTraining):
    """Shared weights of a text space with one half of the training data, measured on the other.

    Only what the architecture of a batch uses gets gradients, and a step of the optimiser.

    What batch normalisation learns in training are statistics of the mixture of all architectures, by which none of
    them is normalised well; and statistics of the batch that is measured would make a document's class depend on its
    neighbours. So the statistics of an architecture are estimated anew, as means over the same batches of the weight
    half, before it is measured (G. Bender et al., "Understanding and Simplifying One-Shot Architecture Search", ICML
    2018, section 3.2, see the same difficulty and take statistics of the batch).

    Args:
        space: Of the architectures.
        texts: The halves, as ``"train"`` and ``"valid"``.
        protocol: The recipe.
        seed: Of the order of documents and of the architectures of batches.
        compute: Device, precision and the like.
    """

    def __init__(
        self, space: TextSpace, texts: PreparedTexts, protocol: SharedTextProtocol, *, seed: int, compute: Compute
    ) -> None:
        self._space, self._encoder = space, SharedEncoder(space.layout.layers, protocol)
        super().__init__(WordClassifier(self._encoder, texts, protocol), texts, protocol, seed=seed, compute=compute)
        self._architectures = np.random.default_rng([seed, protocol.batch, 1])
        weights = texts.splits["train"]
        reference = batch_order(weights.lengths, protocol.batch, rng=np.random.default_rng(_SEED))
        self._reference = [self._tensors(weights.batch(members))[:2] for members in reference[: protocol.recalibration]]
        self._fixed = space.sample(protocol.measured_architectures, rng=np.random.default_rng(_SEED))
        self._normalisations = [each for each in self.model.modules() if isinstance(each, MaskedBatchNorm)]

    # --- learning ----------------------------------------------------------------------------------------------------

    def step(self) -> Step | None:
        """Learn from the next batch with an architecture that is drawn uniformly."""
        return self.learn(self._space.sample(1, rng=self._architectures)[0])

    def learn(self, architecture: Architecture) -> Step | None:
        """Learn from the next batch with an architecture; see :meth:`SharedTraining.learn`."""
        self._encoder.genotype = self._space.genotype(architecture)
        return super().step()

    # --- measuring ---------------------------------------------------------------------------------------------------

    def measure(self, architecture: Architecture) -> dict[str, float]:
        """Which part of the held-back documents is given its class, in percent; see :meth:`SharedTraining.measure`."""
        self._encoder.genotype = self._space.genotype(architecture)
        self._recalibrate()
        return {"shared_accuracy": super().evaluate("valid")["valid_accuracy"]}

    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """The mean accuracy of some random architectures, always the same, on the held-back half; of test nothing."""
        if split == "test":
            return {}
        values = [self.measure(architecture)["shared_accuracy"] for architecture in self._fixed]
        return {"mean_shared_accuracy": float(np.mean(values))}

    @torch.no_grad()
    def _recalibrate(self) -> None:
        """Take what the chosen architecture is normalised by from the reference batches, without dropout."""
        self.model.eval()
        before = [each.momentum for each in self._normalisations]
        for each in self._normalisations:
            each.train()
        for count, (words, mask) in enumerate(self._reference, start=1):
            for each in self._normalisations:
                # The mean over batches; the first one replaces what was there.
                each.momentum = 1 / count
            with self._compute.autocast():
                self.model.logits(words, mask)
        for each, momentum in zip(self._normalisations, before, strict=True):
            each.momentum = momentum
        self.model.eval()

    # --- state -------------------------------------------------------------------------------------------------------

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take kept weights; see :meth:`SharedTraining.load_weights`."""
        self.model.load_state_dict(dict(weights))

    def progress(self) -> dict[str, Any]:
        """The place in the data, and the generators."""
        return {**super().progress(), "architectures": self._architectures.bit_generator.state}

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take the place in the data and the rest."""
        super().load_progress(state)
        self._architectures.bit_generator.state = state["architectures"]
