"""The space of DARTS: notations, the DAG, keys, counts, variation, building."""

import itertools
import json
import math
from collections import Counter, namedtuple
from pathlib import Path
from types import SimpleNamespace

import networkx
import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random, rebuild
from ganas.spaces.darts.space import DARTS
from ganas.spaces.darts.wiring import CELL_CHOICES, OPERATIONS, SOURCE_PAIRS
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, MalformedArchitecture, WrongSpace

SPACE = DARTS()
META = Path(__file__).resolve().parents[4] / "shared" / "data" / "nb301_meta"
PREFIX = "NetworkSelectorDatasetInfo:darts:"

# Of the official code, cnn/genotypes.py.
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
NORMAL = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)] * 3 + [("skip_connect", 0), ("dil_conv_3x3", 2)]
REDUCE = [("max_pool_3x3", 0), ("max_pool_3x3", 1)] * 3 + [("max_pool_3x3", 1), ("avg_pool_3x3", 4)]
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")


def drawn(count, seed=0):
    return SPACE.sample(count, rng=np.random.default_rng(seed))


def official(normal=NORMAL, normal_concat=range(2, 6), reduce=REDUCE, reduce_concat=range(2, 6)):
    return Genotype(normal, normal_concat, reduce, reduce_concat)


# --- genotypes -----------------------------------------------------------------------------------------------


def test_an_official_genotype_is_read_and_written_with_the_lower_source_first():
    assert SPACE.format(SPACE.parse(DARTS_V2)) == (
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
        "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), "
        "('skip_connect', 2), ('max_pool_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 1), ('skip_connect', 2)], "
        "reduce_concat=range(2, 6))"
    )


def test_the_text_is_what_the_official_named_tuple_prints():
    for architecture in drawn(50):
        genotype = SPACE.to_genotype(architecture)
        assert SPACE.format(architecture) == repr(Genotype(*genotype))
        assert SPACE.parse(repr(Genotype(*genotype))) == architecture


def test_the_order_of_the_two_operations_of_a_node_does_not_matter():
    rng = np.random.default_rng(3)
    for architecture in drawn(50):
        cells = SPACE.to_genotype(architecture)
        shuffled = []
        for cell in (cells.normal, cells.reduce):
            pairs = [cell[start : start + 2] for start in range(0, 8, 2)]
            shuffled.append([entry for pair in pairs for entry in (pair[::-1] if rng.random() < 0.5 else pair)])
        other = SPACE.from_genotype(official(shuffled[0], reduce=shuffled[1]))
        assert other == architecture
        assert SPACE.identity_key(other) == SPACE.identity_key(architecture)


@pytest.mark.parametrize(
    "text",
    [
        DARTS_V2,
        f"  {DARTS_V2}\n",
        f"DARTS_V2 = {DARTS_V2}",
        f"genotypes.{DARTS_V2}",
        DARTS_V2.replace(", normal_concat=[2, 3, 4, 5]", "").replace(", reduce_concat=[2, 3, 4, 5]", ""),
        DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)"),
        DARTS_V2.replace("normal=", "").replace("normal_concat=", "").replace("reduce=", ""),
        DARTS_V2.replace(", ", ",\n    ").replace("'", '"'),
    ],
)
def test_the_forms_that_a_genotype_is_printed_in(text):
    assert SPACE.parse(text) == SPACE.from_genotype({"normal": NORMAL_V2, "reduce": REDUCE_V2})


