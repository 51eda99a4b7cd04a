"""Checks of building step by step: decisions, masks, partial graphs and building sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import Builder, Decision, rebuild
from ganas.spaces.checks import raises, require
from ganas.spaces.conformance.drawing import describe, draw, same_stream
from ganas.spaces.errors import CheckFailed, GanasError, InvalidSetting
from ganas.spaces.space import Space

__all__ = ["BUILDING_CHECKS"]

_BATCH = 32


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch built at random: the masks asked and the choices taken at every decision, and what came out."""

    masks: list[NDArray[np.bool_]]
    choices: NDArray[np.int64]
    graphs: list[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]]
    """Operation ids, adjacency and node numbers after each decision, and at first before any."""
    architectures: list[Architecture]


def check_decisions(space: Space, *, rng: np.random.Generator) -> None:
    """The schedule is a fixed tuple of decisions on earlier and later nodes, each with its number of choices."""
    schedule = space.decisions
    require(type(schedule) is tuple, f"decisions must be a tuple, not a {type(schedule).__name__}")
    require(schedule, "decisions is empty")
    require(schedule == space.decisions, "decisions change between two calls")
    for step, decision in enumerate(schedule):
        require(isinstance(decision, Decision), f"decision {step} is a {type(decision).__name__}, not a Decision")
        require(0 <= decision.node < space.max_nodes, f"decision {step} is on node {decision.node}: {decision}")
        if decision.kind == "operation":
            right = decision.source == -1 and decision.num_choices == len(space.operations)
            require(right, f"decision {step} must have source -1 and {len(space.operations)} choices: {decision}")
        else:
            right = 0 <= decision.source < decision.node and decision.num_choices == 2
            require(right, f"decision {step} must have an earlier source and 2 choices: {decision}")


def check_masks_never_dead_end(space: Space, *, rng: np.random.Generator) -> None:
    """Every row has a legal choice at every decision, and what comes out is in the space."""
    run = _build(space, rng)
    require(len(run.architectures) == _BATCH, f"finish gave {len(run.architectures)} of {_BATCH} architectures")
    for architecture in run.architectures:
        try:
            space.check(architecture)
        except GanasError as error:
            raise CheckFailed(f"legal choices built what is not in the space: {error}") from error


def check_finished_rows_have_one_choice(space: Space, *, rng: np.random.Generator) -> None:
    """Once an architecture has its last node, decisions on later nodes leave it choice 0 alone."""
    run = _build(space, rng)
    for row, architecture in enumerate(run.architectures):
        for step, decision in enumerate(space.decisions):
            if decision.node < architecture.num_nodes:
                continue
            legal = np.flatnonzero(run.masks[step][row]).tolist()
            require(
                legal == [0],
                f"{describe(space, architecture)} is finished before decision {step} ({decision}), "
                f"and choices {legal} are legal there",
            )


def check_partial_graphs_grow_into_the_architecture(space: Space, *, rng: np.random.Generator) -> None:
    """The three arrays of a builder only grow, and end as the finished architectures."""
    run = _build(space, rng)
    last_ids, last_edges, last_counts = run.graphs[-1]
    for row, architecture in enumerate(run.architectures):
        ids = [space.operations.index(label) for label in architecture.operations]
        padding = [-1] * (space.max_nodes - len(ids))
        text = describe(space, architecture)
        require(last_ids[row].tolist() == ids + padding, f"operation_ids end as {last_ids[row].tolist()}, for {text}")
        edges = tuple((int(source), int(target)) for source, target in np.argwhere(last_edges[row]))
        require(edges == architecture.edges, f"adjacency ends with edges {edges}, for {text}")
        require(last_counts[row] == len(ids), f"num_nodes ends as {last_counts[row]}, for {text}")
    for step, (ids_then, edges_then, counts_then) in enumerate(run.graphs):
        placed = ids_then >= 0
        require((placed.sum(axis=1) == counts_then).all(), f"num_nodes is not the number of nodes before step {step}")
        kept = (ids_then == last_ids) | ~placed
        require(kept.all(), f"operation_ids before step {step} are not those of the finished architecture")
        require(not (edges_then & ~last_edges).any(), f"an edge present before step {step} is gone in the end")
        ends = placed[:, :, None] & placed[:, None, :]
        require(not (edges_then & ~ends).any(), f"an edge before step {step} touches a node that is not placed")


def check_building_is_deterministic(space: Space, *, rng: np.random.Generator) -> None:
    """The same choices meet the same masks and build the same architectures."""
    first, again = _build(space, same_stream(rng)), _build(space, rng)
    for step, (mask, other) in enumerate(zip(first.masks, again.masks, strict=True)):
        require(np.array_equal(mask, other), f"the mask of decision {step} differs between two runs of one stream")
    require(first.architectures == again.architectures, "the same choices built different architectures")


