"""Checks of encodings and of the parameter count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.checks import raises, require
from ganas.spaces.conformance.drawing import describe, draw
from ganas.spaces.errors import NotSupported
from ganas.spaces.space import Space

__all__ = ["FEATURE_CHECKS"]


def check_graph_arrays(space: Space, *, rng: np.random.Generator) -> None:
    """``graph_arrays`` holds labels, edges and nodes of each architecture, padded to ``max_nodes``."""
    from ganas.spaces.encodings import graph_arrays

    sample = draw(space, rng)
    batch = graph_arrays(space, sample)
    nodes = space.max_nodes
    for name, array, shape in (
        ("operation_ids", batch.operation_ids, (len(sample), nodes)),
        ("adjacency", batch.adjacency, (len(sample), nodes, nodes)),
        ("node_mask", batch.node_mask, (len(sample), nodes)),
    ):
        require(array.shape == shape, f"graph_arrays gave {name} of shape {array.shape}, not {shape}")
    for row, architecture in enumerate(sample):
        text = describe(space, architecture)
        present = np.flatnonzero(batch.node_mask[row])
        labels = tuple(space.operations[number] for number in batch.operation_ids[row, present])
        require(labels == architecture.operations, f"graph_arrays gave labels {labels} for {text}")
        require((batch.operation_ids[row, len(labels) :] == -1).all(), f"graph_arrays does not pad with -1 for {text}")
        edges = tuple((int(source), int(target)) for source, target in np.argwhere(batch.adjacency[row]))
        require(edges == architecture.edges, f"graph_arrays gave edges {edges} for {text}")


def check_encodings_have_one_shape(space: Space, *, rng: np.random.Generator) -> None:
    """Every encoding gives finite rows of one length, and a row does not depend on the rest of its batch."""
    from ganas.spaces import encodings

    one_hot: Callable[[Space, list[Architecture]], NDArray[np.float32]] = encodings.one_hot
    for encoding in (one_hot, encodings.live_one_hot, encodings.live_operation_counts, encodings.live_path_summary):
        name = encoding.__name__
        sample = draw(space, rng)
        rows = np.asarray(encoding(space, sample))
        require(rows.ndim == 2 and len(rows) == len(sample), f"{name} gave shape {rows.shape} for {len(sample)}")
        require(np.isfinite(rows).all(), f"{name} gives a value that is not finite")
        for row, architecture in zip(rows[:5], sample[:5], strict=True):
            alone = np.asarray(encoding(space, [architecture]))
            text = describe(space, architecture)
            require(alone.shape == (1, rows.shape[1]), f"{name} of {text} alone has shape {alone.shape}")
            require(np.array_equal(alone[0], row), f"{name} of {text} depends on the rest of its batch")


def check_one_hot_is_the_genotype(space: Space, *, rng: np.random.Generator) -> None:
    """``one_hot`` has a single one for each genotype position, at the value chosen there."""
    from ganas.spaces.encodings import one_hot

    sample = draw(space, rng)
    rows = np.asarray(one_hot(space, sample))
    require(rows.shape == (len(sample), sum(space.choices)), f"one_hot gave shape {rows.shape}")
    offsets = np.concatenate([[0], np.cumsum(space.choices)[:-1]])
    expected = np.zeros(rows.shape)
    np.put_along_axis(expected, space.encode_many(sample) + offsets, 1.0, axis=1)
    wrong = np.flatnonzero((rows != expected).any(axis=1))
    require(not len(wrong), f"one_hot is not the genotype of {describe(space, sample[wrong[0] if len(wrong) else 0])}")


def check_parameter_count(space: Space, *, rng: np.random.Generator) -> None:
    """``parameter_count`` is a positive int that grows with the classes, or raises ``NotSupported`` as announced."""
    sample = draw(space, rng, 8)
    if not space.has_parameter_count:
        raises(NotSupported, lambda: space.parameter_count(sample[0]), "parameter_count without has_parameter_count")
        return
    for architecture in sample:
        few, many = (space.parameter_count(architecture, num_classes=classes) for classes in (10, 100))
        text = describe(space, architecture)
        require(type(few) is int and few > 0, f"parameter_count of {text} is {few!r}, not a positive int")
        require(many > few, f"parameter_count of {text} does not grow with the classes: {few} and {many}")


FEATURE_CHECKS = (
    check_graph_arrays,
    check_encodings_have_one_shape,
    check_one_hot_is_the_genotype,
    check_parameter_count,
)