NORMAL_V2 = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)] * 2 + [
    *[("sep_conv_3x3", 1), ("skip_connect", 0)],
    *[("skip_connect", 0), ("dil_conv_3x3", 2)],
]
REDUCE_V2 = [
    *[("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1)],
    *[("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)],
]


@pytest.mark.parametrize(
    "genotype",
    [
        official(),
        official(normal_concat=[2, 3, 4, 5], reduce_concat=(2, 3, 4, 5)),
        official(tuple(map(list, NORMAL)), reduce=[(name, np.int64(source)) for name, source in REDUCE]),
        tuple(official()),
        list(official()),
        official()._asdict(),
        {"reduce": REDUCE, "normal": NORMAL},
        SimpleNamespace(normal=NORMAL, reduce=REDUCE),
        SimpleNamespace(**official()._asdict(), name="mine"),
    ],
)
def test_the_forms_that_a_genotype_is_held_in(genotype):
    architecture = SPACE.from_genotype(genotype)
    assert architecture == SPACE.parse(repr(official()))
    assert SPACE.from_genotype(SPACE.to_genotype(architecture)) == architecture
    assert SPACE.to_genotype(architecture) == official()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Genotype",
        "Genotype()",
        "Genotype(1)",
        "Phenotype" + DARTS_V2[8:],
        DARTS_V2 + ", 1",
        f"{DARTS_V2}; {DARTS_V2}",
        f"({DARTS_V2})()",
        DARTS_V2.replace("normal=", "abnormal="),
        DARTS_V2.replace("reduce_concat=[2, 3, 4, 5]", "reduce_concat=[2, 3, 4, 5], more=1"),
        DARTS_V2.replace("reduce_concat=[2, 3, 4, 5]", "**{}"),
        DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=range(2, 6, 1)"),
        DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=range(2.0, 6)"),
        DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=list((2, 3, 4, 5))"),
        DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=5"),
        DARTS_V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat='2345'"),
        DARTS_V2.replace("('skip_connect', 0)", "('skip_connect', 0), ('skip_connect', 0)", 1),
        DARTS_V2.replace("('skip_connect', 0)", "('skip_connect', '0')"),
        DARTS_V2.replace("('skip_connect', 0)", "('skip_connect', 0.0)"),
        DARTS_V2.replace("('skip_connect', 0)", "'skip_connect'"),
        DARTS_V2.replace("('skip_connect', 0)", "(0, 'skip_connect')"),
        DARTS_V2.replace("('skip_connect', 0)", "({}, 0)"),
        DARTS_V2.replace("'skip_connect'", "skip_connect"),
        DARTS_V2.replace("skip_connect", "none"),
        DARTS_V2.replace("skip_connect", "skip\\x5fconnect"),
        DARTS_V2.replace("[('max", "__import__('os').getcwd() and [('max"),
        DARTS_V2.replace("Genotype(", "Genotype(*"),
        "\0" + DARTS_V2,
        "Genotype(normal=" + "[" * 1500 + "]" * 1500 + ")",
        DARTS_V2 + " " * 50 + "#" * 5000,
    ],
)
def test_other_text_is_refused_in_one_line(text):
    with pytest.raises(MalformedArchitecture) as error:
        SPACE.parse(text)
    message = str(error.value)
    assert message and "\n" not in message and len(message) < 400


def test_an_unknown_operation_is_named_with_the_closest():
    with pytest.raises(MalformedArchitecture, match=r"unknown operation 'sep_conv_3x1'.*did you mean 'sep_conv_3x3'\?"):
        SPACE.parse(DARTS_V2.replace("sep_conv_3x3", "sep_conv_3x1"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"normal_concat": [3, 4, 5]}, "joins all nodes"),
        ({"reduce_concat": range(2, 10**12)}, "joins all nodes"),
        ({"reduce_concat": [5, 4, 3, 2]}, "joins all nodes"),
        ({"normal": [("skip_connect", 0), ("skip_connect", 2), *NORMAL[2:]]}, "node 2 of the normal cell reads 0 to 1"),
        ({"reduce": [*REDUCE[:6], ("skip_connect", 5), ("skip_connect", 1)]}, "node 5 of the reduce cell reads 0 to 4"),
        ({"reduce": [("skip_connect", -1), *REDUCE[1:]]}, "node 2 of the reduce cell reads 0 to 1, not -1"),
        ({"normal": [*NORMAL[:4], ("skip_connect", 1), ("max_pool_3x3", 1), *NORMAL[6:]]}, "node 4 .* reads 1 twice"),
    ],
)
def test_a_genotype_of_another_space_is_refused(changed, message):
    genotype = official(**changed)
    for read in (lambda: SPACE.from_genotype(genotype), lambda: SPACE.parse(repr(genotype))):
        with pytest.raises(InvalidArchitecture, match=message) as error:
            read()
        assert not isinstance(error.value, MalformedArchitecture)


