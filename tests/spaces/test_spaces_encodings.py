import itertools

import networkx
import numpy as np
import pytest

from ganas.spaces import encodings, live_encodings
from ganas.spaces import graph_arrays as graph_arrays_module
from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import (
    ENCODINGS,
    adjacency_one_hot,
    encode,
    graph_arrays,
    one_hot,
    path_columns,
    path_encoding,
)
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, NotSupported, UnknownName, WrongSpace
from ganas.spaces.nasbench101.space import NASBench101
from ganas.spaces.nasbench201.space import NASBench201

SPACES = [NASBench101(), NASBench201()]
SPACE_IDS = [space.name for space in SPACES]


class LargeSpace(NASBench201):
    """Borrows a space to vary what the encodings read."""

    longest_path = None
    max_nodes = 12


class MisnamedSpace(NASBench201):
    operations = tuple("input_pool" if o == "avg_pool_3x3" else o for o in NASBench201.operations)


def all_paths(architecture):
    """Every path from a node without in-edges to one without out-edges, as node numbers; one architecture at a time."""
    graph = architecture.to_networkx()
    sources = [node for node in graph if graph.in_degree(node) == 0]
    sinks = [node for node in graph if graph.out_degree(node) == 0]
    return [path for s, t in itertools.product(sources, sinks) for path in networkx.all_simple_paths(graph, s, t)]


@pytest.fixture(params=SPACES, ids=SPACE_IDS)
def space(request):
    return request.param


@pytest.fixture
def sample(space):
    rng = np.random.default_rng(0)
    cells = space.sample(150, rng=rng)
    if space.name == "nasbench201":
        # Cells with many dead edges, the fully dead one among them.
        cells += [space.decode(genotype) for genotype in (rng.random((60, 6)) < 0.4).astype(int) * 3]
        cells.append(space.decode((0,) * 6))
    else:
        cells += [space.parse("0100:input,output"), *space.neighbours(space.parse("0100:input,output"))]
    return cells


def test_graph_arrays(space, sample):
    batch = graph_arrays(space, sample)
    assert batch.operation_ids.dtype == np.int64
    assert batch.adjacency.dtype == batch.node_mask.dtype == np.bool_
    for row, architecture in enumerate(sample):
        size = architecture.num_nodes
        assert batch.node_mask[row].tolist() == [True] * size + [False] * (space.max_nodes - size)
        labels = [space.operations.index(operation) for operation in architecture.operations]
        assert batch.operation_ids[row].tolist() == labels + [-1] * (space.max_nodes - size)
        assert [tuple(edge) for edge in np.argwhere(batch.adjacency[row]).tolist()] == list(architecture.edges)


def test_one_hot(space, sample):
    encoded = one_hot(space, sample)
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(sample), sum(space.choices))
    for row, architecture in zip(encoded, sample, strict=True):
        expected = []
        for value, count in zip(space.encode(architecture), space.choices, strict=True):
            expected += [float(value == choice) for choice in range(count)]
        assert row.tolist() == expected


def test_adjacency_one_hot(space, sample):
    nodes, kinds = space.max_nodes, len(space.operations)
    pairs = list(itertools.combinations(range(nodes), 2))
    for row, architecture in zip(adjacency_one_hot(space, sample), sample, strict=True):
        expected = [float(pair in architecture.edges) for pair in pairs]
        for node in range(nodes):
            label = architecture.operations[node] if node < architecture.num_nodes else None
            expected += [float(label == operation) for operation in space.operations]
        assert row.tolist() == expected
        assert len(row) == nodes * (nodes - 1) // 2 + nodes * kinds


def test_path_encoding(space, sample):
    columns = path_columns(space)
    assert len(columns) == {"nasbench101": 364, "nasbench201": 156}[space.name]
    assert len(set(columns)) == len(columns)
    assert [len(sequence) for sequence in columns] == sorted(len(sequence) for sequence in columns)
    encoded = path_encoding(space, sample)
    for row, architecture in zip(encoded, sample, strict=True):
        sequences = {tuple(architecture.operations[node] for node in path[1:-1]) for path in all_paths(architecture)}
        assert {columns[column] for column in np.flatnonzero(row)} == sequences
    assert set(np.unique(encoded)) == {0, 1}
    for max_length in (0, 1, 2):
        short = path_columns(space, max_length)
        assert short == columns[: len(short)]
        assert (path_encoding(space, sample, max_length) == encoded[:, : len(short)]).all()
    assert (path_encoding(space, sample, max_length=50) == encoded).all()


