import itertools
from collections import Counter
from pathlib import Path

import networkx
import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.encodings import encode
from ganas.spaces.graph_arrays import graph_arrays
from ganas.spaces.live_encodings import (
    live_nodes,
    live_one_hot,
    live_operation_counts,
    live_operation_pair_columns,
    live_operation_pairs,
    live_path_summary,
    live_path_summary_columns,
)
from ganas.spaces.nasbench101.space import NASBench101
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.registry import load_space

CHAIN = Path(__file__).parent.parent / "plugins" / "ganas-chain-space" / "ganas_chain_space.py"


class ManyNodes(NASBench201):
    """Borrows the labels of a space for graphs of any shape."""

    max_nodes = 9

    def sample(self, count, *, rng):
        """Any DAG with any labels: several inputs and outputs, skips and zeros among them, components, lone nodes."""
        graphs = []
        for size in rng.integers(1, self.max_nodes + 1, size=count).tolist():
            pairs = list(itertools.combinations(range(size), 2))
            kept = rng.random(len(pairs)) < 0.4
            labels = rng.choice(self.operations, size=size, p=(0.1, 0.1, 0.3, 0.2, 0.1, 0.1, 0.1)).tolist()
            graphs.append(
                Architecture(self.name, labels, [pair for pair, keep in zip(pairs, kept, strict=True) if keep])
            )
        return graphs


SPACES = [NASBench101(), NASBench201(), ManyNodes(), load_space(f"{CHAIN}:ChainSpace"), load_space("darts")]
SPACE_IDS = ["nasbench101", "nasbench201", "any graphs", "chains", "darts"]


def live_paths(space, architecture):
    """Every path from a node without in-edges to one without out-edges that meets no zero, as node numbers."""
    graph = architecture.to_networkx()
    sources = [node for node in graph if graph.in_degree(node) == 0]
    sinks = [node for node in graph if graph.out_degree(node) == 0]
    paths = [path for s, t in itertools.product(sources, sinks) for path in networkx.all_simple_paths(graph, s, t)]
    # Versions of networkx differ in whether they give the path of a single node.
    paths = [path for path in paths if len(path) > 1] + [[node] for node in sources if node in sinks]
    return [path for path in paths if not any(architecture.operations[node] in space.zero_operations for node in path)]


def pairs_by_hand(space, architecture):
    """Each live path in turn, skips struck out of it."""
    found = Counter()
    for path in live_paths(space, architecture):
        labels = [architecture.operations[node] for node in path]
        found.update(itertools.pairwise([label for label in labels if label not in space.skip_operations]))
    return {f"{first} > {second}": times for (first, second), times in found.items()}


def renumbered(architecture, rng):
    """The same graph in a random topological order of its nodes."""
    graph = architecture.to_networkx()
    rank = dict(zip(graph, rng.permutation(len(graph)).tolist(), strict=True))
    order = list(networkx.lexicographical_topological_sort(graph, key=rank.__getitem__))
    edges = [(order.index(source), order.index(target)) for source, target in architecture.edges]
    return Architecture(architecture.space, [architecture.operations[node] for node in order], edges)


@pytest.fixture(params=SPACES, ids=SPACE_IDS)
def space(request):
    return request.param


@pytest.fixture
def sample(space):
    rng = np.random.default_rng(0)
    cells = space.sample(150, rng=rng)
    if type(space) is NASBench201:
        # Cells with many dead edges, the fully dead one among them.
        cells += [space.decode(genotype) for genotype in (rng.random((60, 6)) < 0.4).astype(int) * 3]
        cells.append(space.decode((0,) * 6))
    elif isinstance(space, NASBench101):
        cells += [space.parse("0100:input,output"), *space.neighbours(space.parse("0100:input,output"))]
    return cells


def test_live_nodes(space, sample):
    live = live_nodes(space, graph_arrays(space, sample))
    for row, architecture in zip(live, sample, strict=True):
        expected = {node for path in live_paths(space, architecture) for node in path}
        assert set(np.flatnonzero(row)) == expected


def test_live_one_hot_and_counts(space, sample):
    kinds = len(space.operations)
    encoded, counts = live_one_hot(space, sample), live_operation_counts(space, sample)
    assert encoded.shape == (len(sample), space.max_nodes * kinds)
    for row, count, architecture in zip(encoded, counts, sample, strict=True):
        live = {node for path in live_paths(space, architecture) for node in path}
        expected = [(node, space.operations.index(architecture.operations[node])) for node in sorted(live)]
        assert [divmod(column, kinds) for column in np.flatnonzero(row).tolist()] == expected
        occurring = Counter(architecture.operations[node] for node in live)
        assert count.tolist() == [occurring[operation] for operation in space.operations]


def test_live_path_summary(space, sample):
    encoded = live_path_summary(space, sample)
    columns = live_path_summary_columns(space)
    assert encoded.shape == (len(sample), len(columns))
    for row, architecture in zip(encoded, sample, strict=True):
        paths = live_paths(space, architecture)
        on_path = [Counter(architecture.operations[node] for node in path) for path in paths]
        expected = {
            "paths": len(paths),
            "shortest": min((len(path) for path in paths), default=0),
            "longest": max((len(path) for path in paths), default=0),
        }
        for operation in space.operations:
            expected[f"total {operation}"] = sum(count[operation] for count in on_path)
            expected[f"most {operation}"] = max((count[operation] for count in on_path), default=0)
        assert dict(zip(columns, row.tolist(), strict=True)) == expected


