"""Training the generator: what each method must do, its state, and the planted property."""

import numpy as np
import pytest
import torch

from ganas.adversarial.discriminator import Discriminator, reward, train_discriminator
from ganas.adversarial.generator import Generator
from ganas.adversarial.policy_gradient import MaximumLikelihood, Reinforce, divergence
from ganas.adversarial.proximal_policy import ProximalPolicy, advantages_and_returns
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.spaces.errors import InvalidSetting

METHODS = ("ppo", "reinforce", "likelihood")


def small(space, seeded, seed=1):
    return Generator(space, hidden=16, layers=2, generator=seeded(seed))


def method_for(name, generator, seeded, **settings):
    if name == "ppo":
        sizes = {"critic_hidden": 16, "critic_layers": 2}
        return ProximalPolicy(generator, rng=seeded(9), **(sizes | settings))
    return Reinforce(generator, **settings) if name == "reinforce" else MaximumLikelihood(generator, **settings)


def count_of(space, architectures):
    """A reward that any space has: the share of nodes with the second operation, or of possible edges."""
    if space.name == "wiring":
        return np.array([len(architecture.edges) / 6 for architecture in architectures])
    label = space.operations[2]
    return np.array([architecture.operations.count(label) / space.max_nodes for architecture in architectures])


def train(space, generator, method, rounds, drawing, batch=64, truth=None):
    """Mean rewards of the rounds, and the last diagnostics."""
    truth = space.building_sequences(space.sample(5, rng=np.random.default_rng(0))) if truth is None else truth
    means, diagnostics = [], {}
    for _ in range(rounds):
        samples = generator.sample(batch, generator=drawing, epsilon=0.02)
        rewards = count_of(space, samples.architectures)
        diagnostics = method.update(generator, samples, rewards, truth, rng=drawing)
        means.append(diagnostics["mean_reward"])
    return means, diagnostics


@pytest.mark.parametrize("name", ["ppo", "reinforce"])
def test_the_reward_rises(space, seeded, name):
    generator = small(space, seeded)
    method = method_for(name, generator, seeded, learning_rate=3e-3)
    # One step on unscaled advantages moves less than the many steps of PPO.
    rounds = {"ppo": 15, "reinforce": 60}[name]
    means, diagnostics = train(space, generator, method, rounds, seeded(2))
    assert np.mean(means[-3:]) > np.mean(means[:2]) * 1.2 + 0.05
    assert {"loss", "entropy", "mean_reward", "approximate_kl"} <= diagnostics.keys()
    assert all(np.isfinite(value) and isinstance(value, float) for value in diagnostics.values())
    assert diagnostics["approximate_kl"] >= 0


def test_maximum_likelihood_fits_the_truth_set(space, seeded):
    truth = space.building_sequences(space.sample(4, rng=np.random.default_rng(3)))
    generator = small(space, seeded)
    before = generator.log_probability(truth).mean().item()
    method = method_for("likelihood", generator, seeded, learning_rate=1e-2)
    _, diagnostics = train(space, generator, method, 15, seeded(2), truth=truth)
    assert generator.log_probability(truth).mean().item() > before + 0.5
    assert np.isfinite(diagnostics["loss"])


@pytest.mark.parametrize("name", METHODS)
def test_an_entropy_bonus_keeps_the_generator_from_settling(spaces, seeded, name):
    space = spaces["nasbench201"]
    ends = []
    for coefficient in (0.0, 1.0):
        generator = small(space, seeded)
        method = method_for(name, generator, seeded, entropy_coefficient=coefficient, learning_rate=1e-2)
        ends.append(train(space, generator, method, 12, seeded(2))[1]["entropy"])
    assert ends[1] > ends[0] + 0.5


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_everything(spaces, seeded, name):
    space = spaces["nasbench101"]

    def run(seed):
        generator = small(space, seeded)
        _, diagnostics = train(space, generator, method_for(name, generator, seeded), 2, seeded(seed))
        return diagnostics, [weight.detach().clone() for weight in generator.parameters()]

    first, again, other = run(2), run(2), run(3)
    assert first[0] == again[0]
    assert all(torch.equal(a, b) for a, b in zip(first[1], again[1], strict=True))
    if name != "likelihood":
        assert not all(torch.equal(a, b) for a, b in zip(first[1], other[1], strict=True))


