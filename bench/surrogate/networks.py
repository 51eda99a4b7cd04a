"""Small networks on features, many at once: the ensemble ``mlp-ensemble``, and what other tables are learnt with."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ganas.bench.surrogate.cross_fitted import CrossFitted
from ganas.spaces.errors import missing_torch

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise missing_torch("networks on features") from error

__all__ = ["FeatureNetworks", "NetworkEnsemble", "member_rows", "seeded"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_REPEATS = 2
_HIDDEN = 64
_STEPS = 600
_BATCH = 64
_LEARNING_RATE = 5e-3
_WEIGHT_DECAY = 1e-2
# Standardised features beyond are rare shapes, and would rule the first layer.
_FARTHEST = 4.0
# Up to so many rows are answered in double precision.
_EXACT = 4096


class FeatureNetworks:
    """Several networks of two hidden layers (SiLU), trained side by side by AdamW.

    The learning rate rises and falls once (Smith and Topin, "Super-Convergence", 2018,
    https://arxiv.org/abs/1708.07120).

    Args:
        width: How many features there are.
        count: How many networks.
        generator: Draws the first weights and the batches.
    """

    def __init__(self, width: int, count: int, *, generator: torch.Generator) -> None:
        sizes = (width, _HIDDEN, _HIDDEN, 1)
        self._weights = [
            torch.randn(count, wide, narrow, generator=generator) / wide**0.5 for wide, narrow in pairwise(sizes)
        ]
        # What is learnt begins near zero.
        self._weights[-1] *= 0.3
        self._biases = [torch.zeros(count, 1, narrow) for narrow in sizes[1:]]
        self._generator = generator

    def train(
        self,
        rows: NDArray[np.float32],
        targets: Vector,
        weights: Vector,
        kept: list[NDArray[np.int64]],
        *,
        steps: int = _STEPS,
        batch: int = _BATCH,
    ) -> None:
        """Minimise the mean square error.

        Args:
            rows: (count, width).
            targets: (count,).
            weights: How much each row counts, (count,).
            kept: For each network which rows it learns from.
            steps: Of the optimizer.
            batch: Rows that each network sees in a step, drawn with replacement.
        """
        parameters = [part.requires_grad_() for part in (*self._weights, *self._biases)]
        optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
        features = _clipped(rows)
        goal = torch.from_numpy(targets.astype(np.float32))
        weight = torch.from_numpy(weights.astype(np.float32))
        for _ in range(steps):
            drawn = member_rows(kept, batch, generator=self._generator)
            said = self._forward(features[drawn])[1]
            loss = (weight[drawn] * (said - goal[drawn]).square()).mean(dim=1).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rate.step()
        for part in parameters:
            part.requires_grad_(False)

    def _forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = features
        weights = [part.to(features.dtype) for part in self._weights]
        biases = [part.to(features.dtype) for part in self._biases]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = torch.nn.functional.silu(hidden @ weight + bias)
        return hidden, (hidden @ weights[-1] + biases[-1])[..., 0]

    def _answer(self, rows: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        features = _clipped(rows)
        # In single precision a row by itself would say something else than among others, in the sixth digit; where
        # there are many rows time counts more.
        return self._forward(features if len(rows) > _EXACT else features.double())

    @torch.no_grad()
    def predict(self, rows: NDArray[np.float32]) -> Matrix:
        """What each network says, (networks, rows)."""
        return np.asarray(self._answer(rows)[1].numpy(), dtype=np.float64)

    @torch.no_grad()
    def hidden(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The last hidden layer, (networks, rows, 64)."""
        return np.asarray(self._answer(rows)[0].numpy(), dtype=np.float64)

    def state(self) -> dict[str, Any]:
        """Weights and biases."""
        return {
            "weights": [part.numpy().copy() for part in self._weights],
            "biases": [part.numpy().copy() for part in self._biases],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FeatureNetworks:
        """Networks with saved weights."""
        weights = [torch.from_numpy(np.array(part, dtype=np.float32)) for part in state["weights"]]
        networks = cls(weights[0].shape[1], weights[0].shape[0], generator=torch.Generator())
        networks._weights = weights
        networks._biases = [torch.from_numpy(np.array(part, dtype=np.float32)) for part in state["biases"]]
        return networks


class NetworkEnsemble(CrossFitted):
    """Ten networks of two hidden layers, every two of them without a fifth of the groups."""

    name: ClassVar[str] = "mlp-ensemble"
    title: ClassVar[str] = "Ensemble of small networks on structural features"

    def _learn(
        self,
        rows: NDArray[np.float32],
        residuals: Vector,
        weights: Vector,
        folds: NDArray[np.int64],
        *,
        rng: np.random.Generator,
    ) -> None:
        kept = [np.flatnonzero(folds != fold) for fold in range(int(folds.max()) + 1) for _ in range(_REPEATS)]
        self._networks = FeatureNetworks(rows.shape[1], len(kept), generator=seeded(rng))
        self._networks.train(rows, residuals, weights, kept)

    def _say(self, rows: NDArray[np.float32]) -> tuple[Matrix, Matrix]:
        said = self._networks.predict(rows)
        by_fold = said.reshape(len(said) // _REPEATS, _REPEATS, -1)
        return by_fold.mean(axis=1), by_fold.var(axis=1, ddof=1)

    def _parts_state(self) -> Any:
        return self._networks.state()

    def _load_parts(self, state: Any) -> None:
        self._networks = FeatureNetworks.from_state(state)


def seeded(rng: np.random.Generator) -> torch.Generator:
    """A generator of torch that follows from one of numpy."""
    return torch.Generator().manual_seed(int(rng.integers(2**63)))


def member_rows(kept: list[NDArray[np.int64]], batch: int, *, generator: torch.Generator) -> Tensor:
    """Draw the rows of a step with replacement, (members, batch)."""
    sizes = torch.tensor([[len(rows)] for rows in kept])
    # Drawn in float64: in float32 a share may round up to 1.
    share = torch.rand(len(kept), batch, generator=generator, dtype=torch.float64)
    places = (share * sizes).long()
    return torch.stack([torch.from_numpy(rows)[place] for rows, place in zip(kept, places, strict=True)])


def _clipped(rows: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.clip(rows, -_FARTHEST, _FARTHEST).astype(np.float32))
