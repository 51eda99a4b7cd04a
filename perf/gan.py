"""How fast generators and discriminators of AlphaGAN train, beside a plain implementation of them, on one core.

Run it as ``python perf/gan.py [--quick]``; it needs the extra ``torch``, prints a table in Markdown and exits with 1
when a step is slower than that of the plain implementation. On Linux the process keeps to one core. Both are run by
turns, from the same weights; seconds are of the processor, what a clock on the wall shows on a machine that does
nothing else, and the best of all rounds. ``--quick`` leaves out the images of 16 pixels.

The plain implementation has one module for each operation, as the official code has, sums up the operations of an edge
in the search, and leaves spectral norm to torch; like here, nothing looks for anomalies in the gradients. A generator
step scores a batch of generated images and changes the generator; a discriminator step scores a batch of real and one
of generated images and changes the discriminator. Both have the hinge loss and Adam.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from ganas.spaces.alphagan.discriminator import build_fixed_discriminator
from ganas.spaces.alphagan.genotype import GENERATOR
from ganas.spaces.alphagan.network import build_network
from ganas.spaces.alphagan.published import PUBLISHED
from ganas.spaces.alphagan.supernet import build_supernet

BATCH = LATENT = 32
SETTINGS = ((16, 1, 60), (32, 2, 8))
"""Channels of both networks, width of the smallest feature map, rounds; images are 8 times as wide."""


# --- the plain implementation --------------------------------------------------------------------------------------


class Repeated(nn.Module):
    """A module that is applied some times."""

    def __init__(self, inner: nn.Module, times: int) -> None:
        super().__init__()
        self.inner, self.times = inner, times

    def forward(self, values: Tensor) -> Tensor:
        """Apply it."""
        for _ in range(self.times):
            values = self.inner(values)
        return values


def plain_operation(name: str, channels: int, factor: int, affine: bool) -> nn.Module:
    """The module of an operation."""
    times = factor // 2
    if name == "deconv":
        return Repeated(nn.ConvTranspose2d(channels, channels, 2, 2), times)
    if name in ("nearest", "bilinear"):
        return Repeated(nn.Upsample(scale_factor=2, mode=name), times)
    kernel = int(name[-1])
    if not name.startswith("sep"):
        return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, kernel, padding=kernel // 2))
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels, affine=affine),
        ]
    return nn.Sequential(*layers)


class PlainMixed(nn.Module):
    """All operations of an edge, each for itself."""

    def __init__(self, names: tuple[str, ...], channels: int, factor: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(plain_operation(name, channels, factor, False) for name in names)

    def forward(self, values: Tensor, shares: Tensor) -> Tensor:
        """Their mixture."""
        total: Tensor = sum(share * operation(values) for share, operation in zip(shares, self.operations, strict=True))
        return total


class PlainGenerator(nn.Module):
    """A generator, or with no operations given the relaxed one of the search."""

    def __init__(self, channels: int, bottom_width: int, names: tuple[str, ...] | None) -> None:
        super().__init__()
        self.shape = (channels, bottom_width, bottom_width)
        self.stem = nn.Linear(LATENT, channels * bottom_width**2)
        self.head = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 1, 3, padding=1), nn.Tanh())
        self.logits = None
        if names is None:
            self.logits = nn.ParameterList([1e-3 * torch.randn(9, 3), 1e-3 * torch.randn(9, 6)])
        self.edges = nn.ModuleList()
        for position, choice in enumerate(GENERATOR.operations):
            factor = 4 if position == 16 else 2
            self.edges.append(
                PlainMixed(choice, channels, factor)
                if names is None
                else plain_operation(names[position], channels, factor, True)
            )

    def forward(self, latents: Tensor) -> Tensor:
        """Latent vectors to images."""
        if self.logits is None:
            edges: list[Callable[[Tensor], Tensor]] = list(self.edges)
        else:
            up, normal = (iter(logits.softmax(dim=-1)) for logits in self.logits)
            shares = [next(up if len(choice) == 3 else normal) for choice in GENERATOR.operations]
            edges = [
                lambda values, edge=edge, share=share: edge(values, share)  # type: ignore[misc]
                for edge, share in zip(self.edges, shares, strict=True)
            ]
        values = self.stem(latents).view(-1, *self.shape)
        skips: list[Tensor] = []
        for cell in range(3):
            up_0, up_1, normal_0, normal_1, normal_2 = edges[5 * cell : 5 * cell + 5]
            first, cut = up_0(values), up_1(values)
            values = normal_2(cut) + normal_1(normal_0(first))
            into = edges[15:16] if cell == 1 else edges[16:18] if cell == 2 else []
            for edge, skip in zip(into, skips, strict=True):
                values = values + edge(skip)
            skips.append(first)
        images: Tensor = self.head(values)
        return images


class PlainBlock(nn.Module):
    """A residual block of the discriminator."""

    def __init__(self, inputs: int, channels: int, number: int) -> None:
        super().__init__()
        spectral = parametrizations.spectral_norm
        self.first = spectral(nn.Conv2d(inputs, channels, 3, padding=1))
        self.second = spectral(nn.Conv2d(channels, channels, 3, padding=1))
        self.shortcut = spectral(nn.Conv2d(inputs, channels, 1)) if number < 2 else None
        self.number = number

    def forward(self, values: Tensor) -> Tensor:
        """Features to features."""
        inner = self.first(functional.relu(values) if self.number else values)
        inner = self.second(functional.relu(inner))
        if self.shortcut is None:
            return inner + values  # type: ignore[no-any-return]
        if self.number == 0:
            cut = self.shortcut(functional.avg_pool2d(values, 2))
        else:
            cut = functional.avg_pool2d(self.shortcut(values), 2)
        return functional.avg_pool2d(inner, 2) + cut  # type: ignore[no-any-return]


class PlainDiscriminator(nn.Module):
    """The fixed discriminator."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(PlainBlock(channels if one else 1, channels, one) for one in range(4)))
        self.score = parametrizations.spectral_norm(nn.Linear(channels, 1, bias=False))

    def forward(self, images: Tensor) -> Tensor:
        """Images to scores."""
        scores: Tensor = self.score(functional.relu(self.blocks(images)).sum(dim=(2, 3)))
        return scores


