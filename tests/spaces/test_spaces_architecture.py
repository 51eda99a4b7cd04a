import copy
import json
import pickle
import subprocess
import sys

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import GanasError, InvalidArchitecture, MalformedArchitecture

DIAMOND = Architecture("mine", ["input", "conv", "pool", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
TWO_CELLS = Architecture("mine", ["a", "b", "a", "b"], [(0, 1), (2, 3)], [0, 0, 1, 1])


@st.composite
def architectures(draw):
    labels = draw(st.lists(st.sampled_from(["input", "conv", "pool", "ä|~+"]), min_size=0, max_size=7))
    pairs = [(source, target) for target in range(len(labels)) for source in range(target)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    cells = draw(st.just([]) | st.lists(st.integers(0, 2), min_size=len(labels), max_size=len(labels)))
    return Architecture("mine", labels, edges, cells)


def test_edges_are_sorted_and_equality_is_of_the_labelled_graph():
    same = Architecture("mine", iter(DIAMOND.operations), reversed(DIAMOND.edges))
    assert same.edges == ((0, 1), (0, 2), (1, 3), (2, 3))
    assert same == DIAMOND
    assert hash(same) == hash(DIAMOND)
    assert same.num_nodes == 4


@pytest.mark.parametrize(
    "other",
    [
        Architecture("other", DIAMOND.operations, DIAMOND.edges),
        Architecture("mine", ["input", "pool", "conv", "output"], DIAMOND.edges),
        Architecture("mine", DIAMOND.operations, DIAMOND.edges[:-1]),
        Architecture("mine", DIAMOND.operations, DIAMOND.edges, [0, 0, 0, 1]),
    ],
    ids=["space", "labels", "edges", "cells"],
)
def test_each_part_tells_apart(other):
    assert other != DIAMOND
    assert len({other, DIAMOND}) == 2


def test_not_equal_to_other_things():
    assert DIAMOND != "mine"
    assert DIAMOND.to_json() != DIAMOND
    assert (DIAMOND == 5) is False


def test_noted_identity_is_no_part_of_equality():
    noted = Architecture.trusted(DIAMOND.space, DIAMOND.operations, DIAMOND.edges, identity=9)
    assert noted == DIAMOND
    assert hash(noted) == hash(DIAMOND)
    assert (noted.identity, DIAMOND.identity) == (9, None)


@pytest.mark.parametrize("name", ["space", "operations", "edges", "cells", "identity", "_hash", "new"])
def test_frozen(name):
    with pytest.raises(AttributeError, match=f"frozen: cannot set '{name}'"):
        setattr(DIAMOND, name, 1)
    with pytest.raises(AttributeError, match=f"frozen: cannot delete '{name}'"):
        delattr(DIAMOND, name)
    assert not hasattr(DIAMOND, "__dict__")


def test_values_given_are_copied():
    labels, edges = ["input", "output"], [[0, 1]]
    architecture = Architecture("mine", labels, edges)
    labels[0], edges[0][1] = "changed", 7
    assert architecture == Architecture("mine", ["input", "output"], [(0, 1)])


def test_numpy_numbers_become_plain_ones():
    architecture = Architecture("mine", np.array(["a", "b"]), np.array([[0, 1]]), np.array([0, 1]))
    assert {type(number) for edge in architecture.edges for number in edge} == {int}
    assert {type(label) for label in architecture.operations} == {str}
    assert {type(cell) for cell in architecture.cells} == {int}
    json.dumps(architecture.to_json())


@pytest.mark.parametrize(
    ("edges", "cells", "message"),
    [
        ([(1, 0)], (), r"edge \(1, 0\) does not go forward between two of the 3 nodes"),
        ([(1, 1)], (), "does not go forward"),
        ([(0, 3)], (), "does not go forward"),
        ([(-1, 1)], (), "does not go forward"),
        ([(0, 1), (1, 2), (0, 1)], (), r"edge \(0, 1\) is given more than once"),
        ([(0, 1, 2)], (), "is not a pair"),
        ([(0, 1.0)], (), "is not a pair of node numbers"),
        ([("0", "1")], (), "is not a pair of node numbers"),
        ([], [0, 1], "2 cell numbers were given for 3 nodes"),
        ([], [0, 1, 0.5], "cells must be whole numbers"),
    ],
)
def test_bad_graphs_are_refused(edges, cells, message):
    with pytest.raises(MalformedArchitecture, match=message) as caught:
        Architecture("mine", ["a", "b", "c"], edges, cells)
    assert isinstance(caught.value, InvalidArchitecture)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, GanasError)


@given(architectures())
def test_json_round_trip(architecture):
    assert Architecture.from_json(json.loads(json.dumps(architecture.to_json()))) == architecture


def test_json_is_plain_and_leaves_cells_out_where_there_are_none():
    assert DIAMOND.to_json() == {
        "space": "mine",
        "operations": ["input", "conv", "pool", "output"],
        "edges": [[0, 1], [0, 2], [1, 3], [2, 3]],
    }
    assert TWO_CELLS.to_json()["cells"] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "mine",
        {},
        {"space": "mine", "operations": ["a"]},
        {"space": 3, "operations": ["a"], "edges": []},
        {"space": "mine", "operations": "ab", "edges": [[0, 1]]},
        {"space": "mine", "operations": [1, 2], "edges": [[0, 1]]},
        {"space": "mine", "operations": ["a", "b"], "edges": [0, 1]},
        {"space": "mine", "operations": ["a", "b"], "edges": [["a", "b"]]},
        {"space": "mine", "operations": ["a", "b"], "edges": [[1, 0]]},
        {"space": "mine", "operations": ["a", "b"], "edges": None},
        {"space": "mine", "operations": ["a", "b"], "edges": [], "cells": ["x", "y"]},
    ],
    ids=str,
)
def test_bad_json_is_refused(data):
    with pytest.raises(MalformedArchitecture):
        Architecture.from_json(data)


