import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace
from ganas.spaces.nasbench101.isomorphism import cell_table
from ganas.spaces.nasbench101.notation import INTERIOR_OPERATIONS, OPERATIONS
from ganas.spaces.nasbench101.official_hash import hash_matrix, official_hash
from ganas.spaces.nasbench101.space import NASBench101
from ganas.spaces.testing import parametrize_with_checks

SPACE = NASBench101()
CONV3, CONV1, POOL = INTERIOR_OPERATIONS
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

# (matrix by rows, labels, hash): the vectors of the official graph_util.hash_module.
HASHES = {
    "identity": ("0100", (-1, -2), "043721b9c7fe8c5fad811d47d83132ec"),
    "one conv3x3": ("010001000", (-1, 0, -2), "b49ac8c578b4561d79ac7087988f1c61"),
    "one conv1x1": ("010001000", (-1, 1, -2), "d1269d9156ddc027c40473008192958a"),
    "one maxpool": ("010001000", (-1, 2, -2), "53cee42601ad14d661bb6878031d6acb"),
    "conv3x3 and an edge past it": ("011001000", (-1, 0, -2), "d32d0b26d534203b48d866facd98cc3e"),
    "chain": ("0100000100000100000100000", (-1, 0, 1, 2, -2), "32b26a4044bf082b0ad80f5dad618d76"),
    "branches": ("0110000100010000", (-1, 0, 1, -2), "1af995a92568cf42af2c2668f72834ea"),
    "inception-like": (
        "0111010000000100000010000100000000100000010000000",
        (-1, 1, 0, 0, 0, 2, -2),
        "28cfc7874f6d200472e1a9dcd8650aa0",
    ),
    "issue 23": (
        "0110011000001000010000000100000001000000010000000",
        (-1, 1, 0, 2, 0, 0, -2),
        "02e5a0247bbdcf2860b7e96f74961594",
    ),
    "pruned": ("0100001000010000", (-1, 0, 0, -2), "852f21047c2aa03cb1fde04587083228"),
}


def square(bits):
    size = int(len(bits) ** 0.5)
    return np.array([int(bit) for bit in bits]).reshape(size, size)


def names(labels):
    return [{-1: "input", -2: "output"}.get(label) or INTERIOR_OPERATIONS[label] for label in labels]


def random_cells(count, seed):
    """Labelled cells in any vertex order, uniform over the 1,293,208."""
    rng = np.random.default_rng(seed)
    return SPACE.from_cells(rng.integers(len(cell_table().classes), size=count))


@parametrize_with_checks([NASBench101])
def test_nasbench101_conforms(subject, check):
    check(subject)


@pytest.mark.parametrize(("bits", "labels", "digest"), HASHES.values(), ids=HASHES)
def test_official_hash_vectors(bits, labels, digest):
    assert official_hash(SPACE.from_matrix(square(bits), names(labels))) == digest
    for dtype in (bool, np.int8, np.int64, np.float32, float):
        matrix, _ = SPACE.to_matrix(SPACE.from_matrix(square(bits).astype(dtype), names(labels)))
        assert hash_matrix(matrix.astype(dtype), labels) == digest


def test_official_hash_equals_nasbench_pytorch():
    graph_util = pytest.importorskip("nasbench_pytorch.model.graph_util")
    for cell in random_cells(300, seed=0):
        matrix, operations = SPACE.to_matrix(cell)
        labels = [{"input": -1, "output": -2}.get(o, OPERATIONS.index(o) - 1) for o in operations]
        expected = graph_util.hash_module(matrix.astype(int), labels)
        assert official_hash(cell) == hash_matrix(matrix, labels) == expected


def test_official_hash_is_one_to_one_with_the_key():
    hashes = {}
    for cell in random_cells(3000, seed=1):
        assert hashes.setdefault(official_hash(cell), SPACE.identity_key(cell)) == SPACE.identity_key(cell)
    assert len(hashes) == len(set(hashes.values()))


def test_official_records():
    file = SHARED / "nb101_official_records" / "records.json"
    if not file.exists():
        pytest.skip("the official NAS-Bench-101 records are not beside the checkout")
    records = json.loads(file.read_text())
    assert len(records) == 30
    for record in records:
        cell = SPACE.from_matrix(record["module_adjacency"], record["module_operations"])
        assert official_hash(cell) == record["module_hash"]
        matrix, operations = SPACE.to_matrix(cell)
        assert (matrix == record["module_adjacency"]).all()
        assert operations == record["module_operations"]
        bits = "".join(str(bit) for row in record["module_adjacency"] for bit in row)
        assert SPACE.format(cell) == f"{bits}:{','.join(record['module_operations'])}"


