"""The size search space of NATS-Bench: notation, official order, keys, variation, building, parameters."""

import bz2
import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest

from ganas.data.safe_pickle import load_pickle
from ganas.spaces.architecture import Architecture
from ganas.spaces.building import rebuild
from ganas.spaces.encodings import encode, path_columns
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, WrongSpace
from ganas.spaces.nasbench201.space import NASBench201
from ganas.spaces.natsbench_size.space import CELL, CHANNELS, LAYERS, NATSBenchSize

SPACE = NATSBenchSize()
OFFICIAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "natsbench_samples" / "NATS-sss-v1_0-50262-simple"

# Index, channels, classes and parameters of official records (NATS-sss-v1_0-50262: arch_config and params, which is in
# millions; CIFAR-10, CIFAR-100, ImageNet16-120).
RECORDS = [
    (0, "8:8:8:8:8", 10, 11_714),
    (0, "8:8:8:8:8", 100, 12_524),
    (0, "8:8:8:8:8", 120, 12_704),
    (11, "8:8:8:16:32", 10, 49_202),
    (11, "8:8:8:16:32", 100, 52_172),
    (11, "8:8:8:16:32", 120, 52_832),
    (284, "8:8:40:32:40", 10, 144_834),
    (284, "8:8:40:32:40", 100, 148_524),
    (284, "8:8:40:32:40", 120, 149_344),
]


def read_official(stem):
    """A file of the official records; only these names occur in them."""
    if not OFFICIAL.is_dir():
        pytest.skip("the official NATS-Bench records are not beside the checkout")
    names = {("collections", "OrderedDict"), ("numpy.core.multiarray", "scalar"), ("numpy", "dtype")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core is numpy._core by now
        return load_pickle(bz2.decompress((OFFICIAL / f"{stem}.pickle.pbz2").read_bytes()), names)


# --- against the official data -----------------------------------------------------------------------------------


def test_the_official_order_is_that_of_the_identity_keys():
    notation = read_official("meta")["meta_archs"]
    assert [SPACE.format(one) for one in SPACE.enumerate()] == notation
    assert [SPACE.identity_key(SPACE.parse(text)) for text in notation] == list(range(32_768))


@pytest.mark.parametrize("index", [0, 11, 284])
def test_parameters_and_cell_are_those_of_the_official_records(index):
    seen = set()
    for record in read_official(f"{index:06d}").values():
        assert record["arch_index"] == index
        architecture = SPACE.parse(record["arch_str"])
        assert SPACE.identity_key(architecture) == index
        for trial in record["all_results"].values():
            config = trial["arch_config"]
            assert (config["name"], config["genotype"]) == ("infer.shape.tiny", CELL)
            assert config["channels"] == SPACE.format(architecture)
            num_classes = config["class_num"]
            count = SPACE.parameter_count(architecture, num_classes=num_classes)
            # A count of millions in binary fractions comes back within a thousandth.
            assert abs(trial["params"] * 1e6 - count) < 1e-3
            seen.add((index, config["channels"], num_classes, count))
    assert sorted(seen) == [record for record in RECORDS if record[0] == index]


@pytest.mark.parametrize(("index", "text", "num_classes", "parameters"), RECORDS)
def test_parameters_of_official_records(index, text, num_classes, parameters):
    architecture = SPACE.parse(text)
    assert SPACE.identity_key(architecture) == index
    assert SPACE.parameter_count(architecture, num_classes=num_classes) == parameters


def test_the_cell_is_the_best_of_nasbench201_on_cifar100():
    import importlib.resources

    from pyarrow import parquet

    file = importlib.resources.files("ganas.data") / "tables" / "nasbench201-cifar100.parquet"
    with importlib.resources.as_file(file) as path:
        columns = parquet.read_table(path).to_pydict()
    trials = [name for name in columns if name.startswith("valid_accuracy")]
    assert trials
    means = np.nanmean(np.array([columns[name] for name in trials], dtype=float), axis=0)
    best = columns["identity_key"][int(means.argmax())]
    topology = NASBench201()
    assert best == topology.identity_key(topology.parse(CELL))


# --- graph, notation, genotype -----------------------------------------------------------------------------------


def test_an_architecture_is_a_chain_of_five_widths():
    one = SPACE.parse("8:16:24:32:64")
    assert one.operations == ("input", "8", "16", "24", "32", "64", "output")
    assert one.edges == ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6))
    assert SPACE.channels(one) == (8, 16, 24, 32, 64)
    assert SPACE.encode(one) == (0, 1, 2, 3, 7)
    assert len(LAYERS) == 5
    assert tuple(range(8, 65, 8)) == CHANNELS
    assert not SPACE.zero_operations
    assert not SPACE.skip_operations


