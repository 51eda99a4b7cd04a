"""Every model at the edges: few labels, many, ties, twins only, and spaces of a few architectures."""

from pathlib import Path

import numpy as np
import pytest

import ganas
from ganas.bench.surrogate import gaussian_process, graph_networks
from ganas.bench.surrogate.groups import functional_groups
from ganas.bench.surrogate.models import MODELS
from ganas.bench.surrogate.networks import FeatureNetworks
from ganas.bench.surrogate.surrogate import Surrogate
from ganas.bench.toy import ToyBenchmark
from ganas.spaces.architecture import Architecture

SPACE = ganas.load_space("nasbench201")
ASKED = SPACE.sample(50, rng=np.random.default_rng(9))
CHAIN = Path(__file__).resolve().parents[2] / "plugins" / "ganas-chain-space" / "ganas_chain_space.py"
EACH_MODEL = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(autouse=True)
def few_steps(request, monkeypatch):
    """Networks need not be good at the edges; those of the slow tests are trained in full."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setitem(FeatureNetworks.train.__kwdefaults__, "steps", 60)
        monkeypatch.setattr(graph_networks, "_STEPS", 8)


def toy_labels(count, space=SPACE, seed=0):
    drawn = space.sample(count, rng=np.random.default_rng(seed))
    return drawn, ToyBenchmark(space).query_many(drawn)[:, 0]


def require_sound(surrogate, asked=ASKED):
    """Finite numbers, intervals in order, and a state that answers as before."""
    said = surrogate.predict(asked)
    assert np.isfinite(said.mean).all() and np.isfinite(said.standard_deviation).all()
    assert (said.standard_deviation > 0).all()
    lower, upper = surrogate.interval(asked)
    assert (lower < upper).all()
    assert np.isfinite(surrogate.sample(asked, 3, rng=np.random.default_rng(0))).all()
    means, deviations = surrogate.left_out
    assert np.array_equal(np.isfinite(means), np.isfinite(deviations)) and np.isfinite(means).any()
    opened = Surrogate(surrogate.space, surrogate.model, seed=surrogate.seed)
    opened.load_state(surrogate.state())
    assert np.array_equal(opened.predict(asked).mean, said.mean)


@EACH_MODEL
@pytest.mark.parametrize("count", [5, 30])
def test_few_labels(model, count):
    require_sound(Surrogate(SPACE, model).fit(*toy_labels(count)))


@EACH_MODEL
def test_five_labels_of_which_two_differ(model):
    drawn, _ = toy_labels(5)
    require_sound(Surrogate(SPACE, model).fit(drawn, [1.0, 1.0, 1.0, 1.0, 2.0]))


@EACH_MODEL
def test_labels_in_three_steps(model):
    drawn, labels = toy_labels(60)
    steps = np.digitize(labels, np.quantile(labels, [0.3, 0.6])).astype(float)
    surrogate = Surrogate(SPACE, model).fit(drawn, steps)
    require_sound(surrogate)
    said = surrogate.predict(drawn).mean
    assert said[steps == 0].mean() < said[steps == 1].mean() < said[steps == 2].mean()


@EACH_MODEL
def test_all_twins_of_each_other(model):
    """Nothing tells them apart: all are expected to be about their mean, and anything else to be uncertain."""
    drawn = SPACE.sample(4000, rng=np.random.default_rng(3))
    groups = functional_groups(SPACE, drawn)
    largest = np.bincount(groups).argmax()
    twins = [drawn[place] for place in np.flatnonzero(groups == largest).tolist()]
    assert len({SPACE.identity_key(twin) for twin in twins}) >= 20
    labels = np.random.default_rng(4).normal(70, 1, len(twins))
    surrogate = Surrogate(SPACE, model).fit(twins, labels)
    require_sound(surrogate)
    said = surrogate.predict(twins).mean
    # Graph networks see twins with their nodes in another order, and add up accordingly.
    assert np.ptp(said) < 1e-6 and abs(said[0] - labels.mean()) < 0.7


@EACH_MODEL
def test_more_labels_than_a_process_is_conditioned_on(model, monkeypatch):
    """It takes some of them, and says nothing of the others when they are left out."""
    monkeypatch.setattr(gaussian_process, "_MOST_ROWS", 60)
    monkeypatch.setattr(gaussian_process, "_MOST_FOR_KERNEL", 40)
    require_what_a_process_takes(model, labels=100, taken=60)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_more_than_2000_labels(model):
    require_what_a_process_takes(model, labels=2300, taken=2000)


def require_what_a_process_takes(model, labels, taken):
    surrogate = Surrogate(SPACE, model).fit(*toy_labels(labels))
    require_sound(surrogate)
    with_process = ("gaussian-process", "weisfeiler-lehman", "stacked")
    assert np.isfinite(surrogate.left_out[0]).sum() == (taken if model in with_process else labels)
    truth = ToyBenchmark(SPACE).query_many(ASKED)[:, 0]
    assert np.corrcoef(surrogate.predict(ASKED).mean, truth)[0, 1] > 0.5


@EACH_MODEL
def test_one_architecture_many_times(model):
    """A search that asks for single trials measures one architecture again and again."""
    drawn, labels = toy_labels(6)
    often = [one for one in drawn for _ in range(3)]
    noisy = np.repeat(labels, 3) + np.random.default_rng(1).normal(0, 0.1, 18)
    require_sound(Surrogate(SPACE, model).fit(often, noisy))


@EACH_MODEL
def test_a_space_of_363(model):
    space = ganas.load_space(f"{CHAIN}:ChainSpace")
    drawn, labels = toy_labels(19, space)
    surrogate = Surrogate(space, model).fit(drawn, labels)
    everything = list(space.enumerate())
    assert len(everything) == 363
    require_sound(surrogate, everything)
    truth = ToyBenchmark(space).query_many(everything)[:, 0]
    assert np.corrcoef(surrogate.predict(everything).mean, truth)[0, 1] > 0.3


class Switch(type(ganas.load_space(f"{CHAIN}:ChainSpace"))):
    """The three chains of one operation, and nothing else."""

    name = "switch"
    title = "Three architectures"
    size = 3

    def enumerate(self):
        for architecture in super().enumerate():
            if architecture.num_nodes == 3:
                yield architecture

    def sample(self, count, *, rng):
        members = [self.of_chain(architecture) for architecture in self.enumerate()]
        return [members[place] for place in rng.integers(len(members), size=count).tolist()]

    def of_chain(self, architecture):
        return Architecture(self.name, architecture.operations, architecture.edges)


@EACH_MODEL
def test_a_space_of_three(model):
    space = Switch()
    members = [space.of_chain(architecture) for architecture in space.enumerate()]
    assert len(members) == 3
    labels = np.repeat([1.0, 2.0, 3.0], 4) + np.random.default_rng(0).normal(0, 0.05, 12)
    surrogate = Surrogate(space, model).fit([one for one in members for _ in range(4)], labels)
    require_sound(surrogate, members)
