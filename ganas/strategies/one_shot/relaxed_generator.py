"""A relaxed generator in training against a discriminator, and its architecture by the duality gap of the two.

Tian et al., "AlphaGAN", TPAMI 2021, https://arxiv.org/abs/2006.09134, as in ``train_gan_parameter``,
``train_gan_alpha`` and ``find_worst`` of ``functions.py`` in its official code. With the hinge loss ::

    V(G, D) = -E[max(0, 1 - D(x))] - E[max(0, 1 + D(G(z)))]
    gap     = V(G, D') - V(G', D)

where D' is a discriminator that has learned more against G, and G' a generator that has learned more against D. Both
are copies; neither depends on the architecture of G. So the gradient of the gap by that architecture is that of
-E[max(0, 1 + D'(G(z)))] alone, and the rest of the gap is only measured.

This module imports torch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ganas.adversarial.saved_state import load_state_arrays, state_arrays
from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.pixels import image_tensor
from ganas.bench.training.generation.players import (
    adam,
    discriminator_step,
    draw_latents,
    generator_step,
    gradients_pass,
    hinge_loss,
    value_of_generated,
    value_of_real,
)
from ganas.bench.training.generation.search_protocol import GenerationSearchProtocol
from ganas.bench.training.generation.searching import ImageHalves
from ganas.bench.training.generation.training import RealImages
from ganas.spaces.alphagan.discriminator import Discriminator, build_fixed_discriminator
from ganas.spaces.alphagan.supernet import GeneratorSupernet, build_supernet
from ganas.spaces.errors import InvalidSetting
from ganas.strategies.one_shot.relaxed_player import RelaxedPlayer

__all__ = ["EpochValues", "RelaxedGenerator"]

# Of the channels of CIFAR-10, in ``utils/utils.py`` of the official code.
_CIFAR_MEANS = (0.49139968, 0.48215827, 0.44653124)
_CIFAR_DEVIATIONS = (0.24703233, 0.24348505, 0.26158768)


class EpochValues(NamedTuple):
    """Means over the steps of an epoch.

    Attributes:
        minmax: V of the generator and the worst discriminator, before each step of the architecture.
        maxmin: V of the worst generator and the discriminator.
        discriminator_loss: The hinge loss of the discriminator.
        generator_loss: The loss of the generator; NaN where it took no step.
    """

    minmax: float
    maxmin: float
    discriminator_loss: float
    generator_loss: float

    @property
    def duality_gap(self) -> float:
        """What the worst copies take from both players together."""
        return self.minmax - self.maxmin


class RelaxedGenerator:
    """Both players, the optimisers of their weights and of the architecture, and both halves of the images.

    An epoch trains the weights of both players on one half; then it makes the worst copies of both and trains them on
    the other half; then the architecture takes its steps against these, on that half too. Initial weights come from
    torch's global generator.

    Args:
        halves: The images.
        recipe: Sizes, steps and optimisers.
        compute: Device and precision.
        seeds: Of the orders of images in the two halves.

    Attributes:
        supernet: The relaxed generator.
        discriminator: The fixed discriminator.
        player: The relaxed generator as steps of weights see it.

    Raises:
        InvalidSetting: Grey images are to be scaled as those of CIFAR-10.
    """

    def __init__(
        self, halves: ImageHalves, recipe: GenerationSearchProtocol, compute: Compute, *, seeds: tuple[int, int]
    ) -> None:
        images = halves.weights
        if recipe.cifar_scaling and images.channels != len(_CIFAR_MEANS):
            raise InvalidSetting(f"cifar_scaling is for colour images, and those of {images.name} are grey")
        self._recipe, self._compute, self._sizes = recipe, compute, tuple(map(len, halves))
        self.supernet = build_supernet(
            channels=recipe.channels,
            bottom_width=images.size // 8,
            image_channels=images.channels,
            latent=recipe.latent,
        ).to(compute.device)
        self.discriminator = build_fixed_discriminator(
            channels=recipe.discriminator_channels, image_channels=images.channels, xavier=False
        ).to(compute.device)
        self.player = RelaxedPlayer(self.supernet, recipe.temperature if recipe.gumbel else None)
        self._moments = (recipe.first_moment, recipe.second_moment)
        self._optimisers: dict[str, torch.optim.Optimizer] = {
            "generator": adam(self.supernet.weight_parameters(), recipe.learning_rate, self._moments, compute.device),
            "discriminator": adam(
                self.discriminator.parameters(), recipe.discriminator_learning_rate, self._moments, compute.device
            ),
            "architecture": torch.optim.Adam([self._architecture_group(self.supernet)]),
        }
        self._weight_half, self._architecture_half = (
            RealImages(image_tensor(half), recipe.batch, seed=seed, device=compute.device)
            for half, seed in zip(halves, seeds, strict=True)
        )
        self._steps = 0

    def _architecture_group(self, supernet: GeneratorSupernet) -> dict[str, Any]:
        recipe = self._recipe
        return {
            "params": supernet.architecture_parameters(),
            "lr": recipe.architecture_learning_rate,
            "betas": (recipe.architecture_first_moment, recipe.architecture_second_moment),
            "weight_decay": recipe.architecture_weight_decay,
        }

    def _real(self, half: RealImages) -> Tensor:
        images = half.next()
        if not self._recipe.cifar_scaling:
            return images
        means, deviations = (images.new_tensor(values).view(-1, 1, 1) for values in (_CIFAR_MEANS, _CIFAR_DEVIATIONS))
        return ((images + 1) / 2 - means) / deviations

    def _latents(self, count: int) -> Tensor:
        return draw_latents(count, self._recipe.latent, self._compute)

    # --- training ----------------------------------------------------------------------------------------------------

    def epoch(self, number: int, *, rng: np.random.Generator) -> EpochValues | None:
        """Train for an epoch, counted from 1; None where a loss or an architecture parameter is no finite number."""
        # Latent vectors, and the noise of drawn shares, come from torch's global generator.
        torch.manual_seed(int(rng.integers(2**63)))
        of_discriminator, of_generator = self.weight_steps(number)
        share = self._recipe.worst_rate_share(number)
        worst_discriminator = self.worst_discriminator(share)
        worst_generator = self.worst_generator(share)
        gaps = [self.architecture_step(worst_discriminator, worst_generator) for _ in range(self._recipe.outer_steps)]
        minmax, maxmin = torch.stack([torch.stack(pair) for pair in gaps]).double().mean(dim=0).tolist()
        values = EpochValues(minmax, maxmin, _mean(of_discriminator), _mean(of_generator))
        finite = all(bool(logits.isfinite().all()) for logits in self.supernet.architecture_parameters())
        said = values if of_generator else values[:-1]
        return values if finite and all(map(math.isfinite, said)) else None

    def weight_steps(self, number: int) -> tuple[list[Tensor], list[Tensor]]:
        """The steps of the weights of both players in an epoch; the losses of the discriminator and the generator."""
        recipe, compute = self._recipe, self._compute
        for group in self._optimisers["generator"].param_groups:
            group["lr"] = recipe.generator_rate(number)
        of_discriminator, of_generator = [], []
        for _ in range(recipe.loop(recipe.inner_steps, self._sizes[0])):
            real = self._real(self._weight_half)
            latents = self._latents(len(real))
            optimiser = self._optimisers["discriminator"]
            of_discriminator.append(
                discriminator_step(self.discriminator, optimiser, self.player, real, latents, compute)
            )
            if self._steps % recipe.critic_steps == 0:
                latents, optimiser = self._latents(self._weight_half.batch), self._optimisers["generator"]
                of_generator.append(generator_step(self.player, optimiser, self.discriminator, latents, compute))
            self._steps += 1
        return of_discriminator, of_generator

    def worst_discriminator(self, rate_share: float = 1.0) -> Discriminator:
        """A copy of the discriminator that has learned more against the generator as it is.

        Args:
            rate_share: What the learning rate is multiplied by.
        """
        recipe = self._recipe
        worst = copy.deepcopy(self.discriminator)
        rate = rate_share * recipe.discriminator_learning_rate
        optimiser = adam(worst.parameters(), rate, self._moments, self._compute.device)
        for _ in range(recipe.loop(recipe.worst_steps, self._sizes[1])):
            real = self._real(self._architecture_half)
            discriminator_step(worst, optimiser, self.player, real, self._latents(len(real)), self._compute)
        return worst

    def worst_generator(self, rate_share: float = 1.0) -> GeneratorSupernet:
        """A copy of the relaxed generator that has learned more against the discriminator as it is.

        Its shares are never drawn, as in the official code.

        Args:
            rate_share: What the learning rate of weights is multiplied by.
        """
        recipe, device = self._recipe, self._compute.device
        worst = copy.deepcopy(self.supernet)
        moved = recipe.worst_generator
        if moved == "none":
            return worst
        for weights in worst.weight_parameters():
            weights.requires_grad_(moved != "architecture")
        optimiser: torch.optim.Optimizer
        if moved == "architecture":
            optimiser = torch.optim.Adam([self._architecture_group(worst)])
        else:
            optimiser = adam(worst.weight_parameters(), rate_share * recipe.learning_rate, self._moments, device)
        if moved == "both":
            optimiser.add_param_group(self._architecture_group(worst))
        player: nn.Module = RelaxedPlayer(worst) if moved == "weights" else worst
        for _ in range(recipe.loop(recipe.worst_steps, self._sizes[1])):
            latents = self._latents(self._architecture_half.batch)
            generator_step(player, optimiser, self.discriminator, latents, self._compute)
        return worst

    def architecture_step(self, worst_discriminator: nn.Module, worst_generator: nn.Module) -> tuple[Tensor, Tensor]:
        """A step of the architecture parameters; no weights learn, and the worst copies stay as they are.

        Returns:
            ``minmax`` before the step, and ``maxmin``, which need no gradient.
        """
        real = self._real(self._architecture_half)
        latents = self._latents(len(real))
        optimiser = self._optimisers["architecture"]
        optimiser.zero_grad()
        # The gradient goes on from the shares: within, the logits are let alone like all other weights.
        shares = self.player.shares()
        with gradients_pass(self.supernet), gradients_pass(worst_discriminator), self._compute.autocast():
            of_generated = value_of_generated(worst_discriminator(self.supernet(latents, shares)).float())
        (-of_generated).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad(), self._compute.autocast():
            minmax = -value_of_real(worst_discriminator(real).float()) - of_generated.detach()
            generated = worst_generator(self._latents(len(real))).float()
            maxmin = -hinge_loss(self.discriminator, real, generated)
        return minmax, maxmin

    # --- state -------------------------------------------------------------------------------------------------------

    def learned(self) -> dict[str, Any]:
        """Weights, architecture parameters and what the optimisers remember, as JSON values and numpy arrays."""
        return {
            "supernet": state_arrays(self.supernet),
            "discriminator": state_arrays(self.discriminator),
            **{f"{name}_optimiser": state_arrays(optimiser) for name, optimiser in self._optimisers.items()},
            "steps": self._steps,
        }

    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`learned` returned."""
        load_state_arrays(self.supernet, state["supernet"])
        load_state_arrays(self.discriminator, state["discriminator"])
        for name, optimiser in self._optimisers.items():
            load_state_arrays(optimiser, state[f"{name}_optimiser"])
        self._steps = int(state["steps"])

    def state(self) -> dict[str, Any]:
        """What was learned, and the place in the images."""
        halves = {"weight_half": self._weight_half.state(), "architecture_half": self._architecture_half.state()}
        return {**self.learned(), **halves}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        self.load_learned(state)
        self._weight_half.load_state(state["weight_half"])
        self._architecture_half.load_state(state["architecture_half"])


def _mean(losses: list[Tensor]) -> float:
    return float(torch.stack(losses).double().mean()) if losses else math.nan