def test_live_operation_pairs(space, sample):
    encoded = live_operation_pairs(space, sample)
    columns = live_operation_pair_columns(space)
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(sample), len(columns))
    assert len(columns) == (len(space.operations) - len(space.zero_operations) - len(space.skip_operations)) ** 2
    for row, architecture in zip(encoded, sample, strict=True):
        given = {column: times for column, times in zip(columns, row.tolist(), strict=True) if times}
        assert given == pairs_by_hand(space, architecture)
    assert (encoded > 1).any() or space.name == "chain"


def test_live_operation_pairs_by_hand():
    space = NASBench201()
    columns = live_operation_pair_columns(space)
    labels = ("input", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "output")
    assert columns == tuple(f"{first} > {second}" for first in labels for second in labels)

    def pairs(cell):
        row = live_operation_pairs(space, [cell])[0].tolist()
        return {column: times for column, times in zip(columns, row, strict=True) if times}

    # A convolution on each of the two first edges, which a skip and a pool go on from; a skip all the way.
    cell = space.parse("|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|")
    assert pairs(cell) == {
        "input > output": 1,
        "input > nor_conv_1x1": 1,
        "input > nor_conv_3x3": 1,
        "nor_conv_1x1 > avg_pool_3x3": 1,
        "nor_conv_3x3 > avg_pool_3x3": 1,
        "avg_pool_3x3 > output": 2,
    }
    only_skips = ["skip_connect", "skip_connect"]
    assert pairs(Architecture("nasbench201", only_skips, [(0, 1)])) == {}
    ends = ["skip_connect", "nor_conv_1x1", "nor_conv_3x3", "skip_connect"]
    assert pairs(Architecture("nasbench201", ends, [(0, 1), (1, 2), (2, 3)])) == {"nor_conv_1x1 > nor_conv_3x3": 1}
    assert pairs(Architecture("nasbench201", ["input"], [])) == {}


def test_numbers_of_paths_are_exact_where_they_are_many():
    """Twelve layers of two nodes each: 4,096 paths, too many to list for a batch."""

    class Deep(NASBench201):
        max_nodes = 26

    layers = [[0], *[[2 * layer - 1, 2 * layer] for layer in range(1, 13)], [25]]
    edges = [edge for pair in itertools.pairwise(layers) for edge in itertools.product(*pair)]
    labels = ["input", *["nor_conv_3x3", "avg_pool_3x3"] * 12, "output"]
    space = Deep()
    row = live_operation_pairs(space, [Architecture("nasbench201", labels, edges)])[0].tolist()
    pairs = dict(zip(live_operation_pair_columns(space), row, strict=True))
    assert pairs["input > nor_conv_3x3"] == pairs["avg_pool_3x3 > output"] == 2**11
    assert pairs["nor_conv_3x3 > avg_pool_3x3"] == pairs["nor_conv_3x3 > nor_conv_3x3"] == 11 * 2**10
    assert pairs["input > output"] == 0


@pytest.mark.parametrize("encoding", [live_operation_counts, live_path_summary, live_operation_pairs])
def test_the_numbering_of_nodes_does_not_matter(encoding):
    space = SPACES[0]
    rng = np.random.default_rng(1)
    cells = space.sample(200, rng=rng)
    others = [renumbered(cell, rng) for cell in cells]
    assert sum(cell != other for cell, other in zip(cells, others, strict=True)) > 50
    assert all(space.identity_key(cell) == space.identity_key(other) for cell, other in zip(cells, others, strict=True))
    assert (encoding(space, cells) == encoding(space, others)).all()
    # An encoding that tells no cells apart would pass the above.
    assert len(np.unique(encoding(space, cells), axis=0)) > 20


def test_live_encodings_by_hand():
    space = NASBench201()
    # x -> conv3x3 -> a; a -> skip -> c; everything else is cut off, the pool and the 1x1 convolution among it.
    cell = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|nor_conv_1x1~2|")
    counts = dict(zip(space.operations, live_operation_counts(space, [cell])[0].tolist(), strict=True))
    assert {operation for operation, count in counts.items() if count} == {
        "input",
        "nor_conv_3x3",
        "skip_connect",
        "output",
    }
    summary = dict(zip(live_path_summary_columns(space), live_path_summary(space, [cell])[0].tolist(), strict=True))
    assert (summary["paths"], summary["shortest"], summary["longest"]) == (1, 4, 4)
    nothing = space.decode((0,) * 6)
    for name in ("live_one_hot", "live_operation_counts", "live_path_summary", "live_operation_pairs"):
        assert not encode(space, [nothing], name).any()


def test_several_inputs_outputs_and_components():
    space = NASBench201()
    labels = ["input", "input", "nor_conv_3x3", "output", "input", "none", "output"]
    graph = Architecture("nasbench201", labels, [(0, 2), (1, 2), (2, 3), (4, 5), (5, 6)])
    assert np.flatnonzero(live_nodes(space, graph_arrays(space, [graph]))[0]).tolist() == [0, 1, 2, 3]
    summary = dict(zip(live_path_summary_columns(space), live_path_summary(space, [graph])[0].tolist(), strict=True))
    assert (summary["paths"], summary["shortest"], summary["longest"], summary["total input"]) == (2, 3, 3, 2)
    pairs = dict(zip(live_operation_pair_columns(space), live_operation_pairs(space, [graph])[0].tolist(), strict=True))
    assert {pair: times for pair, times in pairs.items() if times} == {
        "input > nor_conv_3x3": 2,
        "nor_conv_3x3 > output": 2,
    }
