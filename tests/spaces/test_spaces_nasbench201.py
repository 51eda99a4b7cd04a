import itertools
from typing import Any

import networkx
import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random
from ganas.spaces.errors import (
    GanasError,
    InvalidArchitecture,
    InvalidSetting,
    MalformedArchitecture,
    NotSupported,
    WrongSpace,
)
from ganas.spaces.nasbench201.space import EDGE_OPERATIONS, EDGES, NASBench201, official_unique_string

SPACE = NASBench201()
TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


@pytest.fixture(scope="module")
def every_cell():
    return list(SPACE.enumerate())


# --- notation -----------------------------------------------------------------------------------------------------


def test_parse_reads_each_edge_in_order():
    assert SPACE.encode(SPACE.parse(TEXT)) == (3, 0, 1, 4, 0, 2)
    assert SPACE.parse(TEXT) == SPACE.decode([3, 0, 1, 4, 0, 2])
    assert SPACE.format(SPACE.parse(TEXT)) == TEXT
    assert SPACE.parse(f" {TEXT}\n") == SPACE.parse(TEXT)


def test_notation_of_every_cell_reads_back(every_cell):
    texts = [SPACE.format(cell) for cell in every_cell]
    assert len(set(texts)) == 15_625
    assert all(SPACE.parse(text) == cell for text, cell in zip(texts, every_cell, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "three groups joined by '\\+' are wanted"),
        ("garbage", "three groups"),
        (TEXT[:-1], r"group '.*' must hold 3 entries between bars"),
        (TEXT[1:], r"group 'nor_conv_3x3~0\|' must hold 1 entries"),
        (TEXT[:20], "three groups"),
        (TEXT + "+" + TEXT, "three groups"),
        (TEXT.replace("|none~1", ""), "must hold 3 entries"),
        (TEXT.replace("|none~0|skip_connect~1|", "|skip_connect~1|none~0|"), r"'skip_connect~1' .* must end in ~0"),
        (TEXT.replace("nor_conv_1x1~2", "nor_conv_1x1~3"), r"'nor_conv_1x1~3' .* must end in ~2"),
        (TEXT.replace("nor_conv_1x1~2", "nor_conv_1x1"), "must end in ~2"),
        (TEXT.replace("nor_conv_1x1~2", "~2"), "unknown operation ''"),
        (TEXT.replace("nor_conv_3x3", "nor_conv_5x5"), r"unknown operation 'nor_conv_5x5'.*did you mean 'nor_conv_"),
        (TEXT.replace("skip_connect", "skip"), r"unknown operation 'skip'.*did you mean 'skip_connect'\?"),
        (TEXT.replace("avg_pool_3x3", "AVG_POOL_3x3"), "unknown operation 'AVG_POOL_3x3'"),
        (TEXT.replace("none~0", "input~0"), "unknown operation 'input'"),
        (TEXT.replace("none~0", "none~0~0"), "must end in ~0"),
    ],
)
def test_malformed_texts_are_refused(text, message):
    with pytest.raises(MalformedArchitecture, match=message) as caught:
        SPACE.parse(text)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("thing", [None, 5, b"|none~0|", ["|none~0|"]], ids=repr)
def test_things_that_are_no_text_are_refused(thing):
    with pytest.raises(MalformedArchitecture):
        SPACE.parse(thing)


# --- genotype and graph -------------------------------------------------------------------------------------------


def test_enumerate_gives_every_genotype_in_order(every_cell):
    genotypes = SPACE.encode_many(every_cell)
    assert genotypes.tolist() == [list(genotype) for genotype in itertools.product(range(5), repeat=6)]
    assert len(set(every_cell)) == SPACE.size == 15_625


def test_every_genotype_decodes_to_the_cell_it_encodes(every_cell):
    assert all(SPACE.decode(SPACE.encode(cell)) == cell for cell in every_cell)


def test_identity_is_the_rank_of_the_genotype(every_cell):
    assert [SPACE.identity_key(cell) for cell in every_cell] == list(range(15_625))
    assert SPACE.identity_keys(SPACE.encode_many(every_cell)).tolist() == list(range(15_625))
    # Without the number that decode notes, it is computed.
    bare = [Architecture.from_json(cell.to_json()) for cell in every_cell[::97]]
    assert {cell.identity for cell in bare} == {None}
    assert [SPACE.identity_key(cell) for cell in bare] == list(range(0, 15_625, 97))


