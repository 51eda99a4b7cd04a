"""The recurrent spaces: sizes, notation, published cells, keys, fixed parts, building, parameters."""

import itertools
import math

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random, rebuild
from ganas.spaces.encodings import encode
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, MalformedArchitecture, WrongSpace
from ganas.spaces.rnn.genotype import GROUPS, PLAIN, Connections, RecurrentCell, RecurrentGenotype, Term, num_parameters
from ganas.spaces.rnn.plan import make_plan
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.space import RNN, RNNENAS, RecurrentSpace, RNNMini
from ganas.spaces.rnn.wiring import make_layout
from ganas.spaces.testing import parametrize_with_checks

V2 = PUBLISHED["DARTS_V2"]
JOINT = Connections(Term("tanh", 2), Term("identity", 1), Term("relu", 1), Term("sigmoid", 1))


class Cells(RecurrentSpace, name="cells", title="The space of DARTS", connections=PLAIN):
    """Cells alone."""


class ConnectionsOnly(RecurrentSpace, name="connections", title="Connections of one cell", cell=V2):
    """Connections alone."""


class Tiny(RecurrentSpace, name="tiny", title="Few", nodes=2, window=1):
    """Small enough to be listed."""


class SomeJoined(RecurrentSpace, name="some-joined", title="Dead nodes", nodes=4, window=3, concat=(2, 4)):
    """Nodes 1 and 3 may be dead."""


SPACES = [RNN(), RNNMini(), RNNENAS(), Cells(), ConnectionsOnly(), Tiny(), SomeJoined()]


@parametrize_with_checks([Cells, ConnectionsOnly, Tiny, SomeJoined])
def test_spaces_of_other_sizes_keep_every_promise(subject, check):
    check(subject() if isinstance(subject, type) else subject)


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_sizes():
    assert Cells.size == 2_642_411_520
    assert ConnectionsOnly.size == 5_184
    assert RNN.size == 2_642_411_520 * 5_184
    assert RNNMini.size == 1_990_656
    assert Tiny.size == 12_800


@pytest.mark.parametrize(
    ("nodes", "cells"), [(2, 32), (3, 384), (4, 6_144), (8, 2_642_411_520), (11, 4**11 * 39_916_800)]
)
def test_sizes_of_cells(nodes, cells):
    layout = make_layout(nodes, 1)
    assert math.prod(layout.choices[: layout.cell_choices]) == cells


@pytest.mark.parametrize(("window", "connections"), [(1, 400), (2, 5_184), (3, 24_336)])
def test_sizes_of_connections(window, connections):
    layout = make_layout(1, window)
    assert math.prod(layout.choices[layout.cell_choices :]) == connections


def test_every_code_of_a_small_space_is_another_graph():
    listed = list(Tiny().enumerate())
    assert len(listed) == len(set(listed)) == Tiny.size


# --- notation --------------------------------------------------------------------------------------------------------


def test_published_cells():
    space = RNN()
    for name, text in (
        ("DARTS_V1", "relu.0,relu.1,tanh.2,relu.3,relu.4,identity.1,relu.5,relu.1"),
        ("DARTS_V2", "sigmoid.0,relu.1,relu.1,identity.1,tanh.2,sigmoid.5,tanh.3,relu.5"),
        ("GDAS", "relu.0,relu.0,identity.1,relu.1,tanh.0,relu.2,identity.4,identity.2"),
    ):
        architecture = space.parse(name)
        assert space.format(architecture) == f"{text}/h=identity.h1/x=identity.x0"
        assert space.genotype(architecture) == RecurrentGenotype(PUBLISHED[name])
        assert space.decode(space.encode(architecture)) == architecture
    assert space.parse("DARTS") == space.parse("DARTS_V2")
    enas = RNNENAS()
    assert enas.genotype(enas.parse("ENAS")).cell.concat == (2, 5, 6, 9, 10, 11)
    assert enas.decode(enas.encode(enas.parse("ENAS"))) == enas.parse("ENAS")
    # Of the cell of ENAS, the joined nodes are those that no other reads.
    read = {source for _, source in PUBLISHED["ENAS"].nodes}
    assert set(range(1, 12)) - read == set(PUBLISHED["ENAS"].concat)


@pytest.mark.parametrize(
    "text",
    [
        "Genotype(recurrent=[('tanh', 0), ('relu', 1), ('identity', 0)], concat=range(1, 4))",
        "MINE = Genotype(recurrent=[('tanh', 0), ('relu', 1), ('identity', 0)], concat=[1, 2, 3])",
        "Genotype([('tanh', 0), ('relu', 1), ('identity', 0)], (1, 2, 3))",
        "Genotype(recurrent=(('tanh', 0), ('relu', 1), ('identity', 0)))",
        " tanh.0, relu.1, identity.0 / h=identity.h1 / x=identity.x0 ",
    ],
)
def test_texts_of_one_architecture(text):
    space = RNNMini()
    assert space.format(space.parse(text)) == "tanh.0,relu.1,identity.0/h=identity.h1/x=identity.x0"


