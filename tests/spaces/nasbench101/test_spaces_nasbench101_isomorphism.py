import itertools
from collections import Counter

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.canonical import canonical_certificate
from ganas.spaces.errors import InvalidArchitecture
from ganas.spaces.nasbench101.isomorphism import (
    NUM_SLOT_EDGES,
    cell_table,
    edge_bit,
    labelled_cells,
    prune_code,
    prune_codes,
)
from ganas.spaces.nasbench101.space import NASBench101

SPACE = NASBench101()
TABLE = cell_table()


def written_anew(cell, rng):
    """The same cell with its interior vertices in a random topological order, without the memo of its key."""
    last = cell.num_nodes - 1
    while True:
        order = [0, *(1 + rng.permutation(last - 1)).tolist(), last]
        position = {vertex: index for index, vertex in enumerate(order)}
        edges = [(position[s], position[t]) for s, t in cell.edges]
        if all(s < t for s, t in edges):
            return Architecture(cell.space, [cell.operations[vertex] for vertex in order], edges)


def test_counts_of_wirings_and_labelled_cells():
    assert np.bincount(TABLE.num_vertices).tolist() == [0, 0, 1, 2, 10, 121, 1545, 4793]
    labelled = np.bincount(TABLE.num_vertices, weights=np.diff(TABLE.offsets)).astype(int)
    assert labelled.tolist() == [0, 0, 1, 6, 90, 3267, 125145, 1164699]
    assert TABLE.offsets[-1] == len(TABLE.classes) == 1293208
    assert len(TABLE.edges) == len(TABLE.wiring_of_edges) == 6472


def test_423624_classes():
    assert len(TABLE.representatives) == SPACE.size == 423624
    assert (np.unique(TABLE.classes) == np.arange(423624)).all()
    assert (TABLE.classes[TABLE.representatives] == np.arange(423624)).all()
    assert (np.diff(TABLE.representatives) > 0).all()


@pytest.mark.parametrize("vertices", [2, 3, 4, 5])
def test_wirings_by_brute_force(vertices):
    pairs = list(itertools.combinations(range(vertices), 2))
    expected = set()
    for bits in itertools.product([False, True], repeat=len(pairs)):
        edges = tuple(itertools.compress(pairs, bits))
        starts, ends = {s for s, _ in edges}, {t for _, t in edges}
        if len(edges) <= 9 and starts == set(range(vertices - 1)) and ends == set(range(1, vertices)):
            expected.add(edges)
    found = [edges for edges, size in zip(TABLE.edges, TABLE.num_vertices, strict=True) if size == vertices]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_classes_are_those_of_the_exact_certificate_for_all_small_cells():
    cells = SPACE.from_cells(np.arange(TABLE.offsets[TABLE.num_vertices.searchsorted(6)]))
    assert len(cells) == 1 + 6 + 90 + 3267
    pairs = {(SPACE.identity_key(cell), canonical_certificate(cell)) for cell in cells}
    assert len(pairs) == len({key for key, _ in pairs}) == len({certificate for _, certificate in pairs}) == 2532


def test_classes_are_those_of_the_exact_certificate_for_random_cells():
    rng = np.random.default_rng(0)
    # Cells of a few wirings, so that isomorphic pairs are common, and cells from everywhere.
    wirings = rng.integers(len(TABLE.edges), size=15)
    numbers = [np.arange(TABLE.offsets[w], TABLE.offsets[w + 1]) for w in wirings]
    numbers.append(rng.integers(len(TABLE.classes), size=1500))
    cells = SPACE.from_cells(np.concatenate(numbers))
    pairs = {(SPACE.identity_key(cell), canonical_certificate(cell)) for cell in cells}
    assert len(pairs) == len({key for key, _ in pairs}) == len({certificate for _, certificate in pairs})
    assert len(pairs) < len(cells)


