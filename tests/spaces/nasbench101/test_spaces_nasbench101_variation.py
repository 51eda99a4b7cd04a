import itertools
from collections import Counter

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random, rebuild
from ganas.spaces.nasbench101.edits import EditableCell
from ganas.spaces.nasbench101.isomorphism import cell_table
from ganas.spaces.nasbench101.notation import INTERIOR_OPERATIONS
from ganas.spaces.nasbench101.space import NASBench101

SPACE = NASBench101()
CONV3, CONV1, POOL = INTERIOR_OPERATIONS


def keys_of(cells):
    return {SPACE.identity_key(cell) for cell in cells}


def some_cells(count, seed, most_vertices=7):
    table = cell_table()
    last = table.offsets[table.num_vertices.searchsorted(most_vertices, side="right")]
    return SPACE.from_cells(np.random.default_rng(seed).integers(last, size=count))


def test_neighbours_of_the_smallest_cell():
    identity = SPACE.parse("0100:input,output")
    texts = {SPACE.format(neighbour) for neighbour in SPACE.neighbours(identity)}
    # One vertex beside the edge or on it, with each operation.
    expected = {f"{bits}:input,{o},output" for bits in ("011001000", "010001000") for o in INTERIOR_OPERATIONS}
    assert texts == expected


def test_neighbours_are_valid_unique_and_mutual():
    for cell in [*some_cells(25, 0), *some_cells(25, 1, most_vertices=5)]:
        neighbours = SPACE.neighbours(cell)
        keys = [neighbour.identity for neighbour in neighbours]
        assert len(set(keys)) == len(keys) > 0
        assert cell.identity not in keys
        for neighbour in neighbours:
            SPACE.check(neighbour)
            assert neighbour.identity == SPACE.identity_key(
                Architecture(neighbour.space, neighbour.operations, neighbour.edges)
            )
            assert cell.identity in keys_of(SPACE.neighbours(neighbour))


def test_neighbours_do_not_depend_on_the_vertex_order():
    rng = np.random.default_rng(2)
    table = cell_table()
    for key in rng.integers(SPACE.size, size=40).tolist():
        written = SPACE.from_cells(np.flatnonzero(table.classes == key))
        assert len({frozenset(keys_of(SPACE.neighbours(cell))) for cell in written}) == 1


def test_edits_lead_from_every_cell_to_every_other():
    # With one operation: changes of operation do the rest.
    table = cell_table()
    everything = keys_of(SPACE.from_cells(table.offsets[:-1]))
    start = SPACE.parse("0100:input,output")
    seen, waiting = {start.identity}, [start]
    while waiting:
        for operations, edges in EditableCell(waiting.pop()).all_edits():
            if set(operations[1:-1]) <= {CONV3}:
                cell = Architecture("nasbench101", operations, edges)
                key = SPACE.identity_key(cell)
                if key not in seen:
                    seen.add(key)
                    waiting.append(cell)
    assert seen == everything
    assert len(everything) == 2494


def test_mutants_are_neighbours_and_reach_all_of_them():
    rng = np.random.default_rng(3)
    for cell in [SPACE.parse("0100:input,output"), *some_cells(12, 4)]:
        neighbours = keys_of(SPACE.neighbours(cell))
        mutants = Counter(SPACE.mutate(cell, rng=rng).identity for _ in range(80 * len(neighbours)))
        assert set(mutants) <= neighbours
        assert len(mutants) > 0.9 * len(neighbours)


def test_mutants_without_the_memo_of_the_key():
    rng = np.random.default_rng(5)
    for cell in some_cells(50, 6):
        mutant = SPACE.mutate(Architecture(cell.space, cell.operations, cell.edges), rng=rng)
        SPACE.check(mutant)
        assert SPACE.identity_key(mutant) != cell.identity


def test_children_are_valid_and_mostly_new():
    rng = np.random.default_rng(7)
    new = 0
    for first, second in itertools.pairwise(some_cells(400, 8)):
        child = SPACE.crossover(first, second, rng=rng)
        SPACE.check(child)
        new += child.identity not in (first.identity, second.identity)
    assert new > 300


def test_every_cell_in_every_order_is_built_by_its_sequence():
    cells = some_cells(6000, 9)
    sequences = SPACE.building_sequences(cells)
    assert sequences.dtype == np.int64
    assert sequences.shape == (6000, 27)
    assert rebuild(SPACE, sequences) == cells


@pytest.mark.parametrize(("vertices", "count"), [(2, 1), (3, 6), (4, 90), (5, 3267)])
def test_legal_choices_lead_to_exactly_the_pruned_cells(vertices, count):
    # Breadth first over all legal prefixes, each prefix a row; rows that grow beyond `vertices` are dropped.
    prefixes = np.zeros((1, 0), dtype=np.int64)
    for step, decision in enumerate(SPACE.decisions):
        builder = SPACE.builder(len(prefixes))
        for column in prefixes.T:
            builder.apply(column)
        legal = builder.mask()
        assert legal.any(axis=1).all()
        if decision.kind == "operation":
            interior = (builder.operation_ids[:, 1:] >= 1) & (builder.operation_ids[:, 1:] <= 3)
            ended = (builder.operation_ids == 4).any(axis=1)
            too_short = ended & (interior.sum(axis=1) < vertices - 2)
            prefixes, legal = prefixes[~too_short], legal[~too_short]
            if decision.node == vertices - 1:
                legal[:, 1:4] = False
        rows, choices = np.nonzero(legal)
        prefixes = np.concatenate([prefixes[rows], choices[:, None]], axis=1)
        assert prefixes.shape[1] == step + 1
    built = [cell for cell in rebuild(SPACE, prefixes) if cell.num_nodes == vertices]
    table = cell_table()
    first, last = table.num_vertices.searchsorted([vertices, vertices + 1])
    expected = SPACE.from_cells(np.arange(table.offsets[first], table.offsets[last]))
    assert len(built) == len(set(built)) == count
    assert set(built) == set(expected)


def test_random_builds_are_pruned_cells_within_the_limits():
    cells = build_at_random(SPACE, 20_000, rng=np.random.default_rng(10))
    for cell in cells[:3000]:
        SPACE.check(cell)
    assert {cell.num_nodes for cell in cells} == {2, 3, 4, 5, 6, 7}
    # A chain of 7 vertices, with 6 edges, is too rare to insist on.
    assert {len(cell.edges) for cell in cells if cell.num_nodes == 7} - {6} == {7, 8, 9}
    sequences = SPACE.building_sequences(cells)
    assert rebuild(SPACE, sequences) == cells


def test_partial_graph_of_the_builder():
    cell = SPACE.parse("0110001100010000:input,conv3x3-bn-relu,maxpool3x3,output")
    (sequence,) = SPACE.building_sequences([cell]).tolist()
    assert sequence[:9] == [1, 1, 3, 1, 1, 4, 0, 1, 1]
    assert set(sequence[9:]) == {0}
    builder = SPACE.builder(1)
    sizes = []
    for choice in sequence:
        builder.apply(np.array([choice]))
        sizes.append(int(builder.num_nodes[0]))
    assert sizes[:9] == [2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert sizes[-1] == 4
    assert builder.operation_ids[0].tolist() == [0, 1, 3, 4, -1, -1, -1]
    assert [tuple(edge) for edge in np.argwhere(builder.adjacency[0]).tolist()] == list(cell.edges)
    assert builder.finish() == [cell]