def test_official_enumeration_of_small_cells():
    folder = SHARED / "nb101_ecnas_4v5v"
    if not folder.exists():
        pytest.skip("the enumeration of cells of at most 5 vertices is not beside the checkout")
    listed = json.loads((folder / "generated_graphs_5V9E.json").read_text())
    cells = {name: SPACE.from_matrix(matrix, names(labels)) for name, (matrix, labels) in listed.items()}
    assert {name: official_hash(cell) for name, cell in cells.items()} == {name: name for name in cells}
    assert sorted(SPACE.identity_key(cell) for cell in cells.values()) == list(range(2532))
    with gzip.open(folder / "ecnas_4epochs_results.jsonl.gz", "rt") as lines:
        assert sum(1 for _ in lines) >= 2532


def test_pruning_keeps_order_and_counts_edges_afterwards():
    # Vertex 2 leads nowhere and vertex 4 comes from nowhere: 11 edges, 5 of them live.
    matrix = np.zeros((7, 7))
    for edge in [(0, 1), (1, 3), (3, 5), (5, 6), (0, 6), (0, 2), (1, 2), (4, 5), (4, 6)]:
        matrix[edge] = 1
    cell = SPACE.from_matrix(matrix, ["input", CONV3, POOL, CONV1, POOL, CONV3, "output"])
    assert cell.operations == ("input", CONV3, CONV1, CONV3, "output")
    assert cell.edges == ((0, 1), (0, 4), (1, 2), (2, 3), (3, 4))

    # 7 vertices and 12 edges, of which pruning leaves 6.
    matrix = np.triu(np.ones((7, 7)), 1)
    matrix[4:, 4:] = 0
    matrix[0, 6] = matrix[1, 6] = matrix[2, 6] = 0
    matrix[3:, 4:6] = 0
    assert matrix.sum() == 13
    cell = SPACE.from_matrix(matrix, ["input", CONV3, POOL, CONV1, POOL, CONV3, "output"])
    assert cell.num_nodes == 5
    assert len(cell.edges) == 7


def test_tenth_edge_is_refused():
    full = np.triu(np.ones((5, 5), dtype=bool), 1)
    with pytest.raises(InvalidArchitecture, match="at most 9 edges, not 10 once it is pruned"):
        SPACE.from_matrix(full, ["input", CONV3, CONV3, CONV3, "output"])
    full[0, 4] = False
    assert len(SPACE.from_matrix(full, ["input", CONV3, CONV3, CONV3, "output"]).edges) == 9


@pytest.mark.parametrize(
    ("matrix", "operations", "error", "message"),
    [
        ([[0, 1, 1], [0, 0, 1]], ["input", CONV3, "output"], MalformedArchitecture, "square"),
        ([0, 1, 0, 0], ["input", "output"], MalformedArchitecture, "square"),
        ([[0, 1], [0, 0]], ["input", CONV3, "output"], MalformedArchitecture, "3 operations were given"),
        ([[0, 1], [1, 0]], ["input", "output"], MalformedArchitecture, "1 -> 0"),
        ([[1, 1], [0, 0]], ["input", "output"], MalformedArchitecture, "0 -> 0"),
        ([[0, 2], [0, 0]], ["input", "output"], MalformedArchitecture, "0 and 1"),
        ([[0, 0.5], [0, 0]], ["input", "output"], MalformedArchitecture, "0 and 1"),
        ([[0, float("nan")], [0, 0]], ["input", "output"], MalformedArchitecture, "0 and 1"),
        ([["0", "1"], ["0", "0"]], ["input", "output"], MalformedArchitecture, "0 and 1"),
        ([[0, 1], [0, 0]], ["output", "input"], MalformedArchitecture, "first label must be 'input'"),
        (np.eye(3, k=1), ["input", "conv3x3", "output"], MalformedArchitecture, "did you mean 'conv3x3-bn-relu'"),
        (np.eye(3, k=1), ["input", "input", "output"], MalformedArchitecture, "unknown operation 'input'"),
        (np.eye(8, k=1), ["input", *[CONV3] * 6, "output"], InvalidArchitecture, "at most 7 vertices, not 8"),
        ([[0]], ["input"], InvalidArchitecture, "at least an input and an output"),
        (np.zeros((0, 0)), [], InvalidArchitecture, "at least an input and an output"),
        ([[0, 1, 0], [0, 0, 0], [0, 0, 0]], ["input", CONV3, "output"], InvalidArchitecture, "no path leads"),
    ],
)
def test_bad_matrices(matrix, operations, error, message):
    with pytest.raises(error, match=message):
        SPACE.from_matrix(matrix, operations)


@pytest.mark.parametrize(
    "text", ["", "0100", "0100 input,output", "01a0:input,output", "010:input,output", ":a", "x:y"]
)
def test_bad_text(text):
    with pytest.raises(MalformedArchitecture, match="is not a NAS-Bench-101 cell"):
        SPACE.parse(text)