def test_path_encoding_by_hand():
    space = SPACES[0]
    cell = space.parse("0111001100010000:input,conv1x1-bn-relu,maxpool3x3,output")
    columns = path_columns(space)
    assert [columns[c] for c in np.flatnonzero(path_encoding(space, [cell])[0])] == [
        (),
        ("conv1x1-bn-relu",),
        ("maxpool3x3",),
        ("conv1x1-bn-relu", "maxpool3x3"),
    ]


def test_path_encoding_in_chunks(space, sample, monkeypatch):
    whole = path_encoding(space, sample)
    monkeypatch.setattr("ganas.spaces.encodings._PATH_CHUNK", 20_000)
    assert (path_encoding(space, sample) == whole).all()


def test_path_encoding_limits():
    space = LargeSpace()
    cells = space.sample(3, rng=np.random.default_rng(0))
    with pytest.raises(InvalidSetting, match=r"more than 100,000 columns .* pass a max_length of at most 7$"):
        path_encoding(space, cells)
    assert path_encoding(space, cells, max_length=5).shape == (3, sum(5**length for length in range(6)))
    with pytest.raises(InvalidSetting, match="must not be negative, not -1"):
        path_encoding(space, cells, max_length=-1)


def test_path_encoding_of_a_misnamed_operation():
    space = MisnamedSpace()
    cell = NASBench201().decode((1,) * 6)
    with_pool = Architecture("nasbench201", ["input", "input_pool", *cell.operations[2:]], cell.edges)
    assert path_encoding(space, [cell]).sum() > 0
    with pytest.raises(NotSupported, match="'input_pool' stands inside a path"):
        path_encoding(space, [with_pool])


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_have_one_shape_and_do_not_depend_on_the_batch(space, sample, name):
    encoded = encode(space, sample, name)
    assert encoded.dtype == np.float32
    assert encode(space, [], name).shape == (0, encoded.shape[1])
    for row in (0, 7, len(sample) - 1):
        assert (encode(space, [sample[row]], name) == encoded[row : row + 1]).all()


def test_path_encoding_of_several_inputs_outputs_and_components():
    space = SPACES[1]
    labels = ["input", "input", "nor_conv_3x3", "output", "input", "none", "output"]
    graph = Architecture("nasbench201", labels, [(0, 2), (1, 2), (2, 3), (4, 5), (5, 6)])
    columns = path_columns(space)
    assert [columns[c] for c in np.flatnonzero(path_encoding(space, [graph])[0])] == [("none",), ("nor_conv_3x3",)]


def test_every_encoding_can_be_imported_from_here():
    assert set(live_encodings.__all__) | set(graph_arrays_module.__all__) <= set(encodings.__all__)
    assert {f"live_{name}" for name in ("one_hot", "operation_counts", "operation_pairs", "path_summary")} < set(
        ENCODINGS
    )


def test_errors():
    space101, space201 = SPACES
    cell = space201.decode((0,) * 6)
    with pytest.raises(UnknownName, match=r"unknown encoding 'onehot': known are .*; did you mean 'one_hot'"):
        encode(space201, [cell], "onehot")
    with pytest.raises(WrongSpace, match="of 'nasbench101' is wanted, not of 'nasbench201'"):
        graph_arrays(space101, [cell])
    with pytest.raises(InvalidArchitecture, match="has no operation 'conv'"):
        graph_arrays(space101, [Architecture("nasbench101", ["input", "conv"], [(0, 1)])])
    with pytest.raises(InvalidArchitecture, match="more than the 7 nodes"):
        graph_arrays(space101, [Architecture("nasbench101", ["input"] * 8, [])])
