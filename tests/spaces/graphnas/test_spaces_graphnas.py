"""The spaces of NAS-Bench-Graph: notation, entries, keys and building; every entry against the package."""

import itertools
import math

import numpy as np
import pytest

from ganas.spaces.canonical import functional_certificate
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace
from ganas.spaces.graphnas.space import GNN_OPERATIONS, GraphNAS, GraphNASProteins
from ganas.spaces.graphnas.wiring import LINKS, automorphisms, canonical_order, classes, move_skips

SPACE = GraphNAS()
PROTEINS = GraphNASProteins()
ALL_LINKS = list(itertools.product((0,), (0, 1), (0, 1, 2), (0, 1, 2, 3)))


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("nas_bench_graph", reason="the package nas-bench-graph is not installed")


def same(first, second, space=SPACE):
    return space.identity_key(space.parse(first)) == space.identity_key(space.parse(second))


# --- against the package -----------------------------------------------------------------------------------------


def test_links_and_operations_are_those_of_the_package(package):
    assert [list(links) for links in LINKS] == package.architecture.link_list
    assert list(GNN_OPERATIONS) == package.architecture.gnn_list
    assert list(PROTEINS.operations[1:-1]) == package.architecture.gnn_list_proteins


def test_every_genotype_is_the_entry_that_the_package_says(package):
    ranks = np.arange(9**5)
    digits = ranks[:, None] // 9 ** np.arange(4, -1, -1) % 9
    # The package's key has the digits of the representative's genotype in base 10.
    entries = classes(9)
    keys = (entries[:, None] // 9 ** np.arange(4, -1, -1) % 9) @ 10 ** np.arange(4, -1, -1)
    for rank, (wiring, *operations) in enumerate(digits.tolist()):
        architecture = package.Arch(list(LINKS[wiring]), [GNN_OPERATIONS[number] for number in operations])
        expected = architecture.valid_hash()
        if entries[rank] < 0:
            assert expected == 88888
        else:
            assert expected == keys[rank], (LINKS[wiring], operations)


def test_every_link_list_is_put_into_the_order_of_the_package(package):
    operations = ["gcn", "skip", "gin", "fc"]
    for links, chosen in itertools.product(ALL_LINKS, itertools.permutations(operations)):
        text = f"[{','.join(map(str, links))}] {','.join(chosen)}"
        assert SPACE.package_hash(SPACE.parse(text)) == package.Arch(list(links), list(chosen)).valid_hash(), text


def test_the_entries_of_proteins_are_those_over_its_operations():
    allowed = set(PROTEINS.operations)
    expected = {SPACE.package_hash(one) for one in SPACE.enumerate() if set(one.operations) <= allowed}
    assert {PROTEINS.package_hash(one) for one in PROTEINS.enumerate()} == expected
    assert len(expected) == PROTEINS.size == 2_021


# --- entries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [SPACE, PROTEINS], ids=lambda space: space.name)
def test_the_size_is_the_number_of_entries(space):
    entries = classes(space.choices[-1])
    assert len(entries) == math.prod(space.choices)
    keys = [space.identity_key(one) for one in space.enumerate()]
    assert keys == sorted(set(entries.tolist()) - {-1})
    assert len(keys) == space.size
    assert np.count_nonzero(entries < 0) == 9
    # A representative stands for itself.
    assert np.array_equal(entries[keys], keys)


def test_functions_are_as_many_as_entries():
    assert len({PROTEINS.functional_key(one) for one in PROTEINS.enumerate()}) == PROTEINS.size


def only_skips_lead_to_an_output(architecture):
    """Whether a path from the input to the output holds skips alone."""
    reached = {0}
    for source, target in architecture.edges:
        if source in reached and architecture.operations[target] in ("skip", "output"):
            reached.add(target)
    return 5 in reached


def test_an_entry_is_a_function_but_for_skips_from_the_input_to_the_output():
    options = {"zero": frozenset(), "skip": frozenset({"skip"})}
    compared = 0
    for rank, key in enumerate(classes(5).tolist()):
        if key in (-1, rank):
            continue
        written = PROTEINS.decode([rank // 5**4, *(rank // 5**place % 5 for place in (3, 2, 1, 0))])
        if not only_skips_lead_to_an_output(written):
            assert functional_certificate(written, **options) == PROTEINS.functional_key(written)
            compared += 1
    assert compared > 2_000


def test_isomorphic_trees_are_one_entry():
    assert same("[0,1,2,1] gcn,gin,fc,cheb", "[0,1,1,2] gcn,gin,cheb,fc")
    # The pair that the package's own text calls the same.
    assert not same("[0,1,2,1] gcn,gin,fc,cheb", "[0,1,1,2] gcn,cheb,gin,fc")
    assert same("[0,0,1,2] gcn,gin,fc,cheb", "[0,0,1,2] gin,gcn,cheb,fc")


def test_a_skip_that_is_read_moves_to_the_front():
    assert same("[0,1,2,3] gcn,skip,gin,fc", "[0,1,2,3] skip,gcn,gin,fc")


def test_a_skip_that_alone_reads_a_node_moves_to_the_front():
    assert same("[0,1,2,3] gcn,gin,fc,skip", "[0,1,2,3] skip,gcn,gin,fc")


def test_a_skip_beside_a_reader_stays():
    one = SPACE.parse("[0,1,1,2] gcn,gin,skip,fc")
    assert SPACE.representative(one) == one
    assert not same("[0,1,1,2] gcn,gin,skip,fc", "[0,1,2,3] skip,gcn,gin,fc")


def test_a_skip_of_the_input_moves_to_the_front():
    assert same("[0,0,0,0] gcn,skip,gin,fc", "[0,1,1,1] skip,gcn,gin,fc")


def test_symmetries_of_the_wirings():
    assert [len(automorphisms(number)) for number in range(9)] == [24, 2, 2, 2, 1, 6, 1, 2, 1]
    assert {canonical_order(links)[0] for links in ALL_LINKS} == set(range(9))
    assert all(canonical_order(links) == (number, (0, 1, 2, 3)) for number, links in enumerate(LINKS))
    assert move_skips(0, (False,) * 4) == (0, (0, 1, 2, 3))


# --- notation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[0,1,1,2] gcn,gin,cheb,fc",
        " [0, 1, 1, 2]gcn, gin, cheb, fc ",
        "Arch([0, 1, 1, 2], ['gcn', 'gin', 'cheb', 'fc'])",
        'Arch([0,1,2,1],["gcn","gin","fc","cheb"])',
    ],
)
def test_spellings(text):
    one = SPACE.parse(text)
    assert SPACE.format(one) == "[0,1,1,2] gcn,gin,cheb,fc"
    assert SPACE.package_hash(one) == 61237
    assert one.edges == ((0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 5))
    assert one.operations == ("input", "gcn", "gin", "cheb", "fc", "output")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[0,1,1] gcn,gin,cheb", MalformedArchitecture, "is not four node numbers"),
        ("[0,1,1,-1] gcn,gin,cheb,fc", MalformedArchitecture, "is not four node numbers"),
        ("[0,1,1,2] gcn,gin,cheb", MalformedArchitecture, "has 3 operations"),
        ("[0,1,1,2] gcn,gin,cheb,sagee", MalformedArchitecture, "did you mean 'sage'"),
        ("0112 gcn,gin,cheb,fc", MalformedArchitecture, "as in"),
        ("[0,2,1,2] gcn,gin,cheb,fc", InvalidArchitecture, "node 2 cannot read 2"),
        ("[1,0,1,2] gcn,gin,cheb,fc", InvalidArchitecture, "node 1 cannot read 1"),
        ("[0,1,1,2] skip,skip,skip,skip", InvalidArchitecture, "four skips"),
    ],
)
def test_what_is_not_an_architecture(text, error, message):
    with pytest.raises(error, match=message):
        SPACE.parse(text)


