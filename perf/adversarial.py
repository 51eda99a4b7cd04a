"""How fast the generator of GA-NAS draws NAS-Bench-101 cells, on one core with one torch thread.

Run it as ``python perf/adversarial.py``; it needs the extra ``torch`` and exits with 1 when a figure is outside its
bar. (A file named like the package would hide it from every script of this folder.) Times are the best of several
repeats.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from ganas.adversarial.generator import Generator
from ganas.adversarial.policy_gradient import MaximumLikelihood
from ganas.spaces.nasbench101.space import NASBench101

SPACE = NASBench101()
BAR = 2_000


def sampling_rate(generator: Generator, batch_size: int, repeat: int = 7) -> tuple[float, float]:
    """Cells a second, the best of ``repeat`` batches, and the mean number of vertices of these cells."""
    draws = torch.Generator().manual_seed(0)
    best, vertices = np.inf, []
    for _ in range(repeat):
        begun = time.perf_counter()
        samples = generator.sample(batch_size, generator=draws, epsilon=0.02)
        best = min(best, time.perf_counter() - begun)
        vertices += [cell.num_nodes for cell in samples.architectures]
    return float(batch_size / best), float(np.mean(vertices))


def fitted_generator() -> Generator:
    """A generator of the default size, fitted to 1,000 cells of the uniform distribution: nearly all have 7 vertices.

    A new one ends a cell with one step in four, and its cells are cheap.
    """
    generator = Generator(SPACE, generator=torch.Generator().manual_seed(1))
    truth = SPACE.building_sequences(SPACE.sample(1000, rng=np.random.default_rng(0)))
    draws = torch.Generator().manual_seed(2)
    method = MaximumLikelihood(generator, steps=30, learning_rate=3e-3)
    method.update(generator, generator.sample(8, generator=draws), np.zeros(8), truth, rng=draws)
    return generator


def main() -> int:
    """Print the table of figures; return 1 if one is outside its bar."""
    torch.set_num_threads(1)
    SPACE.from_key(0)
    new, fitted = Generator(SPACE, generator=torch.Generator().manual_seed(1)), fitted_generator()
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, one thread; hidden 64, 4 graph convolutions")
    print(f"{'sampling NAS-Bench-101 cells':<40} {'batch':>6} {'vertices':>9} {'cells/s':>10} {'bar':>10}")
    rates = []
    for name, generator in (("new generator", new), ("fitted to the uniform distribution", fitted)):
        for batch_size in (64, 256, 1024):
            rate, vertices = sampling_rate(generator, batch_size)
            bar = f">= {BAR:,}" if batch_size >= 256 else ""
            print(f"{name:<40} {batch_size:>6} {vertices:>9.2f} {rate:>10,.0f} {bar:>10}")
            if batch_size >= 256:
                rates.append(rate)
    return 0 if min(rates) >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