def test_size_and_ends_of_the_order():
    architectures = list(SPACE.enumerate())
    assert len(set(architectures)) == len(architectures) == SPACE.size == 8**5
    assert [SPACE.identity_key(one) for one in architectures] == list(range(8**5))
    assert SPACE.format(architectures[0]) == "8:8:8:8:8"
    assert SPACE.format(architectures[1]) == "8:8:8:8:16"
    assert SPACE.format(architectures[-1]) == "64:64:64:64:64"


@pytest.mark.parametrize("text", ["8:16:24:32:64", " 8 : 16:24:32:64\n", "08:16:24:32:64"])
def test_spellings(text):
    assert SPACE.format(SPACE.parse(text)) == "8:16:24:32:64"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("8:8:8:8", MalformedArchitecture, "five channel counts, as in 8:16:24:32:64"),
        ("8:8:8:8:8:8", MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:", MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:x", MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:-8", MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:8.0", MalformedArchitecture, "five channel counts"),
        ("8,8,8,8,8", MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:" + "9" * 5_000, MalformedArchitecture, "five channel counts"),
        ("8:8:8:8:٨", MalformedArchitecture, "five channel counts"),  # an Arabic eight
        ("8:8:8:8:0", InvalidArchitecture, "known are 8, 16, 24, 32, 40, 48, 56, 64; the closest is 8"),
        ("8:8:30:8:8", InvalidArchitecture, "channel count 30 .* the closest is 32"),
        ("8:8:8:8:128", InvalidArchitecture, "the closest is 64"),
    ],
)
def test_what_is_not_an_architecture(text, error, message):
    with pytest.raises(error, match=message) as caught:
        SPACE.parse(text)
    assert type(caught.value) is error


@pytest.mark.parametrize("genotype", [(), (0,) * 4, (0,) * 6, (0, 0, 0, 0, 8), (-1, 0, 0, 0, 0), (0.0,) * 5, "00000"])
def test_what_is_not_a_genotype(genotype):
    with pytest.raises(InvalidArchitecture, match="is not five numbers from 0 to 7"):
        SPACE.decode(genotype)


def test_architectures_of_numpy_integers():
    one = SPACE.decode(np.array([7, 7, 7, 7, 7], dtype=np.uint8))
    assert SPACE.identity_key(one) == 32_767
    assert type(one.identity) is int


@pytest.mark.parametrize(
    ("operations", "edges", "cells"),
    [
        (("input", "8", "8", "8", "8", "8", "output"), [(0, 1), (0, 2), (2, 3), (3, 4), (4, 5), (5, 6)], ()),
        (("input", "8", "8", "8", "8", "9", "output"), [(node, node + 1) for node in range(6)], ()),
        (("output", "8", "8", "8", "8", "8", "input"), [(node, node + 1) for node in range(6)], ()),
        (("input", "8", "8", "input", "8", "8", "output"), [(node, node + 1) for node in range(6)], ()),
        (("input", "8", "8", "8", "8", "8", "output"), [(node, node + 1) for node in range(6)], (0,) * 7),
        (("input", "8", "8", "8", "8", "8", "8", "output"), [(node, node + 1) for node in range(6)], ()),
    ],
    ids=["edges", "count", "ends", "input inside", "cells", "nodes"],
)
def test_graphs_that_the_space_does_not_have(operations, edges, cells):
    with pytest.raises(InvalidArchitecture, match="is not a chain of five channel counts"):
        SPACE.check(Architecture("natsbench-size", operations, edges, cells))