def test_operations_that_proteins_does_not_have():
    with pytest.raises(MalformedArchitecture, match="known are gcn, sage, arma, fc, skip"):
        PROTEINS.parse("[0,1,1,2] gcn,gin,cheb,fc")
    with pytest.raises(WrongSpace):
        PROTEINS.encode(SPACE.parse("[0,0,0,0] gcn,gcn,gcn,gcn"))


def test_package_keys():
    for number in (0, 61237, 88880):
        assert SPACE.package_hash(SPACE.from_package_hash(number)) == number
    assert SPACE.package_hash(SPACE.from_package_hash(80810)) == 88010
    with pytest.raises(InvalidArchitecture, match="'cheb', which 'graphnas-proteins' does not have"):
        PROTEINS.from_package_hash(1113)
    for number in (-1, 90000, 100000, 9):
        with pytest.raises(InvalidArchitecture, match="is not the key"):
            SPACE.from_package_hash(number)


# --- genotypes, variation, building ----------------------------------------------------------------------------------


def test_four_skips_are_not_valid():
    genotype = (3, 8, 8, 8, 8)
    assert not SPACE.is_valid(genotype)
    with pytest.raises(InvalidArchitecture, match="four skips"):
        SPACE.decode(genotype)
    with pytest.raises(InvalidArchitecture, match="row 1 is of four skips"):
        SPACE.identity_keys(np.array([(0, 0, 0, 0, 0), genotype]))


