"""What the rankers learn from the values evaluated so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganas.adversarial.kinds import RankingLoss

__all__ = ["gains", "ranking_accuracy", "score_gradient", "training_subset"]

# The gain of the best is -log of what this leaves of 1: about 4.
_HIGHEST_RANK = 0.98


def gains(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each value counts by its rank: -log(1 - 0.98 r), r from 0 (worst) to 1 (best), ties alike.

    It tells the best apart and treats the bad alike, whatever the scale of the values; minus infinity is worst.

    >>> gains(np.array([3.0, 1.0, 2.0])).round(3).tolist()
    [3.912, 0.0, 0.673]
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    ranks = (last - (counts - 1) / 2)[place] / max(len(scores) - 1, 1)
    return np.asarray(-np.log(1 - _HIGHEST_RANK * ranks), dtype=np.float64)


def training_subset(scores: NDArray[np.float64], size: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of at most ``size`` values: the best half of the subset, and others at random.

    So that a training step costs the same however much was evaluated.
    """
    if len(scores) <= size:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    best = size // 2
    return np.concatenate([order[:best], rng.permutation(order[best:])[: size - best]])


def score_gradient(
    predicted: NDArray[np.floating], gain: NDArray[np.float64], members: NDArray[np.bool_], loss: RankingLoss
) -> NDArray[np.float32]:
    """The gradient of the loss by what was predicted.

    ``"pairwise"`` is the graded form of a relativistic discriminator: softplus of minus the difference of two scores,
    over all pairs, weighted by the difference of their gains. ``"unary"`` is the binary cross-entropy of one score
    alone, between the truth set and the rest, both halves weighing the same.

    Args:
        predicted: Scores, (rankers, count).
        gain: Of each, (count,).
        members: Which of them are in the truth set, (count,).
        loss: ``"pairwise"`` or ``"unary"``.

    Returns:
        (rankers, count).
    """
    if loss == "unary":
        error = _sigmoid(predicted) - members
        inside = max(int(members.sum()), 1)
        weight = np.where(members, 0.5 / inside, 0.5 / max(len(members) - inside, 1))
        return (error * weight).astype(np.float32)
    weight = np.maximum(gain[:, None] - gain[None, :], 0).astype(np.float32)
    weight /= weight.sum() + 1e-9
    pull = weight * _sigmoid(predicted[:, None, :] - predicted[:, :, None])
    gradient: NDArray[np.float32] = (pull.sum(axis=1) - pull.sum(axis=2)).astype(np.float32)
    return gradient


def ranking_accuracy(predicted: NDArray[np.floating], scores: NDArray[np.float64]) -> float:
    """Share of pairs of different values that the predicted scores order rightly; 1 where there is no pair."""
    better = scores[:, None] > scores[None, :]
    right = predicted[:, None] > predicted[None, :]
    return float(right[better].mean()) if better.any() else 1.0


def _sigmoid(values: NDArray[np.floating]) -> NDArray[np.floating]:
    # By tanh: no overflow, whatever the sign.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values))
