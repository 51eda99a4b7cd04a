"""A generator in training against a discriminator."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ganas.bench.training.checkpoint import as_tensors
from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.images import PreparedImages
from ganas.bench.training.generation.pixels import as_numbers, image_tensor
from ganas.bench.training.generation.players import adam, discriminator_step, draw_latents, generator_step
from ganas.bench.training.generation.protocol import GenerationProtocol
from ganas.bench.training.generation.sample_grid import save_sample_grid
from ganas.bench.training.optimiser_memory import optimiser_memory, restore_memory
from ganas.bench.training.task import Step, Training
from ganas.spaces.errors import InvalidSetting, TrainingFailed

__all__ = ["GeneratorTraining", "RealImages", "samples_of"]

# Latent vectors of every measurement of a split; the pictures show the first ones of validation.
_LATENT_SEEDS: Mapping[Literal["valid", "test"], int] = {"valid": 20_210_401, "test": 20_210_402}

_AT_ONCE = 250
_SHOWN, _SHOWN_PIXELS = 64, 32


class RealImages:
    """Batches of real images, in a new order every time all were seen; what would be a smaller batch is left out.

    Args:
        pixels: Bytes, (images, channels, size, size).
        batch: Images of a batch; at most as many as there are are given.
        seed: Of the orders.
        device: Where the batches lie.

    Attributes:
        batch: How many images a batch has.
    """

    def __init__(self, pixels: Tensor, batch: int, *, seed: int, device: str) -> None:
        self._pixels, self.batch, self._device = pixels, min(batch, len(pixels)), device
        self._rng = np.random.default_rng([seed, batch])
        self._begin()

    def _begin(self) -> None:
        self._drawn_from = self._rng.bit_generator.state
        self._order = torch.from_numpy(self._rng.permutation(len(self._pixels)))
        self._position = 0

    def next(self, part: int = 0, parts: int = 1) -> Tensor:
        """The next batch, or one of equal parts of it: numbers from -1 to 1, (images, channels, size, size)."""
        if self._position + self.batch > len(self._order):
            self._begin()
        rows = self._order[self._position : self._position + self.batch]
        self._position += self.batch
        return as_numbers(self._pixels[rows[part::parts]].to(self._device))

    def state(self) -> dict[str, Any]:
        """The place in the data; the order is drawn again from there."""
        return {"drawn_from": self._drawn_from, "position": self._position}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take the place in the data."""
        self._rng.bit_generator.state = state["drawn_from"]
        self._begin()
        self._position = int(state["position"])


def samples_of(generator: nn.Module, latent: int, count: int, *, seed: int, compute: Compute) -> Iterator[Tensor]:
    """Images of a generator in batches, (images, channels, size, size) each, without gradients.

    Args:
        generator: In the mode that it is to be measured in.
        latent: Length of its latent vectors.
        count: How many images.
        seed: Of the latent vectors, which are the same for every generator and device.
        compute: Device and precision.
    """
    draw = torch.Generator().manual_seed(seed)
    for start in range(0, count, _AT_ONCE):
        latents = torch.randn(min(_AT_ONCE, count - start), latent, generator=draw).to(compute.device)
        with torch.inference_mode(), compute.autocast():
            images = generator(latents)
        yield images.float()