@pytest.mark.parametrize("thing", [None, 5, "text", (), (NORMAL, REDUCE), {"normal": NORMAL}, official(normal=None)])
def test_what_is_no_genotype_is_refused(thing):
    with pytest.raises(MalformedArchitecture):
        SPACE.from_genotype(thing)


# --- configurations ------------------------------------------------------------------------------------------


def test_a_configuration_leads_back():
    for architecture in drawn(100):
        config = SPACE.to_config(architecture)
        assert len(config) == 22
        assert SPACE.from_config(config) == architecture
        # Inactive hyperparameters as None, and those of the training beside them.
        names = [f"{PREFIX}edge_{cell}_{edge}" for cell in ("normal", "reduce") for edge in range(14)]
        full = {**dict.fromkeys(names), **config, f"{PREFIX}layers": 8, "OptimizerSelector:optimizer": "sgd"}
        assert SPACE.from_config(full) == architecture


def test_the_edges_of_a_configuration_by_hand():
    config = SPACE.to_config(SPACE.parse(DARTS_V2))
    assert {name.removeprefix(PREFIX): value for name, value in config.items() if "normal" in name} == {
        "edge_normal_0": "sep_conv_3x3",
        "edge_normal_1": "sep_conv_3x3",
        "inputs_node_normal_3": "0_1",
        "edge_normal_2": "sep_conv_3x3",
        "edge_normal_3": "sep_conv_3x3",
        "inputs_node_normal_4": "0_1",
        "edge_normal_5": "skip_connect",
        "edge_normal_6": "sep_conv_3x3",
        "inputs_node_normal_5": "0_2",
        "edge_normal_9": "skip_connect",
        "edge_normal_11": "dil_conv_3x3",
    }


@pytest.mark.skipif(not META.is_dir(), reason="the configuration space of NAS-Bench-301 is not beside the checkout")
def test_the_official_configuration_space():
    content = json.loads((META / "configspace.json").read_text())
    official_choices = {one["name"]: one.get("choices") for one in content["hyperparameters"]}
    for node in (3, 4, 5):
        for cell in ("normal", "reduce"):
            pairs = official_choices[f"{PREFIX}inputs_node_{cell}_{node}"]
            assert pairs == [f"{first}_{second}" for first, second in SOURCE_PAIRS[node]]
    edges = [name for name in official_choices if name.startswith(f"{PREFIX}edge_")]
    assert len(edges) == 28
    assert all(official_choices[name] == list(OPERATIONS) for name in edges)
    # An edge is active for the pairs with its source: that gives two for each of the eight nodes.
    conditions = {
        one["child"]: (one["parent"], one["values"]) for one in content["conditions"] if one["child"] in edges
    }
    for architecture in drawn(50):
        config = SPACE.to_config(architecture)
        active = {
            name for name in edges if name not in conditions or config[conditions[name][0]] in conditions[name][1]
        }
        assert active == {name for name in config if "edge_" in name}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"edge_normal_0": None}, MalformedArchitecture, "lacks .*edge_normal_0"),
        ({"edge_normal_11": "none"}, MalformedArchitecture, "unknown operation 'none'"),
        ({"edge_normal_11": 3}, MalformedArchitecture, "unknown operation 3"),
        ({"inputs_node_reduce_4": None}, MalformedArchitecture, "lacks .*inputs_node_reduce_4"),
        ({"inputs_node_reduce_4": "1_0"}, MalformedArchitecture, "is '1_0': known are 0_1, 0_2"),
        ({"inputs_node_reduce_4": ["0_1"]}, MalformedArchitecture, "known are 0_1"),
        ({"edge_normal_12": "skip_connect"}, InvalidArchitecture, "node 5 of the normal cell reads 0 and 2 alone"),
    ],
)
def test_a_configuration_that_is_wrong_is_refused(change, error, message):
    config = SPACE.to_config(SPACE.parse(DARTS_V2)) | {PREFIX + name: value for name, value in change.items()}
    with pytest.raises(error, match=message):
        SPACE.from_config(config)


@pytest.mark.parametrize("thing", [None, [], "text", {}])
def test_what_is_no_configuration_is_refused(thing):
    with pytest.raises(MalformedArchitecture):
        SPACE.from_config(thing)


