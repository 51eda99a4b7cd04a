"""Spaces on which the networks of GA-NAS are tested, and one torch thread."""

import importlib.util
import itertools
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision
from ganas.spaces.registry import load_space
from ganas.spaces.space import Space

torch = pytest.importorskip("torch", reason="the networks need torch")

SPACES = ("nasbench101", "nasbench201", "chain", "wiring")


def chain_space():
    """The space of the plug-in tests, which need not be installed here."""
    path = Path(__file__).resolve().parents[2] / "plugins" / "ganas-chain-space" / "ganas_chain_space.py"
    specification = importlib.util.spec_from_file_location("chain_space_of_the_plugin", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.ChainSpace()


class WiringSpace(Space):
    """Four nodes whose operations are fixed; each reads at least one earlier node: 21 wirings.

    It has edge decisions only, and every wiring has exactly one building sequence, so that probabilities of edges can
    be summed over the whole space.
    """

    name: ClassVar[str] = "wiring"
    title: ClassVar[str] = "Wirings of four fixed nodes"
    operations: ClassVar[tuple[str, ...]] = ("input", "conv", "pool", "output")
    max_nodes: ClassVar[int] = 4
    choices: ClassVar[tuple[int, ...]] = (2,) * 6
    size: ClassVar[int] = 21
    pairs = tuple((source, node) for node in range(1, 4) for source in range(node))

    def parse(self, text):
        return self.decode([int(character) for character in text])

    def format(self, architecture):
        return "".join(map(str, self.encode(architecture)))

    def encode(self, architecture):
        return tuple(int(pair in architecture.edges) for pair in self.pairs)

    def decode(self, genotype):
        edges = [pair for pair, bit in zip(self.pairs, genotype, strict=True) if bit]
        return Architecture(self.name, self.operations, edges)

    def is_valid(self, genotype):
        return super().is_valid(genotype) and all(
            any(bit for bit, (_, target) in zip(genotype, self.pairs, strict=True) if target == node)
            for node in range(1, 4)
        )

    def enumerate(self):
        return map(self.decode, filter(self.is_valid, itertools.product((0, 1), repeat=6)))

    def sample(self, count, *, rng):
        members = list(self.enumerate())
        return [members[number] for number in rng.integers(len(members), size=count)]

    @property
    def decisions(self):
        return tuple(Decision("edge", node, source, 2) for source, node in self.pairs)

    def builder(self, batch_size):
        return WiringBuilder(self, batch_size)

    def building_sequences(self, architectures):
        return self.encode_many(architectures)


class WiringBuilder(Builder):
    """A node appears with its first edge decision."""

    def __init__(self, space, batch_size):
        super().__init__(space, batch_size)
        self.operation_ids[:, :2] = (0, 1)
        self.num_nodes[:] = 2

    def mask(self):
        decision = self.decision
        legal = np.ones((self.batch_size, 2), dtype=bool)
        if decision.source == decision.node - 1:
            legal[:, 0] = self.adjacency[:, :, decision.node].any(axis=1)
        return legal

    def _place(self, decision, choices):
        self.adjacency[:, decision.source, decision.node] = choices == 1
        if decision.source == decision.node - 1 and decision.node < 3:
            self.operation_ids[:, decision.node + 1] = decision.node + 1
            self.num_nodes += 1

    def finish(self):
        self._require_done()
        rows, columns = np.array(self.space.pairs).T
        return [self.space.decode(bits) for bits in self.adjacency[:, rows, columns].astype(int).tolist()]


@pytest.fixture(scope="session")
def spaces():
    """By name: free wiring, fixed wiring, chains of several lengths, and wiring without operations."""
    return {
        "nasbench101": load_space("nasbench101"),
        "nasbench201": load_space("nasbench201"),
        "chain": chain_space(),
        "wiring": WiringSpace(),
    }


@pytest.fixture(params=SPACES)
def space(request, spaces):
    return spaces[request.param]


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices gain nothing from more threads, and the tests run beside others."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def global_generator_is_left_alone():
    """Nothing in these tests may draw from torch's global generator."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.fixture
def seeded():
    """``seeded(3)`` is a torch generator with that seed."""
    return lambda seed: torch.Generator().manual_seed(seed)


@pytest.fixture
def shaken(seeded):
    """Adds noise to the weights of a module, so that its outputs are far from uniform."""

    def shake(module, seed=0, scale=0.4):
        generator = seeded(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
        return module

    return shake


def planted(architecture):
    """The property of the planted truth sets: at least three 3x3 convolutions."""
    return sum(label in ("conv3x3-bn-relu", "nor_conv_3x3") for label in architecture.operations) >= 3


@pytest.fixture
def has_property():
    return planted


@pytest.fixture
def planted_sets():
    """``planted_sets(space, members, seed)``: that many architectures with the property, and as many without."""

    def draw(space, members, seed=0):
        drawn = space.sample(40 * members, rng=np.random.default_rng(seed))
        return [a for a in drawn if planted(a)][:members], [a for a in drawn if not planted(a)][:members]

    return draw