class GeneratorTraining(Training):
    """A generator and a discriminator with real images and optimisers.

    Where several processes train together, each has its part of every batch, and normalises by it; what is measured is
    normalised by the mean over processes.

    Args:
        generator: The generator; its weights are drawn.
        discriminator: The discriminator, too.
        images: Real images, and what samples are compared with.
        protocol: The recipe.
        seed: Of the order of images.
        compute: Device, precision and the like.
        measured: Whose parameters are counted: those of the architecture.

    Raises:
        InvalidSetting: More processes train together than a batch has images.
    """

    item = "images"

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        images: PreparedImages,
        protocol: GenerationProtocol,
        *,
        seed: int,
        compute: Compute,
        measured: Literal["generator", "discriminator"] = "generator",
    ) -> None:
        self._images, self._protocol, self._compute = images, protocol, compute
        self._real = RealImages(image_tensor(images.train), protocol.batch, seed=seed, device=compute.device)
        if compute.processes > self._real.batch:
            raise InvalidSetting(f"{compute.processes} processes cannot share batches of {self._real.batch} images")
        for network in (generator, discriminator):
            network.to(compute.device)
        self.generator, self.discriminator = generator, discriminator
        self.averaged = copy.deepcopy(generator).requires_grad_(False).eval()
        if compute.processes > 1:
            _leave_out_unused(discriminator, torch.zeros(1, *images.train.images.shape[1:], device=compute.device))
        # Each network is wrapped for its own steps, and plain in those of the other one.
        self._wrapped_generator, self._wrapped_discriminator = compute.wrap(generator), compute.wrap(discriminator)
        moments, device = (protocol.first_moment, protocol.second_moment), compute.device
        self._optimiser = adam(generator.parameters(), protocol.learning_rate, moments, device)
        self._other_optimiser = adam(discriminator.parameters(), protocol.discriminator_learning_rate, moments, device)
        self._measured = generator if measured == "generator" else discriminator
        self._steps, self._left = 0, 0
        for scorer in images.scorers.values():
            scorer.extractor.move_to(compute.device)

    @property
    def num_parameters(self) -> int:
        """How many trainable numbers the network has whose architecture it is."""
        return sum(weights.numel() for weights in self._measured.parameters())

    @property
    def items_in_epoch(self) -> int:
        """Real images between two evaluations."""
        return self._protocol.steps * self._real.batch

    # --- learning ----------------------------------------------------------------------------------------------------

    def start_epoch(self, epoch: int) -> None:
        """Go on to the next evaluation."""
        self._left = self._protocol.steps
        self._steps = (epoch - 1) * self._protocol.steps

    def step(self) -> Step | None:
        """A step of the discriminator and, where it is due, one of the generator."""
        if not self._left:
            return None
        protocol, compute = self._protocol, self._compute
        share = protocol.rate_share(self._steps)
        _set_rate(self._optimiser, protocol.learning_rate * share)
        _set_rate(self._other_optimiser, protocol.discriminator_learning_rate * share)
        real = self._real.next(compute.rank, compute.processes)
        latents = draw_latents(len(real), protocol.latent, compute)
        loss = discriminator_step(
            self._wrapped_discriminator, self._other_optimiser, self.generator, real, latents, compute
        )
        if self._steps % protocol.critic_steps == 0:
            latents = draw_latents(max(2, protocol.generator_batch // compute.processes), protocol.latent, compute)
            generator_step(self._wrapped_generator, self._optimiser, self.discriminator, latents, compute)
            self._average()
        self._steps += 1
        self._left -= 1
        if not self._left:
            self._take_statistics(shared=True)
        return Step(loss, len(real))

    def _average(self) -> None:
        """Move the averaged generator towards the trained one."""
        with torch.no_grad():
            kept: list[Tensor] = list(self.averaged.parameters())
            now: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(kept, now, 1.0 - self._protocol.averaging)
        self._take_statistics()

    def _take_statistics(self, *, shared: bool = False) -> None:
        """Take over the batch statistics of the trained generator, which every step changes.

        Args:
            shared: Whether to take the mean over processes: each has seen other images.
        """
        for statistics, latest in zip(self.averaged.buffers(), self.generator.buffers(), strict=True):
            statistics.copy_(latest)
            if shared and self._compute.processes > 1 and statistics.is_floating_point():
                import torch.distributed

                torch.distributed.all_reduce(statistics)
                statistics /= self._compute.processes

    # --- measuring ---------------------------------------------------------------------------------------------------

    def evaluate(self, split: Literal["valid", "test"]) -> dict[str, float]:
        """Compare what the averaged generator makes with the real images of a split."""
        count = self._protocol.samples
        scorer = self._images.scorers[split]
        try:
            values = scorer.score(self._samples(split, count), count).values()
        except TrainingFailed:
            # Images with values that are no numbers: the loop brings back what was.
            values = {scorer.extractor.distance_name: float("nan")}
        return {f"{split}_{name}": value for name, value in values.items()}

    def _samples(self, split: Literal["valid", "test"], count: int) -> Iterator[Tensor]:
        return samples_of(self.averaged, self._protocol.latent, count, seed=_LATENT_SEEDS[split], compute=self._compute)

    def save_picture(self, path: Path) -> None:
        """Save samples side by side, of the same latent vectors every time."""
        images = torch.cat(list(self._samples("valid", _SHOWN)))
        if images.isfinite().all():
            save_sample_grid(path, images, scale=max(1, _SHOWN_PIXELS // images.shape[-1]))

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights of the averaged generator, and what it is normalised by."""
        return {name: values.detach().clone() for name, values in self.averaged.state_dict().items()}

    # --- state -------------------------------------------------------------------------------------------------------

    def learned(self) -> dict[str, Any]:
        """Weights of both players and of the averaged generator, and what the optimisers remember."""
        return {
            **{name: network.state_dict() for name, network in self._networks.items()},
            "remembered": [optimiser_memory(optimiser) for optimiser in (self._optimiser, self._other_optimiser)],
        }

    def load_learned(self, state: Mapping[str, Any]) -> None:
        """Take weights and the memory of optimisers."""
        for name, network in self._networks.items():
            network.load_state_dict(as_tensors(state[name], self._compute.device))
        for optimiser, remembered in zip((self._optimiser, self._other_optimiser), state["remembered"], strict=True):
            restore_memory(optimiser, remembered)

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "averaged": self.averaged}

    def progress(self) -> dict[str, Any]:
        """The place in the data and among the steps."""
        return {"real": self._real.state(), "steps": self._steps, "left": self._left}

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Take both."""
        self._real.load_state(state["real"])
        self._steps, self._left = int(state["steps"]), int(state["left"])


def _leave_out_unused(network: nn.Module, inputs: Tensor) -> None:
    """Let the weights alone that nothing depends on, as those before ``none``.

    Processes that train together would wait for the gradients of these.
    """
    network.eval()
    weights = list(network.parameters())
    gradients = torch.autograd.grad(network(inputs).sum(), weights, allow_unused=True)
    for values, gradient in zip(weights, gradients, strict=True):
        values.requires_grad_(gradient is not None)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