def test_a_line_of_connections():
    space = RNNMini()
    architecture = space.from_genotype(RecurrentGenotype(V2.truncated(3), JOINT))
    text = "sigmoid.0,relu.1,relu.1/h=tanh.h2*identity.x1/x=relu.x1*sigmoid.h1"
    assert space.format(architecture) == text
    assert space.genotype(space.parse(text)).connections == JOINT


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", MalformedArchitecture, "'' is not a recurrent architecture: wanted is tanh.0"),
        ("DARTS_V3", MalformedArchitecture, "did you mean 'DARTS_V"),
        ("DARTS_V2", InvalidArchitecture, "'DARTS_V2' has 8 nodes: the cells of this space have 3"),
        ("tanh.0,relu.1/h=identity.h1/x=identity.x0", InvalidArchitecture, "has 2 nodes"),
        ("tanh.0,relu.1,relu.3/h=identity.h1/x=identity.x0", InvalidArchitecture, "node 3 of .* reads 3"),
        ("tanh.0,relu.1,rellu.1/h=identity.h1/x=identity.x0", MalformedArchitecture, "did you mean 'relu'"),
        ("tanh.0,relu.1,none.1/h=identity.h1/x=identity.x0", MalformedArchitecture, "unknown operation 'none'"),
        (
            "tanh.0,relu.1,relu/h=identity.h1/x=identity.x0",
            MalformedArchitecture,
            "'relu' in .* not of the form tanh.1",
        ),
        ("tanh.0,relu.1,relu.1/h=identity.h1", MalformedArchitecture, "between slashes"),
        ("tanh.0,relu.1,relu.1/x=identity.x0/h=identity.h1", MalformedArchitecture, "between slashes"),
        ("tanh.0,relu.1,relu.1/h=identity.h3/x=identity.x0", InvalidArchitecture, "reads h3, .* has h1 to h2"),
        ("tanh.0,relu.1,relu.1/h=identity.h0/x=identity.x0", InvalidArchitecture, "reads h0, .* has h1 to h2"),
        ("tanh.0,relu.1,relu.1/h=identity.h1/x=identity.x2", InvalidArchitecture, "reads x2, .* has x0 to x1"),
        ("tanh.0,relu.1,relu.1/h=identity.x1/x=identity.x0", MalformedArchitecture, "'identity.x1' .* form tanh.h1"),
        ("tanh.0,relu.1,relu.1/h=tanh.h1*tanh.x1*tanh.h1/x=tanh.x0", MalformedArchitecture, "3 factors"),
        ("tanh.0,relu.1,relu.1/h=/x=identity.x0", MalformedArchitecture, "'' in .* not of the form tanh.h1"),
        (
            "Genotype(recurrent=[('tanh', 0)] * 3, concat=range(1, 4))",
            MalformedArchitecture,
            "not a recurrent genotype",
        ),
        (
            "Genotype(recurrent=[('tanh', 0), ('relu', 1), ('relu', 1)], concat=[3])",
            InvalidArchitecture,
            "joins .* 3: ",
        ),
        ("Genotype(recurrent=[('tanh', 0), ('relu', '1'), ('relu', 1)])", MalformedArchitecture, "not a recurrent"),
        ("Genotype(recurrent=[], concat=range(1, 1000000000000))", InvalidArchitecture, "has 0 nodes"),
        ("Genotype(concat=range(1, 4))", MalformedArchitecture, "not a recurrent genotype"),
        ("__import__('os').Genotype()", MalformedArchitecture, "not a recurrent genotype"),
        ("Genotype(recurrent=[], concat=slice(1, 4))", MalformedArchitecture, "not a recurrent genotype"),
        (
            "MyGenotype(recurrent=[('tanh', 0), ('relu', 1), ('relu', 1)])",
            MalformedArchitecture,
            "not a recurrent genotype",
        ),
        ("Genotype(" * 500, MalformedArchitecture, "not a recurrent genotype"),
        ("Genotype(recurrent=[1, 2, 3])", MalformedArchitecture, "not a recurrent genotype"),
    ],
)
def test_texts_that_are_refused(text, error, message):
    with pytest.raises(error, match=message) as caught:
        RNNMini().parse(text)
    assert type(caught.value) is error and "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_genotype_with_an_unknown_operation_is_refused():
    genotype = RecurrentGenotype(RecurrentCell((("gelu", 0), ("tanh", 0), ("tanh", 0)), (1, 2, 3)))
    with pytest.raises(InvalidArchitecture, match="unknown operation"):
        RNNMini().from_genotype(genotype)