@pytest.mark.parametrize("name", METHODS)
def test_a_restored_method_goes_on_as_if_nothing_had_happened(space, seeded, name):
    generator, drawing = small(space, seeded), seeded(2)
    method = method_for(name, generator, seeded)
    train(space, generator, method, 2, drawing)
    saved = {"weights": state_arrays(generator), "method": method.state(), "drawing": state_arrays(drawing)}
    expected = train(space, generator, method, 2, drawing)

    restored, again = small(space, seeded, seed=7), seeded(0)
    load_state_arrays(restored, saved["weights"])
    load_state_arrays(again, saved["drawing"])
    other = method_for(name, restored, seeded)
    other.load_state(saved["method"])
    assert train(space, restored, other, 2, again) == expected
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), restored.parameters(), strict=True))


def test_reinforce_steps_along_the_gradient_of_the_expected_reward(spaces, seeded):
    space = spaces["chain"]
    generator = small(space, seeded)
    members = list(space.enumerate())
    sequences, values = space.building_sequences(members), torch.from_numpy(count_of(space, members)).float()
    (generator.log_probability(sequences).exp() * values).sum().backward()
    exact = torch.cat([weight.grad.flatten() for weight in generator.parameters() if weight.grad is not None])
    samples = generator.sample(4000, generator=seeded(2))
    method = Reinforce(generator, entropy_coefficient=0.0, max_gradient_norm=1e9)
    rewards = count_of(space, samples.architectures)
    method.update(generator, samples, rewards, sequences[:2], rng=seeded(3))
    estimate = -torch.cat([weight.grad.flatten() for weight in generator.parameters() if weight.grad is not None])
    assert torch.cosine_similarity(estimate, exact, dim=0) > 0.97
    # The loss is a mean over steps: a step for each operation but for a forced end, which is the sixth.
    steps = np.mean([min(architecture.num_nodes - 1, 5) for architecture in samples.architectures])
    assert estimate.norm().item() == pytest.approx(exact.norm().item() / steps, rel=0.15)


def test_the_baseline_is_a_moving_average(spaces, seeded):
    space = spaces["nasbench201"]
    generator = small(space, seeded)
    method = Reinforce(generator, baseline_decay=0.75)
    samples = generator.sample(4, generator=seeded(2))
    for paid in (1.0, 0.0, 0.0):
        method.update(generator, samples, np.full(4, paid), samples.sequences, rng=seeded(3))
    assert method.baseline == pytest.approx(0.75**2)


def test_without_decay_advantages_are_the_reward_less_the_value():
    values = torch.tensor([[0.5, 0.2, 0.9], [0.1, 0.4, 0.7]])
    is_open = np.array([[True, True, True], [True, False, False]])
    advantages, returns = advantages_and_returns(values, torch.tensor([1.0, 2.0]), is_open, 1.0)
    assert advantages[0].tolist() == pytest.approx([0.5, 0.8, 0.1])
    assert advantages[1, 0].item() == pytest.approx(1.9)
    assert returns[0].tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_advantages_by_hand():
    values = torch.tensor([[0.5, 9.0, 0.2, 0.9]])
    is_open = np.array([[True, False, True, True]])
    advantages, returns = advantages_and_returns(values, torch.tensor([1.0]), is_open, 0.5)
    last, middle = 1 - 0.9, 0.9 - 0.2 + 0.5 * 0.1
    first = 0.2 - 0.5 + 0.5 * middle
    assert advantages[0, [0, 2, 3]].tolist() == pytest.approx([first, middle, last])
    assert returns[0, 0].item() == pytest.approx(first + 0.5)


def test_the_first_step_of_ppo_starts_at_a_ratio_of_one(spaces, seeded):
    space = spaces["nasbench101"]
    generator = small(space, seeded)
    samples = generator.sample(64, generator=seeded(2), epsilon=0.1, temperature=1.5)
    method = method_for("ppo", generator, seeded, epochs=1, batch_size=64, learning_rate=0.0)
    rewards = np.random.default_rng(0).random(64)
    diagnostics = method.update(generator, samples, rewards, samples.sequences, rng=seeded(3))
    assert diagnostics["clipped_share"] == 0
    assert diagnostics["approximate_kl"] == pytest.approx(0, abs=1e-6)
    # The advantages have mean zero, so all that is left of the loss is the entropy bonus.
    assert diagnostics["loss"] == pytest.approx(-0.02 * mean_step_entropy(generator, samples), abs=1e-4)


