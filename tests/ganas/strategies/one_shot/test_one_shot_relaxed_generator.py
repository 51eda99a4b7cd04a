"""The relaxed generator in training: worst copies, the gap, steps of the architecture, switches, and how many steps."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.generation.search_protocol import SEARCH_LARGE, SEARCH_MINI, SEARCH_SMALL  # noqa: E402
from ganas.bench.training.generation.searching import ImageHalves  # noqa: E402
from ganas.data.images.image_set import ImageSet  # noqa: E402
from ganas.spaces.errors import InvalidSetting  # noqa: E402
from ganas.strategies.one_shot import relaxed_generator  # noqa: E402
from ganas.strategies.one_shot.relaxed_generator import RelaxedGenerator  # noqa: E402
from ganas.strategies.one_shot.relaxed_player import RelaxedPlayer  # noqa: E402

SMALL = {"channels": 3, "discriminator_channels": 3, "latent": 4, "batch": 4}
TINY = replace(SEARCH_MINI, **SMALL, inner_steps=2, worst_steps=2, outer_steps=2)


def pictures(count=9, channels=1, seed=0):
    pixels = np.random.default_rng(seed).integers(256, size=(count, channels, 8, 8), dtype=np.uint8)
    return ImageSet("noise", pixels, np.zeros(count, np.int64), ("one",))


def constant(value, count=8):
    return replace(pictures(count), images=np.full((count, 1, 8, 8), value, np.uint8))


def learner_of(recipe=TINY, halves=None, **changes):
    torch.manual_seed(0)
    halves = halves or ImageHalves(pictures(seed=1), pictures(seed=2))
    made = RelaxedGenerator(halves, replace(recipe, **changes), Compute(), seeds=(1, 2))
    with torch.no_grad():
        # Far from equal shares.
        for logits in made.supernet.architecture_parameters():
            logits.normal_()
    return made


def weights_of(network):
    return [values.detach().clone() for values in network.weight_parameters()]


def same(ones, others):
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


# --- the worst copies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", ["weights", "architecture", "both", "none"])
def test_of_the_worst_generator_moves_what_is_said_and_of_the_originals_nothing(moved):
    learner = learner_of(worst_generator=moved)
    supernet = learner.supernet
    before = [values.detach().clone() for values in (*supernet.parameters(), *learner.discriminator.parameters())]
    worst = learner.worst_generator()
    now = [*supernet.parameters(), *learner.discriminator.parameters()]
    assert same(before, now)
    assert all(values.requires_grad for values in now)
    assert same(worst.weight_parameters(), supernet.weight_parameters()) == (moved in ("architecture", "none"))
    logits = worst.architecture_parameters(), supernet.architecture_parameters()
    assert same(*logits) == (moved in ("weights", "none"))


def test_the_worst_discriminator_leaves_both_players_as_they_were():
    learner = learner_of()
    before = [*map(torch.clone, (*learner.supernet.parameters(), *learner.discriminator.parameters()))]
    worst = learner.worst_discriminator()
    assert same(before, [*learner.supernet.parameters(), *learner.discriminator.parameters()])
    assert not same(worst.parameters(), learner.discriminator.parameters())


def test_worst_copies_gain_against_the_other_player():
    learner = learner_of(worst_steps=12, learning_rate=0.01, discriminator_learning_rate=0.01)
    latents, real = torch.randn(64, 4), learner._real(learner._architecture_half)
    worst_generator, worst_discriminator = learner.worst_generator(), learner.worst_discriminator()
    with torch.no_grad():
        ours, theirs = (learner.discriminator(net(latents)).mean() for net in (learner.supernet, worst_generator))
        assert theirs > ours
        losses = [
            relaxed_generator.hinge_loss(net, real, learner.supernet(latents))
            for net in (learner.discriminator, worst_discriminator)
        ]
        assert losses[1] < losses[0]


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_worst_copies_begin_anew_with_adam_at_their_rates(share):
    learner = learner_of(worst_steps=1, learning_rate=1e-3, discriminator_learning_rate=3e-3)
    pairs = (
        (learner.worst_generator(share), learner.supernet, 1e-3),
        (learner.worst_discriminator(share), learner.discriminator, 3e-3),
    )
    for worst, original, rate in pairs:
        moves = zip(worst.parameters(), original.parameters(), strict=True)
        largest = max(float((one - other).detach().abs().max()) for one, other in moves)
        # The first step of Adam is the rate itself where the gradient is not tiny.
        assert largest == pytest.approx(share * rate, rel=1e-2)


# --- the gap and the steps of the architecture -----------------------------------------------------------------------


def settle(learner, *networks):
    """The same latent vectors in every step, and spectral norms that stay as they are."""
    latents = torch.randn(learner._weight_half.batch, 4, generator=torch.Generator().manual_seed(3))
    learner._latents = lambda count: latents[:count]
    for network in (learner.discriminator, *networks):
        network.eval()
    return latents


def test_the_gap_of_equal_players_is_nothing_and_both_values_are_what_the_formula_says():
    learner = learner_of()
    worst_discriminator, worst_generator = copy.deepcopy(learner.discriminator), copy.deepcopy(learner.supernet)
    latents = settle(learner, worst_discriminator)
    real = []
    original = learner._real

    def remembered(half):
        real.append(original(half))
        return real[-1]

    learner._real = remembered
    with torch.no_grad():
        generated = copy.deepcopy(learner.supernet)(latents)
    minmax, maxmin = learner.architecture_step(worst_discriminator, worst_generator)
    with torch.no_grad():
        of_real, of_generated = learner.discriminator(real[0]), learner.discriminator(generated)
    expected = -(1 - of_real).clamp_min(0).mean() - (1 + of_generated).clamp_min(0).mean()
    torch.testing.assert_close(minmax, expected)
    torch.testing.assert_close(maxmin, expected)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_step_of_the_architecture_is_that_of_the_whole_gap_on_the_plain_supernet(scale):
    # With large weights some images are beyond the hinge, and have no gradient.
    learner = learner_of(architecture_weight_decay=0.5)
    with torch.no_grad():
        learner.discriminator.blocks[0].first.convolution.bias.mul_(scale).add_(scale - 1)
    worst_discriminator, worst_generator = learner.worst_discriminator(), learner.worst_generator()
    latents = settle(learner, worst_discriminator)
    plain = copy.deepcopy(learner.supernet)
    plain.merged = False
    reference = torch.optim.Adam(plain.architecture_parameters(), 1e-2, betas=(0.5, 0.999), weight_decay=0.5)
    images = copy.deepcopy(learner._architecture_half)
    others = copy.deepcopy(worst_generator)
    before = weights_of(learner.supernet)
    for _ in range(3):
        real = learner._real(images)
        value = lambda net, generated, real=real: -relaxed_generator.hinge_loss(net, real, generated)  # noqa: E731
        gap = value(worst_discriminator, plain(latents)) - value(learner.discriminator, others(latents))
        alone = -(1 + worst_discriminator(plain(latents))).clamp_min(0).mean()
        gradients = [torch.autograd.grad(loss, plain.architecture_parameters()) for loss in (gap, alone)]
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other)
        learner.architecture_step(worst_discriminator, worst_generator)
        for logits, mine, gradient in zip(
            plain.architecture_parameters(), learner.supernet.architecture_parameters(), gradients[0], strict=True
        ):
            torch.testing.assert_close(mine.grad, gradient, rtol=1e-3, atol=1e-6)
            logits.grad = mine.grad.clone()
        reference.step()
        assert same(plain.architecture_parameters(), learner.supernet.architecture_parameters())
    assert same(before, learner.supernet.weight_parameters())


def test_a_step_of_the_architecture_leaves_weights_and_worst_copies_alone():
    learner = learner_of()
    worst = learner.worst_discriminator(), learner.worst_generator()
    networks = (learner.supernet, learner.discriminator, *worst)
    for network in networks:
        network.zero_grad(set_to_none=True)
    logits = {id(values) for values in learner.supernet.architecture_parameters()}
    others = [values for network in networks for values in network.parameters() if id(values) not in logits]
    before = [values.detach().clone() for values in others]
    moved = [values.detach().clone() for values in learner.supernet.architecture_parameters()]
    learner.architecture_step(*worst)
    assert same(before, others)
    assert all(values.grad is None and values.requires_grad for values in others)
    assert not any(map(torch.equal, moved, learner.supernet.architecture_parameters()))


def test_steps_of_weights_leave_the_architecture_alone():
    learner = learner_of()
    before = [values.detach().clone() for values in learner.supernet.architecture_parameters()]
    weights = weights_of(learner.supernet)
    learner.weight_steps(1)
    assert same(before, learner.supernet.architecture_parameters())
    assert all(values.grad is None for values in learner.supernet.architecture_parameters())
    assert not same(weights, learner.supernet.weight_parameters())


def test_entropies_are_of_each_edge_in_the_order_of_the_genotype():
    player = RelaxedPlayer(learner_of().supernet)
    with torch.no_grad():
        player.supernet.up_logits.zero_()
        player.supernet.normal_logits.zero_()
        assert player.entropies() == pytest.approx([1.0] * 18)
        player.supernet.up_logits[2, 1] = 1000.0
        player.supernet.normal_logits[8, 5] = 1000.0
    # The third up edge is the first of the second cell, the last normal edge the last of the third cell.
    expected = [0.0 if number in (5, 14) else 1.0 for number in range(18)]
    assert player.entropies() == pytest.approx(expected, abs=1e-9)
    genotype = player.supernet.genotype()
    assert (genotype[5], genotype[14]) == (1, 5)


# --- switches --------------------------------------------------------------------------------------------------------


def test_drawn_shares_come_up_as_often_as_the_softmax_says():
    learner = learner_of(gumbel=True)
    torch.manual_seed(1)
    draws = [learner.player.shares() for _ in range(2000)]
    for drawn, kept in zip(zip(*draws, strict=True), learner.supernet.shares(), strict=True):
        values = torch.stack(drawn)
        torch.testing.assert_close(values.sum(dim=-1), torch.ones(values.shape[:-1]))
        best = torch.nn.functional.one_hot(values.argmax(dim=-1), values.shape[-1]).double().mean(dim=0)
        assert (best - kept).abs().max() < 0.05
    assert RelaxedPlayer(learner.supernet).shares().up.equal(learner.supernet.shares().up)
    # A lower temperature decides more.
    learner.player.temperature = 0.05
    assert learner.player.shares().up.max(dim=-1).values.mean() > torch.stack([d.up for d in draws]).amax(-1).mean()


def test_an_epoch_with_drawn_shares_moves_the_architecture():
    learner = learner_of(gumbel=True)
    before = [values.detach().clone() for values in learner.supernet.architecture_parameters()]
    values = learner.epoch(1, rng=np.random.default_rng(0))
    assert np.isfinite(values).all()
    assert values.duality_gap == values.minmax - values.maxmin
    assert not any(map(torch.equal, before, learner.supernet.architecture_parameters()))


def test_colour_images_may_be_scaled_as_in_the_code_and_grey_ones_may_not():
    halves = ImageHalves(pictures(channels=3, seed=1), pictures(channels=3, seed=2))
    scaled, plain = (learner_of(halves=halves, cifar_scaling=on) for on in (True, False))
    ours, theirs = (one._real(one._weight_half) for one in (scaled, plain))
    means = np.array([0.49139968, 0.48215827, 0.44653124]).reshape(3, 1, 1)
    deviations = np.array([0.24703233, 0.24348505, 0.26158768]).reshape(3, 1, 1)
    expected = ((theirs.numpy() + 1) / 2 - means) / deviations
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert ours.max() > 1 and theirs.abs().max() <= 1
    with pytest.raises(InvalidSetting, match="cifar_scaling is for colour images, and those of noise are grey"):
        learner_of(cifar_scaling=True)


# --- how many steps, and on what -------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """Steps that only count themselves: which network, and the mean of the real images."""
    steps = []

    def of_discriminator(discriminator, optimiser, generator, real, latents, compute):
        steps.append(("discriminator", discriminator, real))
        return torch.tensor(1.0)

    def of_generator(generator, optimiser, discriminator, latents, compute):
        steps.append(("generator", generator, optimiser.param_groups[0]["lr"]))
        return torch.tensor(1.0)

    monkeypatch.setattr(relaxed_generator, "discriminator_step", of_discriminator)
    monkeypatch.setattr(relaxed_generator, "generator_step", of_generator)
    return steps


@pytest.mark.parametrize(
    ("recipe", "literal", "discriminator", "generator", "worst"),
    [
        (SEARCH_SMALL, True, 2_178, 436, 22),
        (SEARCH_LARGE, True, 38_709, 7_742, 391),
        (SEARCH_SMALL, False, 1_980, 396, 20),
        (SEARCH_LARGE, False, 38_610, 7_722, 390),
    ],
)
def test_the_steps_of_a_whole_search_on_cifar_10(counted, recipe, literal, discriminator, generator, worst):
    halves = ImageHalves(constant(0, 25_000), constant(0, 25_000))
    sizes = {**SMALL, "batch": 64}
    learner = learner_of(recipe, halves, **{**sizes, "literal_loops": literal})
    nothing = torch.zeros(1)
    learner._real = learner._latents = lambda asked: nothing
    for epoch in range(1, recipe.epochs + 1):
        learner.weight_steps(epoch)
    names = [name for name, *_ in counted]
    assert (names.count("discriminator"), names.count("generator")) == (discriminator, generator)
    counted.clear()
    learner.worst_discriminator()
    assert [name for name, *_ in counted] == ["discriminator"] * worst
    learner.worst_generator()
    assert [name for name, *_ in counted[worst:]] == ["generator"] * worst


def test_an_epoch_takes_its_steps_on_the_half_that_each_is_for(counted):
    learner = learner_of(halves=ImageHalves(constant(0), constant(255)), inner_steps=4, critic_steps=3, outer_steps=5)
    pairs = []

    def architecture_step(*worst):
        pairs.append(worst)
        return torch.tensor(-1.0), torch.tensor(-2.0)

    learner.architecture_step = architecture_step
    values = learner.epoch(31, rng=np.random.default_rng(0))
    assert (values.minmax, values.maxmin, values.duality_gap) == (-1.0, -2.0, 1.0)
    of_weights = [float(real.mean()) for _, network, real in counted if network is learner.discriminator]
    of_worst = [float(real.mean()) for name, _, real in counted if name == "discriminator"][4:]
    assert (of_weights, of_worst) == ([-1.0] * 4, [1.0] * 2)
    # In the 31st epoch the worst generator learns at half the rate.
    rates = [rate for name, _, rate in counted if name == "generator"]
    assert rates == pytest.approx([1e-3] * 2 + [5e-4] * 2)
    assert len(pairs) == 5 and len({id(worst) for pair in pairs for worst in pair}) == 2
    assert not {id(network) for pair in pairs for network in pair} & {id(learner.supernet), id(learner.discriminator)}


def test_steps_of_the_critic_are_counted_over_epochs(counted):
    learner = learner_of(inner_steps=2, critic_steps=5)
    taken = []
    for epoch in range(1, 6):
        counted.clear()
        learner.weight_steps(epoch)
        taken.append(sum(name == "generator" for name, *_ in counted))
    # Steps 0 and 5 of ten.
    assert taken == [1, 0, 1, 0, 0]


def test_the_rate_of_the_generator_may_rise(counted):
    learner = learner_of(last_learning_rate=0.1, critic_steps=1)
    learner.weight_steps(1)
    learner.weight_steps(20)
    rates = sorted({rate for name, _, rate in counted if name == "generator"})
    assert 1e-3 < rates[0] < 2e-3 and 0.09 < rates[1] < 0.1


def test_a_batch_of_more_images_than_there_are_is_all_of_them_in_every_step(monkeypatch):
    latents = []

    def counted_step(*given):
        latents.append(len(given[3]))
        return torch.tensor(1.0)

    monkeypatch.setattr(relaxed_generator, "generator_step", counted_step)
    learner = learner_of(batch=1_000, critic_steps=1, inner_steps=1, worst_steps=1)
    learner.weight_steps(1)
    learner.worst_generator()
    assert latents == [9, 9]