# --- the DAG ---------------------------------------------------------------------------------------------------


def expected_graph(cell, number):
    """A cell as a networkx graph, from the eight (operation, source) of the genotype alone."""
    graph = networkx.DiGraph()
    names = {0: (number, 0), 1: (number, 1)}
    for source, node in names.items():
        graph.add_node(node, operation=f"input_{source}", cell=number)
    graph.add_node((number, "out"), operation="output", cell=number)
    for place, (operation, source) in enumerate(cell):
        target = 2 + place // 2
        names[target] = (number, target)
        graph.add_node(names[target], operation="add", cell=number)
        graph.add_node((number, "op", place), operation=operation, cell=number)
        graph.add_edge(names[source], (number, "op", place))
        graph.add_edge((number, "op", place), names[target])
        graph.add_edge(names[target], (number, "out"))
    return graph


def test_the_graph_is_that_of_the_genotype():
    for architecture in drawn(40):
        genotype = SPACE.to_genotype(architecture)
        expected = networkx.compose(expected_graph(genotype.normal, 0), expected_graph(genotype.reduce, 1))
        found = architecture.to_networkx()
        same = networkx.algorithms.isomorphism.categorical_node_match(["operation", "cell"], [None, None])
        assert networkx.is_isomorphic(found, expected, node_match=same)
        components = sorted(map(sorted, networkx.weakly_connected_components(found)))
        assert components == [[*range(15)], [*range(15, 30)]]
        assert architecture.cells == (0,) * 15 + (1,) * 15
        assert architecture.edges == tuple(sorted(architecture.edges))


def test_a_graph_without_a_noted_identity_is_read():
    for architecture in drawn(40):
        copy = Architecture.from_json(architecture.to_json())
        assert copy.identity is None
        assert SPACE.encode(copy) == SPACE.encode(architecture)
        assert SPACE.identity_key(copy) == SPACE.identity_key(architecture)
        SPACE.check(copy)


def test_graphs_of_other_shapes_are_refused():
    (one,) = drawn(1)
    labels, edges, cells = one.operations, one.edges, one.cells
    swapped = (*labels[:14], "add", *labels[15:])
    wrong = [
        Architecture("darts", labels, edges),
        Architecture("darts", labels, edges, cells[::-1]),
        Architecture("darts", labels, edges[:-1], cells),
        Architecture("darts", labels, [*edges, (0, 16)], cells),
        Architecture("darts", swapped, edges, cells),
        Architecture("darts", labels[:15], edges[:20], cells[:15]),
        Architecture("darts", ("input_1", "input_0", *labels[2:]), edges, cells),
    ]
    for stranger in wrong:
        for call in (SPACE.check, SPACE.encode, SPACE.format, SPACE.to_config, SPACE.parameter_count):
            with pytest.raises(InvalidArchitecture):
                call(stranger)
    with pytest.raises(WrongSpace):
        SPACE.encode(Architecture("nasbench201", labels, edges, cells))


# --- keys and counts -------------------------------------------------------------------------------------------


def test_the_size_is_the_number_of_genotypes():
    by_cell = math.prod(math.comb(node, 2) * 7**2 for node in (2, 3, 4, 5))
    assert by_cell == 1_037_664_180
    assert SPACE.size == by_cell**2 == math.prod(SPACE.choices) == 1_076_746_950_455_072_400
    assert len(SPACE.choices) == 22
    assert SPACE.size < 2**63


@pytest.mark.parametrize("cell", [0, 1])
def test_small_parts_of_the_space_counted_one_by_one(cell):
    """Each vector is another architecture, and another graph."""
    first = cell * len(CELL_CHOICES)
    # What node 3 reads and does; and all 180 wirings of a cell.
    for positions in ([2, 3, 4], [2, 5, 8]):
        genotype = [3] * 22
        for position, count in enumerate(SPACE.choices):
            genotype[position] %= count
        ranges = [range(SPACE.choices[first + position]) for position in positions]
        keys, graphs, texts = set(), set(), set()
        for values in itertools.product(*ranges):
            for position, value in zip(positions, values, strict=True):
                genotype[first + position] = value
            architecture = SPACE.decode(genotype)
            keys.add(SPACE.identity_key(architecture))
            graphs.add((architecture.operations, architecture.edges))
            texts.add(SPACE.format(architecture))
        assert len(keys) == len(graphs) == len(texts) == math.prod(map(len, ranges))