def mean_step_entropy(generator, samples):
    values = generator.evaluate(samples.sequences, epsilon=samples.epsilon, temperature=samples.temperature)
    open_steps = 0
    builder = generator.space.builder(len(samples))
    for step in generator.steps:
        is_open = np.zeros(len(samples), dtype=bool)
        for column in range(step.start, step.stop):
            is_open |= builder.mask().sum(axis=1) > 1
            builder.apply(samples.sequences[:, column])
        open_steps += int(is_open.sum())
    return values.entropy.sum().item() / open_steps


def test_the_clip_bounds_how_far_one_update_goes(spaces, seeded):
    space = spaces["nasbench201"]
    moved = []
    for clip in (0.02, 10.0):
        generator = small(space, seeded)
        samples = generator.sample(64, generator=seeded(2))
        method = method_for("ppo", generator, seeded, clip=clip, epochs=20, learning_rate=3e-3, entropy_coefficient=0.0)
        rewards = count_of(space, samples.architectures)
        moved.append(method.update(generator, samples, rewards, samples.sequences, rng=seeded(3))["approximate_kl"])
    assert moved[0] < moved[1] / 4


def test_the_critic_learns_what_to_expect(spaces, seeded):
    space = spaces["chain"]
    generator = small(space, seeded)
    method = method_for("ppo", generator, seeded, learning_rate=3e-3)
    samples = generator.sample(64, generator=seeded(2))
    rewards = count_of(space, samples.architectures)
    losses = [
        method.update(generator, generator.sample(64, generator=seeded(2)), rewards, samples.sequences, rng=seeded(r))[
            "value_loss"
        ]
        for r in range(10)
    ]
    assert losses[-1] < losses[0] / 2


def test_the_divergence_is_finite_and_never_negative():
    values = divergence(torch.tensor([-50.0, -0.1, 0.0, 0.1, 500.0]))
    assert torch.isfinite(values).all()
    assert (values >= 0).all()
    assert values[2] == 0


def test_bad_settings_are_errors(spaces, seeded):
    space = spaces["nasbench201"]
    generator = small(space, seeded)
    samples = generator.sample(4, generator=seeded(0))
    with pytest.raises(InvalidSetting, match="another generator"):
        Reinforce(generator).update(small(space, seeded), samples, np.zeros(4), samples.sequences, rng=seeded(0))
    with pytest.raises(InvalidSetting, match="one reward"):
        Reinforce(generator).update(generator, samples, np.zeros(3), samples.sequences, rng=seeded(0))
    for name, settings in (
        ("ppo", {"clip": 0}),
        ("ppo", {"epochs": 0}),
        ("ppo", {"batch_size": 0}),
        ("ppo", {"gae_lambda": 1.5}),
        ("reinforce", {"baseline_decay": 1.0}),
        ("likelihood", {"steps": 0}),
    ):
        with pytest.raises(InvalidSetting, match=next(iter(settings))):
            method_for(name, generator, seeded, **settings)


def rise(space, seeded, planted_sets, has_property, rounds, **sizes):
    """Shares of samples with the planted property, before and after PPO against a discriminator that is held fixed."""
    members, others = planted_sets(space, 50)
    truth = GraphTensors.from_architectures(space, members[:25])
    discriminator = Discriminator(space, generator=seeded(0), **sizes)
    fakes = GraphTensors.from_architectures(space, others)
    train_discriminator(discriminator, truth, fakes, epochs=8, batch_size=128, generator=seeded(1))
    generator = Generator(space, generator=seeded(2), **sizes)
    critic = {f"critic_{name}": value for name, value in sizes.items()}
    method = ProximalPolicy(generator, rng=seeded(3), **critic)
    drawing, truth_sequences = seeded(4), space.building_sequences(members[:25])

    def share():
        return np.mean([has_property(a) for a in generator.sample(500, generator=drawing).architectures])

    before = share()
    for _ in range(rounds):
        samples = generator.sample(64, generator=drawing, epsilon=0.02)
        paid = reward(discriminator, truth, GraphTensors.from_architectures(space, samples.architectures))
        method.update(generator, samples, paid, truth_sequences, rng=drawing)
    return before, share()


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
def test_the_planted_property_is_found(spaces, seeded, planted_sets, has_property, name):
    before, after = rise(spaces[name], seeded, planted_sets, has_property, 20, hidden=32, layers=3)
    assert before < 0.2
    assert after > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nasbench101", "nasbench201"])
def test_the_planted_property_is_found_with_the_default_sizes(spaces, seeded, planted_sets, has_property, name):
    """Acceptance test 3 of GA-NAS: from the random rate to more than 0.8 within 50 rounds."""
    before, after = rise(spaces[name], seeded, planted_sets, has_property, 50)
    assert before < 0.2
    assert after > 0.8