def test_key_does_not_depend_on_the_vertex_order():
    rng = np.random.default_rng(1)
    changed = 0
    for cell in SPACE.from_cells(rng.integers(len(TABLE.classes), size=1500)):
        other = written_anew(cell, rng)
        changed += other != cell
        assert SPACE.identity_key(other) == SPACE.identity_key(cell) == cell.identity
        assert SPACE.canonical_key(other) == SPACE.canonical_key(cell)
    assert changed > 500


def test_batched_keys_equal_single_ones_for_unpruned_genotypes():
    rng = np.random.default_rng(2)
    edges = (rng.random((6000, NUM_SLOT_EDGES)) < rng.uniform(0.1, 0.6, size=(6000, 1))).astype(np.int64)
    genotypes = np.concatenate([edges, rng.integers(3, size=(6000, 5))], axis=1)
    valid = np.array([SPACE.is_valid(genotype) for genotype in genotypes.tolist()])
    assert 500 < valid.sum() < 5500
    keys = SPACE.identity_keys(genotypes[valid])
    assert keys.dtype == np.int64
    assert keys.tolist() == [SPACE.decode(genotype).identity for genotype in genotypes[valid].tolist()]
    codes = edges @ (1 << np.arange(NUM_SLOT_EDGES))
    assert ((labelled_cells(codes, genotypes[:, NUM_SLOT_EDGES:]) >= 0) == valid).all()
    assert SPACE.identity_keys(genotypes[:0]).shape == (0,)


def test_batched_pruning_equals_single_pruning():
    codes = np.random.default_rng(3).integers(2**NUM_SLOT_EDGES, size=3000)
    pruned, live = prune_codes(codes)
    assert list(zip(pruned.tolist(), live.tolist(), strict=True)) == [prune_code(code) for code in codes.tolist()]
    assert prune_code(0) == (0, 0)


def test_edges_are_numbered_by_target():
    pairs = [(source, target) for target in range(7) for source in range(target)]
    assert [edge_bit(*pair) for pair in pairs] == list(range(NUM_SLOT_EDGES))


def test_enumerate_is_in_the_order_of_the_keys():
    some = list(itertools.islice(SPACE.enumerate(), 5000))
    assert [cell.identity for cell in some] == list(range(5000))
    assert [SPACE.identity_key(Architecture(c.space, c.operations, c.edges)) for c in some] == list(range(5000))
    for key in (0, 1, 2531, 2532, 423623):
        assert SPACE.identity_key(SPACE.from_key(key)) == key
    assert SPACE.from_key(2531).num_nodes == 5
    assert SPACE.from_key(2532).num_nodes == 6
    for wrong in (-1, 423624):
        with pytest.raises(InvalidArchitecture, match="from 0 to 423623"):
            SPACE.from_key(wrong)
        with pytest.raises(InvalidArchitecture, match="from 0 to 1293207"):
            SPACE.from_cells(np.array([0, wrong if wrong < 0 else 1293208]))


def test_enumerate_gives_every_class_once():
    count = 0
    for expected, cell in enumerate(SPACE.enumerate()):
        assert cell.identity == expected
        count += 1
    assert count == 423624


def test_sample_is_uniform_over_the_classes():
    sample = SPACE.sample(40_000, rng=np.random.default_rng(4))
    keys = np.array([cell.identity for cell in sample])
    # Tenths of the keys, each within 5 standard deviations of 4,000.
    assert np.abs(np.histogram(keys, bins=10, range=(0, 423624))[0] - 4000).max() < 5 * 60
    sizes = Counter(cell.num_nodes for cell in sample)
    representatives = TABLE.num_vertices[TABLE.offsets.searchsorted(TABLE.representatives, side="right") - 1]
    for vertices, classes in Counter(representatives.tolist()).items():
        share = classes / 423624
        assert abs(sizes[vertices] - 40_000 * share) < 5 * (40_000 * share * (1 - share)) ** 0.5 + 1
    for cell in sample[:500]:
        SPACE.check(cell)
