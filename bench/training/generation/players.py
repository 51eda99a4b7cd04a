"""The steps in which a generator and a discriminator learn against each other, by the hinge loss.

The loss of the discriminator on real images x and latent vectors z is E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))],
that of the generator -E[D(G(z))], as in ``train_gan_parameter`` of ``functions.py`` in the official code of AlphaGAN.
Trainings and the one-shot search take the same steps. This module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganas.bench.training.devices import Compute

__all__ = [
    "adam",
    "discriminator_step",
    "draw_latents",
    "generator_step",
    "gradients_pass",
    "hinge_loss",
    "value_of_generated",
    "value_of_real",
]


def value_of_real(scores: Tensor) -> Tensor:
    """The part of the hinge loss that real images have, E[max(0, 1 - D(x))]."""
    return functional.relu(1.0 - scores).mean()


def value_of_generated(scores: Tensor) -> Tensor:
    """The part of the hinge loss that generated images have, E[max(0, 1 + D(G(z)))]."""
    return functional.relu(1.0 + scores).mean()


def hinge_loss(discriminator: Callable[[Tensor], Tensor], real: Tensor, generated: Tensor) -> Tensor:
    """The loss of a discriminator, which looks at both kinds of images together.

    Args:
        discriminator: Images to scores, (images, 1).
        real: Numbers from -1 to 1, (images, channels, size, size).
        generated: The same; their number may differ.
    """
    scores = discriminator(torch.cat([real, generated])).float()
    return value_of_real(scores[: len(real)]) + value_of_generated(scores[len(real) :])


def adam(
    parameters: Iterable[nn.Parameter], rate: float, moments: tuple[float, float], device: str
) -> torch.optim.Adam:
    """Adam, in its fused form where the device has one.

    The networks are small: going through their weights one after the other would take as long as the gradients do.
    """
    fused = torch.device(device).type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, rate, betas=moments, fused=fused)


def draw_latents(count: int, latent: int, compute: Compute) -> Tensor:
    """Latent vectors from the standard normal distribution and torch's global generator, (count, latent)."""
    # On the CPU, so that the same seed draws the same for every device.
    return torch.randn(count, latent).to(compute.device)


def discriminator_step(
    discriminator: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: nn.Module,
    real: Tensor,
    latents: Tensor,
    compute: Compute,
) -> Tensor:
    """A step of a discriminator; the generator stays as it is, but for its batch statistics.

    Args:
        discriminator: Images to scores, (images, 1).
        optimiser: Of what the step changes.
        generator: Latent vectors to images from -1 to 1.
        real: Real images, (images, channels, size, size).
        latents: What generated images are made of, (images, latent).
        compute: Device and precision.

    Returns:
        The loss before the step, which needs no gradient.
    """
    generator.train()
    discriminator.train()
    with torch.no_grad(), compute.autocast():
        generated = generator(latents).float()
    optimiser.zero_grad()
    with compute.autocast():
        loss = hinge_loss(discriminator, real, generated)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.detach()


def generator_step(
    generator: nn.Module, optimiser: torch.optim.Optimizer, discriminator: nn.Module, latents: Tensor, compute: Compute
) -> Tensor:
    """A step of a generator; the discriminator stays as it is, but for the vectors of its spectral norm.

    Args:
        generator: Latent vectors to images from -1 to 1.
        optimiser: Of what the step changes.
        discriminator: Images to scores, (images, 1).
        latents: What images are made of, (images, latent).
        compute: Device and precision.

    Returns:
        The loss before the step, which needs no gradient.
    """
    generator.train()
    discriminator.train()
    optimiser.zero_grad()
    with gradients_pass(discriminator), compute.autocast():
        loss = -discriminator(generator(latents)).float().mean()
    loss.backward()
    optimiser.step()
    given: Tensor = loss.detach()
    return given


@contextmanager
def gradients_pass(network: nn.Module) -> Iterator[None]:
    """Within this context what is computed by a network passes gradients on, and its weights collect none."""
    before = [weights.requires_grad for weights in network.parameters()]
    network.requires_grad_(False)
    try:
        yield
    finally:
        for weights, needed in zip(network.parameters(), before, strict=True):
            weights.requires_grad_(needed)
