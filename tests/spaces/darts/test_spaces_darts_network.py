"""Networks of DARTS: parameters, arithmetic by hand, sizes, auxiliary head, dropped paths, weights, errors."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from ganas.spaces.darts.network import (  # noqa: E402
    AuxiliaryHead,
    CellBlock,
    FactorizedReduction,
    build_network,
    drop_path,
)
from ganas.spaces.darts.parameters import Layer, layers_of  # noqa: E402
from ganas.spaces.darts.space import DARTS  # noqa: E402
from ganas.spaces.errors import InvalidSetting  # noqa: E402

SPACE = DARTS()
RECORD = Path(__file__).resolve().parents[4] / "shared" / "data" / "nb301_meta" / "results_0.json"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(batch=2, height=32, width=32, seed=0):
    return torch.randn(batch, 3, height, width, generator=seeded(seed))


def drawn(count, seed=0):
    return SPACE.sample(count, rng=np.random.default_rng(seed))


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def built(architecture, **settings):
    settings = {"channels": 4, "layers": 5, "generator": seeded(1)} | settings
    return build_network(*SPACE.cells(architecture), **settings)


def cell_of(*nodes):
    """A cell from pairs of operations and sources."""
    return tuple(nodes)


# --- parameters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"channels": 32, "layers": 8, "auxiliary": True},
        {"channels": 5, "layers": 3, "num_classes": 7},
        {"channels": 4, "layers": 2, "auxiliary": True},
        {"channels": 1, "layers": 1},
    ],
)
def test_the_formula_counts_the_parameters_of_the_network(settings):
    for architecture in drawn(6):
        with torch.device("meta"):
            network = SPACE.network(architecture, **settings)
        assert num_parameters(network) == SPACE.parameter_count(architecture, **settings)


@pytest.mark.skipif(not RECORD.is_file(), reason="the record of NAS-Bench-301 is not beside the checkout")
def test_the_network_has_the_parameters_of_an_official_record():
    record = json.loads(RECORD.read_text())
    config = record["optimized_hyperparamater_config"]
    with torch.device("meta"):
        network = SPACE.network(
            SPACE.from_config(config),
            channels=config["NetworkSelectorDatasetInfo:darts:init_channels"],
            layers=config["NetworkSelectorDatasetInfo:darts:layers"],
            auxiliary=config["NetworkSelectorDatasetInfo:darts:auxiliary"] == "True",
        )
    assert num_parameters(network) == record["info"][0]["model_parameters"]


# --- arithmetic --------------------------------------------------------------------------------------------------


def test_layers_of_the_paper():
    layers = list(layers_of(36, 20))
    assert [number for number, layer in enumerate(layers) if layer.is_reduction] == [6, 13]
    assert [number for number, layer in enumerate(layers) if layer.after_reduction] == [7, 14]
    assert [number for number, layer in enumerate(layers) if layer.has_auxiliary_head] == [13]
    assert layers[0] == Layer(108, 108, 36, False, False, False)
    assert layers[7] == Layer(144, 288, 72, False, True, False)
    assert layers[13] == Layer(288, 288, 144, True, False, True)


@pytest.mark.parametrize("reduction", [False, True])
def test_a_cell_by_hand(reduction):
    cell = cell_of(
        (("skip_connect", 0), ("max_pool_3x3", 1)),
        (("avg_pool_3x3", 1), ("sep_conv_3x3", 2)),
        (("dil_conv_5x5", 0), ("skip_connect", 3)),
        (("dil_conv_3x3", 2), ("sep_conv_5x5", 4)),
    )
    block = CellBlock(cell, Layer(6, 8, 4, reduction, False, False)).double().eval()
    before_last, last = (torch.randn(2, size, 8, 8, generator=seeded(size)).double() for size in (6, 8))

    def normalised(features):
        # As built, batch normalisation of an evaluation divides by this alone.
        return features / (1 + 1e-5) ** 0.5

    def convolution(features, module, **settings):
        return functional.conv2d(features, module.weight, **settings)

    def depthwise(features, modules, kernel, stride, dilation):
        spread = convolution(
            functional.relu(features),
            modules[1],
            stride=stride,
            padding=dilation * (kernel - 1) // 2,
            dilation=dilation,
            groups=4,
        )
        return normalised(convolution(spread, modules[2]))

    def separable(features, modules, kernel, stride):
        return depthwise(depthwise(features, modules, kernel, stride, 1), modules[4:], kernel, 1, 1)

    stride = 2 if reduction else 1
    zero = normalised(convolution(functional.relu(before_last), block.first_input[1]))
    one = normalised(convolution(functional.relu(last), block.second_input[1]))
    operations = block.operations
    if reduction:
        assert isinstance(operations[0], FactorizedReduction)
        rectified = functional.relu(zero)
        halves = [
            convolution(rectified, operations[0].even, stride=2),
            convolution(rectified[:, :, 1:, 1:], operations[0].odd, stride=2),
        ]
        skipped = normalised(torch.cat(halves, dim=1))
    else:
        assert isinstance(operations[0], nn.Identity)
        skipped = zero
    two = skipped + functional.max_pool2d(one, 3, stride=stride, padding=1)
    averaged = functional.avg_pool2d(one, 3, stride=stride, padding=1, count_include_pad=False)
    three = averaged + separable(two, operations[3], 3, 1)
    four = depthwise(zero, operations[4], 5, stride, 2) + three
    five = depthwise(two, operations[6], 3, 1, 2) + separable(four, operations[7], 5, 1)
    expected = torch.cat([two, three, four, five], dim=1)
    found = block(before_last, last)
    assert found.shape == (2, 16, 8 // stride, 8 // stride)
    assert torch.allclose(found, expected, atol=1e-12)


def test_the_network_is_its_layers_in_a_row():
    network = built(drawn(1)[0], auxiliary=True).eval()
    before_last = last = network.stem(images())
    sizes = []
    for number, cell in enumerate(network.cells):
        before_last, last = last, cell(before_last, last)
        sizes.append(last.shape[1:])
        if number == 3:
            auxiliary = network.auxiliary_head(last)
    assert [tuple(size) for size in sizes] == [(16, 32, 32), (32, 16, 16), (32, 16, 16), (64, 8, 8), (64, 8, 8)]
    logits = network.classifier(last.mean(dim=(2, 3)))
    assert torch.equal(network(images()), logits)
    both = network.forward_with_auxiliary(images())
    assert torch.equal(both[0], logits) and torch.equal(both[1], auxiliary)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 31), (8, 5), (4, 4)])
@pytest.mark.parametrize("layers", [1, 2, 3, 8])
def test_images_of_any_size_go_through(height, width, layers):
    network = built(drawn(1, seed=layers)[0], layers=layers, num_classes=7, channels=3).eval()
    assert network(images(3, height, width)).shape == (3, 7)


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 6), (7, 7), (1, 1)])
def test_a_factorized_reduction_halves_and_rounds_up(height, width):
    reduction = FactorizedReduction(4, 6)
    assert reduction(torch.randn(2, 4, height, width)).shape == (2, 6, (height + 1) // 2, (width + 1) // 2)


def test_gradients_reach_every_parameter():
    for architecture in drawn(3):
        network = built(architecture, auxiliary=True, layers=3)
        logits, auxiliary = network.forward_with_auxiliary(images(4))
        (logits.square().sum() + 0.4 * auxiliary.square().sum()).backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


# --- auxiliary head ------------------------------------------------------------------------------------------------


def test_the_auxiliary_head_is_for_images_of_its_size():
    network = built(drawn(1)[0], auxiliary=True)
    assert isinstance(network.auxiliary_head, AuxiliaryHead)
    for size in (29, 32):
        assert network.forward_with_auxiliary(images(2, size, size))[1].shape == (2, 10)
    for size in (16, 28, 33):
        with pytest.raises(InvalidSetting, match="feature maps of 8 x 8"):
            network.forward_with_auxiliary(images(2, size, size))
        assert network(images(2, size, size)).shape == (2, 10)


def test_a_network_without_the_head_says_so():
    network = built(drawn(1)[0])
    assert network.auxiliary_head is None
    with pytest.raises(InvalidSetting, match="auxiliary=True"):
        network.forward_with_auxiliary(images())


# --- dropped paths -------------------------------------------------------------------------------------------------


def test_dropping_paths_keeps_the_expectation():
    features = torch.ones(40_000, 2, 1, 1) * 3
    dropped = drop_path(features, 0.3, seeded())
    assert torch.equal(dropped[:, 0], dropped[:, 1])  # an image as a whole
    assert set(dropped[:, 0, 0, 0].tolist()) == {0.0, (torch.tensor(3.0) * (1 / torch.tensor(0.7))).item()}
    share = (dropped == 0).float().mean().item()
    assert abs(share - 0.3) < 5 * (0.21 / 40_000) ** 0.5
    assert abs(dropped.mean().item() - 3) < 5 * 3 * (0.3 / 0.7 / 40_000) ** 0.5


def test_a_cell_in_training_keeps_the_expectation():
    cell = cell_of(
        (("avg_pool_3x3", 0), ("skip_connect", 1)),
        (("avg_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("skip_connect", 0), ("skip_connect", 1)),
        (("max_pool_3x3", 0), ("avg_pool_3x3", 4)),
    )
    block = CellBlock(cell, Layer(2, 2, 2, False, False, False)).eval()
    repeats = 20_000
    inputs = [torch.randn(1, 2, 2, 2, generator=seeded(seed)).expand(repeats, -1, -1, -1) for seed in (1, 2)]
    with torch.no_grad():
        whole = block(*inputs)[0]
        dropped = block(*inputs, 0.25, seeded(3))
    error = dropped.std(dim=0) / repeats**0.5
    assert ((dropped.mean(dim=0) - whole).abs() <= 5 * error + 1e-5).all()
    # The third sum is of two identities, which are never dropped.
    assert torch.allclose(dropped[:, 4:6], whole[4:6].expand(repeats, -1, -1, -1), atol=1e-5)
    assert (dropped[:, :4].std(dim=0) > 0.01).any()


def test_paths_are_dropped_in_training_alone_and_from_their_generator():
    network = built(drawn(1)[0], drop_path_generator=seeded(5))
    network.train()
    before = torch.random.get_rng_state()
    whole = network(images(8))
    assert torch.equal(network(images(8)), whole)
    network.drop_path_prob = 0.5
    first, second = network(images(8)), network(images(8))
    assert not torch.equal(first, whole) and not torch.equal(first, second)
    network.drop_path_generator.manual_seed(5)
    assert torch.equal(network(images(8)), first)
    network.eval()
    assert torch.equal(network(images(8)), network(images(8)))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("probability", [-0.1, 1.0, 2, float("nan")])
def test_a_probability_out_of_range_is_refused(probability):
    network = built(drawn(1)[0], drop_path_prob=0.2)
    with pytest.raises(InvalidSetting, match="from 0 to below 1"):
        network.drop_path_prob = probability
    assert network.drop_path_prob == 0.2
    with pytest.raises(InvalidSetting, match="from 0 to below 1"):
        built(drawn(1)[0], drop_path_prob=probability)


# --- weights -------------------------------------------------------------------------------------------------------


def test_a_generator_gives_the_weights_and_the_global_one_is_left_alone():
    (architecture,) = drawn(1)
    before = torch.random.get_rng_state()
    first, again, other = (
        built(architecture, auxiliary=True, generator=seeded(seed)).state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    with torch.random.fork_rng():
        default = SPACE.network(architecture, channels=4, layers=5, auxiliary=True).state_dict()
    assert {name: tensor.shape for name, tensor in default.items()} == {
        name: tensor.shape for name, tensor in first.items()
    }


@pytest.mark.parametrize("setting", ["num_classes", "channels", "layers"])
def test_counts_below_one_are_refused(setting):
    with pytest.raises(InvalidSetting, match=f"{setting} must be at least 1, not 0"):
        built(drawn(1)[0], **{setting: 0})