def test_notation_prunes():
    cell = SPACE.parse("0100001000010000:input,conv3x3-bn-relu,conv3x3-bn-relu,output\n")
    assert SPACE.format(cell) == "0100001000010000:input,conv3x3-bn-relu,conv3x3-bn-relu,output"
    dangling = SPACE.parse("0110000100000000:input,conv3x3-bn-relu,maxpool3x3,output")
    assert SPACE.format(dangling) == "010001000:input,conv3x3-bn-relu,output"


def test_genotype_round_trip_in_every_vertex_order():
    cells = random_cells(3000, seed=2)
    genotypes = SPACE.encode_many(cells)
    assert [SPACE.decode(genotype) for genotype in genotypes.tolist()] == cells
    chain = SPACE.parse("010001000:input,maxpool3x3,output")
    # Edges 0->1 and, with the output at vertex 6, 1->6; operation 2 at vertex 1.
    assert [position for position, value in enumerate(SPACE.encode(chain)) if value] == [0, 16, 21]


def test_genotypes_that_are_not_cells():
    nothing = (0,) * 26
    everything = (1,) * 21 + (0,) * 5
    assert not SPACE.is_valid(nothing)
    assert not SPACE.is_valid(everything)
    assert not SPACE.is_valid((1,) * 25)
    assert not SPACE.is_valid((0,) * 15 + (1,) + (0,) * 9 + (3,))
    assert SPACE.is_valid((0,) * 15 + (1,) + (0,) * 10)
    for genotype, message in (
        (nothing, "no path leads"),
        (everything, "at most 9 edges, not 21"),
        ((0,) * 25, "21 edge bits and 5 operation numbers"),
    ):
        with pytest.raises(InvalidArchitecture, match=message):
            SPACE.decode(genotype)
    with pytest.raises(InvalidArchitecture, match="in row 1 is not a valid cell"):
        SPACE.identity_keys(np.array([(0,) * 15 + (1,) + (0,) * 10, nothing]))


def test_decode_equals_an_independent_pruning():
    rng = np.random.default_rng(3)
    outcomes = set()
    for density in rng.uniform(0.1, 0.9, size=800):
        matrix = np.triu(rng.random((7, 7)) < density, 1)
        labels = [int(label) for label in rng.integers(3, size=5)]
        paths = np.linalg.matrix_power(np.eye(7) + matrix, 6) > 0
        live = np.flatnonzero(paths[0] & paths[:, 6])
        pruned = matrix[np.ix_(live, live)]
        bits = [int(matrix[source, target]) for target in range(7) for source in range(target)]
        valid = len(live) > 0 and pruned.sum() <= 9
        outcomes.add(valid)
        assert SPACE.is_valid((*bits, *labels)) == valid
        if valid:
            operations = ["input", *(INTERIOR_OPERATIONS[label] for label in labels), "output"]
            expected = Architecture(
                "nasbench101", [operations[vertex] for vertex in live], np.argwhere(pruned).tolist()
            )
            decoded = SPACE.decode((*bits, *labels))
            assert decoded == expected
            assert SPACE.from_matrix(matrix, operations) == expected
            assert decoded.identity == SPACE.identity_key(expected)
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("operations", "edges", "cells", "message"),
    [
        (["input", CONV3, CONV1, "output"], [(0, 1), (1, 3), (0, 2)], (), "is not pruned"),
        (["input", CONV3, "output"], [(0, 1)], (), "is not pruned"),
        (["input", "conv", "output"], [(0, 1), (1, 2)], (), "unknown operation 'conv'"),
        (["output", CONV3, "output"], [(0, 1), (1, 2)], (), "first label"),
        (["input", CONV3, "output", "output"], [(0, 1), (1, 2)], (), "unknown operation 'output'"),
        (
            ["input", *[CONV3] * 3, "output"],
            [(s, t) for t in range(5) for s in range(t)],
            (),
            "at most 9 edges, not 10",
        ),
        (["input", *[CONV3] * 6, "output"], [(n, n + 1) for n in range(7)], (), "at most 7 vertices"),
        (["input", CONV3, "output"], [(0, 1), (1, 2)], (0, 0, 0), "names cells"),
        (["input"], [], (), "at least an input and an output"),
    ],
)
def test_graphs_that_are_not_in_the_space(operations, edges, cells, message):
    graph = Architecture("nasbench101", operations, edges, cells)
    for method in (SPACE.encode, SPACE.format, SPACE.identity_key, SPACE.neighbours, SPACE.to_matrix, SPACE.check):
        with pytest.raises(InvalidArchitecture, match=message):
            method(graph)
    with pytest.raises(InvalidArchitecture, match=message):
        SPACE.building_sequences([graph])


def test_another_space_is_refused():
    other = Architecture("nasbench201", ["input", CONV3, "output"], [(0, 1), (1, 2)], ())
    with pytest.raises(WrongSpace, match="'nasbench101' is wanted, not of 'nasbench201'"):
        SPACE.identity_key(other)