def test_numpy_genotypes_decode(every_cell):
    # The rank would overflow eight bits.
    genotype: Any = np.array([3, 0, 1, 4, 0, 2], dtype=np.int8)
    cell = SPACE.decode(genotype)
    assert cell == SPACE.parse(TEXT)
    assert type(cell.identity) is int
    assert cell.identity == SPACE.identity_key(SPACE.parse(TEXT))


@pytest.mark.parametrize(
    "genotype", [[], [0] * 5, [0] * 7, [5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -1]], ids=lambda value: str(value)
)
def test_invalid_genotypes_are_refused(genotype):
    assert not SPACE.is_valid(genotype)
    with pytest.raises(InvalidArchitecture, match="six operation numbers from 0 to 4"):
        SPACE.decode(genotype)


@pytest.mark.parametrize("genotype", ["333333", 333333, None, [0.5] * 6, np.zeros(6)], ids=repr)
def test_things_that_are_no_genotype_are_refused(genotype):
    with pytest.raises(InvalidArchitecture, match="six operation numbers from 0 to 4"):
        SPACE.decode(genotype)


@pytest.mark.parametrize(
    "genotypes",
    [np.zeros(6, dtype=int), np.zeros((2, 5), dtype=int), np.zeros((2, 6)), np.full((2, 6), 5), np.full((2, 6), -1)],
    ids=["one row", "five columns", "floats", "above", "below"],
)
def test_invalid_genotype_arrays_are_refused(genotypes):
    with pytest.raises(InvalidArchitecture):
        SPACE.identity_keys(genotypes)


def test_message_names_the_row_out_of_range():
    genotypes = np.zeros((4, 6), dtype=np.int64)
    genotypes[2, 3] = 9
    with pytest.raises(InvalidArchitecture, match=r"genotype \[0, 0, 0, 9, 0, 0\] in row 2 is out of range"):
        SPACE.identity_keys(genotypes)


def test_graph_has_one_node_for_each_edge_of_the_cell():
    # The line graph of the cell, by networkx: an edge reads the edges that end where it starts.
    lines = networkx.line_graph(networkx.DiGraph(EDGES))
    expected = {(EDGES.index(first) + 1, EDGES.index(second) + 1) for first, second in lines.edges}
    expected |= {(0, 1 + number) for number, (source, _) in enumerate(EDGES) if source == 0}
    expected |= {(1 + number, 7) for number, (_, target) in enumerate(EDGES) if target == 3}
    cell = SPACE.parse(TEXT)
    assert set(cell.edges) == expected
    assert cell.edges == tuple(sorted(expected))
    assert cell.operations == ("input", *(EDGE_OPERATIONS[number] for number in SPACE.encode(cell)), "output")


def stranger(labels=None, edges=None, cells=(), space="nasbench201"):
    cell = SPACE.parse(TEXT)
    return Architecture(
        space, cell.operations if labels is None else labels, cell.edges if edges is None else edges, cells
    )


@pytest.mark.parametrize(
    "architecture",
    [
        stranger(edges=SPACE.parse(TEXT).edges[:-1]),
        stranger(edges=[*SPACE.parse(TEXT).edges, (0, 7)]),
        stranger(labels=["input", *["none"] * 5, "output", "output"]),
        stranger(labels=["none"] * 7 + ["output"]),
        stranger(labels=["input"] + ["none"] * 7),
        stranger(labels=["input", *["none"] * 7, "output"]),
        stranger(labels=[], edges=[]),
        stranger(cells=[0] * 8),
    ],
    ids=["edge missing", "edge too many", "two outputs", "no input", "no output", "nine nodes", "empty", "cells"],
)
@pytest.mark.parametrize("method", ["check", "encode", "format", "identity_key", "parameter_count"])
def test_strangers_under_the_name_are_refused(architecture, method):
    with pytest.raises(InvalidArchitecture, match="does not have the nodes and edges"):
        getattr(SPACE, method)(architecture)


@pytest.mark.parametrize("method", ["check", "encode", "format", "identity_key", "parameter_count"])
def test_other_spaces_are_refused(method):
    with pytest.raises(WrongSpace, match="of 'nasbench201' is wanted, not of 'another'"):
        getattr(SPACE, method)(stranger(space="another"))


def test_a_noted_identity_of_another_space_is_not_trusted():
    cell = SPACE.parse(TEXT)
    other = Architecture.trusted("another", cell.operations, cell.edges, identity=3)
    with pytest.raises(WrongSpace):
        SPACE.identity_key(other)


