"""The actor: a generator with its method, their state, and its distance from the truth set."""

import typing

import numpy as np
import pytest

from ganas.adversarial.actor import LEARNING_RATES, Actor
from ganas.adversarial.kinds import EncoderKind, Method
from ganas.bench.graph_encoder import encoder
from ganas.spaces.errors import InvalidSetting
from ganas.state_file import read_state, write_state

METHODS = typing.get_args(Method)


def make(space, seeded, method="ppo", *, seed=1, generator=None, **settings):
    sizes = {"hidden": 8, "layers": 1} | settings
    return Actor(space, method=method, generator=generator or seeded(seed), **sizes)


def rewards(space, samples):
    label = space.operations[2]
    return np.array([architecture.operations.count(label) / space.max_nodes for architecture in samples.architectures])


def learn(space, actor, rounds, *, count=32):
    truth = space.building_sequences(space.sample(4, rng=np.random.default_rng(0)))
    diagnostics = {}
    for _ in range(rounds):
        samples = actor.sample(count, epsilon=0.05)
        diagnostics = actor.learn(samples, rewards(space, samples), truth)
    return diagnostics


def test_the_kinds_are_those_of_the_encoder():
    assert typing.get_args(EncoderKind) == typing.get_args(encoder.EncoderKind)
    assert set(LEARNING_RATES) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("encoder_kind", typing.get_args(EncoderKind))
def test_every_method_changes_the_generator_and_says_how(space, seeded, method, encoder_kind):
    actor = make(space, seeded, method, encoder=encoder_kind)
    truth = space.building_sequences(space.sample(4, rng=np.random.default_rng(0)))
    before = actor.divergence(truth)
    diagnostics = learn(space, actor, 2)
    assert {"loss", "entropy", "mean_reward", "approximate_kl"} <= diagnostics.keys()
    assert actor.divergence(truth) != before


@pytest.mark.parametrize("method", METHODS)
def test_the_default_learning_rate_is_that_of_the_method(spaces, seeded, method):
    space = spaces["chain"]
    ends = []
    for rate in (None, LEARNING_RATES[method], 2 * LEARNING_RATES[method]):
        actor = make(space, seeded, method, learning_rate=rate)
        learn(space, actor, 2)
        ends.append(actor.sample(5).log_probabilities.tolist())
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize("method", METHODS)
def test_a_restored_actor_goes_on_as_if_nothing_had_happened(tmp_path, spaces, seeded, method):
    space = spaces["nasbench101"]
    random = seeded(1)
    actor = make(space, seeded, method, generator=random)
    learn(space, actor, 2)
    write_state(tmp_path / "actor.npz", actor.state())
    position = random.get_state()
    expected = learn(space, actor, 2), actor.sample(20).sequences.tolist()

    other_random = seeded(7)
    other = make(space, seeded, method, generator=other_random)
    other.load_state(read_state(tmp_path / "actor.npz"))
    other_random.set_state(position)
    assert (learn(space, other, 2), other.sample(20).sequences.tolist()) == expected


def test_the_divergence_of_uniform_choices_is_known(spaces, seeded):
    # All 15,625 cells have the same probability then, so it is the logarithm of how much larger the space is.
    space = spaces["nasbench201"]
    truth = space.building_sequences(list(space.enumerate())[::1000])
    assert make(space, seeded).divergence(truth, epsilon=1.0) == pytest.approx(np.log(15_625 / len(truth)), abs=1e-5)


def test_the_divergence_is_that_of_the_exact_distributions(spaces, seeded):
    space = spaces["wiring"]
    actor = make(space, seeded)
    members = list(space.enumerate())
    probability = np.exp(actor.generator.log_probability(space.building_sequences(members)).detach().numpy())
    chosen = probability[[3, 8, 15]].astype(np.float64)
    exact = np.sum(np.log((1 / 3) / chosen) / 3)
    assert actor.divergence(space.building_sequences([members[n] for n in (3, 8, 15)])) == pytest.approx(
        exact, abs=1e-5
    )


def test_maximum_likelihood_brings_the_divergence_close_to_zero(spaces, seeded):
    space = spaces["nasbench201"]
    actor = make(space, seeded, "maximum-likelihood", hidden=16, learning_rate=2e-2, entropy_coefficient=0.0)
    truth = space.building_sequences(space.sample(3, rng=np.random.default_rng(0)))
    samples = actor.sample(4)
    for _ in range(30):
        actor.learn(samples, np.zeros(4), truth)
    assert 0 <= actor.divergence(truth) < 0.3


def test_the_draws_come_from_the_callers_generator(spaces, seeded):
    space, random = spaces["nasbench201"], seeded(3)
    actor = make(space, seeded, generator=random)
    position = random.get_state()
    first = actor.sample(10).architectures
    random.set_state(position)
    assert actor.sample(10).architectures == first
    assert actor.sample(10).architectures != first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "pro"}, "did you mean 'ppo'"),
        ({"encoder": "kgn"}, "did you mean 'kgnn'"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"ppo_epochs": 0}, "epochs must be at least 1"),
        ({"hidden": 0}, "hidden must be at least 1"),
    ],
)
def test_bad_settings_are_errors(spaces, seeded, settings, message):
    with pytest.raises(InvalidSetting, match=message):
        make(spaces["chain"], seeded, **settings)
