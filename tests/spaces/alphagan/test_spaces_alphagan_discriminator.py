"""Discriminators: counts, spectral norm, the plain implementation, copies, searched ones, bad input."""

import copy
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from torch.nn import functional  # noqa: E402

from ganas.spaces.alphagan.discriminator import (  # noqa: E402
    Convolution,
    Nothing,
    Rectified,
    SpectralNorm,
    build_fixed_discriminator,
)
from ganas.spaces.alphagan.discriminator_network import build_discriminator  # noqa: E402
from ganas.spaces.alphagan.space import AlphaGANDiscriminator  # noqa: E402
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting  # noqa: E402

MINI = {"channels": 6, "image_channels": 1}


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the networks are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "gan.py"
    specification = importlib.util.spec_from_file_location("perf_gan_discriminator", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_gan_discriminator"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(side=8, channels=1, count=5, dtype=torch.float32):
    return torch.randn(count, channels, side, side, generator=seeded(9), dtype=dtype)


def settled(network):
    """A network whose singular vectors are those of its weights."""
    for module in network.modules():
        if isinstance(module, Convolution) and module.norm is not None:
            for _ in range(300):
                module.norm(module.convolution.weight)
    for _ in range(50):
        network.score.norm(network.score.linear.weight)
    return network


# --- the fixed one ---------------------------------------------------------------------------------------------------


def test_parameters():
    network = build_fixed_discriminator()
    assert sum(weight.numel() for weight in network.parameters()) == 1_053_824
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 1)


@pytest.mark.parametrize("side", [4, 6, 8, 11])
def test_scores_and_gradients_are_those_of_the_plain_implementation(plain, side):
    network = settled(build_fixed_discriminator(generator=seeded(), **MINI).double())
    other = plain.PlainDiscriminator(6).double()
    plain.take_weights(other, network)
    results = []
    for one in (network, other):
        read = images(side, dtype=torch.float64).requires_grad_()
        with torch.no_grad():
            for _ in range(300):
                one(read)
        scores = one(read)
        scores.sum().backward()
        weights = [weight.grad for name, weight in one.named_parameters() if "bias" not in name]
        results.append([scores, read.grad, *weights])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-8)
    assert results[0][0].std() > 1e-4


def test_channels_and_sides_of_blocks():
    network = build_fixed_discriminator(channels=6, image_channels=3)
    shapes = []
    for block in network.blocks:
        block.register_forward_hook(lambda module, inputs, output: shapes.append((*output.shape[1:], output.stride(1))))
    network(torch.randn(2, 3, 16, 16))
    assert shapes == [(6, 8, 8, 1), (6, 4, 4, 1), (6, 4, 4, 1), (6, 4, 4, 1)]


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("side", [4, 5, 6])
def test_a_halved_convolution_is_a_convolution_and_an_average(kernel, side):
    part = Convolution(2, 3, kernel).double()
    torch.nn.init.normal_(part.convolution.weight)
    part.draw(seeded())
    part.eval()
    features = images(side, 2, dtype=torch.float64)
    torch.testing.assert_close(part.halved(features), functional.avg_pool2d(part(features), 2), rtol=0, atol=1e-12)


# --- spectral norm ---------------------------------------------------------------------------------------------------


def test_weights_have_the_largest_singular_value_1():
    network = settled(build_fixed_discriminator(generator=seeded(), **MINI)).eval()
    for module in network.modules():
        if isinstance(module, Convolution):
            matrix = module.norm(module.convolution.weight).flatten(1)
            assert abs(torch.linalg.matrix_norm(matrix, 2) - 1) < 1e-3


def test_spectral_norm_is_that_of_the_official_code():
    weight = torch.randn(6, 3, 3, 3, generator=seeded(), dtype=torch.float64)
    mine = SpectralNorm(weight)
    mine.start(weight, seeded(1))
    theirs = torch.nn.Conv2d(3, 6, 3, bias=False).double()
    with torch.no_grad():
        theirs.weight.copy_(weight)
    # The official code calls this one; torch keeps it beside a newer one, which begins with the other vector.
    theirs = torch.nn.utils.spectral_norm(theirs)
    theirs.weight_u.copy_(mine.left)
    theirs.weight_v.copy_(mine.right)
    leaf = weight.clone().requires_grad_()
    features = torch.randn(2, 3, 4, 4, generator=seeded(2), dtype=torch.float64)
    for _ in range(3):
        mine_gives, wanted = functional.conv2d(features, mine(leaf)), theirs(features)
        torch.testing.assert_close(mine_gives, wanted, rtol=0, atol=1e-12)
    (mine_gives**2).sum().backward()
    (wanted**2).sum().backward()
    torch.testing.assert_close(leaf.grad, theirs.weight_orig.grad, rtol=0, atol=1e-10)
    for training in (False, True):
        one, other = mine.train(training)(leaf), theirs.train(training)(features)
        torch.testing.assert_close(functional.conv2d(features, one), other, rtol=0, atol=1e-12)


