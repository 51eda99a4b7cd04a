"""The relaxed generator: counts, merged and plain mixtures, single generators as limits, what it discretises to."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from ganas.spaces.alphagan.counts import supernet_parameters  # noqa: E402
from ganas.spaces.alphagan.genotype import GENERATOR, NORMAL_OPERATIONS  # noqa: E402
from ganas.spaces.alphagan.network import build_network  # noqa: E402
from ganas.spaces.alphagan.published import PUBLISHED  # noqa: E402
from ganas.spaces.alphagan.space import AlphaGAN  # noqa: E402
from ganas.spaces.alphagan.supernet import Shares, build_supernet  # noqa: E402
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting  # noqa: E402

SMALL, LARGE = PUBLISHED["alphaGAN_s"], PUBLISHED["alphaGAN_l"]
MINI = {"channels": 5, "bottom_width": 1, "image_channels": 1, "latent": 6}
DRAWN = [AlphaGAN().encode(one) for one in AlphaGAN().sample(6, rng=np.random.default_rng(0))]


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the supernet is measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "gan.py"
    specification = importlib.util.spec_from_file_location("perf_gan_supernet", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_gan_supernet"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def latents(count=7, size=6, dtype=torch.float32):
    return torch.randn(count, size, generator=seeded(5), dtype=dtype)


def supernet(**settings):
    """A supernet whose shares are far from equal."""
    net = build_supernet(**MINI | {"generator": seeded()} | settings)
    with torch.no_grad():
        for logits in net.architecture_parameters():
            logits.copy_(torch.randn(logits.shape, generator=seeded(6)))
    return net


def one_hot(genotype):
    """Shares of 1 on the operations of a generator, of 0 on all others."""
    rows = {names: [] for names in set(GENERATOR.operations)}
    for number, names in zip(genotype, GENERATOR.operations, strict=True):
        rows[names].append(torch.eye(len(names))[number])
    up = next(rows[names] for names in rows if names != NORMAL_OPERATIONS)
    return Shares(torch.stack(up), torch.stack(rows[NORMAL_OPERATIONS]))


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_parameters():
    net = build_supernet()
    assert sum(weight.numel() for weight in net.weight_parameters()) == 27_469_571
    assert [tuple(logits.shape) for logits in net.architecture_parameters()] == [(9, 3), (9, 6)]
    small = build_supernet(**MINI)
    assert sum(weight.numel() for weight in small.weight_parameters()) == supernet_parameters(**MINI)
    assert len([*small.parameters()]) == len(small.weight_parameters()) + 2


def test_shapes_and_first_architecture_parameters():
    net = build_supernet(channels=4, bottom_width=2, image_channels=3, latent=6, generator=seeded())
    assert net(latents()).shape == (7, 3, 16, 16)
    values = torch.cat([logits.flatten() for logits in net.architecture_parameters()])
    assert 5e-4 < values.std() < 2e-3
    torch.testing.assert_close(net.shares().up.sum(dim=1), torch.ones(9))
    assert not any(norm.affine for name, norm in net.named_modules() if name.endswith(("first_norm", "second_norm")))


# --- mixtures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bottom_width", [1, 2])
def test_merged_mixtures_are_the_plain_ones(bottom_width):
    results = []
    direction = torch.randn(7, 1, 8 * bottom_width, 8 * bottom_width, generator=seeded(7))
    for merged in (True, False):
        net = supernet(merged=merged, bottom_width=bottom_width)
        images = net(latents())
        (images * direction).mean().backward()
        grads = {name: parameter.grad for name, parameter in net.named_parameters()}
        results.append((images, grads, dict(net.named_buffers()), net.eval()(latents())))
    (mine, grads, buffers, evaluated), (theirs, other_grads, other_buffers, also) = results
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)
    torch.testing.assert_close(evaluated, also, rtol=0, atol=1e-5)
    torch.testing.assert_close(grads, other_grads, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(buffers, other_buffers, rtol=1e-4, atol=1e-5)
    assert mine.std() > 0.01 and grads["up_logits"].abs().max() > 1e-5 and grads["normal_logits"].abs().max() > 1e-5


@pytest.mark.parametrize("merged", [True, False])
def test_images_and_gradients_are_those_of_the_plain_implementation(plain, merged):
    net = supernet(merged=merged, bottom_width=2, latent=plain.LATENT).double()
    other = plain.PlainGenerator(5, 2, None).double()
    plain.take_weights(other, net)
    direction = torch.randn(7, 1, 16, 16, generator=seeded(8), dtype=torch.float64)
    results = []
    for one in (net, other):
        images = one(latents(size=plain.LATENT, dtype=torch.float64))
        (images * direction).sum().backward()
        logits = one.architecture_parameters() if one is net else list(one.logits)
        results.append([images, one.stem.weight.grad, *(each.grad for each in logits)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)


def test_shares_may_be_given():
    net = supernet()
    given = Shares(torch.rand(9, 3, generator=seeded(1)), torch.rand(9, 6, generator=seeded(2)))
    given.normal.requires_grad_()
    net.eval()
    own = net(latents())
    images = net(latents(), given)
    assert not torch.allclose(images, own, atol=1e-3)
    images.sum().backward()
    assert given.normal.grad is not None and net.up_logits.grad is None
    torch.testing.assert_close(net(latents(), net.shares()), own, rtol=0, atol=0)
    with pytest.raises(InvalidSetting, match=r"shares must have shapes \(9, 3\) and \(9, 6\), not"):
        net(latents(), Shares(given.normal, given.up))


# --- single generators -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("genotype", [SMALL, LARGE, *DRAWN])
def test_one_generator_alone_is_the_derived_network(genotype, training):
    net = supernet(merged=False).train(training)
    derived = build_network(genotype, affine=False, **MINI).train(training)
    derived.load_state_dict(net.weights_of(genotype))
    wanted = derived(latents())
    with torch.no_grad():
        # A mixture of one operation and five times nothing, and the path without the others.
        assert torch.equal(net(latents(), one_hot(genotype)), wanted)
        assert torch.equal(net.forward_path(latents(), genotype), wanted)
        net.merged = True
        torch.testing.assert_close(net(latents(), one_hot(genotype)), wanted, rtol=0, atol=1e-5)
    assert wanted.std() > 0.01


def test_architecture_parameters_that_are_certain():
    net = supernet(merged=False)
    with torch.no_grad():
        for logits, shares in zip(net.architecture_parameters(), one_hot(SMALL), strict=True):
            logits.copy_(shares.log())
    assert net.genotype() == SMALL
    wanted = build_network(SMALL, affine=False, **MINI)
    wanted.load_state_dict(net.weights_of(SMALL))
    assert torch.equal(net(latents()), wanted(latents()))


def test_a_path_moves_only_its_own_weights():
    net = supernet()
    net.forward_path(latents(), SMALL).sum().backward()
    used = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    kept = {f"edges.{number}.{name}" for number, name in enumerate(GENERATOR.names(SMALL))}
    assert {".".join(name.split(".")[:3]) for name in used if name.startswith("edges")} <= kept
    assert not any("logits" in name for name in used) and "stem.weight" in used


def test_what_it_discretises_to():
    for genotype in DRAWN:
        net = supernet()
        with torch.no_grad():
            for logits, shares in zip(net.architecture_parameters(), one_hot(genotype), strict=True):
                logits.copy_(shares)
        assert net.genotype() == genotype
    with torch.no_grad():
        net.up_logits.zero_()
        net.normal_logits.zero_()
    assert net.genotype() == (0,) * 18  # of equals the first


def test_copies():
    net, other = supernet(), build_supernet(**MINI)
    other.load_state_dict(net.state_dict())
    assert other.genotype() == net.genotype()
    assert torch.equal(other(latents()), net(latents()))


def test_what_is_refused():
    net = supernet()
    with pytest.raises(InvalidArchitecture, match="18 whole numbers"):
        net.forward_path(latents(), SMALL[:-1])
    with pytest.raises(InvalidArchitecture, match="number 0 of a genotype"):
        net.weights_of([6, *SMALL[1:]])
    with pytest.raises(InvalidSetting, match=r"latents must have shape \(batch, 6\)"):
        net(torch.randn(2, 7))
    with pytest.raises(InvalidSetting, match="bottom_width must be a whole number of at least 1, not 0"):
        build_supernet(bottom_width=0)
