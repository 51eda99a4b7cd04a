"""Steps of a generator and a discriminator against a plain computation of them."""

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from ganas.bench.training.devices import Compute  # noqa: E402
from ganas.bench.training.generation.players import (  # noqa: E402
    adam,
    discriminator_step,
    draw_latents,
    generator_step,
    gradients_pass,
    hinge_loss,
    value_of_generated,
    value_of_real,
)

CPU = Compute()


class Images(nn.Module):
    """Latent vectors of 3 numbers to images of 2 x 2 pixels, with batch normalisation."""

    def __init__(self):
        super().__init__()
        self.linear, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, latents):
        return self.norm(self.linear(latents)).tanh().view(-1, 1, 2, 2)


class Scores(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.last = nn.Linear(4, 5), nn.Linear(5, 1)

    def forward(self, images):
        return self.last(self.hidden(images.flatten(1)).relu())


@pytest.fixture
def players():
    torch.manual_seed(0)
    discriminator = Scores()
    with torch.no_grad():
        # Some images are beyond their margin: otherwise gradients of the last bias cancel to what rounding leaves.
        discriminator.last.weight *= 8
    return Images(), discriminator, torch.rand(6, 1, 2, 2) * 2 - 1, torch.randn(5, 3)


def weights_of(network):
    return [values.detach().clone() for values in network.parameters()]


def same(first, second):
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def near(first, second):
    return all(torch.allclose(one, other, atol=1e-6) for one, other in zip(first, second, strict=True))


def test_the_hinge_loss_by_hand():
    real, made = torch.tensor([[2.0], [0.5], [-1.0]]), torch.tensor([[-3.0], [1.0]])
    assert value_of_real(real).item() == pytest.approx((0 + 0.5 + 2) / 3)
    assert value_of_generated(made).item() == pytest.approx((0 + 2) / 2)
    # The discriminator sees both together, and each kind has its own mean.
    seen = []

    def scores(images):
        seen.append(len(images))
        return images.mean(dim=(1, 2, 3))[:, None]

    loss = hinge_loss(scores, real.view(3, 1, 1, 1), made.view(2, 1, 1, 1))
    assert loss.item() == pytest.approx(2.5 / 3 + 1) and seen == [5]


def test_a_step_of_the_discriminator_is_the_plain_one(players):
    generator, discriminator, real, latents = players
    plain_generator, plain = copy.deepcopy(generator), copy.deepcopy(discriminator)
    before = weights_of(generator)
    made = plain_generator(latents).detach()
    expected = (1 - plain(real)).clamp(min=0).mean() + (1 + plain(made)).clamp(min=0).mean()
    expected.backward()
    torch.optim.Adam(plain.parameters(), 0.01, betas=(0.0, 0.9)).step()

    generator.eval()
    discriminator.eval()
    optimiser = adam(discriminator.parameters(), 0.01, (0.0, 0.9), "cpu")
    loss = discriminator_step(discriminator, optimiser, generator, real, latents, CPU)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.shape == () and not loss.requires_grad
    gradients = [[values.grad for values in network.parameters()] for network in (discriminator, plain)]
    assert near(*gradients)
    assert near(weights_of(discriminator), weights_of(plain))
    # The generator stays, but for what it normalises by; it collects no gradients.
    assert same(weights_of(generator), before)
    assert all(values.grad is None for values in generator.parameters())
    assert near(generator.buffers(), plain_generator.buffers())
    assert generator.norm.num_batches_tracked == 1


def test_a_step_of_the_generator_is_the_plain_one(players):
    generator, discriminator, _, latents = players
    plain, plain_discriminator = copy.deepcopy(generator), copy.deepcopy(discriminator)
    before = weights_of(discriminator)
    expected = -plain_discriminator(plain(latents)).mean()
    expected.backward()
    torch.optim.Adam(plain.parameters(), 0.01, betas=(0.5, 0.9)).step()

    generator.eval()
    optimiser = adam(generator.parameters(), 0.01, (0.5, 0.9), "cpu")
    loss = generator_step(generator, optimiser, discriminator, latents, CPU)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.shape == () and not loss.requires_grad
    assert near([values.grad for values in generator.parameters()], [values.grad for values in plain.parameters()])
    assert near(weights_of(generator), weights_of(plain))
    assert near(generator.buffers(), plain.buffers())
    assert same(weights_of(discriminator), before)
    assert all(values.grad is None and values.requires_grad for values in discriminator.parameters())


def test_steps_forget_the_gradients_of_before(players):
    generator, discriminator, real, latents = players
    for step, network, rest in (
        (discriminator_step, discriminator, (generator, real, latents)),
        (generator_step, generator, (discriminator, latents)),
    ):
        found = []
        for stale in (False, True):
            fresh = copy.deepcopy(network)
            for values in fresh.parameters():
                values.grad = torch.full_like(values, 9.0) if stale else None
            given = [fresh, adam(fresh.parameters(), 0.01, (0.0, 0.9), "cpu"), *copy.deepcopy(rest), CPU]
            step(*given)
            found.append(weights_of(fresh))
        assert same(*found)


def test_several_steps_of_fused_adam_are_those_of_plain_adam(players):
    generator, discriminator, real, latents = players
    plain = copy.deepcopy(discriminator)
    optimiser = adam(discriminator.parameters(), 0.01, (0.5, 0.9), "cpu")
    other = torch.optim.Adam(plain.parameters(), 0.01, betas=(0.5, 0.9), foreach=False)
    for _ in range(5):
        discriminator_step(discriminator, optimiser, generator, real, latents, CPU)
        discriminator_step(plain, other, generator, real, latents, CPU)
    assert near(weights_of(discriminator), weights_of(plain))


def test_gradients_pass_through_a_network_that_collects_none(players):
    generator, discriminator, _, latents = players
    discriminator.hidden.bias.requires_grad_(False)
    flags = [values.requires_grad for values in discriminator.parameters()]
    assert flags == [True, False, True, True]
    with gradients_pass(discriminator):
        discriminator(generator(latents)).sum().backward()
    assert all(values.grad is None for values in discriminator.parameters())
    assert generator.linear.weight.grad.abs().sum() > 0
    assert [values.requires_grad for values in discriminator.parameters()] == flags


def test_flags_are_as_before_after_an_exception(players):
    _, discriminator, *_ = players
    discriminator.last.weight.requires_grad_(False)
    flags = [values.requires_grad for values in discriminator.parameters()]
    with pytest.raises(ZeroDivisionError), gradients_pass(discriminator):
        assert not any(values.requires_grad for values in discriminator.parameters())
        raise ZeroDivisionError
    assert [values.requires_grad for values in discriminator.parameters()] == flags


def test_latents_are_normal_and_of_the_global_generator():
    torch.manual_seed(3)
    first = draw_latents(4000, 5, CPU)
    torch.manual_seed(3)
    assert torch.equal(first, draw_latents(4000, 5, CPU))
    assert first.shape == (4000, 5)
    assert abs(first.mean()) < 0.03 and abs(first.std() - 1) < 0.03


def test_losses_of_half_precision_are_of_single_precision(players):
    generator, discriminator, real, latents = players
    half = Compute(precision="bfloat16")
    optimiser = adam(discriminator.parameters(), 0.01, (0.0, 0.9), "cpu")
    unmoved = adam([nn.Parameter(torch.zeros(1))], 0.01, (0.0, 0.9), "cpu")
    single = discriminator_step(discriminator, unmoved, generator, real, latents, CPU)
    loss = discriminator_step(discriminator, optimiser, generator, real, latents, half)
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(single.item(), rel=0.05)
    assert loss.item() != single.item()
    optimiser = adam(generator.parameters(), 0.01, (0.0, 0.9), "cpu")
    other = generator_step(generator, optimiser, discriminator, latents, half)
    assert other.dtype == torch.float32
    assert {values.dtype for values in generator.parameters()} == {torch.float32}