def test_evaluation_changes_nothing():
    network = build_fixed_discriminator(**MINI)
    before = copy.deepcopy(network.state_dict())
    first, again = network.eval()(images()), network(images())
    assert torch.equal(first, again)
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    network.train()(images())
    last = "blocks.3.second.norm.right"
    assert not torch.equal(network.state_dict()[last], before[last])


def test_two_batches_before_one_backward_pass():
    network = build_fixed_discriminator(**MINI)
    loss = network(images()).mean() - network(-images()).mean()
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())


def test_copies():
    network = build_fixed_discriminator(generator=seeded(), **MINI)
    network(images()).sum().backward()  # in training: a weight that is no leaf could not be copied from here on
    loaded = build_fixed_discriminator(generator=seeded(1), **MINI)
    loaded.load_state_dict(network.state_dict())
    for other in (loaded, copy.deepcopy(network)):
        assert all(weight.is_leaf for weight in other.parameters())
        for training in (True, False):
            one = copy.deepcopy(network).train(training)
            assert torch.equal(one(images()), copy.deepcopy(other).train(training)(images()))


def test_first_weights_come_from_the_generator_given():
    state = torch.get_rng_state()
    one, again = (build_fixed_discriminator(generator=seeded(3), **MINI) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(one.state_dict(), again.state_dict(), rtol=0, atol=0)
    bounds = []
    for xavier in (True, False):
        network = build_fixed_discriminator(channels=32, image_channels=1, xavier=xavier, generator=seeded())
        bounds.append(network.state_dict()["blocks.2.first.convolution.weight"].abs().max())
    assert 0.95 < bounds[0] / (6 / (9 * 64)) ** 0.5 <= 1 and 0.95 < bounds[1] * (9 * 32) ** 0.5 <= 1


# --- searched ones ---------------------------------------------------------------------------------------------------


def test_parameters_of_searched_discriminators():
    space = AlphaGANDiscriminator()
    for architecture in space.sample(20, rng=np.random.default_rng(0)):
        sizes = {"channels": 5, "image_channels": 2, "num_classes": 3}
        network = space.network(architecture, **sizes)
        assert sum(weight.numel() for weight in network.parameters()) == space.parameter_count(architecture, **sizes)
        assert network(images(9, 2)).shape == (5, 3)


def test_a_searched_discriminator_like_the_fixed_one():
    """But for the ReLU on the image and the norm of the first convolution, which the searched one has not."""
    fixed = settled(build_fixed_discriminator(generator=seeded(), **MINI)).eval()
    searched = build_discriminator([1, *[2] * 7], **MINI).eval()
    state = fixed.state_dict()
    first = "blocks.0.first.convolution.weight"
    state[first] = fixed.blocks[0].first.norm(state[first])
    searched.load_state_dict({name: value for name, value in state.items() if "blocks.0.first.norm" not in name})
    positive = images().abs()
    torch.testing.assert_close(searched(positive), fixed(positive), rtol=0, atol=1e-5)
    assert not torch.allclose(searched(-positive), fixed(-positive), atol=1e-3)


def test_operations_that_are_no_convolution():
    network = build_discriminator([1, 4, 4, 0, 0, 4, 4, 4], **MINI).eval()
    kinds = [type(part) for block in network.blocks for part in (block.first, block.second)]
    assert kinds == [Convolution, *[Rectified] * 2, *[Nothing] * 2, *[Rectified] * 3]
    assert network.blocks[0].first.norm is None
    features = images(6, 6)
    second, third, fourth = network.blocks[1:]
    torch.testing.assert_close(second(features), second.shortcut(functional.avg_pool2d(features, 2)))
    assert torch.equal(third(features), features)
    assert torch.equal(fourth(features), features.relu() + features)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_what_is_refused():
    network = build_fixed_discriminator(**MINI)
    for wrong in (images(3), images(8, 3), images()[0], torch.randn(5, 1, 8, 2)):
        with pytest.raises(InvalidSetting, match=r"images must have shape \(batch, 1, height, width\) with at least 4"):
            network(wrong)
    with pytest.raises(InvalidSetting, match="channels must be a whole number of at least 1, not 0"):
        build_fixed_discriminator(channels=0)
    with pytest.raises(InvalidSetting, match="outputs must be a whole number"):
        build_discriminator([0] * 8, outputs=0)
    with pytest.raises(InvalidArchitecture, match="number 0 of a genotype can be 0 to 2, not 3"):
        build_discriminator([3] * 8)
