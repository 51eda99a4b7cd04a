"""The spaces of text networks: sizes, graphs, keys, variation, building, parameters."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from ganas.spaces.architecture import Architecture
from ganas.spaces.building import build_at_random, rebuild
from ganas.spaces.encodings import encode
from ganas.spaces.errors import InvalidArchitecture, InvalidSetting, WrongSpace
from ganas.spaces.registry import load_space
from ganas.spaces.testing import parametrize_with_checks
from ganas.spaces.textnas.genotype import OPERATORS, TextGenotype, TextLayer
from ganas.spaces.textnas.parameters import num_parameters
from ganas.spaces.textnas.space import TextNAS, TextNASMini, TextSpace
from ganas.spaces.textnas.wiring import make_layout


class One(TextSpace, name="text-one", title="One layer", layers=1):
    """Operators alone."""


class Two(TextSpace, name="text-two", title="Two layers", layers=2):
    """Without offsets."""


class Three(TextSpace, name="text-three", title="Three layers", layers=3):
    """Small enough to be listed."""


class Chain(TextSpace, name="text-chain", title="Window of one", layers=5, window=1):
    """Each operator reads the layer before."""


SMALL = [One, Two, Three, Chain]


@parametrize_with_checks([*SMALL, "textnas-mini"])
def test_spaces_of_several_sizes_keep_every_promise(subject, check):
    check(subject() if isinstance(subject, type) else load_space(subject) if isinstance(subject, str) else subject)


def drawn(space, count, seed=0):
    return space.sample(count, rng=np.random.default_rng(seed))


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "exponent", "length"),
    [(4, 6.20, 14), (6, 12.01, 27), (8, 19.13, 44), (12, 36.98, 90), (24, 119.42, 324)],
)
def test_sizes_of_the_specification(layers, exponent, length):
    choices = make_layout(layers).choices
    assert len(choices) == length
    size = 8**layers * math.prod(min(layer, 5) for layer in range(1, layers)) * 2 ** (layers * (layers - 1) // 2)
    assert math.prod(choices) == size
    assert round(math.log10(size), 2) == exponent


def test_sizes_of_the_registered_spaces():
    assert (TextNAS.size, TextNAS.max_nodes) == (math.prod(make_layout(24).choices), 49)
    assert (TextNASMini.size, TextNASMini.max_nodes) == (8**6 * 1 * 2 * 3 * 4 * 5 * 2**15, 13)
    assert (One.size, Two.size, Three.size, Chain.size) == (8, 128, 8192, 8**5 * 2**10)
    assert isinstance(load_space("textnas"), TextNAS)
    assert isinstance(load_space("textnas-mini"), TextNASMini)


def test_every_code_of_a_small_space_is_another_graph():
    listed = list(Three().enumerate())
    assert len(listed) == len(set(listed)) == len({Three().format(one) for one in listed}) == 8192


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers must be from 1 to 64, not 0"),
        ({"layers": 65}, "layers must be from 1 to 64, not 65"),
        ({"window": 0}, "window must be from 1 to 64, not 0"),
    ],
)
def test_spaces_that_cannot_be(settings, message):
    with pytest.raises(InvalidSetting, match=message):
        type("Impossible", (TextSpace,), {}, name="impossible", title="x", **settings)


def test_a_subclass_without_a_name_is_the_same_space():
    class Same(TextNASMini):
        """Nothing of its own."""

    assert (Same.name, Same.size, Same.choices) == (TextNASMini.name, TextNASMini.size, TextNASMini.choices)


# --- graphs ----------------------------------------------------------------------------------------------------------


def test_the_graph_of_an_architecture():
    architecture = Three().parse("0 5; 0 7 1; 1 6 0 1")
    assert architecture.operations == ("input", "max_pool", "attention", "add", "gru", "add", "output")
    primary = {(0, 1), (1, 2), (1, 4)}
    skips = {(1, 3), (3, 5)}
    assert set(architecture.edges) == primary | skips | {(2, 3), (4, 5)} | {(1, 6), (3, 6), (5, 6)}
    assert architecture.cells == ()


def test_a_skip_from_what_the_operator_reads_is_not_the_operator_reading_it():
    space = Three()
    once, twice, other = (space.parse(f"0 5; 0 7 0; 0 6 {bits}") for bits in ("0 0", "0 1", "1 0"))
    for key in (space.identity_key, space.canonical_key, space.functional_key):
        assert len({key(once), key(twice), key(other)}) == 3
    # Reading layer 0 and adding layer 1 is not reading layer 1 and adding layer 0.
    one, two = space.parse("0 5; 0 7 0; 1 6 0 1"), space.parse("0 5; 0 7 0; 0 6 1 0")
    assert len(one.edges) == len(two.edges)
    assert space.functional_key(one) != space.functional_key(two)


def test_layers_that_change_places_share_the_canonical_key_alone():
    space = Three()
    one, two = space.parse("0 5; 0 7 0; 1 6 1 0"), space.parse("0 5; 0 6 1; 1 7 0 0")
    assert space.canonical_key(one) == space.canonical_key(two)
    assert space.identity_key(one) != space.identity_key(two)


def test_canonical_keys_tell_exactly_the_networks_that_differ_apart():
    space = Three()
    # Of three layers, the last two can change places where the last reads and adds nothing but the first.
    expected = {}
    for architecture in space.enumerate():
        _, second, third = space.genotype(architecture).layers
        first = architecture.operations[1]
        free = third.offset == 1 and not third.skips[1]
        rows = [(second.operator, second.skips[0]), (third.operator, third.skips[0])]
        expected[space.identity_key(architecture)] = (
            (first, "free", *sorted(rows)) if free else (first, *rows, third.offset, third.skips[1])
        )
    keys = {
        space.identity_key(one): space.canonical_key(one) for one in space.enumerate() if one.operations[1] == "gru"
    }
    pairs = {(keys[number], expected[number]) for number in keys}
    assert len(pairs) == len({key for key, _ in pairs}) == len({shape for _, shape in pairs})


def test_strangers():
    space = Three()
    good = space.parse("0 5; 0 7 1; 1 6 0 1")
    labels, edges = good.operations, good.edges
    for stranger in (
        Architecture("text-three", labels, edges, [0] * 7),
        Architecture("text-three", labels, [edge for edge in edges if edge != (1, 4)]),
        Architecture("text-three", labels, [edge for edge in edges if edge != (3, 6)]),
        Architecture("text-three", labels, [*edges, (0, 4)]),
        Architecture("text-three", labels, [*edges, (2, 5)]),
        Architecture("text-three", labels[::-1], edges),
        Architecture("text-three", [*labels[:3], "gru", *labels[4:]], edges),
        Architecture("text-three", labels, [(2, 4) if edge == (1, 4) else edge for edge in edges]),
    ):
        with pytest.raises(InvalidArchitecture, match="does not have the nodes and edges of 'text-three'"):
            space.check(stranger)
    with pytest.raises(WrongSpace):
        Two().check(good)


def test_a_window_is_kept():
    layers = tuple(TextLayer(int(number == 2), "gru", (False,) * number) for number in range(5))
    assert Chain.choices.count(1) == 5
    with pytest.raises(InvalidArchitecture, match="layer 2 has the offset 1: in 'text-chain' it can have 0 to 0"):
        Chain().from_genotype(TextGenotype(layers))
    with pytest.raises(InvalidArchitecture, match="the number of layers is 5, and that of 'textnas-mini' is 6"):
        TextNASMini().from_genotype(TextGenotype(layers))


def test_genotypes_that_are_refused():
    with pytest.raises(InvalidArchitecture, match="'textnas-mini' has 27 whole numbers, not 3"):
        TextNASMini().decode([0, 0, 0])
    with pytest.raises(InvalidArchitecture, match="'textnas-mini' has 27 whole numbers, not 0"):
        TextNASMini().decode(["0"] * 27)
    with pytest.raises(InvalidArchitecture, match="number 3 of a genotype of 'textnas-mini' can be 0 to 7, not 8"):
        TextNASMini().decode([0, 0, 0, 8, *[0] * 23])


# --- variation and building ------------------------------------------------------------------------------------------


def changed_rows(space, one, other):
    pairs = zip(space.genotype(one).layers, space.genotype(other).layers, strict=True)
    return [(number, a, b) for number, (a, b) in enumerate(pairs) if a != b]


@pytest.mark.parametrize("space", [TextNASMini(), TextNAS()], ids=lambda space: space.name)
def test_neighbours_differ_in_one_operator_offset_or_bit(space):
    (architecture,) = drawn(space, 1)
    neighbours = space.neighbours(architecture)
    layers = space.layout.layers
    offsets = sum(min(layer, 5) - 1 for layer in range(1, layers))
    assert len(neighbours) == 7 * layers + offsets + layers * (layers - 1) // 2
    for neighbour in neighbours:
        [(_, a, b)] = changed_rows(space, architecture, neighbour)
        bits = sum(one != other for one, other in zip(a.skips, b.skips, strict=True))
        assert (a.operator != b.operator) + (a.offset != b.offset) + bits == 1


def test_mutants_differ_in_one_place_of_each_kind_alike():
    space = TextNAS()
    (architecture,) = drawn(space, 1)
    code = np.array(space.encode(architecture))
    rng = np.random.default_rng(0)
    starts = [row.start for row in space.layout.rows]
    kinds, layers = Counter(), set()
    for _ in range(1500):
        (place,) = np.flatnonzero(code != space.encode(space.mutate(architecture, rng=rng))).tolist()
        kind = "offset" if place in starts else "operator" if place - 1 in starts else "skip"
        kinds[kind] += 1
        if kind == "operator":
            layers.add(starts.index(place - 1))
    # Five standard deviations on either side.
    assert all(400 < kinds[kind] < 600 for kind in ("operator", "offset", "skip"))
    assert layers == set(range(24))


def test_a_mutation_where_there_are_no_offsets_or_skips():
    rng = np.random.default_rng(0)
    (one,) = drawn(One(), 1)
    assert {One().mutate(one, rng=rng) for _ in range(200)} == set(One().neighbours(one))
    (two,) = drawn(Two(), 1)
    assert {Two().mutate(two, rng=rng) for _ in range(400)} == set(Two().neighbours(two))


def test_crossover_takes_whole_rows():
    space = TextNAS()
    first, second = drawn(space, 2)
    rng = np.random.default_rng(0)
    one, two = space.genotype(first).layers, space.genotype(second).layers
    shares = []
    for _ in range(50):
        child = space.genotype(space.crossover(first, second, rng=rng)).layers
        assert all(layer in pair for layer, pair in zip(child, zip(one, two, strict=True), strict=True))
        shares.append(sum(layer == own for layer, own in zip(child, one, strict=True)) / len(one))
    assert 0.4 < np.mean(shares) < 0.6


def test_samples_are_uniform_in_every_place():
    space = TextNASMini()
    codes = space.encode_many(drawn(space, 4000))
    for column, count in zip(codes.T, space.choices, strict=True):
        counts = np.bincount(column, minlength=count)
        expected = 4000 / count
        # The 0.9999 quantile of chi squared with 7 degrees of freedom is below 30.
        assert ((counts - expected) ** 2 / expected).sum() < 30


@pytest.mark.parametrize("space", [One(), Two(), Chain(), TextNASMini(), TextNAS()], ids=lambda space: space.name)
def test_building(space):
    built = build_at_random(space, 50, rng=np.random.default_rng(0))
    assert rebuild(space, space.building_sequences(built)) == built
    layers, window = space.layout.layers, space.layout.window
    offsets = sum(min(layer, window) for layer in range(2, layers)) if window > 1 else 0
    assert len(space.decisions) == layers + offsets + layers * (layers - 1) // 2
    # The nodes that decisions are on come in order, so that a builder can go on from every one of them.
    nodes = [decision.node for decision in space.decisions]
    assert nodes == sorted(nodes)


def test_every_sequence_of_legal_choices_is_one_architecture():
    space = Two()
    sequences = space.building_sequences(list(space.enumerate()))
    assert len(np.unique(sequences, axis=0)) == space.size


# --- encodings -------------------------------------------------------------------------------------------------------


def test_encodings_of_the_deepest_networks_are_finite():
    space = TextNAS()
    every = space.decode([value - 1 for value in space.choices])  # all skips
    none = space.decode([0] * 324)
    sample = [every, none, *drawn(space, 3)]
    assert encode(space, sample, "one_hot").shape == (5, sum(space.choices))
    for name in ("adjacency_one_hot", "live_one_hot", "live_operation_counts", "live_operation_pairs"):
        assert np.isfinite(encode(space, sample, name)).all()
    summary = encode(space, sample, "live_path_summary")
    assert np.isfinite(summary).all()
    # Without skips a chain whose every layer is read by the output.
    paths, shortest, longest = summary[1, :3].tolist()
    assert (paths, shortest, longest) == (24, 3, 49)
    with pytest.raises(InvalidSetting, match="pass a max_length"):
        encode(space, sample, "path")


def test_numbers_of_paths_by_recursion():
    space = TextNAS()
    sample = drawn(space, 5)
    found = encode(space, sample, "live_path_summary")[:, 0]
    for architecture, paths in zip(sample, found.tolist(), strict=True):
        genotype = space.genotype(architecture)
        count: list[int] = []
        for number, layer in enumerate(genotype.layers):
            source = genotype.source(number)
            primary = 1 if source < 0 else count[source]
            count.append(primary + sum(itertools.compress(count, layer.skips)))
        assert paths == pytest.approx(sum(count), rel=1e-6)


# --- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_of_the_released_architecture():
    space = TextNAS()
    released = space.parse("released")
    genotype = space.genotype(released)
    assert space.parameter_count(released) == num_parameters(genotype) == 6_139_421
    # Three of its layers have no skips: a normalisation behind each of those has 2 * 256 parameters.
    assert num_parameters(genotype, normalise_always=True) == 6_140_957 == 6_139_421 + 3 * 512


def test_parameters_of_each_operator():
    channels, classes = 8, 3
    # One layer: the initial convolution, the operator, one share of the sum, the classifier.
    rest = 5 * channels + 3 * channels + 1 + classes * channels + classes
    square = channels**2
    operators = {
        **{f"conv_{size}": size * square + 3 * channels for size in (1, 3, 5, 7)},
        **{"average_pool": 0, "max_pool": 0},
        "gru": 2 * (3 * channels * 2 * channels + 6 * channels),
        "attention": 3 * square + 5 * channels,
    }
    assert set(operators) == set(OPERATORS)
    for operator, own in operators.items():
        genotype = TextGenotype((TextLayer(0, operator, ()),))
        assert num_parameters(genotype, channels=channels, inputs=5, num_classes=classes) == rest + own
    with pytest.raises(InvalidSetting, match="channels must be at least 1, not 0"):
        num_parameters(TextGenotype((TextLayer(0, "gru", ()),)), channels=0)
