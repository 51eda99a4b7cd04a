"""What the checks draw, and how they name an architecture in a message."""

from __future__ import annotations

import copy

import numpy as np

from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import require
from ganas.spaces.space import Space

__all__ = ["describe", "draw", "reordered", "same_stream"]

_SAMPLES = 40


def draw(space: Space, rng: np.random.Generator, count: int = _SAMPLES) -> list[Architecture]:
    """Sample architectures, and fail at once if they are not what the other checks build on."""
    sample = space.sample(count, rng=rng)
    require(len(sample) == count, f"sample({count}) gave {len(sample)} architectures")
    for architecture in sample:
        require(isinstance(architecture, Architecture), f"sample gave a {type(architecture).__name__}")
    return sample


def describe(space: Space, architecture: Architecture) -> str:
    """The notation of an architecture, or its graph where the space cannot print it."""
    try:
        return repr(space.format(architecture))
    except Exception:
        return f"{architecture!r} with edges {list(architecture.edges)}"


def same_stream(rng: np.random.Generator) -> np.random.Generator:
    """A generator that will draw what ``rng`` would draw next; drawing from it leaves ``rng`` alone."""
    return copy.deepcopy(rng)


def reordered(architecture: Architecture, *, rng: np.random.Generator) -> Architecture:
    """The same labelled DAG with its nodes in another topological order, drawn at random."""
    waiting = [0] * architecture.num_nodes
    for _, target in architecture.edges:
        waiting[target] += 1
    ready = [node for node, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        node = ready.pop(int(rng.integers(len(ready))))
        order.append(node)
        for source, target in architecture.edges:
            if source == node:
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
    position = {node: number for number, node in enumerate(order)}
    return Architecture(
        architecture.space,
        [architecture.operations[node] for node in order],
        [(position[source], position[target]) for source, target in architecture.edges],
        [architecture.cells[node] for node in order] if architecture.cells else (),
    )