# --- graphs ----------------------------------------------------------------------------------------------------------


def test_the_graph_of_an_architecture():
    space = RNNMini()
    architecture = space.from_genotype(RecurrentGenotype(V2.truncated(3), JOINT))
    assert architecture.operations == (
        *("input_h1", "input_h2", "input_x0", "input_x1", "input_x2"),
        *("tanh", "identity", "relu", "sigmoid", "hhat", "xhat", "state", "sigmoid", "relu", "relu", "output"),
    )
    assert architecture.cells == (0,) * 11 + (1,) * 5
    assert set(architecture.edges) == {
        *((1, 5), (3, 6), (3, 7), (0, 8)),
        *((5, 9), (6, 9), (7, 10), (8, 10), (9, 11), (10, 11)),
        *((11, 12), (12, 13), (12, 14), (12, 15), (13, 15), (14, 15)),
    }


def test_an_absent_gate_is_a_node_that_reads_nothing():
    space = RNNMini()
    plain = space.from_genotype(RecurrentGenotype(V2.truncated(3)))
    assert [plain.operations[node] for node in (5, 6, 7, 8)] == ["identity", "none", "identity", "none"]
    assert not {target for _, target in plain.edges} & {6, 8}


def test_relabelled_cells_share_the_canonical_key_and_nothing_else_does():
    space = RNNMini()
    one, two, other = (
        space.parse(f"{cell}/h=tanh.h1/x=tanh.x0")
        for cell in ("tanh.0,relu.0,relu.1", "relu.0,tanh.0,relu.2", "tanh.0,relu.0,relu.2")
    )
    assert space.canonical_key(one) == space.canonical_key(two) != space.canonical_key(other)
    assert space.identity_key(one) != space.identity_key(two)
    # All trees of three nodes: the keys tell exactly the isomorphic ones apart.
    keys, shapes = {}, {}
    for code in itertools.product(range(4), range(4), range(2), range(4), range(3)):
        architecture = space.decode((*code, 0, 0, 0, 0))
        nodes = space.genotype(architecture).cell.nodes

        def shape(node, nodes=nodes):
            below = sorted(shape(child) for child, (_, source) in enumerate(nodes, start=1) if source == node)
            return (nodes[node - 1][0] if node else "", tuple(below))

        keys.setdefault(space.canonical_key(architecture), set()).add(shape(0))
        shapes.setdefault(shape(0), set()).add(space.canonical_key(architecture))
    assert all(len(found) == 1 for found in (*keys.values(), *shapes.values()))


def test_sources_operations_and_gates_tell_graphs_apart():
    space = RNNMini()
    sample = [space.decode((0, 0, 0, 0, 0, *code)) for code in itertools.product(range(8), range(9), (3,), range(9))]
    assert len({space.canonical_key(one) for one in sample}) == len(sample)
    assert len({space.functional_key(one) for one in sample}) == len(sample)


def test_dead_nodes_have_no_part_in_the_function():
    space = SomeJoined()
    one, two, other = (
        space.parse(f"{cell}/h=tanh.h1/x=tanh.x0")
        for cell in ("relu.0,tanh.0,relu.1,tanh.2", "relu.0,tanh.0,tanh.2,tanh.2", "relu.0,tanh.1,tanh.2,tanh.2")
    )
    assert space.functional_key(one) == space.functional_key(two) != space.functional_key(other)
    assert space.canonical_key(one) != space.canonical_key(two)
    assert make_plan(space.genotype(one)).nodes == make_plan(space.genotype(two)).nodes == (1, 3)


def test_strangers():
    space = RNNMini()
    good = space.parse("tanh.0,relu.1,relu.1/h=tanh.h1/x=tanh.x0")
    labels, edges, cells = good.operations, good.edges, good.cells
    for stranger in (
        Architecture("rnn-mini", labels, edges),
        Architecture("rnn-mini", labels, [edge for edge in edges if edge != (12, 14)], cells),
        Architecture("rnn-mini", labels, [*edges, (11, 14)], cells),
        Architecture("rnn-mini", labels, [*edges, (0, 6)], cells),
        Architecture("rnn-mini", labels[::-1], edges, cells),
    ):
        with pytest.raises(InvalidArchitecture, match="does not have the nodes and edges of 'rnn-mini'"):
            space.check(stranger)
    with pytest.raises(WrongSpace):
        RNN().check(good)


# --- fixed parts -----------------------------------------------------------------------------------------------------