@given(architectures())
def test_copies_and_pickles_are_equal(architecture):
    for back in (pickle.loads(pickle.dumps(architecture)), copy.copy(architecture), copy.deepcopy(architecture)):
        assert back == architecture
        assert hash(back) == hash(architecture)


def test_pickle_keeps_the_identity_and_no_hash_of_another_process():
    noted = Architecture.trusted(DIAMOND.space, DIAMOND.operations, DIAMOND.edges, identity=9)
    hash(noted)
    code = (
        "import pickle, sys; from ganas.spaces.architecture import Architecture\n"
        "back = pickle.loads(sys.stdin.buffer.read())\n"
        "same = Architecture(back.space, back.operations, back.edges)\n"
        "print(back.identity, hash(back) == hash(same))"
    )
    run = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(noted), capture_output=True, check=True)
    assert run.stdout.split() == [b"9", b"True"]


@given(architectures())
def test_networkx_round_trip(architecture):
    graph = architecture.to_networkx()
    assert isinstance(graph, networkx.DiGraph)
    assert Architecture.from_networkx(graph) == architecture


def test_networkx_carries_labels_cells_and_space():
    graph = TWO_CELLS.to_networkx()
    assert graph.graph["space"] == "mine"
    assert dict(graph.nodes(data="operation")) == {0: "a", 1: "b", 2: "a", 3: "b"}
    assert dict(graph.nodes(data="cell")) == {0: 0, 1: 0, 2: 1, 3: 1}
    assert "cell" not in DIAMOND.to_networkx().nodes[0]


@pytest.mark.parametrize(
    "names",
    [
        ["x", "y", "z", "w"],
        ["10", "9", "8", "7"],
        [0, "one", (2,), None.__class__],
        [30, 40, 50, 60],
        [0.5, 1, "2", frozenset()],
    ],
    ids=str,
)
def test_networkx_nodes_may_have_any_names(names):
    graph = networkx.relabel_nodes(DIAMOND.to_networkx(), dict(enumerate(names)))
    assert Architecture.from_networkx(graph) == DIAMOND


def test_networkx_numbers_go_by_value_where_the_order_is_free():
    graph = networkx.DiGraph(space="mine")
    for node, label in ((3, "output"), (2, "pool"), (1, "conv"), (0, "input")):
        graph.add_node(np.int64(node), operation=label)
    graph.add_edges_from(DIAMOND.edges)
    assert Architecture.from_networkx(graph) == DIAMOND


def test_networkx_nodes_out_of_order_are_renumbered():
    graph = networkx.DiGraph([(5, 2), (2, 9)])
    networkx.set_node_attributes(graph, {5: "input", 2: "conv", 9: "output"}, "operation")
    read = Architecture.from_networkx(graph, space="given")
    assert read == Architecture("given", ["input", "conv", "output"], [(0, 1), (1, 2)])


def test_given_space_wins_over_the_graphs():
    assert Architecture.from_networkx(DIAMOND.to_networkx(), space="given").space == "given"


def changed(change, graph=None):
    graph = DIAMOND.to_networkx() if graph is None else graph
    change(graph)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(lambda graph: graph.add_edge(3, 0)), "cycle"),
        (changed(lambda graph: graph.add_edge(1, 1)), "cycle"),
        (changed(lambda graph: graph.nodes[2].clear()), "node 2 .* has no attribute 'operation'"),
        (changed(lambda graph: graph.add_node("stray")), "node 'stray' .* has no attribute 'operation'"),
        (changed(lambda graph: graph.graph.clear()), "pass space="),
        (changed(lambda graph: graph.nodes[0].update(cell=1)), "1 cell numbers were given for 4 nodes"),
        (DIAMOND.to_networkx().to_undirected(), "not directed"),
        (
            changed(lambda graph: graph.add_edge(0, 1), networkx.MultiDiGraph(DIAMOND.to_networkx())),
            "given more than once",
        ),
    ],
    ids=["cycle", "loop", "no label", "stray", "no space", "some cells", "undirected", "parallel"],
)
def test_bad_networkx_graphs_are_refused(graph, message):
    with pytest.raises(MalformedArchitecture, match=message):
        Architecture.from_networkx(graph)


def test_representation_is_one_short_line():
    assert repr(DIAMOND) == "Architecture(mine: input, conv, pool, output; 4 edges)"