# --- the official string ------------------------------------------------------------------------------------------


def test_official_unique_string_equals_nats_bench(every_cell):
    from nats_bench.genotype_utils import topology_str2structure

    strings = [official_unique_string(cell) for cell in every_cell]
    official = [topology_str2structure(SPACE.format(cell)).to_unique_str(consider_zero=True) for cell in every_cell]
    assert strings == official
    assert len(set(strings)) == 6_466


def test_official_unique_string_refuses_other_spaces():
    with pytest.raises(WrongSpace):
        official_unique_string(stranger(space="another"))


# --- drawing, varying, building -----------------------------------------------------------------------------------


def test_sample_is_uniform():
    sample = SPACE.sample(15_625 * 8, rng=np.random.default_rng(0))
    counts = np.bincount([SPACE.identity_key(cell) for cell in sample], minlength=15_625)
    # Chi-square over 15,625 equally likely members: mean 15,624, standard deviation 177.
    assert abs(((counts - 8) ** 2 / 8).sum() - 15_624) < 5 * 177


@pytest.mark.parametrize("count", [-1, -5])
def test_negative_sample_sizes_are_refused(count):
    with pytest.raises(InvalidSetting, match=f"count must not be negative, not {count}"):
        SPACE.sample(count, rng=np.random.default_rng(0))


def test_neighbours_change_one_operation():
    cell = SPACE.parse(TEXT)
    genotypes = SPACE.encode_many(SPACE.neighbours(cell))
    assert len(genotypes) == 24
    assert ((genotypes != SPACE.encode(cell)).sum(axis=1) == 1).all()


def test_mutation_reaches_every_neighbour_equally_often():
    cell = SPACE.parse(TEXT)
    rng = np.random.default_rng(0)
    mutants = [SPACE.mutate(cell, rng=rng) for _ in range(4_800)]
    counts = [mutants.count(neighbour) for neighbour in SPACE.neighbours(cell)]
    assert sum(counts) == 4_800
    # 200 expected, standard deviation 14.
    assert max(abs(count - 200) for count in counts) < 75


def test_a_child_takes_each_operation_from_a_parent():
    first, second = SPACE.decode((0, 1, 2, 3, 4, 0)), SPACE.decode((1, 2, 3, 4, 0, 0))
    rng = np.random.default_rng(0)
    children = np.array([SPACE.encode(SPACE.crossover(first, second, rng=rng)) for _ in range(400)])
    from_first = children == SPACE.encode(first)
    assert (from_first | (children == SPACE.encode(second))).all()
    assert (np.abs(from_first[:, :5].mean(axis=0) - 0.5) < 0.15).all()


def test_builder_places_the_wiring_with_the_nodes():
    builder = SPACE.builder(1)
    assert builder.operation_ids.tolist() == [[0] + [-1] * 7]
    assert builder.mask().tolist() == [[False, True, True, True, True, True, False]]
    builder.apply(np.array([4]))
    assert builder.num_nodes.tolist() == [2]
    assert np.argwhere(builder.adjacency[0]).tolist() == [[0, 1]]
    for choice in (1, 2, 5, 1, 3):
        builder.apply(np.array([choice]))
    assert builder.num_nodes.tolist() == [8]
    (built,) = builder.finish()
    assert built == SPACE.parse(TEXT)
    assert tuple(map(tuple, np.argwhere(builder.adjacency[0]).tolist())) == built.edges


def test_building_sequences_are_the_operation_ids(every_cell):
    sequences = SPACE.building_sequences(every_cell)
    assert [SPACE.operations[number] for number in sequences[-1]] == list(every_cell[-1].operations[1:-1])
    assert sequences.min() == 1
    assert sequences.max() == 5
    assert build_at_random(SPACE, 3, rng=np.random.default_rng(0))[0] in set(every_cell)


def test_spaces_of_one_class_are_equal():
    assert NASBench201() == SPACE
    assert {SPACE, NASBench201()} == {SPACE}
    assert repr(SPACE) == "<Space nasbench201: 15,625 architectures>"


def test_what_a_space_cannot_do_says_so():
    from ganas.spaces.space import Space

    cell = SPACE.parse(TEXT)
    for call in (lambda: Space.parameter_count(SPACE, cell), lambda: Space.network(SPACE, cell)):
        with pytest.raises(NotSupported, match="'nasbench201'") as caught:
            call()
        assert isinstance(caught.value, GanasError)