def test_a_fixed_part_is_in_every_architecture():
    rng = np.random.default_rng(0)
    assert all(Cells().genotype(one).connections == PLAIN for one in Cells().sample(20, rng=rng))
    assert all(ConnectionsOnly().genotype(one).cell == V2 for one in ConnectionsOnly().sample(20, rng=rng))
    text = "tanh.0,tanh.0,tanh.0,tanh.0,tanh.0,tanh.0,tanh.0,tanh.0/h=tanh.h1/x=identity.x0"
    with pytest.raises(InvalidArchitecture, match="'cells' has only one choice of connections"):
        Cells().parse(text)
    with pytest.raises(InvalidArchitecture, match="'connections' has only one choice of cell"):
        ConnectionsOnly().parse(text)
    assert Cells().parse("DARTS_V2").operations == ConnectionsOnly().parse("DARTS_V2").operations


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"cell": V2, "connections": PLAIN}, InvalidSetting, "fixes both"),
        ({"nodes": 0}, InvalidSetting, "nodes must be from 1 to 64, not 0"),
        ({"window": 65}, InvalidSetting, "window must be from 1 to 64, not 65"),
        ({"nodes": 3, "concat": (1, 4)}, InvalidSetting, "some of the nodes 1 to 3"),
        ({"concat": ()}, InvalidSetting, "some of the nodes 1 to 8"),
        ({"concat": (2, 1)}, InvalidSetting, "in order"),
        ({"nodes": 3, "cell": V2}, InvalidArchitecture, "has 8 nodes"),
        ({"window": 1, "connections": JOINT}, InvalidArchitecture, "reads h2"),
    ],
)
def test_spaces_that_cannot_be(settings, error, message):
    with pytest.raises(error, match=message):
        type("Impossible", (RecurrentSpace,), {}, name="impossible", title="x", **settings)


def test_a_subclass_without_a_name_is_the_same_space():
    class Same(RNNMini):
        """Nothing of its own."""

    assert (Same.name, Same.size, Same.choices) == (RNNMini.name, RNNMini.size, RNNMini.choices)


# --- variation and building ------------------------------------------------------------------------------------------


def test_neighbours_differ_in_one_place():
    space = RNN()
    architecture = space.parse("DARTS_V2")
    neighbours = space.neighbours(architecture)
    assert len(neighbours) == 8 * 3 + sum(range(1, 8)) + 7 + 8 + 7 + 8
    own = space.genotype(architecture)
    for neighbour in neighbours:
        other = space.genotype(neighbour)
        nodes = sum(a != b for a, b in zip(own.cell.nodes, other.cell.nodes, strict=True))
        terms = sum(a != b for a, b in zip(own.connections, other.connections, strict=True))
        assert nodes + terms == 1


def test_samples_are_uniform_in_every_place():
    space = RNNMini()
    codes = space.encode_many(space.sample(4000, rng=np.random.default_rng(0)))
    for column, count in zip(codes.T, space.choices, strict=True):
        counts = np.bincount(column, minlength=count)
        expected = 4000 / count
        # The 0.9999 quantile of chi squared with up to 8 degrees of freedom is below 32.
        assert ((counts - expected) ** 2 / expected).sum() < 32


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_building(space):
    rng = np.random.default_rng(0)
    built = build_at_random(space, 50, rng=rng)
    assert rebuild(space, space.building_sequences(built)) == built
    assert len(set(built)) > 40
    open_terms = 0 if space.fixed_connections else len(GROUPS) * (1 + space.layout.window)
    nodes = space.layout.nodes
    open_nodes = 0 if space.fixed_cell else nodes + sum(range(2, nodes + 1))
    assert len(space.decisions) == open_terms + open_nodes


def test_encodings_have_rows_for_every_space():
    for space in SPACES:
        sample = space.sample(5, rng=np.random.default_rng(0))
        for name in ("one_hot", "adjacency_one_hot", "live_one_hot", "live_operation_counts", "live_path_summary"):
            assert encode(space, sample, name).shape[0] == 5


# --- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_of_the_paper():
    space = RNN()
    assert space.parameter_count(space.parse("DARTS_V2")) == 22_960_000
    assert round(space.parameter_count(space.parse("DARTS_V2")) / 1e6) == 23


def test_each_projection_costs_a_square_matrix():
    space = RNNMini()
    plain = RecurrentGenotype(V2.truncated(3))
    base = num_parameters(plain, vocabulary=50, hidden=7)
    assert base == (4 + 6) * 49 + 50 * 8
    for connections, matrices in (
        (JOINT, 4),
        (PLAIN._replace(h_gate=Term("identity", 1)), 1),
        (PLAIN._replace(x_gate=Term("identity", 1)), 0),
        (PLAIN._replace(x_gate=Term("identity", 2)), 1),
        (PLAIN._replace(x=Term("identity", 1)), 1),
        (PLAIN._replace(h=Term("tanh", 1)), 1),
    ):
        architecture = space.from_genotype(RecurrentGenotype(V2.truncated(3), connections))
        assert space.parameter_count(architecture, num_classes=50, hidden=7) == base + matrices * 49
