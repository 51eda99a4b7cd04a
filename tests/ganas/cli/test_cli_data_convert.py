"""``ganas data convert``, and what the other commands make of the tables."""

import bz2
import json
import re
import shutil
import subprocess
import sys

import pandas
import pytest

from ganas.cli.main import run
from ganas.cli.trace import why_nothing_succeeded
from ganas.data.card import content_digest
from ganas.data.catalog import card, converted_tables
from ganas.data.sources import downloads, sources
from tests.data.nasbench101_files import made_rows, write_file
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
        facts = {"name": known.name, "rows": 4, "bytes": known.bytes, "folder": str(known.folder)}
        assert row == {**facts, "notes": list(known.notes)}
        assert row["notes"][-1] == "The file holds 4 of the 32,768 architectures."
    warnings = [line for line in printed.err.splitlines() if line.startswith("Warning: ")]
    # The same for the four tables, so it is said once.
    assert warnings == [f"Warning: {note}" for note in rows[0]["notes"]] and len(warnings) == 2
    assert "is not NATS-sss-v1_0-50262.pickle.pbz2 as its authors published it" in warnings[0]


def test_a_whole_official_file_needs_no_warning(files, capsys, monkeypatch):
    monkeypatch.setattr("ganas.data.convert.natsbench._foreign", lambda source, family: [])
    monkeypatch.setattr("ganas.spaces.natsbench_size.space.NATSBenchSize.size", 4)
    printed = answer(["data", "convert", files / PACKED, "--json"], capsys)
    assert "Warning" not in printed.err and {tuple(row["notes"]) for row in json.loads(printed.out)} == {()}


def test_a_file_of_another_name(files, tmp_path, capsys):
    shutil.copy(files / "NAS-Bench-201-v1_1-096897.pth", tmp_path / "mine.pth")
    line = refused(["data", "convert", tmp_path / "mine.pth"], capsys)
    assert "'mine.pth' is not the name of an official file" in line and line.endswith("it is with --as")
    answer(["data", "convert", tmp_path / "mine.pth", "--as", "nasbench201-v1.1"], capsys)
    assert card("nasbench201-v1.1-cifar10").source.file == "mine.pth"
    # A packed file says itself what it is.
    shutil.copy(files / PACKED, tmp_path / "mine.pbz2")
    answer(["data", "convert", tmp_path / "mine.pbz2"], capsys)
    assert card(SIZE_TABLES[0]).source.file == "mine.pbz2"


def test_what_lies_in_the_downloads(files, capsys):
    line = refused(["data", "convert", "natsbench-size"], capsys)
    assert f"there is no file of 'natsbench-size' in {downloads()}: ganas data fetch natsbench-size" in line
    downloads().mkdir(parents=True)
    shutil.copy(files / PACKED, downloads())
    printed = answer(["data", "convert", "natsbench-size"], capsys)
    assert made_tables() == SIZE_TABLES and printed.err.startswith(f"convert {PACKED}: 100 percent in ")
    answer(["data", "convert", PACKED, "--overwrite"], capsys)


def test_the_folder_that_one_is_in(files, capsys, monkeypatch):
    monkeypatch.chdir(files / "NATS-sss-v1_0-50262-simple")
    answer(["data", "convert", "."], capsys)
    assert made_tables() == SIZE_TABLES