def check_building_sequences_rebuild(space: Space, *, rng: np.random.Generator) -> None:
    """``rebuild(building_sequences(sample)) == sample``: every sequence is legal and leads back."""
    sample = draw(space, rng)
    sequences = space.building_sequences(sample)
    wanted = (len(sample), len(space.decisions))
    require(
        sequences.shape == wanted and sequences.dtype == np.int64,
        f"building_sequences gave {sequences.dtype} of shape {sequences.shape}, not int64 of shape {wanted}",
    )
    try:
        rebuilt = rebuild(space, sequences)
    except GanasError as error:
        raise CheckFailed(f"building_sequences gave a sequence that is refused: {error}") from error
    for architecture, built in zip(sample, rebuilt, strict=True):
        require(built == architecture, f"the building sequence of {describe(space, architecture)} builds {built!r}")
    one = space.building_sequences(sample[:1])
    require(np.array_equal(one, sequences[:1]), "building_sequences of one architecture differs in a batch")


def check_building_sequences_are_the_choices_taken(space: Space, *, rng: np.random.Generator) -> None:
    """The building sequence of what was just built is the choices that built it."""
    run = _build(space, rng)
    sequences = space.building_sequences(run.architectures)
    for architecture, row, taken in zip(run.architectures, sequences.tolist(), run.choices.tolist(), strict=True):
        require(row == taken, f"{describe(space, architecture)} was built by {taken}; building_sequences says {row}")


def check_illegal_choices_are_refused(space: Space, *, rng: np.random.Generator) -> None:
    """An illegal choice, one out of range and a wrong shape raise ``InvalidSetting`` and change nothing."""
    builder = space.builder(2)
    raises(InvalidSetting, lambda: space.builder(0), "builder(0)")
    while (decision := builder.decision) is not None:
        legal = builder.mask()
        right = legal.argmax(axis=1)
        wrong = [-1, decision.num_choices, *np.flatnonzero(~legal[0]).tolist()]
        for choice in wrong:
            choices = np.array([choice, right[1]])
            raises(InvalidSetting, _applying(builder, choices), f"choice {choice} at decision {builder.step}")
        raises(InvalidSetting, _applying(builder, right[:1]), "one choice for a batch of two")
        raises(InvalidSetting, builder.finish, f"finish while decision {builder.step} is open")
        require(builder.decision == decision, "a refused choice moved the builder on")
        require(np.array_equal(builder.mask(), legal), f"a refused choice changed the mask of decision {builder.step}")
        builder.apply(right)
    raises(InvalidSetting, _applying(builder, np.zeros(2, dtype=np.int64)), "a choice after the last decision")


def _build(space: Space, rng: np.random.Generator) -> _Run:
    """Build a batch by uniform legal choices, looking at everything on the way."""
    builder = space.builder(_BATCH)
    masks, taken, graphs = [], [], [_graphs(builder)]
    while (decision := builder.decision) is not None:
        legal = builder.mask()
        require(
            legal.dtype == np.bool_ and legal.shape == (_BATCH, decision.num_choices),
            f"the mask of decision {builder.step} is {legal.dtype} of shape {legal.shape}, "
            f"not bool of shape {(_BATCH, decision.num_choices)}",
        )
        require(legal.any(axis=1).all(), f"dead end: decision {builder.step} ({decision}) leaves a row no legal choice")
        masks.append(legal.copy())
        choices = np.where(legal, rng.random(legal.shape), -1.0).argmax(axis=1)
        try:
            builder.apply(choices)
        except GanasError as error:
            raise CheckFailed(f"a choice that the mask has just allowed is refused: {error}") from error
        taken.append(choices)
        graphs.append(_graphs(builder))
    return _Run(masks, np.stack(taken, axis=1), graphs, builder.finish())


def _graphs(builder: Builder) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    return builder.operation_ids.copy(), builder.adjacency.copy(), builder.num_nodes.copy()


def _applying(builder: Builder, choices: NDArray[np.int64]) -> Callable[[], object]:
    return lambda: builder.apply(choices)


BUILDING_CHECKS = (
    check_decisions,
    check_masks_never_dead_end,
    check_finished_rows_have_one_choice,
    check_partial_graphs_grow_into_the_architecture,
    check_building_is_deterministic,
    check_building_sequences_rebuild,
    check_building_sequences_are_the_choices_taken,
    check_illegal_choices_are_refused,
)