def test_keys_are_ranks_in_64_bits():
    genotypes = np.array([[0] * 22, [count - 1 for count in SPACE.choices], [0] * 21 + [1]])
    assert SPACE.identity_keys(genotypes).tolist() == [0, SPACE.size - 1, 1]
    sample = drawn(300)
    keys = [SPACE.identity_key(architecture) for architecture in sample]
    assert all(type(key) is int for key in keys)
    assert SPACE.identity_keys(SPACE.encode_many(sample)).tolist() == keys
    assert SPACE.from_keys(keys) == sample
    assert len(set(keys)) == len(keys)
    assert SPACE.encode_many(sample).tolist() == [list(SPACE.encode(one)) for one in sample]


@pytest.mark.parametrize("genotype", [[0] * 21, [0] * 23, [7, *[0] * 21], [0, 0, 3, *[0] * 19], [0.5] * 22, "text"])
def test_other_genotypes_are_refused(genotype):
    with pytest.raises(InvalidArchitecture):
        SPACE.decode(genotype)


def test_nodes_that_change_places_are_another_entry_and_the_same_graph():
    nodes = [[("sep_conv_3x3", 0), ("skip_connect", 1)], [("dil_conv_5x5", 0), ("max_pool_3x3", 1)]]
    others = [("avg_pool_3x3", 0), ("avg_pool_3x3", 1), ("sep_conv_5x5", 0), ("sep_conv_5x5", 1)]
    one = SPACE.from_genotype(official([*nodes[0], *nodes[1], *others]))
    two = SPACE.from_genotype(official([*nodes[1], *nodes[0], *others]))
    assert SPACE.identity_key(one) != SPACE.identity_key(two)
    assert SPACE.canonical_key(one) == SPACE.canonical_key(two)
    assert SPACE.functional_key(one) == SPACE.functional_key(two)


def test_inputs_and_cells_are_told_apart():
    one = SPACE.from_genotype(official())
    swapped = SPACE.from_genotype(official(REDUCE, reduce=NORMAL))
    mirrored = [(name, {0: 1, 1: 0}.get(source, source)) for name, source in NORMAL]
    other = SPACE.from_genotype(official(mirrored))
    assert len({SPACE.canonical_key(each) for each in (one, swapped, other)}) == 3
    assert len({SPACE.functional_key(each) for each in (one, swapped, other)}) == 3


def test_contracting_skips_makes_no_two_architectures_the_same():
    rng = np.random.default_rng(7)
    genotypes = rng.integers(SPACE.choices, size=(400, 22))
    # Wirings of few kinds, and of the operations pooling and skips alone.
    for position, count in enumerate(SPACE.choices):
        genotypes[:, position] = genotypes[:, position] % 2 * (2 if count == 7 else 1)
    genotypes[:, :11] = 0
    sample = [SPACE.decode(genotype) for genotype in genotypes]
    pairs = {(SPACE.canonical_key(one), SPACE.functional_key(one)) for one in sample}
    assert len(pairs) == len({first for first, _ in pairs}) == len({second for _, second in pairs}) > 200


# --- drawing and variation ---------------------------------------------------------------------------------------


def test_samples_are_uniform():
    genotypes = SPACE.encode_many(drawn(6000))
    for position, count in enumerate(SPACE.choices):
        share = np.bincount(genotypes[:, position], minlength=count) / len(genotypes)
        # Five standard deviations of a share.
        assert np.abs(share - 1 / count).max() < 5 * math.sqrt(1 / count / len(genotypes))


def test_neighbours_differ_in_one_choice():
    (one,) = drawn(1)
    neighbours = SPACE.neighbours(one)
    assert len(neighbours) == 16 * 6 + 2 * (2 + 5 + 9) == 128
    own = np.array(SPACE.encode(one))
    assert ((SPACE.encode_many(neighbours) != own).sum(axis=1) == 1).all()


