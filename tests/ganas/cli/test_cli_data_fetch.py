"""``ganas data fetch`` and the sources in ``ganas data list``; the files come from a folder, never from the network."""

import hashlib
import json

import pytest

from ganas.cli import data
from ganas.cli.main import run
from ganas.data.catalog import cards, home
from ganas.data.sources import downloads, source, sources

CONTENT = b"not really a table" * 100_000


def answer(arguments, capsys):
    capsys.readouterr()
    status = run(arguments)
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed


def refused(arguments, capsys):
    capsys.readouterr()
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: ")
    return lines[0]


@pytest.fixture
def small(monkeypatch):
    """A source whose digest is that of a small file."""
    known = sources()
    values = {name: getattr(known["nasbench101"], name) for name in type(known["nasbench101"]).__dataclass_fields__}
    values["sha256"] = hashlib.sha256(CONTENT).hexdigest()
    entry = type(known["nasbench101"])(**values)
    monkeypatch.setattr(data, "source", lambda name: entry if name == entry.name else source(name))
    return entry


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "a mirror"
    folder.mkdir()
    for entry in sources().values():
        (folder / entry.files[0]).write_bytes(CONTENT)
    return folder


def test_fetch(small, mirror, capsys):
    printed = answer(["data", "fetch", "nasbench101", "--mirror", str(mirror), "--json"], capsys)
    path = downloads() / "nasbench_full.tfrecord"
    assert json.loads(printed.out) == {
        "name": "nasbench101",
        "path": str(path),
        "bytes": len(CONTENT),
        "sha256": small.sha256,
        "checked": "its published SHA-256 digest",
        "makes": ["nasbench101"],
        "next": f"ganas data convert {path}",
    }
    assert path.read_bytes() == CONTENT
    assert printed.err.startswith("fetch nasbench101: 2 MB in ")
    again = answer(["data", "fetch", "nasbench101"], capsys)
    assert again.err == ""
    lines = dict(line.split(maxsplit=1) for line in again.out.splitlines())
    assert lines["path"] == str(path) and lines["makes"] == "nasbench101"
    assert lines["next"] == f"ganas data convert {path}"


def test_the_next_command_can_be_copied(small, mirror, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "my home"))
    printed = answer(["data", "fetch", "nasbench101", "--mirror", str(mirror), "--json"], capsys)
    assert json.loads(printed.out)["next"].endswith("my home/downloads/nasbench_full.tfrecord'")


def test_a_wrong_file_is_one_line(mirror, capsys):
    for name in ("nasbench101", "nasbench201-v1.1", "natsbench-size"):
        line = refused(["data", "fetch", name, "--mirror", str(mirror)], capsys)
        assert "as it was published, and the copy of it was removed: its " in line
    assert list(downloads().iterdir()) == []
    # What the user has is the user's.
    assert all((mirror / entry.files[0]).read_bytes() == CONTENT for entry in sources().values())


@pytest.mark.parametrize("name", [name for name, entry in sources().items() if not entry.urls])
def test_a_host_without_links_is_one_line_with_the_steps(name, capsys):
    line = refused(["data", "fetch", name], capsys)
    owner = "automl" if name == "nasbench301" else "D-X-Y"
    assert f"{name} has no direct link: Open https://github.com/{owner}/" in line
    assert f"ganas data convert {source(name).files[0]}" in line
    assert not downloads().exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nasbench-101"], "unknown source 'nasbench-101'"),
        (["nasbench201-cifar10"], "'nasbench201-cifar10' comes with Ganas: there is nothing to fetch"),
        (["nasbenchgraph-cora"], "'nasbenchgraph-cora' comes with Ganas: there is nothing to fetch"),
        (["natsbench-topology-cifar10"], "is a table that is made of the source 'natsbench-topology': give that name"),
        (["../nasbench101"], "unknown source '../nasbench101'"),
        (["nasbench101", "--mirror", "ftp://host"], "wanted is http, https, file or a path"),
        (["nasbench101", "--mirror", "nowhere"], "the mirror nowhere holds no nasbench_full.tfrecord"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert message in refused(["data", "fetch", *arguments], capsys)


def test_the_list_shows_sources(capsys):
    rows = json.loads(answer(["data", "list", "--json"], capsys).out)
    assert {row["kind"] for row in rows} == {"table", "source"}
    listed = {row["name"]: row for row in rows if row["kind"] == "source"}
    assert list(listed) == list(sources())
    assert {row["state"] for row in listed.values()} == {"missing"}
    assert listed["nasbench101"]["bytes"] == 1_950_000_000
    assert listed["nasbench101"]["sha256"] == "3d64db8180fb"
    assert listed["natsbench-size"]["bytes"] is None and listed["natsbench-size"]["sha256"] is None
    assert "natsbench-size-cifar100" in listed["natsbench-size"]["makes"]
    assert listed["nasbench101"]["path"] == str(downloads() / "nasbench_full.tfrecord")
    printed = answer(["data", "list"], capsys)
    lines = [line.split("\t") for line in printed.out.splitlines()]
    assert lines[0] == ["name", "kind", "state", "rows", "size", "licence", "sha256", "from"]
    assert ["nasbench101", "source", "missing", "-", "1.95 GB", "unknown", "3d64db8180fb", "a direct link"] in lines
    assert ["natsbench-size", "source", "missing", "-", "unknown", "MIT", "-", "by hand"] in lines
    assert printed.err == f"converted tables and downloads are in {home()}; GANAS_HOME names another folder\n"


def test_the_list_shows_tables_that_are_missing(capsys):
    rows = [row for row in json.loads(answer(["data", "list", "--json"], capsys).out) if row["kind"] == "table"]
    missing = {row["name"]: row["from"] for row in rows if row["state"] == "missing"}
    assert missing == {name: entry.name for entry in sources().values() for name in entry.makes}
    assert {row["name"]: row["from"] for row in rows if row["state"] == "embedded"} == {
        name: entry.source.package for name, entry in cards().items()
    }
    lines = [line.split("\t") for line in answer(["data", "list"], capsys).out.splitlines()]
    assert ["natsbench-size-cifar100", "table", "missing", "-", "-", "MIT", "-", "natsbench-size"] in lines


def test_the_list_shows_what_is_downloaded(small, mirror, capsys):
    answer(["data", "fetch", "nasbench101", "--mirror", str(mirror)], capsys)
    (downloads() / "NATS-sss-v1_0-50262-simple").mkdir()
    (downloads() / "nasbench_only108.tfrecord.part").touch()
    rows = json.loads(answer(["data", "list", "--json"], capsys).out)
    states = {row["name"]: (row["state"], row["bytes"]) for row in rows if row["kind"] == "source"}
    assert states["nasbench101"] == ("downloaded", len(CONTENT))
    assert states["natsbench-size"] == ("downloaded", None)
    assert states["nasbench101-only108"] == ("missing", 499_000_000)
