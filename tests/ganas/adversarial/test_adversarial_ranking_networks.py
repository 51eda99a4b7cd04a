"""Rankers on features: gradients by hand against automatic ones, steps against torch's Adam, and what they learn."""

import numpy as np
import pytest
import torch

from ganas.adversarial.ranking.networks import FeatureNetworks
from ganas.adversarial.ranking.targets import gains, ranking_accuracy, score_gradient

WIDTH = 7


def networks(hidden, *, count=3, weight_decay=0.0, learning_rate=0.01, seed=0, width=WIDTH):
    return FeatureNetworks(
        width,
        count=count,
        hidden=hidden,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        rng=np.random.default_rng(seed),
    )


def forward(weights, features, hidden):
    """The scores of the same rankers in torch, (count, rows)."""
    if not hidden:
        return weights @ features.T
    inputs = WIDTH * hidden
    first = weights[:, :inputs].reshape(-1, WIDTH, hidden)
    bias = weights[:, inputs : inputs + hidden].reshape(-1, 1, hidden)
    last = weights[:, inputs + hidden :].reshape(-1, hidden, 1)
    return (torch.relu(features @ first + bias) @ last)[:, :, 0]


def loss_of(scores):
    """Some loss whose gradient differs for every score."""
    return (torch.tanh(scores - 0.3) ** 2 * torch.arange(1, scores.shape[1] + 1)).sum()


def gradient_of(scores):
    leaf = torch.tensor(scores, requires_grad=True)
    return torch.autograd.grad(loss_of(leaf), leaf)[0].numpy()


def features_of(seed, rows=11):
    return np.random.default_rng(seed).standard_normal((rows, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("hidden", [0, 5])
def test_gradient_and_adam_equal_torch(hidden):
    ours = networks(hidden, weight_decay=0.03)
    if not hidden:  # linear rankers begin at zero, where the loss is all they have in common with torch
        ours._weights[:] = np.random.default_rng(9).standard_normal(ours._weights.shape)
    theirs = torch.nn.Parameter(torch.from_numpy(ours._weights.copy()))
    adam = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99), weight_decay=0.03)
    for seed in range(20):
        features = features_of(seed)
        scores = forward(theirs, torch.from_numpy(features), hidden)
        assert ours.score(features) == pytest.approx(scores.detach().numpy(), abs=2e-4)
        adam.zero_grad()
        loss_of(scores).backward()
        ours.step(features, gradient_of)
        # With the decay in it, as in torch's Adam, where it is not in the gradient.
        assert theirs.grad is not None
        expected = theirs.grad + 0.03 * theirs.detach()
        assert ours._gradient == pytest.approx(expected.numpy(), rel=2e-3, abs=2e-3)
        adam.step()
        assert ours._weights == pytest.approx(theirs.detach().numpy(), abs=2e-4)


@pytest.mark.parametrize("hidden", [0, 16])
@pytest.mark.parametrize("loss", ["pairwise", "unary"])
def test_a_planted_order_is_learned(hidden, loss):
    rng = np.random.default_rng(5)
    weights = rng.standard_normal(WIDTH)

    def drawn(count):
        features = rng.standard_normal((count, WIDTH)).astype(np.float32)
        bent = features @ weights + (2 * np.maximum(features[:, 0], 0) if hidden else 0)
        return features, bent

    features, scores = drawn(80)
    others, truth = drawn(200)
    ours, gain = networks(hidden, learning_rate=0.01), gains(scores)
    members = scores > np.quantile(scores, 0.7)
    before = [ranking_accuracy(row, truth) for row in ours.score(others)]
    for _ in range(300):
        ours.step(features, lambda predicted: score_gradient(predicted, gain, members, loss))
    after = [ranking_accuracy(row, truth) for row in ours.score(others)]
    # The unary loss says nothing of the order within the truth set or within the rest.
    assert min(after) > (0.93 if loss == "pairwise" else 0.83)
    assert max(before) < 0.8


def test_linear_rankers_begin_at_zero_and_networks_apart():
    features = features_of(0)
    assert not networks(0).score(features).any()
    scores = networks(5).score(features)
    assert scores.shape == (3, 11)
    assert np.abs(scores[0] - scores[1]).max() > 0.1
    assert np.array_equal(scores, networks(5).score(features))


def test_rankers_do_not_disturb_each_other():
    """Each of several learns as it would alone: the gradient of one does not reach another."""
    several = networks(5)
    alone = networks(5, count=1)
    alone._weights[:] = several._weights[1]
    for seed in range(5):
        for rankers in (several, alone):
            rankers.step(features_of(seed), gradient_of)
    assert several._weights[1] == pytest.approx(alone._weights[0], abs=1e-6)


@pytest.mark.parametrize("hidden", [0, 5])
def test_saved_rankers_go_on_alike(hidden):
    ours = networks(hidden)
    for seed in range(3):
        ours.step(features_of(seed), gradient_of)
    saved = ours.state()
    other = networks(hidden, seed=1)
    ours.step(features_of(3), gradient_of)
    other.load_state(saved)
    other.step(features_of(3), gradient_of)
    assert np.array_equal(ours._weights, other._weights)
    assert np.array_equal(ours.score(features_of(4)), other.score(features_of(4)))