def test_architectures_of_another_space():
    cell = NASBench201().parse(CELL)
    for method in (SPACE.encode, SPACE.format, SPACE.parameter_count, SPACE.check, SPACE.channels):
        with pytest.raises(WrongSpace, match="of 'natsbench-size' is wanted, not of 'nasbench201'"):
            method(cell)


def test_other_widths_are_another_function():
    texts = ["8:16:24:32:64", "64:32:24:16:8", "8:16:24:32:56", "16:8:24:32:64", "8:8:8:8:8"]
    architectures = [*map(SPACE.parse, texts), *SPACE.sample(200, rng=np.random.default_rng(0))]
    distinct = len({SPACE.identity_key(one) for one in architectures})
    assert len({SPACE.functional_key(one) for one in architectures}) == distinct
    assert len({SPACE.canonical_key(one) for one in architectures}) == distinct


def test_paths_are_the_chains():
    sample = SPACE.sample(3, rng=np.random.default_rng(1))
    assert len(path_columns(SPACE)) >= 8**5
    # A chain has one path.
    assert encode(SPACE, sample, "path").sum(axis=1).tolist() == [1.0, 1.0, 1.0]


# --- drawing, variation, building --------------------------------------------------------------------------------


def test_neighbours_change_one_width():
    one = SPACE.parse("8:16:24:32:64")
    neighbours = SPACE.neighbours(one)
    expected = {
        tuple(value if place == changed else old for place, old in enumerate((0, 1, 2, 3, 7)))
        for changed in range(5)
        for value in range(8)
    } - {(0, 1, 2, 3, 7)}
    assert {SPACE.encode(other) for other in neighbours} == expected
    assert len(neighbours) == len(expected) == 35


def test_all_neighbours_are_mutants():
    one = SPACE.parse("64:8:8:40:16")
    rng = np.random.default_rng(2)
    assert {SPACE.mutate(one, rng=rng) for _ in range(1_000)} == set(SPACE.neighbours(one))


def test_children_have_the_widths_of_their_parents():
    first, second = SPACE.parse("8:8:8:8:8"), SPACE.parse("64:56:48:40:32")
    rng = np.random.default_rng(3)
    children = {SPACE.format(SPACE.crossover(first, second, rng=rng)) for _ in range(500)}
    widths = itertools.product(*zip(SPACE.channels(first), SPACE.channels(second), strict=True))
    assert children == {":".join(map(str, chosen)) for chosen in widths}


def test_sample_is_uniform():
    genotypes = SPACE.encode_many(SPACE.sample(80_000, rng=np.random.default_rng(4)))
    # Each pair of positions: 64 cells of 1,250 expected; chi-squared with 63 degrees of freedom, deviation 11.2.
    for first, second in itertools.combinations(range(5), 2):
        counts = np.bincount(genotypes[:, first] * 8 + genotypes[:, second], minlength=64)
        assert abs(((counts - 1_250) ** 2 / 1_250).sum() - 63) < 5 * 11.2


def test_the_builder_reaches_every_architecture():
    sequences = np.array(list(itertools.product(range(1, 9), repeat=5)))
    built = rebuild(SPACE, sequences)
    assert built == list(SPACE.enumerate())
    assert np.array_equal(SPACE.building_sequences(built), sequences)


def test_input_and_output_are_no_choice():
    builder = SPACE.builder(2)
    while builder.decision is not None:
        assert builder.mask().tolist() == [[False, *[True] * 8, False]] * 2
        builder.apply(np.array([1, 8]))
    assert [SPACE.format(one) for one in builder.finish()] == ["8:8:8:8:8", "64:64:64:64:64"]
