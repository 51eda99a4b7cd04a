"""The discriminator: forms, pairs, rewards, and whether it recognises a planted property."""

import numpy as np
import pytest
import torch

from ganas.adversarial.discriminator import Discriminator, reward, train_discriminator
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.spaces.errors import InvalidSetting

KINDS = ("pairwise", "relativistic", "unary")


def graphs_of(space, count, seed=0):
    return GraphTensors.from_architectures(space, space.sample(count, rng=np.random.default_rng(seed)))


def make(space, seeded, kind="pairwise", seed=1, **settings):
    return Discriminator(space, kind=kind, generator=seeded(seed), **({"hidden": 16, "layers": 2} | settings))


def area_under_curve(positive, negative):
    """The chance that a positive scores above a negative, ties half."""
    difference = np.subtract.outer(positive, negative)
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


@pytest.mark.parametrize("encoder", ["kgnn", "lstm"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reward_is_the_mean_over_the_truth_set(space, seeded, kind, encoder):
    discriminator = make(space, seeded, kind, encoder=encoder)
    truth, samples = graphs_of(space, 5), graphs_of(space, 7, seed=1)
    paid = reward(discriminator, truth, samples)
    logits = torch.stack([discriminator(truth[[m] * 7], samples) for m in range(5)])
    assert paid.shape == (7,)
    assert torch.allclose(paid, torch.sigmoid(logits).mean(dim=0), atol=1e-6)
    assert torch.allclose(reward(discriminator, truth, samples, as_logit=True), logits.mean(dim=0), atol=1e-6)
    assert not paid.requires_grad
    (paid * torch.ones(7, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_pair_is_to_each_kind(spaces, seeded, kind):
    space = spaces["nasbench201"]
    discriminator = make(space, seeded, kind)
    first, second = graphs_of(space, 6), graphs_of(space, 6, seed=1)
    there, back = discriminator(first, second), discriminator(second, first)
    itself = discriminator(first, first)
    if kind == "relativistic":
        assert torch.allclose(there, -back, atol=1e-6)
        assert torch.allclose(itself, torch.zeros(6), atol=1e-6)
    else:
        assert not torch.allclose(there, -back, atol=1e-3)
    other = discriminator(second, second)
    assert torch.allclose(there, other, atol=1e-6) == (kind == "unary")


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_to_tell_truth_from_fakes(space, seeded, kind):
    def is_true(architecture):
        if space.name == "wiring":
            return (0, 3) in architecture.edges
        return any(label in ("conv3x3-bn-relu", "nor_conv_3x3", "conv") for label in architecture.operations)

    drawn = space.sample(400, rng=np.random.default_rng(0))
    truth = GraphTensors.from_architectures(space, [a for a in drawn if is_true(a)][:12])
    fakes = GraphTensors.from_architectures(space, [a for a in drawn if not is_true(a)][:20])
    discriminator = make(space, seeded, kind)
    generator = seeded(2)
    before = train_discriminator(discriminator, truth, fakes, steps=1, generator=generator)
    after = train_discriminator(discriminator, truth, fakes, epochs=25, learning_rate=3e-3, generator=generator)
    assert before.steps == 1
    assert after.steps == 25 * -(-2 * 12 * 11 // 64)
    assert after.loss < before.loss / 2
    assert after.accuracy > 0.95
    paid = reward(discriminator, truth, GraphTensors.concatenate([truth, fakes])).numpy()
    assert paid[:12].mean() > paid[12:].mean() + 0.2


def test_pairs_are_balanced_and_never_of_one_graph_with_itself(spaces, seeded):
    space = spaces["nasbench201"]
    seen = []

    class Watching(Discriminator):
        def compare(self, truth, others):
            seen.append((truth.detach(), others.detach()))
            return super().compare(truth, others)

    watching = Watching(space, hidden=8, layers=1, generator=seeded(0))
    truth, fakes = graphs_of(space, 4), graphs_of(space, 3, seed=1)
    with torch.no_grad():
        members, generated = watching.embed(truth), watching.embed(fakes)
    frozen = torch.optim.SGD(watching.parameters(), lr=0.0)
    fit = train_discriminator(watching, truth, fakes, epochs=1, batch_size=6, optimizer=frozen, generator=seeded(1))
    assert fit.steps == len(seen) == 4

    def numbers(embedded, among):
        distance = (embedded[:, None] - among[None]).abs().amax(dim=2)
        return torch.where(distance.amin(dim=1) < 1e-5, distance.argmin(dim=1), -1).tolist()

    true_pairs, fake_pairs = [], []
    for first, second in seen:
        for member, other, fake in zip(
            numbers(first, members), numbers(second, members), numbers(second, generated), strict=True
        ):
            assert member >= 0
            (true_pairs.append((member, other)) if other >= 0 else fake_pairs.append((member, fake)))
        assert len(first) == 6
    assert sorted(true_pairs) == [(a, b) for a in range(4) for b in range(4) if a != b]
    assert len(fake_pairs) == 12
    assert {fake for _, fake in fake_pairs} <= {0, 1, 2}


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_weights_and_training(spaces, seeded, kind):
    space = spaces["nasbench101"]
    truth, fakes = graphs_of(space, 6), graphs_of(space, 9, seed=1)

    def train(seed):
        discriminator = make(space, seeded, kind)
        fit = train_discriminator(discriminator, truth, fakes, epochs=2, generator=seeded(seed))
        return fit, [weight.detach().clone() for weight in discriminator.parameters()]

    first, again, other = train(3), train(3), train(4)
    assert first[0] == again[0]
    assert all(torch.equal(a, b) for a, b in zip(first[1], again[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first[1], other[1], strict=True))


def test_an_optimizer_goes_on(spaces, seeded):
    space = spaces["nasbench201"]
    truth, fakes = graphs_of(space, 6), graphs_of(space, 9, seed=1)
    discriminator = make(space, seeded)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    for steps in (2, 3):
        train_discriminator(discriminator, truth, fakes, steps=steps, optimizer=optimizer, generator=seeded(0))
    assert {int(values["step"]) for values in optimizer.state.values()} == {5}


def test_bad_settings_are_errors(spaces, seeded):
    space = spaces["nasbench201"]
    with pytest.raises(InvalidSetting, match="did you mean 'pairwise'"):
        make(space, seeded, "pairs")
    discriminator, few = make(space, seeded), graphs_of(space, 3)
    with pytest.raises(InvalidSetting, match="2 members"):
        train_discriminator(discriminator, few[:1], few, generator=seeded(0))
    with pytest.raises(InvalidSetting, match="1 fake"):
        train_discriminator(discriminator, few, few[:0], generator=seeded(0))
    for name in ("epochs", "steps", "batch_size"):
        with pytest.raises(InvalidSetting, match=f"{name} must be at least 1"):
            train_discriminator(discriminator, few, few, generator=seeded(0), **{name: 0})
    with pytest.raises(InvalidSetting, match="truth set"):
        reward(discriminator, few[:0], few)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
def test_a_planted_truth_set_is_told_from_random_fakes(spaces, seeded, planted_sets, name):
    """Acceptance test 2 of GA-NAS: cells with at least three 3x3 convolutions, judged on cells never trained on.

    Some of the random fakes have the property too, as those of a search do.
    """
    space = spaces[name]
    with_property, without = planted_sets(space, 250)
    truth = GraphTensors.from_architectures(space, with_property[:50])
    discriminator = Discriminator(space, generator=seeded(0))
    fakes = graphs_of(space, 100, seed=50)
    train_discriminator(discriminator, truth, fakes, epochs=4, batch_size=128, generator=seeded(1))
    positive = reward(discriminator, truth, GraphTensors.from_architectures(space, with_property[100:])).numpy()
    negative = reward(discriminator, truth, GraphTensors.from_architectures(space, without[100:])).numpy()
    assert area_under_curve(positive, negative) > 0.95
