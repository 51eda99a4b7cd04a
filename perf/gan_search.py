"""How fast the duality-gap search of AlphaGAN takes its steps, beside a plain implementation of them, on one core.

Run it as ``python perf/gan_search.py [--quick]``; it needs the extra ``torch``, prints a table in Markdown and exits
with 1 when a step is slower than that of the plain implementation. On Linux the process keeps to one core. Both are run
by turns, from the same weights; seconds are of the processor, what a clock on the wall shows on a machine that does
nothing else, and the best of all rounds. ``--quick`` leaves out the images of 16 pixels.

The plain networks are those of ``perf/gan.py``. A step of the architecture there does what the official code does: it
takes the gradient of the whole gap, weights of all four networks included. Both players stand for their own worst
copies, which costs the same. Below the table is an epoch of the miniature, 20 steps of each kind, on random images.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from ganas.bench.training.devices import Compute
from ganas.bench.training.generation.players import discriminator_step, generator_step, hinge_loss
from ganas.bench.training.generation.search_protocol import SEARCH_MINI
from ganas.bench.training.generation.searching import ImageHalves
from ganas.data.images.image_set import ImageSet
from ganas.strategies.one_shot.relaxed_generator import RelaxedGenerator

STEPS = ("generator", "discriminator", "architecture")
EPOCHS = 3


def load_plain() -> ModuleType:
    """The module of the plain networks, which lies beside this file."""
    specification = importlib.util.spec_from_file_location("gan", Path(__file__).with_name("gan.py"))
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["gan"] = module
    specification.loader.exec_module(module)
    return module


class Here:
    """The search of Ganas, which draws its images and latent vectors itself."""

    def __init__(self, channels: int, bottom_width: int) -> None:
        pixels = np.random.default_rng(0).integers(256, size=(449, 1, 8 * bottom_width, 8 * bottom_width))
        images = ImageSet("noise", pixels.astype(np.uint8), np.zeros(449, np.int64), ("noise",))
        recipe = replace(SEARCH_MINI, channels=channels, discriminator_channels=channels)
        self.learner = RelaxedGenerator(ImageHalves(images, images), recipe, Compute(), seeds=(0, 1))
        self.generator, self.discriminator = self.learner.supernet, self.learner.discriminator
        self.optimisers = [
            torch.optim.Adam(parameters, lr=2e-4, betas=(0.0, 0.9), fused=True)
            for parameters in (self.generator.weight_parameters(), self.discriminator.parameters())
        ]

    def generator_step(self, latents: Tensor, images: Tensor) -> None:
        """Change the weights of the generator."""
        generator_step(self.learner.player, self.optimisers[0], self.discriminator, latents, Compute())

    def discriminator_step(self, latents: Tensor, images: Tensor) -> None:
        """Change the discriminator."""
        discriminator_step(self.discriminator, self.optimisers[1], self.learner.player, images, latents, Compute())

    def architecture_step(self, latents: Tensor, images: Tensor) -> None:
        """Change the architecture, and measure the gap."""
        self.learner.architecture_step(self.discriminator, self.generator)


def plain_pair(plain: ModuleType, here: Here, channels: int, bottom_width: int) -> object:
    """The plain networks with the same weights, and a step of the architecture."""

    class Plain(plain.Pair):  # type: ignore[name-defined, misc]
        def architecture_step(self, latents: Tensor, images: Tensor) -> None:
            values = [-hinge_loss(self.discriminator, images, self.generator(latents)) for _ in range(2)]
            architecture.zero_grad()
            (values[0] - values[1]).backward()  # type: ignore[no-untyped-call]
            architecture.step()

    pair = Plain(plain.PlainGenerator(channels, bottom_width, None), plain.PlainDiscriminator(channels))
    architecture = torch.optim.Adam(pair.generator.logits, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    plain.take_weights(pair.generator, here.generator)
    plain.take_weights(pair.discriminator, here.discriminator)
    return pair


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the images of 16 pixels")
    quick = parser.parse_args().quick
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plain = load_plain()
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, one core and thread, batch {plain.BATCH}\n")
    print("| channels | pixels | step | plain ms | here ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    passed = True
    for channels, bottom_width, rounds in plain.SETTINGS[:1] if quick else plain.SETTINGS:
        pixels = 8 * bottom_width
        inputs = torch.randn(plain.BATCH, plain.LATENT), torch.rand(plain.BATCH, 1, pixels, pixels) * 2 - 1
        here = Here(channels, bottom_width)
        pairs = here, plain_pair(plain, here, channels, bottom_width)
        plain.check_equal(*pairs, inputs[0])
        for step in STEPS:
            ours, theirs = plain.best_seconds(pairs, f"{step}_step", inputs, rounds)
            passed &= theirs >= ours
            print(
                f"| {channels} | {pixels} | {step} | {1e3 * theirs:.1f} | {1e3 * ours:.1f} | {theirs / ours:.2f} |",
                flush=True,
            )
    learner, best = Here(SEARCH_MINI.channels, 1).learner, float("inf")
    for number in range(1, EPOCHS + 1):
        begun = time.process_time()
        learner.epoch(number, rng=np.random.default_rng(number))
        best = min(best, time.process_time() - begun)
    print(f"\nAn epoch of the miniature, {SEARCH_MINI.channels} channels, 8 pixels: {best:.2f} s")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
