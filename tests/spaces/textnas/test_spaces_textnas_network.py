"""Text networks: parameter counts, the plain implementation, padding, weights, heads."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from ganas.spaces.errors import InvalidSetting  # noqa: E402
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype, TextLayer  # noqa: E402
from ganas.spaces.textnas.heads import Classifier, PairClassifier  # noqa: E402
from ganas.spaces.textnas.network import TextNetwork, build_network  # noqa: E402
from ganas.spaces.textnas.notation import parse_genotype  # noqa: E402
from ganas.spaces.textnas.operators import Dropouts  # noqa: E402

RELEASED = parse_genotype("released")
NO_DROPOUT = Dropouts(0, 0, 0, 0, 0)
# Every operator once, some of them with skip connections.
EVERY = TextGenotype(
    tuple(
        TextLayer(min(number, 5) // 2, name, tuple((number + other) % 3 == 0 for other in range(number)))
        for number, name in enumerate(OPERATORS)
    )
)


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that networks are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "text.py"
    specification = importlib.util.spec_from_file_location("perf_text_network", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_text_network"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def texts(lengths, *, padding=0, inputs=6, dtype=torch.float64):
    """Embedded words that are random at padding as well, and their mask; a text is the same with any padding."""
    time = max(lengths) + padding
    values = torch.randn(len(lengths), time, inputs, generator=seeded(7), dtype=dtype)
    mask = torch.arange(time) < torch.tensor(lengths)[:, None]
    for number, (text, length) in enumerate(zip(values, lengths, strict=True)):
        text[:length] = torch.randn(length, inputs, generator=seeded(number), dtype=dtype)
    return values, mask


def small(genotype=EVERY, **settings):
    chosen = {"channels": 8, "inputs": 6, "num_classes": 3, "dropouts": NO_DROPOUT, "generator": seeded(1)}
    return build_network(genotype, **(chosen | settings)).double()


def settled(network, *texts_and_mask):
    """The network after some batches, so that batch statistics are not those of the beginning."""
    with torch.no_grad():
        for _ in range(20):
            network.train()(*texts_and_mask)
    return network.eval()


# --- sizes and weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("normalise_always", "expected"), [(False, 6_139_421), (True, 6_140_957)])
def test_parameters_of_the_released_architecture(normalise_always, expected):
    with torch.device("meta"):
        network = build_network(RELEASED, normalise_always=normalise_always)
    assert sum(weight.numel() for weight in network.parameters()) == expected
    # A weight and a bias of each channel, in the three layers without skip connections.
    assert 6_140_957 - 6_139_421 == 3 * 2 * 256


def test_initial_weights():
    network = build_network(RELEASED, channels=64, inputs=50, generator=seeded(2))
    by_name = dict(network.named_parameters())
    for name, weight in by_name.items():
        if name.endswith("projection.weight"):
            parts = weight.chunk(3) if len(weight) == 192 else (weight,)
            for part in parts:
                outputs, inputs, kernel_size = part.shape
                bound = math.sqrt(6 / (kernel_size * (inputs + outputs)))
                assert 0.95 * bound < part.abs().max() <= bound, name
            bound = 1 / math.sqrt(inputs * kernel_size)
            bias = by_name[name.replace("weight", "bias")]
            assert 0.7 * bound < bias.abs().max() <= bound, name
        elif ".gru." in name:
            assert 0.9 / 8 < weight.abs().max() <= 1 / 8, name
        elif name.endswith("normalisation.weight"):
            assert weight.eq(1).all()
        elif name.endswith("combination"):
            assert weight.tolist() == pytest.approx([1 / 24] * 24)


def test_a_generator_gives_the_same_weights_and_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    one, other, third = small(), small(), small(generator=seeded(2))
    assert torch.equal(torch.get_rng_state(), before)
    states = [network.state_dict() for network in (one, other, third)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(
        states[0]["encoder.initial.projection.weight"], states[2]["encoder.initial.projection.weight"]
    )
    torch.manual_seed(4)
    first = build_network(EVERY, channels=8, inputs=6).state_dict()
    torch.manual_seed(4)
    second = build_network(EVERY, channels=8, inputs=6).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


# --- what is computed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalise_always", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_the_released_network_equals_the_plain_one(plain, training, normalise_always):
    values, mask = texts((9, 4, 1, 7), padding=1, inputs=12)
    network = small(RELEASED, inputs=12, num_classes=5, normalise_always=normalise_always)
    settled(network, values, mask).train(training)
    other = plain.PlainClassifier(network).double().train(training)
    logits, expected = network(values, mask), other(values, mask)
    assert torch.allclose(logits, expected, atol=1e-10, rtol=1e-8)
    assert logits.std() > 0.05
    labels = torch.tensor([0, 4, 2, 1])
    for found in (logits, expected):
        torch.nn.functional.cross_entropy(found, labels).backward()
    pairs = (
        (network.encoder.initial.projection.weight, other.initial.convolution.weight),
        (network.encoder.combination, other.combination),
        (network.classifier.linear.bias, other.classifier.bias),
    )
    for mine, theirs in pairs:
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-10, rtol=1e-8)
        assert mine.grad.abs().max() > 1e-6
    expected = network(values, mask)
    assert torch.allclose(network.float()(values.float(), mask).double(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("genotype", [EVERY, RELEASED], ids=["every operator", "released"])
def test_padding_and_other_texts_change_no_logits(genotype):
    lengths = (9, 4, 1, 7)
    network = settled(small(genotype), *texts(lengths))
    reference = network(*texts(lengths))
    assert reference.std(0).min() > 1e-3
    for padding in (1, 2, 17):
        assert torch.allclose(network(*texts(lengths, padding=padding)), reference, atol=1e-12, rtol=1e-9)
    values, mask = texts(lengths)
    for number, length in enumerate(lengths):
        alone = network(values[number : number + 1, :length], mask[number : number + 1, :length])
        assert torch.allclose(alone[0], reference[number], atol=1e-12, rtol=1e-9)


def test_every_weight_is_trained():
    network = small(dropouts=Dropouts()).train()
    torch.manual_seed(0)
    logits = network(*texts((9, 4, 6, 7)))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name
        # Batch normalisation takes away what a bias before it adds, but for zeros at padding.
        assert weight.grad.abs().max() > (0 if name.endswith("projection.bias") else 1e-9), name


def test_normalising_layers_without_skip_connections_is_another_network():
    genotype = TextGenotype((TextLayer(0, "conv_3", ()), TextLayer(0, "gru", (False,))))
    batch = texts((5, 3))
    plain_one, other = small(genotype), small(genotype, normalise_always=True)
    assert len(plain_one.encoder.normalisations) == 0 and len(other.encoder.normalisations) == 2
    assert not torch.allclose(plain_one(*batch), other(*batch))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_one_text_alone(training, length):
    network = small(dropouts=Dropouts()).train(training)
    values, mask = texts((length,))
    logits = network(values.requires_grad_(), mask)
    logits.sum().backward()
    assert logits.shape == (1, 3) and logits.isfinite().all() and values.grad.isfinite().all()


def test_bfloat16_under_autocast_is_close_and_keeps_its_state_in_single_precision():
    values, mask = texts((9, 4, 1, 7), inputs=12, dtype=torch.float32)
    network = small(RELEASED, inputs=12, channels=32).float().train()
    for training in (True, False):
        network.train(training)
        exact = network(values, mask)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(values, mask)
            logits.float().sum().backward()
        assert torch.allclose(logits.float(), exact, atol=0.1 * exact.abs().max().item())
    assert all(value.dtype == torch.float32 for value in network.state_dict().values())
    dropping = small(RELEASED, inputs=12, channels=32, dropouts=Dropouts()).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert dropping(values, mask).isfinite().all()


def test_a_network_learns_which_word_stands_in_a_text():
    torch.manual_seed(0)
    network = build_network(EVERY, channels=8, inputs=4, num_classes=2, generator=seeded(1))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01, eps=1e-3)
    draws = seeded(3)
    losses = []
    for _ in range(50):
        labels = torch.randint(0, 2, (24,), generator=draws)
        values, mask = torch.randn(24, 6, 4, generator=draws), torch.arange(6) < torch.arange(24)[:, None] % 4 + 3
        values[torch.arange(24), torch.randint(0, 3, (24,), generator=draws)] += 4 * labels[:, None]
        loss = torch.nn.functional.cross_entropy(network(values, mask), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) / 10 < 0.4 < 0.6 < losses[0]


# --- heads and bad input ---------------------------------------------------------------------------------------------


def test_the_pair_head_reads_both_texts_their_difference_and_their_product():
    torch.manual_seed(1)
    head = PairClassifier(5, 3).double()
    assert sum(weight.numel() for weight in head.parameters()) == (20 * 5 + 5) + (5 * 3 + 3)
    first, second = torch.randn(2, 4, 5, generator=seeded(), dtype=torch.float64)
    read = torch.cat([first, second, (first - second).abs(), first * second], dim=1)
    hidden = (read @ head.hidden.weight.squeeze(2).t() + head.hidden.bias).relu()
    expected = hidden @ head.classifier.linear.weight.squeeze(2).t() + head.classifier.linear.bias
    assert torch.allclose(head(first, second), expected, atol=1e-13, rtol=1e-11)
    assert not torch.allclose(head(second, first), expected)
    dropping = PairClassifier(5, 3, 0.5)
    assert not torch.equal(dropping(first.float(), second.float()), dropping(first.float(), second.float()))


def test_bad_settings_and_shapes():
    with pytest.raises(InvalidSetting, match="channels must be at least 1, not 0"):
        TextNetwork(EVERY, 0)
    with pytest.raises(InvalidSetting, match="multiple of 4"):
        TextNetwork(EVERY, 6)
    with pytest.raises(InvalidSetting, match="at least 1 class"):
        Classifier(4, 0)
    network = small()
    values, mask = texts((3, 2))
    for given, words in ((values[..., :5], mask), (values[0], mask), (values, mask[:, :2]), (values, mask[:1])):
        with pytest.raises(InvalidSetting, match=r"embedded words must be \(batch, time, 6\)"):
            network(given, words)
    with pytest.raises(InvalidSetting, match="a mask must be boolean"):
        network(values, mask.double())