def test_mutants_reach_every_neighbour_and_children_take_from_both_parents():
    rng = np.random.default_rng(0)
    one, two = drawn(2)
    mutants = {SPACE.identity_key(SPACE.mutate(one, rng=rng)) for _ in range(4000)}
    assert mutants == {SPACE.identity_key(neighbour) for neighbour in SPACE.neighbours(one)}
    parents = np.array([SPACE.encode(one), SPACE.encode(two)])
    children = SPACE.encode_many([SPACE.crossover(one, two, rng=rng) for _ in range(200)])
    assert ((children == parents[0]) | (children == parents[1])).all()
    differing = parents[0] != parents[1]
    share = (children == parents[0])[:, differing].mean()
    assert 0.4 < share < 0.6


# --- building ----------------------------------------------------------------------------------------------------


def test_the_schedule():
    decisions = SPACE.decisions
    assert len(decisions) == 52
    assert Counter(decision.kind for decision in decisions) == {"operation": 16, "edge": 36}
    # Node 2 has no choice of sources; operations on node 5 read one of four each.
    by_node = Counter(decision.node for decision in decisions if decision.kind == "edge")
    assert [by_node.get(node, 0) for node in (2, 3, 5, 6, 8, 9, 11, 12)] == [0, 0, 2, 2, 3, 3, 4, 4]
    assert [by_node.get(node, 0) for node in (17, 18, 20, 21, 23, 24, 26, 27)] == [0, 0, 2, 2, 3, 3, 4, 4]


def test_the_legal_bits_of_a_node_are_its_pairs_of_sources():
    """All choices that the masks leave open at the first cell, operations fixed: the 180 wirings, each once."""
    wirings = []

    def walk(taken):
        builder = SPACE.builder(1)
        for choice in taken:
            builder.apply(np.array([choice]))
        if builder.step == 26:
            wirings.append(builder.adjacency[0, :15, :15].tobytes())
            return
        legal = np.flatnonzero(builder.mask()[0])
        for choice in legal[:1] if builder.decision.kind == "operation" else legal:
            walk([*taken, int(choice)])

    walk([])
    assert len(wirings) == len(set(wirings)) == 3 * 6 * 10


def test_what_is_built_step_by_step_is_in_the_space_and_leads_back():
    built = build_at_random(SPACE, 300, rng=np.random.default_rng(1))
    for architecture in built:
        SPACE.check(Architecture.from_json(architecture.to_json()))
    assert rebuild(SPACE, SPACE.building_sequences(built)) == built
    sample = drawn(300)
    assert rebuild(SPACE, SPACE.building_sequences(sample)) == sample


def test_sums_and_outputs_are_placed_as_soon_as_they_can_be():
    builder = SPACE.builder(3)
    assert builder.num_nodes.tolist() == [2] * 3
    for choice in (2, 8):
        builder.apply(np.full(3, choice))
    # The sum of node 2 stands, and node 3 has not begun.
    assert builder.num_nodes.tolist() == [5] * 3
    assert [SPACE.operations[number] for number in builder.operation_ids[0, :5]] == [
        *("input_0", "input_1", "max_pool_3x3", "dil_conv_5x5", "add"),
    ]
    with pytest.raises(InvalidSetting):
        builder.apply(np.array([0, 0, 0]))


# --- parameters ----------------------------------------------------------------------------------------------------


def test_parameters_are_those_of_published_networks():
    # The official code prints "param size = 3.349342MB" for it, auxiliary head left out (README: 3.349MB).
    assert SPACE.parameter_count(SPACE.parse(DARTS_V2)) == 3_349_342
    # https://github.com/chenxin061/pdarts/issues/7 has both counts for P-DARTS.
    pdarts = SPACE.parse(
        "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), ('dil_conv_5x5', 4)], "
        "normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), "
        "('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], "
        "reduce_concat=range(2, 6))"
    )
    assert SPACE.parameter_count(pdarts) == 3_433_798
    assert SPACE.parameter_count(pdarts, auxiliary=True) == 3_910_224


@pytest.mark.parametrize("setting", ["num_classes", "channels", "layers"])
def test_parameters_of_no_network_are_refused(setting):
    with pytest.raises(InvalidSetting, match=f"{setting} must be at least 1, not 0"):
        SPACE.parameter_count(*drawn(1), **{setting: 0})