def test_being_a_neighbour_is_mutual_and_does_not_depend_on_the_writing():
    rng = np.random.default_rng(3)
    neighbours = {}
    for one in PROTEINS.sample(20, rng=rng):
        neighbours[one] = PROTEINS.neighbours(one)
        for other in neighbours[one]:
            assert one in PROTEINS.neighbours(other)
    written = SPACE.decode((8, 1, 8, 2, 7))
    assert SPACE.representative(written) != written
    assert SPACE.neighbours(written) == SPACE.neighbours(SPACE.representative(written))


def test_mutants_are_neighbours_and_all_neighbours_are_mutants():
    rng = np.random.default_rng(4)
    parent = PROTEINS.parse("[0,1,2,3] skip,gcn,sage,fc")
    neighbours = PROTEINS.neighbours(parent)
    assert {PROTEINS.mutate(parent, rng=rng) for _ in range(3_000)} == set(neighbours)


def test_sample_is_uniform_over_the_entries():
    counts = np.zeros(math.prod(PROTEINS.choices))
    np.add.at(counts, [PROTEINS.identity_key(one) for one in PROTEINS.sample(40_000, rng=np.random.default_rng(5))], 1)
    drawn = counts[sorted(set(classes(5).tolist()) - {-1})]
    assert drawn.sum() == 40_000
    expected = 40_000 / PROTEINS.size
    statistic = float(((drawn - expected) ** 2 / expected).sum())
    # Chi-squared with 2,020 degrees of freedom: mean 2,020, standard deviation 64.
    assert abs(statistic - 2_020) < 5 * 64


def test_the_builder_reaches_every_architecture():
    builder = PROTEINS.builder(1)
    sequences = [[]]
    while builder.decision is not None:
        # The masks after a prefix of choices, over all prefixes at once.
        batch = PROTEINS.builder(len(sequences))
        for column in np.array(sequences, dtype=np.int64).T.reshape(-1, len(sequences)):
            batch.apply(column)
        legal = batch.mask()
        sequences = [
            [*prefix, choice]
            for prefix, row in zip(sequences, legal, strict=True)
            for choice in np.flatnonzero(row).tolist()
        ]
        builder.apply(np.array([int(builder.mask()[0].argmax())]))
    batch = PROTEINS.builder(len(sequences))
    for column in np.array(sequences).T:
        batch.apply(column)
    built = batch.finish()
    assert len(set(built)) == len(built) == math.prod(PROTEINS.choices) - 9
    assert np.array_equal(PROTEINS.building_sequences(built), sequences)