def test_overwrite(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    line = refused(["data", "convert", files / PACKED], capsys)
    assert (
        f"{converted_tables() / SIZE_TABLES[0]} exists: remove it, or allow it to be overwritten with --overwrite"
        in line
    )
    (card(SIZE_TABLES[0]).folder / "train_loss@90.npy").unlink()
    answer(["data", "convert", files / PACKED, "--overwrite"], capsys)
    answer(["data", "verify", *SIZE_TABLES], capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.pth"], "there is no file or directory nothing.pth"),
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
    assert done.stderr.startswith(f"convert {PACKED}: 100 percent in ")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == ["Warning", "Warning"]


def test_the_list_shows_what_is_converted(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    rows = {row["name"]: row for row in json.loads(answer(["data", "list", "--json"], capsys).out)}
    for name in SIZE_TABLES:
        row = rows[name]
        assert (row["kind"], row["state"], row["rows"], row["licence"]) == ("table", "cached", 4, "MIT")
        assert row["bytes"] == card(name).bytes and row["sha256"] == content_digest(card(name))[:12]
        assert row["from"] == "natsbench-size" and row["path"] == str(card(name).folder) and row["reason"] is None
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
    assert facts["notes"] == list(card(SIZE_TABLES[0]).notes) and facts["notes"][-1].startswith("The file holds 4 of")
    assert facts["architectures"] == {"held": 4, "of": 32768} and facts["cost_metric"] == "train_seconds"
    assert facts["trial_counts"] == [{"trials": 1, "architectures": 4}]
    runs = [(row["run"], row["epochs"], row["seeds"]) for row in facts["metrics"] if row["metric"] == "valid_accuracy"]
    assert runs == [(1, "1", [777]), (12, "1 to 12", [777, 888, 999]), (90, "1 to 90", [777])]
    assert [row["run"] for row in facts["metrics"] if row["metric"] == "parameters"] == [None]
    assert {"latency_seconds", "parameters", "valid_seconds"} <= {row["metric"] for row in facts["metrics"]}
    lines = answer(["info", SIZE_TABLES[0]], capsys).out.splitlines()
    assert any(re.fullmatch(r"architectures +4 of 32,768", line) for line in lines)
    assert "metric\trun\tunit\tsplit\tbetter\tepochs\tseeds\tdescription" in lines
    assert any(line.startswith("valid_loss\t12\tnats\tvalid\tlower\t1 to 12\t777, 888, 999\t") for line in lines)


def test_info_of_a_space_and_a_table_of_one_name(tmp_path, capsys):
    write_file(tmp_path / "nasbench_full.tfrecord", made_rows(0, cells=3))
    answer(["data", "convert", tmp_path / "nasbench_full.tfrecord"], capsys)
    space, table = json.loads(answer(["info", "nasbench101", "--json"], capsys).out)
    assert (space["kind"], space["size"], table["kind"]) == ("spaces", 423_624, "benchmarks")
    assert table["architectures"] == {"held": 3, "of": 423_624} and "benchmarks" not in space
    text = answer(["info", "nasbench101"], capsys).out
    assert text.startswith("space nasbench101\n\ntitle ") and "\n\nbenchmark nasbench101\n\ntitle " in text


def test_search(tmp_path, capsys):
    # Random search draws from the whole space; what is not in the table fails, and is said to.
    content = natsbench("size", 4)
    save_pickle(content, tmp_path / PACKED)
    answer(["data", "convert", tmp_path / PACKED], capsys)
    capsys.readouterr()
    assert run(["search", SIZE_TABLES[0], "--strategy", "random-search", "--budget", "5", "--json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["queries"], found["best_value"], len(found["trace"])) == (5, None, 5)
    assert printed.err.splitlines()[-1] == (
        f"Error: none of the 5 architectures is among the 4 architectures of {SIZE_TABLES[0]!r}"
    )


def test_why_nothing_succeeded():
    def why(*rows):
        return why_nothing_succeeded(pandas.DataFrame(rows, columns=["architecture", "failure"]))

    assert why() == "no architecture was evaluated"
    assert why(("a", None), ("b", None)) == "none of the 2 evaluations has a value"
    assert why(("a", "a is not here"), ("b", "b is not here")) == "none of the 2 architectures is here"
    for rows in (
        [("a", "a is not here")],
        [("a", "a is not here"), ("b", "b broke")],
        [("a", "a is not here"), ("b", None)],
    ):
        assert why(*rows) == f"no evaluation of {len(rows)} succeeded; the first failed because a is not here"


def test_verify_finds_a_changed_byte(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    for name in SIZE_TABLES:
        source = f"table:{content_digest(card(name))[:12]}"
        _, line = answer(["data", "verify", name], capsys).out.splitlines()
        assert line == f"{name}\tverified, 4 rows, {1 + len(card(name).arrays)} files\t{source}"
        assert f"{name}\tsource: {source}" in answer(["data", "verify", name, "--verbose"], capsys).out
        asked = ["query", name, sizes(1)[0], "--json"]
        assert json.loads(answer(asked, capsys).out)["source"] == source
    findings = json.loads(answer(["data", "verify", "--json", SIZE_TABLES[1]], capsys).out)
    assert "rows: 4" in findings[SIZE_TABLES[1]]["confirmed"]
    path = card(SIZE_TABLES[1]).folder / "test_accuracy@12.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    line = refused(["data", "verify", SIZE_TABLES[1]], capsys)
    assert f"{SIZE_TABLES[1]} is not what its card says: test_accuracy@12.npy, sha256 is" in line
    path.write_bytes(content[:-1])
    refused(["data", "verify", SIZE_TABLES[1]], capsys)
    path.unlink()
    assert f"{path}: it does not exist" in refused(["data", "verify", SIZE_TABLES[1]], capsys)
    answer(["data", "verify", SIZE_TABLES[0]], capsys)


def test_a_damaged_table_hides_no_other(files, capsys):
    answer(["data", "convert", files / PACKED], capsys)
    first, second, third, fourth = SIZE_TABLES
    (card(first).folder / "card.toml").write_text("not a card")
    (card(third).folder / "rows.parquet").unlink()
    answered = answer(["data", "list", "--json"], capsys)
    rows = {row["name"]: row for row in json.loads(answered.out) if row["kind"] == "table"}
    assert [rows[name]["state"] for name in SIZE_TABLES] == ["damaged", "cached", "damaged", "cached"]
    assert first in rows[first]["reason"] and rows[third]["reason"].endswith("rows.parquet: it does not exist")
    printed = answer(["data", "list"], capsys)
    assert f"{first}\ttable\tdamaged\t-\t" in printed.out
    assert [line.split(":")[0] for line in printed.err.splitlines()[:2]] == [
        f"{first} is damaged", f"{third} is damaged",
    ]  # fmt: skip
    capsys.readouterr()
    for options in ([], ["--json"]):
        assert run(["data", "verify", *options]) == 1
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert line.startswith("Error: ") and f"{first}/card.toml" in line
        assert f"{third} is not what its card says: cannot read" in line
        assert second not in line and fourth not in line
    found = json.loads(printed.out)
    assert [found[name]["state"] for name in SIZE_TABLES] == ["damaged", "verified", "damaged", "verified"]
    assert found["nasbench201-cifar10"]["state"] == "verified"
