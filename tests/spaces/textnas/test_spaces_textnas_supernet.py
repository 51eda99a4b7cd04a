"""The supernet of the text space: its size, and single architectures in it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from ganas.spaces.errors import InvalidSetting  # noqa: E402
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype, TextLayer  # noqa: E402
from ganas.spaces.textnas.heads import Classifier  # noqa: E402
from ganas.spaces.textnas.operators import Dropouts  # noqa: E402
from ganas.spaces.textnas.supernet import TextSupernet  # noqa: E402

NO_DROPOUT = Dropouts(0, 0, 0, 0, 0)


def genotype(layers=4, seed=0):
    rng = np.random.default_rng(seed)
    return TextGenotype(
        tuple(
            TextLayer(
                int(rng.integers(max(number, 1))),
                OPERATORS[rng.integers(len(OPERATORS))],
                tuple(bool(bit) for bit in rng.integers(0, 2, number)),
            )
            for number in range(layers)
        )
    )


def batch(lengths=(6, 3, 1), inputs=5):
    draws = torch.Generator().manual_seed(1)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return torch.randn(*mask.shape, inputs, generator=draws, dtype=torch.float64), mask


def supernet(layers=4, **settings):
    torch.manual_seed(2)
    return TextSupernet(layers, 8, **{"inputs": 5, "dropouts": NO_DROPOUT, **settings}).double()


@pytest.mark.parametrize(
    ("layers", "channels", "millions"), [(24, 32, 0.80), (24, 256, 49.0), (6, 32, 0.21), (8, 64, 1.05)]
)
def test_parameters(layers, channels, millions):
    with torch.device("meta"):
        modules = TextSupernet(layers, channels), Classifier(channels, 5)
    count = sum(weight.numel() for module in modules for weight in module.parameters())
    square = channels * channels
    convolutions = (1 + 3 + 5 + 7) * square + 4 * 3 * channels
    gru, attention = 2 * (6 * square + 6 * channels), 3 * (square + channels) + 2 * channels
    layer = convolutions + gru + attention + 2 * channels
    assert count == 300 * channels + 3 * channels + layers * (layer + 1) + 5 * (channels + 1)
    assert count / 1e6 == pytest.approx(millions, abs=0.05 if millions > 2 else 0.005)


@pytest.mark.parametrize("normalise_always", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_an_architecture_by_itself_gives_the_same_vectors(seed, normalise_always):
    shared, drawn = supernet(normalise_always=normalise_always), genotype(seed=seed)
    for other in range(6):
        shared(*batch(), genotype(seed=other))
    for training in (True, False):
        shared.train(training)
        network = shared.network(drawn)
        assert network.training is training
        # In training the first call changes the batch statistics of both alike.
        for _ in range(2):
            assert torch.allclose(network(*batch()), shared(*batch(), drawn), atol=1e-14)
    assert len(network.normalisations) == sum(normalise_always or any(layer.skips) for layer in drawn.layers)


def test_a_network_has_copies_of_the_weights():
    shared, drawn = supernet(), genotype(seed=3)
    network = shared.network(drawn)
    before = shared(*batch(), drawn)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1)
    assert torch.equal(shared(*batch(), drawn), before)


def test_an_architecture_trains_what_it_uses_alone():
    shared, drawn = supernet(), genotype(seed=5)
    shared(*batch(), drawn).pow(2).sum().backward()
    used = {
        *(f"operators.{number}.{layer.operator}." for number, layer in enumerate(drawn.layers)),
        *(f"normalisations.{number}." for number, layer in enumerate(drawn.layers) if any(layer.skips)),
        *("initial.", "combination"),
    }
    for name, weight in shared.named_parameters():
        assert (weight.grad is not None) == name.startswith(tuple(used)), name


def test_architectures_share_weights():
    shared = supernet()
    one = TextGenotype((TextLayer(0, "conv_3", ()), TextLayer(0, "gru", (True,))))
    pair = supernet(2)
    other = TextGenotype((TextLayer(0, "conv_3", ()), TextLayer(0, "attention", (False,))))
    before = pair(*batch(), other)
    optimiser = torch.optim.SGD(pair.parameters(), lr=0.1)
    pair(*batch(), one).pow(2).sum().backward()
    optimiser.step()
    assert not torch.allclose(pair(*batch(), other), before)
    with pytest.raises(InvalidSetting, match="the supernet has 4 layers, and the architecture 2"):
        shared(*batch(), one)
    with pytest.raises(InvalidSetting, match="the supernet has 4 layers, and the architecture 2"):
        shared.network(one)


def test_channels_must_suit_attention():
    with pytest.raises(InvalidSetting, match="multiple of 4, not 10"):
        TextSupernet(3, 10)
