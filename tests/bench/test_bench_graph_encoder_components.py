"""Graphs in parts: where a batch is split, which graphs count as equal, and that encodings do not notice."""

import numpy as np
import pytest
import torch

from ganas.bench.graph_encoder import components, encoder
from ganas.bench.graph_encoder.batch import GraphTensors
from ganas.bench.graph_encoder.components import column_ranges, distinct_graphs
from ganas.bench.graph_encoder.encoder import make_encoder
from ganas.spaces.registry import SPACES, load_space

ONE_COMPONENT = sorted(name for name in SPACES.entries() if name != "darts")


def batch_of(edges, nodes):
    """One graph with these edges."""
    adjacency = torch.zeros(1, nodes, nodes)
    for source, target in edges:
        adjacency[0, source, target] = 1
    return adjacency


@pytest.mark.parametrize(
    ("edges", "nodes", "ranges"),
    [
        ([], 1, [(0, 1)]),
        ([], 4, [(0, 4)]),
        ([(0, 1), (1, 3)], 6, [(0, 6)]),
        ([(0, 2), (1, 2), (3, 4)], 5, [(0, 3), (3, 5)]),
        # Lone nodes and padding go with a neighbour.
        ([(1, 2), (4, 5)], 8, [(0, 3), (3, 8)]),
        ([(0, 1), (2, 3), (4, 5)], 6, [(0, 2), (2, 4), (4, 6)]),
        # Two components that are not side by side cannot be split.
        ([(0, 2), (1, 3)], 4, [(0, 4)]),
    ],
)
def test_where_a_batch_is_split(edges, nodes, ranges):
    assert column_ranges(batch_of(edges, nodes)) == ranges


def test_an_edge_of_any_graph_holds_columns_together():
    both = torch.cat([batch_of([(0, 1), (2, 3)], 4), batch_of([(1, 2)], 4)])
    assert column_ranges(both[:1]) == [(0, 2), (2, 4)]
    assert column_ranges(both) == [(0, 4)]


def test_spaces_of_one_cell_are_never_split():
    for name in ONE_COMPONENT:
        space = load_space(name)
        builder, rng = space.builder(50), np.random.default_rng(0)
        while builder.decision is not None:
            if builder.decision.kind == "operation":
                graphs = GraphTensors.from_arrays(builder.operation_ids, builder.adjacency).padded(space.max_nodes)
                assert len(column_ranges(graphs.adjacency)) == 1, name
            legal = builder.mask()
            builder.apply(np.where(legal, rng.random(legal.shape), -1.0).argmax(axis=1))


def random_batch(count, nodes, *, seed=0):
    """Few kinds of graphs, so that many are equal; lone and absent nodes among them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 2, size=(count, nodes))
    edges = np.triu(rng.random((count, nodes, nodes)) < 0.3, 1) & (labels >= 0)[:, :, None] & (labels >= 0)[:, None]
    return torch.from_numpy(labels), torch.from_numpy(edges.astype(np.float32))


@pytest.mark.parametrize("nodes", [1, 3, 52])
def test_equal_graphs_are_found(nodes):
    labels, edges = random_batch(300, nodes)
    chosen = torch.from_numpy(np.random.default_rng(1).integers(300, size=900))
    labels, edges = labels[chosen], edges[chosen]
    first, which = distinct_graphs(labels, edges)
    content = [
        (tuple(row), tuple(map(tuple, graph))) for row, graph in zip(labels.tolist(), edges.tolist(), strict=True)
    ]
    assert len(first) == len(set(content))
    assert [content[number] for number in first[which].tolist()] == content
    assert [content.index(content[number]) for number in first.tolist()] == first.tolist()


def test_a_shared_code_is_noticed(monkeypatch):
    labels, edges = random_batch(50, 4)
    # All codes are zero: every graph looks like the first.
    monkeypatch.setattr(components, "_MULTIPLIER", 0)
    first, which = distinct_graphs(labels, edges)
    assert first.tolist() == which.tolist() == list(range(50))


def test_graphs_of_many_columns_are_not_compared():
    labels, edges = torch.zeros(3, 53, dtype=torch.int64), torch.zeros(3, 53, 53)
    first, which = distinct_graphs(labels, edges)
    assert first.tolist() == which.tolist() == [0, 1, 2]


@pytest.mark.parametrize("readout", ["mean", "sum", "max", "last"])
def test_encodings_and_gradients_are_those_without_parts(readout, monkeypatch):
    space = load_space("darts")
    made = make_encoder("kgnn", space, hidden=8, layers=2, readout=readout, generator=torch.Generator().manual_seed(0))
    made = made.double()
    builder, rng = space.builder(6), np.random.default_rng(0)
    states = []
    while builder.decision is not None:
        if builder.decision.kind == "operation":
            states.append(GraphTensors.from_arrays(builder.operation_ids, builder.adjacency))
        legal = builder.mask()
        builder.apply(np.where(legal, rng.random(legal.shape), -1.0).argmax(axis=1))
    batch = GraphTensors.concatenate([*states, GraphTensors.from_architectures(space, builder.finish())])
    assert column_ranges(batch.adjacency) == [(0, 15), (15, 30)]
    weights = torch.randn(len(batch), 30, 8, generator=torch.Generator().manual_seed(1)).double()

    def encoded():
        made.zero_grad()
        nodes, graphs = made.encode(batch)
        ((nodes * weights).sum() + (graphs * weights[:, 0]).sum()).backward()
        return nodes, graphs, [parameter.grad.clone() for parameter in made.parameters()]

    nodes, graphs, gradients = encoded()
    monkeypatch.setattr(encoder, "column_ranges", lambda edges: [(0, edges.shape[1])])
    plain_nodes, plain_graphs, plain_gradients = encoded()
    assert torch.allclose(nodes, plain_nodes, atol=1e-12) and torch.allclose(graphs, plain_graphs, atol=1e-12)
    for one, other in zip(gradients, plain_gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-10)


def test_parts_of_the_batch_before_are_not_encoded_again(monkeypatch):
    space = load_space("darts")
    network = make_encoder("kgnn", space, hidden=8, generator=torch.Generator().manual_seed(0))
    counted = []
    inside = encoder.GraphEncoder._encode_columns

    def counting(self, labels, edges, start):
        counted.append(start)
        return inside(self, labels, edges, start)

    monkeypatch.setattr(encoder.GraphEncoder, "_encode_columns", counting)
    first, second = (
        GraphTensors.from_architectures(space, space.sample(6, rng=np.random.default_rng(seed))) for seed in (0, 1)
    )
    # The normal cells of one batch with the reduction cells of the other.
    middle = column_ranges(first.adjacency)[0][1]
    mixed = GraphTensors(first.operation_ids.clone(), first.adjacency.clone())
    mixed.operation_ids[:, middle:] = second.operation_ids[:, middle:]
    mixed.adjacency[:, middle:, middle:] = second.adjacency[:, middle:, middle:]
    expected = [network.encode(graphs) for graphs in (first, mixed, second)]
    counted.clear()
    with network.remembering():
        found = [network.encode(graphs) for graphs in (first, mixed, second)]
    assert counted == [0, middle, middle, 0]
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) and not one[0].requires_grad
    # Outside of it nothing is remembered.
    counted.clear()
    network.encode(second)
    assert counted == [0, middle] and network.encode(second)[0].requires_grad
