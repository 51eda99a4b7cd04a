"""``ganas data convert``, and what the other commands make of the tables."""

import bz2
import json
import shutil
import subprocess
import sys

import pytest

from ganas.cli.main import run
from ganas.data.catalog import card, converted_tables
from ganas.data.sources import sources
from tests.data.natsbench_files import (
    TOPOLOGY_SAMPLES,
    nasbench201,
    natsbench,
    save_folder,
    save_pickle,
    save_torch,
    sizes,
)

PACKED = "NATS-sss-v1_0-50262.pickle.pbz2"
SIZE_TABLES = [
    "natsbench-size-cifar10",
    "natsbench-size-cifar10-trainval",
    "natsbench-size-cifar100",
    "natsbench-size-imagenet16",
]


def answer(arguments, capsys):
    capsys.readouterr()
    status = run([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed


def refused(arguments, capsys):
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: ")
    return lines[0]


def made_tables():
    folder = converted_tables()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small file or directory of every kind, under its official name."""
    folder = tmp_path_factory.mktemp("files")
    content = natsbench("size", 4, seed=41)
    save_pickle(content, folder / PACKED)
    save_folder(content, folder / "NATS-sss-v1_0-50262-simple")
    save_folder(natsbench("topology", 2, seed=42), folder / "NATS-tss-v1_0-3ffb9-simple")
    save_torch(nasbench201(2, seed=43), folder / "NAS-Bench-201-v1_1-096897.pth")
    return folder


def test_every_kind_of_file(files, capsys):
    for source, file in (
        ("natsbench-size", PACKED),
        ("natsbench-topology", "NATS-tss-v1_0-3ffb9-simple"),
        ("nasbench201-v1.1", "NAS-Bench-201-v1_1-096897.pth"),
    ):
        printed = answer(["data", "convert", files / file], capsys)
        lines = [line.split("\t") for line in printed.out.splitlines()]
        assert lines[0] == ["table", "rows", "size", "folder"]
        assert [line[0] for line in lines[1:]] == list(sources()[source].makes)
        assert {line[1] for line in lines[1:]} == {"4" if source == "natsbench-size" else "2"}
        assert all(line[2].endswith(("kB", "MB")) for line in lines[1:])
        assert [line[3] for line in lines[1:]] == [str(converted_tables() / line[0]) for line in lines[1:]]
        assert printed.err.startswith(f"convert {file}: 100 percent in ")
    assert len(made_tables()) == 12


def test_json(files, capsys):
    printed = answer(["data", "convert", files / PACKED, "--json"], capsys)
    rows = json.loads(printed.out)
    assert [row["name"] for row in rows] == SIZE_TABLES
    for row in rows:
        known = card(row["name"])
        assert row == {"name": known.name, "rows": 4, "bytes": known.bytes, "folder": str(known.folder)}


def test_a_file_of_another_name(files, tmp_path, capsys):
    shutil.copy(files / PACKED, tmp_path / "mine.pbz2")
    line = refused(["data", "convert", tmp_path / "mine.pbz2"], capsys)
    assert "'mine.pbz2' is not the name of an official file" in line and line.endswith("it is with --as")
    answer(["data", "convert", tmp_path / "mine.pbz2", "--as", "natsbench-size"], capsys)
    assert made_tables() == SIZE_TABLES and card(SIZE_TABLES[0]).source.file == "mine.pbz2"


def test_the_folder_that_one_is_in(files, capsys, monkeypatch):
    monkeypatch.chdir(files / "NATS-sss-v1_0-50262-simple")
    answer(["data", "convert", "."], capsys)
    assert made_tables() == SIZE_TABLES


def test_overwrite(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    line = refused(["data", "convert", files / PACKED], capsys)
    assert f"{converted_tables() / SIZE_TABLES[0]} exists: remove it, or allow it to be overwritten" in line
    (card(SIZE_TABLES[0]).folder / "train_loss@90.npy").unlink()
    answer(["data", "convert", files / PACKED, "--overwrite"], capsys)
    answer(["data", "verify", *SIZE_TABLES], capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.pth"], "'nothing.pth' is not the name of an official file"),
        ([PACKED], f"there is no file or directory {PACKED}"),
        (["README", "--as", "natsbench-size"], "it cannot be NATS-Bench, size"),
        (["README", "--as", "nasbench201-v1.1"], "README: it is no .pth of NAS-Bench-201"),
        (["README", "--as", "nats"], "unknown source 'nats': known are nasbench101"),
        (["empty", "--as", "natsbench-topology"], "there is no meta.pickle.pbz2 in it"),
        (["cut.pbz2", "--as", "natsbench-size"], "cut.pbz2: "),
        (["noise.pbz2", "--as", "natsbench-size"], "noise.pbz2: "),
    ],
)
def test_bad_input_is_one_line(files, tmp_path, arguments, message, capsys):
    (tmp_path / "README").write_text("This is a text.\n" * 100)
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.pbz2").write_bytes((files / PACKED).read_bytes()[:9000])
    (tmp_path / "noise.pbz2").write_bytes(bz2.compress(bytes(range(256)) * 100))
    assert message in refused(["data", "convert", *arguments], capsys)
    assert made_tables() == []


def test_no_file_is_a_wrong_call(capsys):
    assert run(["data", "convert"]) == 2
    assert "Missing argument 'FILE'" in capsys.readouterr().err


def test_a_full_disk_is_one_line(files, capsys, monkeypatch):
    def full(path, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ganas.data.table_writer.write_array", full)
    assert "there is no space left to write" in refused(["data", "convert", files / PACKED], capsys)
    assert made_tables() == []


def test_the_progress_goes_to_stderr(files, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    command = [sys.executable, "-m", "ganas.cli.main", "data", "convert", str(files / PACKED), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [row["name"] for row in json.loads(done.stdout)] == SIZE_TABLES
    assert done.stderr.startswith(f"convert {PACKED}: 100 percent in ") and done.stderr.count("\n") == 1


def test_the_list_shows_what_is_converted(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    rows = {row["name"]: row for row in json.loads(answer(["data", "list", "--json"], capsys).out)}
    for name in SIZE_TABLES:
        row = rows[name]
        assert (row["kind"], row["state"], row["rows"], row["licence"]) == ("table", "cached", 4, "MIT")
        assert row["bytes"] == card(name).bytes and row["sha256"] == card(name).sha256[:12]
    assert rows["nasbench201-cifar10"]["state"] == "embedded"
    text = answer(["list", "benchmarks"], capsys).out
    assert "benchmarks\tnatsbench-size-cifar10\tNATS-Bench, size on CIFAR-10: learning curves of every arch" in text


def test_query(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    arch = sizes(4)[2]
    first = json.loads(answer(["query", SIZE_TABLES[2], arch, "--json"], capsys).out)
    assert (first["metric"], first["run"], first["epoch"], first["seeds"]) == ("valid_accuracy", 90, 90, [777])
    asked = ["query", SIZE_TABLES[2], arch, "--metric", "test_accuracy", "--run", "12", "--epoch", "7"]
    single = json.loads(answer([*asked, "--seed", "888", "--json"], capsys).out)
    assert (single["reduction"], single["trials"], single["seeds"]) == ("single", [1], [888])
    values = {}
    for reduction in ("mean", "median", "min", "max"):
        result = json.loads(answer([*asked, "--reduction", reduction, "--json"], capsys).out)
        assert result["reduction"] == reduction and result["seeds"] == [777, 888, 999]
        values[reduction] = result["value"]
    assert values["min"] < values["median"] < values["max"] and values["min"] < values["mean"] < values["max"]
    assert "runs of 1, 12" in refused(["query", SIZE_TABLES[2], arch, "--run", "200"], capsys)
    assert "for the seeds 777, not 5" in refused(["query", SIZE_TABLES[2], arch, "--seed", "5"], capsys)
    assert "epoch 1 to 90" in refused(["query", SIZE_TABLES[2], arch, "--epoch", "91"], capsys)
    line = refused(["query", SIZE_TABLES[2], "8:8:8:8:64"], capsys)
    assert "8:8:8:8:64 is not among the 4 architectures" in line


@pytest.mark.skipif(not TOPOLOGY_SAMPLES.is_dir(), reason="the official records beside the checkout are absent")
def test_query_of_an_official_record(capsys):
    answer(["data", "convert", TOPOLOGY_SAMPLES], capsys)
    arch = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    asked = ["query", "natsbench-topology-cifar100", arch, "--json"]
    result = json.loads(answer([*asked, "--run", "12", "--seed", "111"], capsys).out)
    assert (result["run"], result["epoch"], result["seeds"], result["split"]) == (12, 12, [111], "valid")
    result = json.loads(answer([*asked, "--reduction", "max"], capsys).out)
    assert (result["run"], result["epoch"], result["seeds"]) == (200, 200, [777, 888, 999])
    line = refused([*asked[:-1], "--epoch", "50"], capsys)
    assert "holds 'valid_accuracy' at epoch 200 in the run over 200 epochs, not at 50" in line
    line = refused([*asked[:-1], "--epoch", "12"], capsys)
    assert "ask for run=12" in line


def test_info(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    facts = json.loads(answer(["info", SIZE_TABLES[0], "--json"], capsys).out)
    assert facts["runs"] == "trainings scheduled for 1, 12, 90 epochs" and facts["test_values"] == "held"
    assert facts["fidelities"] == "epoch 1 to 90" and facts["objective"] == "valid_accuracy"
    assert "The file holds 4 of the 32,768 architectures." in facts["known_defects"]
    assert {"latency_seconds", "parameters", "valid_seconds"} <= {row["metric"] for row in facts["metrics"]}


def test_search(tmp_path, capsys):
    # Random search draws from the whole space; what is not in the table fails, and is said to.
    content = natsbench("size", 4)
    save_pickle(content, tmp_path / PACKED)
    answer(["data", "convert", tmp_path / PACKED], capsys)
    found = answer(["search", SIZE_TABLES[0], "--strategy", "random-search", "--budget", "5", "--json"], capsys)
    assert json.loads(found.out)["queries"] == 5


def test_verify_finds_a_changed_byte(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    for name in SIZE_TABLES:
        assert f"{name}\tsha256: " in answer(["data", "verify", name], capsys).out
    findings = json.loads(answer(["data", "verify", "--json", SIZE_TABLES[1]], capsys).out)
    assert "rows: 4" in findings[SIZE_TABLES[1]]
    path = card(SIZE_TABLES[1]).folder / "test_accuracy@12.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    line = refused(["data", "verify", SIZE_TABLES[1]], capsys)
    assert "rows.parquet is not what its card says: test_accuracy@12.npy, sha256 is" in line
    path.write_bytes(content[:-1])
    refused(["data", "verify", SIZE_TABLES[1]], capsys)
    path.unlink()
    assert f"{path}: it does not exist" in refused(["data", "verify", SIZE_TABLES[1]], capsys)
    answer(["data", "verify", SIZE_TABLES[0]], capsys)
