"""The embedded NAS-Bench-Graph tables: every claim of their cards, and every entry against the package."""

import pickle
import shutil
import subprocess
import sys
import tomllib
import warnings
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest

from ganas.bench.registry import load_benchmark
from ganas.bench.testing import check_benchmark
from ganas.data.card import table_path
from ganas.data.catalog import card, verify
from ganas.data.convert.nasbenchgraph_light import COLUMNS, convert, main, read_light
from ganas.data.tables import file_sha256, read_architectures, read_values
from ganas.spaces.errors import ArchitectureNotMeasured, DataError, EpochNotMeasured, TrialNotMeasured, WrongSpace
from ganas.spaces.registry import load_space

DATASETS = ["arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed"]
TABLES = [f"nasbenchgraph-{dataset}" for dataset in DATASETS]
PLANETOID = {"nasbenchgraph-citeseer", "nasbenchgraph-cora", "nasbenchgraph-pubmed"}
ROOT = Path(__file__).resolve().parents[2]


def values(name, *metrics):
    return read_values(table_path(card(name)), metrics)


def source_folder():
    spec = util.find_spec("nas_bench_graph")
    if spec is None or spec.origin is None or metadata.version("nas-bench-graph") != "1.4.0":
        pytest.skip("nas-bench-graph 1.4.0 is not installed")
    return Path(spec.origin).parent


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_what_their_cards_say(name):
    found = card(name)
    confirmed = "\n".join(verify(found))
    assert found.sha256 in confirmed
    proteins = name.endswith("proteins")
    assert (found.rows, found.space) == ((2_021, "graphnas-proteins") if proteins else (26_206, "graphnas"))
    assert found.objective == "valid_performance" and found.cost is None
    assert found.licence == found.source.licence == "Apache-2.0"
    units = {metric.name: (metric.unit, metric.split, metric.higher_is_better) for metric in found.metrics}
    assert units == {
        "valid_performance": ("fraction", "valid", True),
        "test_performance": ("fraction", "test", True),
        "latency_seconds": ("seconds", None, False),
        "source_model_size": ("million parameters", None, False),
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_entry_has_one_row(name):
    space = load_space(card(name).space)
    keys = read_architectures(table_path(card(name)), "identity_key")
    assert keys.tolist() == [space.identity_key(one) for one in space.enumerate()]


@pytest.mark.parametrize("name", TABLES)
def test_every_value_is_the_answer_of_the_package(name):
    source_folder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy.core is numpy._core by now
        import nas_bench_graph

        entries = nas_bench_graph.light_read(name.removeprefix("nasbenchgraph-"))
    bench = load_benchmark(name)
    assert len(entries) == bench.num_rows
    rows = bench.query_many(np.arange(bench.num_rows), list(COLUMNS))
    for row, measured in enumerate(rows.tolist()):
        text = bench.space.format(bench.architecture_at(row))
        links, operations = text[1:8].split(","), text[10:].split(",")
        entry = entries[nas_bench_graph.Arch([int(link) for link in links], operations).valid_hash()]
        assert measured == [float(entry[name]) for name in COLUMNS.values()], text


@pytest.mark.parametrize("name", TABLES)
def test_validation_values_are_multiples_of_a_third_of_a_thousandth(name):
    column = values(name, "valid_performance")[:, 0]
    assert np.abs(column * 3000 - np.rint(column * 3000)).max() < 1e-9
    said = next(defect for defect in card(name).known_defects if "1/3000, so that" in defect)
    assert f"there are {len(np.unique(column)):,} different values" in said


@pytest.mark.parametrize("name", TABLES)
def test_test_values_are_shares_of_a_thousand_nodes_where_the_card_says_so(name):
    column = values(name, "test_performance")[:, 0]
    multiples = np.abs(column * 3000 - np.rint(column * 3000)).max() < 1e-9
    assert multiples == (name in PLANETOID) == ("1,000 test nodes" in card(name).known_defects[0])


@pytest.mark.parametrize("name", TABLES)
def test_model_sizes_are_whole_numbers_but_for_physics(name):
    sizes = values(name, "source_model_size")[:, 0] * 1e6
    odd = np.abs(sizes - np.rint(sizes)) > 1e-3
    assert np.count_nonzero(odd) == (1_113 if name.endswith("physics") else 0)
    assert np.abs(3 * sizes - np.rint(3 * sizes)).max() < 1e-3


def test_the_best_test_values_and_those_at_the_best_validation_value():
    best = {
        "cora": (0.8313, 0.8263),
        "citeseer": (0.7157, 0.7103),
        "pubmed": (0.7860, 0.7560),
        "cs": (0.9126, 0.9059),
        "physics": (0.9301, 0.9135),
        "photo": (0.9279, 0.9208),
        "computers": (0.8558, 0.8203),
        "arxiv": (0.7239, 0.7195),
        "proteins": (0.7926, 0.7611),
    }
    for dataset, (highest, at_best_valid) in best.items():
        valid, test = values(f"nasbenchgraph-{dataset}", "valid_performance", "test_performance").T
        assert test.max() == pytest.approx(highest, abs=1e-4)
        assert np.abs(test[valid == valid.max()] - at_best_valid).min() < 1e-4


def test_keys_of_proteins_are_not_those_of_its_own_hash():
    folder = source_folder()
    import nas_bench_graph

    keys = read_light(folder / "light" / "proteins.bench")
    space = load_space("graphnas-proteins")
    missed = 0
    for key in keys:
        links, _, labels = space.format(space.from_package_hash(key)).partition(" ")
        parts = [int(link) for link in links.strip("[]").split(",")]
        missed += nas_bench_graph.Arch(parts, labels.split(",")).hash_arch(use_proteins=True) not in keys
    assert missed == 2_014


# --- the benchmarks --------------------------------------------------------------------------------------------------


# The tables differ in their numbers alone: the kit on two of them will do, but for `make test-all`.
@pytest.mark.parametrize(
    "name",
    [name if name.endswith(("cora", "proteins")) else pytest.param(name, marks=pytest.mark.slow) for name in TABLES],
)
def test_the_benchmarks_keep_every_promise(name):
    check_benchmark(name)


def test_an_entry_answers_for_every_way_to_write_it():
    bench = load_benchmark("nasbenchgraph-cora")
    answers = {
        bench.query(bench.space.parse(text), "test_performance")
        for text in ("[0,1,2,3] gcn,skip,gin,fc", "[0,1,2,3] skip,gcn,gin,fc", "[0,1,2,3] gcn,gin,fc,skip")
    }
    (answer,) = answers
    assert (answer.unit, answer.split, answer.epoch, answer.trials, answer.reduction, answer.cost_seconds) == (
        *("fraction", "test", None),
        *((), "none", 0.0),
    )


def test_what_is_not_in_the_tables_is_an_error():
    bench = load_benchmark("nasbenchgraph-proteins")
    one = bench.space.parse("[0,0,0,0] gcn,gcn,gcn,gcn")
    with pytest.raises(TrialNotMeasured, match="one value an architecture"):
        bench.query(one, trial=0)
    with pytest.raises(EpochNotMeasured, match="does not belong to an epoch"):
        bench.query(one, epoch=200)
    with pytest.raises(WrongSpace):
        bench.query(load_space("graphnas").parse("[0,0,0,0] gcn,gcn,gcn,gcn"))
    with pytest.raises(ArchitectureNotMeasured):
        bench.architecture_at(2_021)


# --- the converter ---------------------------------------------------------------------------------------------------


def test_conversion_gives_the_values_of_the_committed_table(tmp_path):
    found = card("nasbenchgraph-proteins")
    written = convert(found, source_folder(), tmp_path)
    columns = ["identity_key", *COLUMNS]
    assert np.array_equal(read_values(written, columns), read_values(table_path(found), columns))


@pytest.mark.slow
def test_the_converter_from_the_command_line_gives_the_committed_bytes(tmp_path):
    folder = source_folder()
    command = [sys.executable, "-m", "ganas.data.convert.nasbenchgraph_light", str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "arxiv.bench" in done.stderr
    command[3] = str(folder)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("sha256") == 9
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    if f"pyarrow=={metadata.version('pyarrow')}" not in pins:
        pytest.skip("pyarrow is not the pinned version: another one may write other bytes")
    assert sorted(path.stem for path in tmp_path.iterdir()) == TABLES
    for name in TABLES:
        assert (tmp_path / f"{name}.parquet").read_bytes() == table_path(card(name)).read_bytes()


def test_another_source_file_is_refused(tmp_path, capsys):
    (tmp_path / "light").mkdir()
    shutil.copy(source_folder() / "light" / "cora.bench", tmp_path / "light" / "arxiv.bench")
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "is not the file of nas-bench-graph 1.4.0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def _entry(**changed):
    return {"valid_perf": 0.5, "perf": 0.5, "latency": 0.1, "para": 1.0} | changed


class _Runs:
    def __reduce__(self):
        return (print, ("it ran",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "is not a dict from whole numbers"),
        ({"1111": _entry()}, "is not a dict from whole numbers"),
        ({1111: {"perf": 0.5}}, "entry 1111 of proteins.bench does not hold latency"),
        ({1111: _entry(perf=float("nan"))}, "entry 1111 of proteins.bench holds something that is not a finite float"),
        ({1111: _entry(perf="0.5")}, "not a finite float"),
        ({1113: _entry()}, "entry 1113 of proteins.bench is no architecture"),
        ({123456: _entry()}, "entry 123456 of proteins.bench is no architecture"),
        ({88888: _entry()}, "entry 88888 of proteins.bench is no architecture"),
        ({88081: _entry()}, "entry 88081 of proteins.bench"),
        ({4111: _entry()}, "entry 4111 of proteins.bench is the same architecture as 1114"),
        ({1111: _entry()}, "proteins.bench has 1 entries, and 'graphnas-proteins' 2,021"),
        ({1111: _entry(perf=_Runs())}, "asks for builtins.print, which is not allowed: nothing was run"),
    ],
)
def test_unexpected_content_is_refused(tmp_path, content, message, capsys):
    source = tmp_path / "light" / "proteins.bench"
    source.parent.mkdir()
    source.write_bytes(pickle.dumps(content))
    original = card("nasbenchgraph-proteins")
    changed = replace(original, source=replace(original.source, sha256=file_sha256(source)))
    with pytest.raises(DataError, match=message):
        convert(changed, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().out == ""


def test_the_package_is_pinned_for_the_tests():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "nas-bench-graph==1.4.0" in project["optional-dependencies"]["test"]
    assert {card(name).source.version for name in TABLES} == {"1.4.0"}
