"""The generator: counts, the plain implementation, resolutions, shared weights, first weights, bad input."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from torch.nn import functional  # noqa: E402

from ganas.spaces.alphagan.counts import generator_multiply_accumulates, generator_parameters  # noqa: E402
from ganas.spaces.alphagan.network import build_network  # noqa: E402
from ganas.spaces.alphagan.operations import UpConvolution, make_operation  # noqa: E402
from ganas.spaces.alphagan.published import PUBLISHED  # noqa: E402
from ganas.spaces.alphagan.space import AlphaGAN  # noqa: E402
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, UnknownName  # noqa: E402

SMALL, LARGE = PUBLISHED["alphaGAN_s"], PUBLISHED["alphaGAN_l"]
MINI = {"channels": 6, "bottom_width": 1, "image_channels": 1, "latent": 5}


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the networks are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "gan.py"
    specification = importlib.util.spec_from_file_location("perf_gan_network", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_gan_network"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(count, seed=0):
    return [AlphaGAN().encode(one) for one in AlphaGAN().sample(count, rng=np.random.default_rng(seed))]


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bottom_width", "parameters"),
    [
        ("alphaGAN_s", 4, 2_952_707),
        ("alphaGAN_l", 4, 8_618_499),
        ("alphaGAN_s", 6, 3_613_187),
        ("alphaGAN_l", 6, 9_278_979),
    ],
)
def test_parameters_of_published_generators(name, bottom_width, parameters):
    assert count(build_network(PUBLISHED[name], bottom_width=bottom_width)) == parameters


def test_parameters_and_multiplications_of_drawn_generators():
    for genotype in drawn(12):
        for affine in (True, False):
            network = build_network(genotype, affine=affine, **MINI)
            assert count(network) == generator_parameters(genotype, affine=affine, **MINI)
        assert multiplications(network) == generator_multiply_accumulates(genotype, **MINI)


def multiplications(network):
    """Multiply-accumulate operations for one image, counted from what the layers read and give."""
    total = 0

    def add(layer, inputs, output):
        nonlocal total
        weight = layer.weight
        if isinstance(layer, torch.nn.Linear):
            total += weight.numel()
        elif isinstance(layer, torch.nn.ConvTranspose2d):
            # Every pixel that it reads is multiplied by all weights; inside, it is applied more than once.
            pixels = inputs[0].shape[2:].numel()
            total += sum(pixels * 4**time for time in range(layer.times)) * weight.numel()
        else:
            total += output.shape[2:].numel() * weight.numel()

    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    handles = [module.register_forward_hook(add) for module in network.modules() if isinstance(module, kinds)]
    network.eval()(torch.randn(1, network.latent))
    for handle in handles:
        handle.remove()
    return total


# --- the function ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("genotype", [SMALL, LARGE, *drawn(4, seed=1)])
def test_images_and_gradients_are_those_of_the_plain_implementation(plain, genotype):
    sizes = {"channels": 4, "bottom_width": 2, "image_channels": 1, "latent": plain.LATENT}
    network = build_network(genotype, generator=seeded(), **sizes).double()
    other = plain.PlainGenerator(4, 2, plain.GENERATOR.names(genotype)).double()
    plain.take_weights(other, network)
    latents = torch.randn(5, plain.LATENT, generator=seeded(1), dtype=torch.float64)
    direction = torch.randn(5, 1, 16, 16, generator=seeded(2), dtype=torch.float64)
    results = []
    for one in (network, other):
        images = one(latents)
        (images * direction).sum().backward()
        evaluated = one.eval()(latents)
        results.append((images, one.stem.weight.grad, evaluated))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)
    assert results[0][0].std() > 0.01


@pytest.mark.parametrize(("bottom_width", "pixels"), [(1, 8), (2, 16), (4, 32), (6, 48)])
def test_shapes(bottom_width, pixels):
    network = build_network(SMALL, channels=4, bottom_width=bottom_width, image_channels=3, latent=5)
    sides = []
    for edge in network.edges:
        edge.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    images = network(torch.randn(2, 5))
    assert images.shape == (2, 3, pixels, pixels) and network.image_size == pixels
    assert images.abs().max() <= 1
    b = bottom_width
    assert sides == [2 * b] * 5 + [4 * b] * 6 + [8 * b] * 7


def test_channels_are_last_in_memory():
    for bottom_width in (1, 2):
        network = build_network(LARGE, **MINI | {"bottom_width": bottom_width})
        orders = []
        for edge in network.edges:
            edge.register_forward_hook(lambda module, inputs, output, o=orders: o.append(output.stride(1)))
        network(torch.randn(3, 5))
        assert orders == [1] * 18


def test_the_skip_by_4_has_one_weight():
    genotype = list(LARGE)
    genotype[16] = 0
    edge = build_network(genotype, **MINI).edges[16]
    assert isinstance(edge, UpConvolution)
    assert [tuple(weight.shape) for weight in edge.parameters()] == [(6, 6, 2, 2), (6,)]
    features = torch.randn(2, 6, 3, 3)
    twice = features
    for _ in range(2):
        twice = functional.conv_transpose2d(twice, edge.weight, edge.bias, stride=2)
    assert torch.equal(edge(features), twice) and twice.shape == (2, 6, 12, 12)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_interpolation_by_4_is_twice_by_2(mode):
    features = torch.randn(2, 3, 5, 5)
    twice = features
    for _ in range(2):
        twice = functional.interpolate(twice, scale_factor=2, mode=mode)
    assert torch.equal(make_operation(mode, 3, factor=4)(features), twice)


# --- first weights ---------------------------------------------------------------------------------------------------


def test_first_weights_come_from_the_generator_given():
    state = torch.get_rng_state()
    one, again, other = (build_network(SMALL, generator=seeded(seed), **MINI) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    for (name, mine), (_, theirs) in zip(one.state_dict().items(), again.state_dict().items(), strict=True):
        assert torch.equal(mine, theirs), name
    assert not torch.equal(one.stem.weight, other.stem.weight)
    torch.manual_seed(3)
    assert torch.equal(build_network(SMALL, **MINI).stem.weight, one.stem.weight)


@pytest.mark.parametrize("xavier", [True, False])
def test_first_weights(xavier):
    sizes = {"channels": 64, "bottom_width": 2, "image_channels": 3, "latent": 32}
    network = build_network(SMALL, xavier=xavier, generator=seeded(), **sizes)
    uniform = {id(network.head.weight): math.sqrt(6 / (9 * (64 + 3))) if xavier else 1 / math.sqrt(9 * 64)}
    uniform[id(network.stem.weight)] = uniform[id(network.stem.bias)] = 1 / math.sqrt(32)
    uniform[id(network.head.bias)] = 1 / math.sqrt(9 * 64)
    transposed, plain, separable = network.edges[1], network.edges[2], network.edges[3]
    uniform[id(transposed.weight)] = uniform[id(transposed.bias)] = 1 / math.sqrt(4 * 64)
    uniform[id(plain.weight)] = math.sqrt(6 / (64 + 64)) if xavier else 1 / 8
    # Of a convolution of each channel for itself, torch counts 9 inputs and 9 times 64 outputs.
    uniform[id(separable.first[0].weight)] = math.sqrt(6 / (9 + 9 * 64)) if xavier else 1 / 3
    found = 0
    for parameter in network.parameters():
        if id(parameter) in uniform:
            found += 1
            bound = uniform[id(parameter)]
            # Few draws need not come near it.
            assert (0.9 if parameter.numel() > 500 else 0.0) * bound < parameter.abs().max() <= bound
    assert found == len(uniform)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    weights = torch.cat([norm.weight for norm in norms])
    assert abs(weights.mean() - 1) < 0.005 and abs(weights.std() - (0.02 if xavier else 0.0)) < 0.003
    assert all(not norm.bias.any() and not norm.running_mean.any() and norm.running_var.eq(1).all() for norm in norms)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_network_of_the_space():
    space = AlphaGAN()
    architecture = space.parse("alphaGAN_s")
    network = space.network(architecture, num_classes=1, channels=6, bottom_width=1, latent=5)
    assert network(torch.randn(2, 5)).shape == (2, 1, 8, 8)
    assert count(network) == space.parameter_count(architecture, num_classes=1, channels=6, bottom_width=1, latent=5)


def test_what_is_refused():
    network = build_network(SMALL, **MINI)
    for latents in (torch.randn(2, 6), torch.randn(5), torch.randn(2, 5, 1, 1)):
        with pytest.raises(InvalidSetting, match=r"latents must have shape \(batch, 5\), not"):
            network(latents)
    with pytest.raises(InvalidSetting, match="channels must be a whole number of at least 1, not 0"):
        build_network(SMALL, channels=0)
    with pytest.raises(InvalidArchitecture, match="18 whole numbers"):
        build_network(SMALL[:-1])
    with pytest.raises(UnknownName, match="did you mean 'conv_3x3'"):
        make_operation("conv_3x", 4)