# --- measuring -----------------------------------------------------------------------------------------------------


def take_weights(plain: nn.Module, here: nn.Module) -> None:
    """Copy parameters: both implementations list them in the same order, once biases and the ends are sorted apart."""

    def place(named: tuple[str, Tensor]) -> tuple[bool, int]:
        parts = ("stem", "head", "score", "blocks", "edges")
        return named[0].endswith("bias"), next((i for i, part in enumerate(parts) if named[0].startswith(part)), -1)

    with torch.no_grad():
        pairs = zip(*(sorted(module.named_parameters(), key=place) for module in (plain, here)), strict=True)
        for (name, mine), (_, theirs) in pairs:
            assert mine.shape == theirs.shape, name
            mine.copy_(theirs)


class Pair:
    """A generator and a discriminator with their optimisers."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.optimisers = [
            torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.0, 0.9)) for network in (generator, discriminator)
        ]

    def generator_step(self, latents: Tensor, images: Tensor) -> None:
        """Change the generator."""
        loss = -self.discriminator(self.generator(latents)).mean()
        self.optimisers[0].zero_grad()
        loss.backward()
        self.optimisers[0].step()

    def discriminator_step(self, latents: Tensor, images: Tensor) -> None:
        """Change the discriminator."""
        with torch.no_grad():
            generated = self.generator(latents)
        real = functional.relu(1 - self.discriminator(images)).mean()
        loss = real + functional.relu(1 + self.discriminator(generated)).mean()
        self.optimisers[1].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[1].step()


def make_pairs(channels: int, bottom_width: int, *, search: bool) -> tuple[Pair, Pair]:
    """The networks of Ganas and plain ones with the same weights."""
    sizes: dict[str, Any] = {"bottom_width": bottom_width, "image_channels": 1, "latent": LATENT}
    generator: nn.Module
    if search:
        generator, names = build_supernet(channels=channels, **sizes), None
    else:
        genotype = PUBLISHED["alphaGAN_s"]
        generator = build_network(genotype, channels=channels, **sizes)
        names = GENERATOR.names(genotype)
    plain = PlainGenerator(channels, bottom_width, names)
    discriminator = build_fixed_discriminator(channels=channels, image_channels=1)
    plain_discriminator = PlainDiscriminator(channels)
    take_weights(plain, generator)
    take_weights(plain_discriminator, discriminator)
    return Pair(generator, discriminator), Pair(plain, plain_discriminator)


def check_equal(here: Pair, plain: Pair, latents: Tensor) -> None:
    """Raise unless both give the same images and, once spectral norms have settled, scores."""
    with torch.no_grad():
        images = [pair.generator(latents) for pair in (here, plain)]
        for _ in range(300):
            scores = [pair.discriminator(images[0]) for pair in (here, plain)]
    for name, (one, other) in (("images", images), ("scores", scores)):
        difference = float((one - other).abs().max())
        if difference > 1e-4:
            raise AssertionError(f"the two implementations give {name} that differ by {difference:.2g}")


def best_seconds(pairs: tuple[Pair, Pair], which: str, inputs: tuple[Tensor, Tensor], rounds: int) -> list[float]:
    """Processor seconds of a step of each implementation, by turns."""
    best = [float("inf")] * 2
    for _ in range(rounds):
        for number, pair in enumerate(pairs):
            begun = time.process_time()
            getattr(pair, which)(*inputs)
            best[number] = min(best[number], time.process_time() - begun)
    return best


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the images of 16 pixels")
    quick = parser.parse_args().quick
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, one core and thread, batch {BATCH}\n")
    print("| networks | channels | pixels | step | plain ms | here ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    passed = True
    for channels, bottom_width, rounds in SETTINGS[:1] if quick else SETTINGS:
        pixels = 8 * bottom_width
        inputs = torch.randn(BATCH, LATENT), torch.rand(BATCH, 1, pixels, pixels) * 2 - 1
        for name, search in (("search (supernet)", True), ("retraining (alphaGAN_s)", False)):
            pairs = make_pairs(channels, bottom_width, search=search)
            check_equal(*pairs, inputs[0])
            for step in ("generator", "discriminator"):
                here, plain = best_seconds(pairs, f"{step}_step", inputs, rounds)
                passed &= plain >= here
                print(
                    f"| {name} | {channels} | {pixels} | {step} | {1e3 * plain:.1f} | {1e3 * here:.1f} | "
                    f"{plain / here:.2f} |",
                    flush=True,
                )
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
