"""Weights, optimizers and random states as arrays: an exact round trip, through the state file too."""

import numpy as np
import pytest
import torch

from ganas.adversarial.discriminator import Discriminator
from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.state_file import read_state, write_state


@pytest.fixture
def graphs(spaces):
    space = spaces["nasbench201"]
    return GraphTensors.from_architectures(space, space.sample(10, rng=np.random.default_rng(0)))


def make(spaces, seeded, optimizer, seed=0):
    network = Discriminator(spaces["nasbench201"], hidden=8, layers=1, generator=seeded(seed))
    kinds = {
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.8, 0.99)),
        "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, amsgrad=True),
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9),
    }
    return network, kinds[optimizer](network.parameters())


def train(network, optimizer, graphs, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        network(graphs, graphs[torch.arange(9, -1, -1)]).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_training_goes_on_to_the_same_bits(tmp_path, spaces, seeded, graphs, optimizer):
    network, steps = make(spaces, seeded, optimizer)
    train(network, steps, graphs, 3)
    write_state(tmp_path / "state.npz", {"network": state_arrays(network), "optimizer": state_arrays(steps)})
    train(network, steps, graphs, 3)

    saved = read_state(tmp_path / "state.npz")
    restored, again = make(spaces, seeded, optimizer, seed=5)
    load_state_arrays(restored, saved["network"])
    load_state_arrays(again, saved["optimizer"])
    train(restored, again, graphs, 3)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), restored.parameters(), strict=True))
    for mine, theirs in zip(steps.state.values(), again.state.values(), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(torch.as_tensor(mine[name]), torch.as_tensor(theirs[name])) for name in mine)
    assert steps.state_dict()["param_groups"] == again.state_dict()["param_groups"]


def test_what_is_saved_does_not_change_afterwards(spaces, seeded, graphs):
    network, optimizer = make(spaces, seeded, "adam")
    train(network, optimizer, graphs, 1)
    saved, moments = state_arrays(network), state_arrays(optimizer)
    copies = {name: array.copy() for name, array in saved.items()}
    step = moments["state"]["0"]["step"].copy()
    train(network, optimizer, graphs, 1)
    assert all((saved[name] == copies[name]).all() for name in saved)
    assert moments["state"]["0"]["step"] == step
    load_state_arrays(network, saved)
    train(network, optimizer, graphs, 1)
    assert all((saved[name] == copies[name]).all() for name in saved)


def test_a_random_generator_goes_on(tmp_path, seeded):
    generator = seeded(3)
    torch.rand(5, generator=generator)
    write_state(tmp_path / "state.npz", state_arrays(generator))
    expected = torch.rand(7, generator=generator)
    other = seeded(0)
    load_state_arrays(other, read_state(tmp_path / "state.npz"))
    assert torch.equal(torch.rand(7, generator=other), expected)
