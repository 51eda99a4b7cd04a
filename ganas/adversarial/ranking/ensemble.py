"""The ensemble: unlike rankers, whose standardised scores are averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganas.adversarial.kinds import FEATURE_BLOCKS
from ganas.adversarial.ranking.gaussian_process import GaussianProcess
from ganas.adversarial.ranking.networks import FeatureNetworks
from ganas.adversarial.ranking.targets import gains, ranking_accuracy, score_gradient, training_subset
from ganas.bench.surrogate.features import Features
from ganas.spaces.architecture import Architecture
from ganas.spaces.space import Space

if TYPE_CHECKING:
    import torch

    from ganas.adversarial.ranking.graph_networks import GraphNetworks
    from ganas.adversarial.search_settings import GANASSettings

__all__ = ["Ensemble"]

# Values that the Gaussian process is conditioned on at most: beyond, a query would cost more than the one before.
_MOST_CONDITIONED = 200
# The first training begins from nothing.
_FIRST_TRAINING = 3
_DIGITS = 5


class Ensemble:
    """Scores architectures; higher is better. Scores compare only within one call.

    With the encoder ``"features"``, the members are a linear ranker and small networks, which are discriminators of
    pairs (one architecture is better than another if its score is higher), and a Gaussian process on the same
    features. With ``"kgnn"`` or ``"lstm"`` they are networks that read the labelled graph alone.

    Args:
        space: The space.
        settings: Of the strategy.
        rng: The only source of randomness of the members on features.
        random: That of the members on graphs.
    """

    def __init__(
        self, space: Space, settings: GANASSettings, *, rng: np.random.Generator, random: torch.Generator
    ) -> None:
        self.space, self.settings, self.rng, self.random = space, settings, rng, random
        self.features = Features(space, FEATURE_BLOCKS[settings.features], rng=rng)
        self._position_scale = np.ones(self.features.width, dtype=np.float32)
        self._begin()

    def _begin(self) -> None:
        """Make every member anew."""
        settings = self.settings
        self._trained = False
        self._linear: FeatureNetworks | None = None
        self._networks: FeatureNetworks | None = None
        self._process: GaussianProcess | None = None
        self._graphs: GraphNetworks | None = None
        if settings.encoder != "features":
            from ganas.adversarial.ranking.graph_networks import GraphNetworks

            self._graphs = GraphNetworks(self.space, settings, random=self.random)
            return
        width = self.features.width
        if settings.linear_weight:
            self._linear = FeatureNetworks(
                width, count=1, hidden=0, learning_rate=0.01, weight_decay=1e-3, rng=self.rng
            )
        if settings.network_weight:
            self._networks = FeatureNetworks(
                width,
                count=settings.networks,
                hidden=settings.network_hidden,
                learning_rate=3e-3,
                weight_decay=1e-4,
                rng=self.rng,
            )
        if settings.gaussian_process_weight:
            self._process = GaussianProcess(self.features.blocks, every=5)

    # --- learning --------------------------------------------------------------------------------------------------

    def fit(
        self,
        architectures: Sequence[Architecture],
        features: NDArray[np.float32],
        scores: NDArray[np.float64],
        size: int,
    ) -> float:
        """Learn from everything evaluated.

        Args:
            architectures: What was evaluated.
            features: Its rows, as :meth:`Features.rows` gives them.
            scores: Its values, higher is better; minus infinity is worst.
            size: How many of the best are the truth set; only the unary loss reads it.

        Returns:
            Share of pairs, of at most 64 architectures, that the ensemble orders rightly afterwards.
        """
        settings = self.settings
        if not (self._trained and settings.warm_start):
            self._begin()
        gain = gains(scores)
        members = np.zeros(len(scores), dtype=bool)
        members[np.argsort(-scores, kind="stable")[:size]] = True
        if self._process is not None:
            used = training_subset(scores, _MOST_CONDITIONED, rng=self.rng)
            self._process.fit(features[used], gain[used], evaluated=len(scores))
            self._scale_positions(self._process)
        steps = settings.training_steps * (1 if self._trained else _FIRST_TRAINING)
        for _ in range(steps):
            used = training_subset(scores, settings.training_subset, rng=self.rng)
            rows = features[used] * self._position_scale

            def gradient_of(predicted: NDArray[np.float32], used: NDArray[np.int64] = used) -> NDArray[np.float32]:
                return score_gradient(predicted, gain[used], members[used], settings.discriminator)

            for network in (self._linear, self._networks):
                if network is not None:
                    network.step(rows, gradient_of)
            if self._graphs is not None:
                self._graphs.step([architectures[number] for number in used.tolist()], gradient_of)
        self._trained = True
        used = training_subset(scores, settings.training_subset, rng=self.rng)
        predicted = self.score([architectures[number] for number in used.tolist()], features[used])
        return ranking_accuracy(predicted, scores[used])

    def _scale_positions(self, process: GaussianProcess) -> None:
        """Give the linear ranker and the networks the blocks that the evidence chose, at their weight."""
        first = self.features.blocks[0]
        for number, block in enumerate(self.features.blocks[1:], start=1):
            chosen = process.kernel.weight if process.kernel.extra == number else 0.0
            width = max(block.stop - block.start, 1)
            self._position_scale[block] = np.sqrt(chosen * (first.stop - first.start) / width)

    # --- scoring ---------------------------------------------------------------------------------------------------

    def score(
        self, architectures: Sequence[Architecture], features: NDArray[np.float32], *, optimism: float = 0.0
    ) -> NDArray[np.float64]:
        """Score architectures beside each other, (count,).

        Args:
            architectures: What is scored.
            features: Its rows.
            optimism: How many standard deviations the Gaussian process adds to its mean.
        """
        settings = self.settings
        if self._graphs is not None:
            return np.asarray(_standardised(self._graphs.score(architectures)).mean(axis=0))
        total = np.zeros(len(features))
        rows = features * self._position_scale
        if self._linear is not None:
            total += settings.linear_weight * _standardised(self._linear.score(rows))[0]
        if self._networks is not None:
            mean = _standardised(self._networks.score(rows)).mean(axis=0)
            total += settings.network_weight * _standardised(mean[None])[0]
        if self._process is not None:
            mean, deviation = self._process.predict(features)
            total += settings.gaussian_process_weight * _standardised((mean + optimism * deviation)[None])[0]
        total /= settings.linear_weight + settings.network_weight + settings.gaussian_process_weight
        # Architectures with the same features tie, and not by the last digit that a product of matrices leaves.
        return total.round(_DIGITS)

    def state(self) -> dict[str, Any]:
        """Every member, and the features' scales."""
        return {
            "trained": self._trained,
            "features": self.features.state(),
            "position_scale": self._position_scale.copy(),
            "members": {name: member.state() for name, member in self._members().items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self.features.load_state(state["features"])
        self._position_scale = np.asarray(state["position_scale"], dtype=np.float32).copy()
        self._begin()
        self._trained = state["trained"]
        for name, member in self._members().items():
            member.load_state(state["members"][name])

    def _members(self) -> dict[str, FeatureNetworks | GaussianProcess | GraphNetworks]:
        named = {
            "linear": self._linear,
            "networks": self._networks,
            "gaussian_process": self._process,
            "graphs": self._graphs,
        }
        return {name: member for name, member in named.items() if member is not None}


def _standardised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean 0 and standard deviation 1 along the last axis."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred / (centred.std(axis=-1, keepdims=True) + 1e-9), dtype=np.float64)
