"""The inner loop: what samples and members are paid, and how far generator and discriminator come."""

import numpy as np
import pytest
import torch

from ganas.adversarial.basic_settings import GANASBasicSettings
from ganas.adversarial.discriminator import Discriminator, reward
from ganas.adversarial.training import AdversarialTraining, mean_reward_of_members, rewards_of
from ganas.bench.graph_encoder.batch import GraphTensors


def graphs_of(space, count, seed=0):
    return GraphTensors.from_architectures(space, space.sample(count, rng=np.random.default_rng(seed)))


@pytest.fixture
def small():
    return {"hidden": 16, "layers": 2, "adversarial_rounds": 3, "fakes": 32}


def test_violators_are_paid_minus_one(spaces, seeded):
    space = spaces["nasbench201"]
    judge = Discriminator(space, hidden=8, layers=1, generator=seeded(0))
    truth, samples = graphs_of(space, 5), graphs_of(space, 4, seed=1)
    paid = rewards_of(judge, truth, samples, [True, False, True, False])
    expected = reward(judge, truth, samples).numpy()
    assert paid.tolist() == [expected[0], -1, expected[2], -1]
    assert ((expected > 0) & (expected < 1)).all()


def test_members_are_judged_beside_the_others_only(spaces, seeded):
    space = spaces["nasbench101"]
    judge = Discriminator(space, hidden=8, layers=1, generator=seeded(0))
    truth = graphs_of(space, 4)
    with torch.no_grad():
        outputs = [
            torch.sigmoid(judge(truth[[first]], truth[[second]])).item()
            for first in range(4)
            for second in range(4)
            if first != second
        ]
    assert mean_reward_of_members(judge, truth) == pytest.approx(np.mean(outputs), abs=1e-6)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
@pytest.mark.parametrize(("method", "rate"), [("ppo", 3e-3), ("reinforce", 2e-2), ("maximum-likelihood", 5e-3)])
def test_it_moves_towards_the_truth_set(spaces, seeded, planted_sets, has_property, small, name, method, rate):
    space = spaces[name]
    truth = planted_sets(space, 12)[0]
    longer = small | {"adversarial_rounds": 8, "keep_discriminator": True}
    settings = GANASBasicSettings(method=method, generator_learning_rate=rate, **longer)
    training = AdversarialTraining(space, settings, random=seeded(0))
    shares, diagnostics = [], {}
    for _ in range(5):
        shares.append(np.mean([has_property(a) for a in training.actor.sample(300).architectures]))
        diagnostics = training.train(truth, epsilon=0.05, allows=lambda architecture: True)
    # Two networks that learn from each other swing, so the best of the trainings is looked at.
    assert shares[0] < 0.2
    assert max(shares) > 0.5
    assert diagnostics.keys() == {
        "discriminator_accuracy",
        "reward_truth",
        "reward_generated",
        "entropy",
        "divergence",
    }
    assert all(np.isfinite(value) for value in diagnostics.values())


def test_the_generator_learns_to_heed_a_predicate(spaces, seeded, small):
    space = spaces["nasbench201"]
    excluded = space.operations[2]
    settings = GANASBasicSettings(generator_learning_rate=3e-3, **small)
    training = AdversarialTraining(space, settings, random=seeded(0))
    truth = [a for a in space.sample(200, rng=np.random.default_rng(0)) if excluded not in a.operations][:10]

    def share():
        return np.mean([excluded in a.operations for a in training.actor.sample(300).architectures])

    before = share()
    for _ in range(6):
        training.train(truth, epsilon=0.05, allows=lambda architecture: excluded not in architecture.operations)
    assert share() < before - 0.2


@pytest.mark.parametrize("keep_generator", [True, False])
@pytest.mark.parametrize("keep_discriminator", [True, False])
def test_what_is_kept_goes_on_and_the_rest_starts_anew(spaces, seeded, small, keep_generator, keep_discriminator):
    space = spaces["nasbench201"]
    settings = GANASBasicSettings(keep_generator=keep_generator, keep_discriminator=keep_discriminator, **small)
    training = AdversarialTraining(space, settings, random=seeded(0))
    actor, judge = training.actor, training._discriminator
    truth = space.sample(6, rng=np.random.default_rng(0))
    training.train(truth, epsilon=0.05, allows=lambda architecture: True)
    assert (training.actor is actor) == keep_generator
    assert (training._discriminator is judge) == keep_discriminator
    assert ("actor" in training.state()) == keep_generator
    assert ("discriminator" in training.state()) == ("optimizer" in training.state()) == keep_discriminator
