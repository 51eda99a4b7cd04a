import re
from dataclasses import replace
from pathlib import Path

import pytest

from ganas.data.catalog import cards, home
from ganas.data.convert.official import convert_official, locate, recognise
from ganas.data.sources import (
    Source,
    downloaded,
    downloads,
    not_converted,
    read_sources,
    source,
    source_of,
    sources,
)
from ganas.spaces.errors import DataError, NotConverted, UnknownName
from tests.data.nasbench101_files import made_rows, write_file

ONE = Source(
    name="one",
    title="One",
    format="nasbench101",
    files=("one.tfrecord", "one-simple"),
    makes=("one",),
    licence="unknown",
    manual="Load it.",
)

TOML = """
[[sources]]
name = "one"
title = "One"
format = "nasbench101"
files = ["one.tfrecord"]
makes = ["one"]
licence = "MIT"
manual = "Load it."
urls = ["https://example.org/one.tfrecord"]
"""


def test_the_official_files():
    listed = sources()
    assert list(listed) == [
        "nasbench101",
        "nasbench101-only108",
        "nasbench201-v1.0",
        "nasbench201-v1.1",
        "natsbench-topology",
        "natsbench-size",
        "nasbench301",
    ]
    assert all(name == entry.name for name, entry in listed.items())
    assert {name for name, entry in listed.items() if entry.urls} == {"nasbench101", "nasbench101-only108"}
    made = [name for entry in listed.values() for name in entry.makes]
    assert len(made) == len(set(made)) == 19
    assert not {entry.name for entry in cards().values() if entry.embedded} & set(made)


@pytest.mark.parametrize(
    ("name", "file", "digest"),
    [
        ("nasbench101", "nasbench_full.tfrecord", "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c"),
        (
            "nasbench101-only108",
            "nasbench_only108.tfrecord",
            "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
        ),
    ],
)
def test_nasbench101_has_a_link_and_a_full_digest(name, file, digest):
    found = source(name)
    assert found.urls == (f"https://storage.googleapis.com/nasbench/{file}",)
    assert (found.files, found.sha256, found.makes) == ((file,), digest, (name,))


@pytest.mark.parametrize("name", ["nasbench201-v1.0", "nasbench201-v1.1", "natsbench-topology", "natsbench-size"])
def test_the_others_have_steps_and_the_digits_of_their_name(name):
    found = source(name)
    assert found.sha256 is None
    assert re.search(rf"-{found.digest_suffix}\.", found.files[0])
    assert found.digest_inferred == (name == "nasbench201-v1.0")
    assert found.files[0] in found.manual
    assert "https://github.com/D-X-Y/" in found.manual
    datasets = ("cifar10", "cifar10-trainval", "cifar100", "imagenet16")
    assert found.makes == tuple(f"{name}-{dataset}" for dataset in datasets)


def test_nasbench301_has_steps_and_no_digest():
    found = source("nasbench301")
    assert found.files[0] in found.manual and "figshare.com/articles/dataset/nasbench301_full_data/" in found.manual
    assert (found.urls, found.sha256, found.digest_suffix) == ((), None, None)
    with pytest.raises(DataError, match="makes several tables"):
        replace(found, makes=("one", "two"))


def test_an_unknown_source_names_the_closest():
    with pytest.raises(UnknownName, match="did you mean 'nasbench101-only108'"):
        source("nasbench101-only-108")


def test_a_table_is_no_source_and_says_what_is():
    with pytest.raises(
        UnknownName, match="'natsbench-size-cifar10' is a table that is made of the source 'natsbench-size'"
    ):
        source("natsbench-size-cifar10")
    with pytest.raises(UnknownName, match="'nasbenchgraph-cora' comes with Ganas: there is nothing to fetch"):
        source("nasbenchgraph-cora")


def test_every_table_has_its_source():
    for entry in sources().values():
        assert all(source_of(name) is entry for name in entry.makes)
    assert source_of("nasbench201-cifar10") is None and source_of("nope") is None


def test_what_is_not_converted(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    error = not_converted("natsbench-topology-cifar10")
    assert isinstance(error, NotConverted)
    assert str(error) == (
        "'natsbench-topology-cifar10' is not converted yet: ganas data fetch natsbench-topology, then ganas data "
        "convert NATS-tss-v1_0-3ffb9.pickle.pbz2"
    )
    of_source = not_converted("natsbench-topology")
    assert isinstance(of_source, NotConverted)
    assert all(name in str(of_source) for name in source("natsbench-topology").makes)
    assert "not converted yet: ganas data fetch natsbench-topology" in str(of_source)
    assert not_converted("nasbench201-cifar10") is None and not_converted("nope") is None
    # What lies there already need not be fetched.
    (tmp_path / "downloads" / "NATS-tss-v1_0-3ffb9-simple").mkdir(parents=True)
    assert str(not_converted("natsbench-topology-cifar10")).endswith("yet: ganas data convert natsbench-topology")
    for name in source("natsbench-topology").makes:
        (tmp_path / "tables" / name).mkdir(parents=True)
        (tmp_path / "tables" / name / "card.toml").touch()
    converted = not_converted("natsbench-topology")
    assert type(converted) is UnknownName and "not converted" not in str(converted)


def test_a_download_is_converted_by_the_name_of_its_source_or_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    name, file = "nasbench101-only108", "nasbench_only108.tfrecord"
    with pytest.raises(DataError, match=f"there is no file of '{name}' in .*downloads: ganas data fetch {name}"):
        locate(Path(name))
    with pytest.raises(DataError, match=rf"there is no file or directory {file}, nor is it in .*downloads$"):
        locate(Path(file))
    downloads().mkdir(parents=True)
    rows = made_rows(0, cells=2, budgets=(108,))
    path = write_file(downloads() / file, rows)
    for given in (name, file):
        assert locate(Path(given)) == (path, source(name))
    assert locate(Path(file), "nasbench101") == (path, source("nasbench101"))
    # A path that exists is meant as one.
    own = write_file(tmp_path / file, rows)
    assert locate(Path(file)) == (Path(file), source(name)) and own != path
    assert [card.name for card in convert_official(Path(name))] == [name]


def test_records_of_nasbench101_are_known_by_their_content(tmp_path):
    path = write_file(tmp_path / "records", made_rows(0, cells=1))
    assert recognise(path) is source("nasbench101")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="'records' is not the name of an official file"):
        recognise(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nasbench_ful.tfrecord", "there is no file or directory nasbench_ful.tfrecord; did you mean 'nasbench_full"),
        ("natsbench-sise", "there is no file or directory natsbench-sise; did you mean 'natsbench-size'?"),
        ("natsbench-size-cifar10", "the table of this name is made by ganas data convert natsbench-size"),
        ("folder/nasbench_full.tfrecord", "there is no file or directory folder/nasbench_full.tfrecord"),
    ],
)
def test_a_path_that_is_not_there_says_so_first(tmp_path, monkeypatch, given, message):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        locate(Path(given))
    assert str(caught.value).startswith("there is no file or directory ") and message in str(caught.value)


def test_what_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert downloads() == home() / "downloads" == tmp_path / "downloads"
    assert downloaded(ONE) is None
    (tmp_path / "downloads" / "one-simple").mkdir(parents=True)
    assert downloaded(ONE) == tmp_path / "downloads" / "one-simple"
    (tmp_path / "downloads" / "one.tfrecord").touch()
    assert downloaded(ONE) == tmp_path / "downloads" / "one.tfrecord"
    assert downloaded(ONE, tmp_path) is None


@pytest.mark.parametrize(
    "name", ["../one.pth", "/one.pth", "a/b", "a\\b", "..", ".", "", "one\n", ".hidden", "~", "C:one", "one\0"]
)
def test_a_file_name_cannot_be_a_path(name):
    with pytest.raises(DataError, match="file name"):
        replace(ONE, files=(name,))
    with pytest.raises(DataError, match="file name"):
        replace(ONE, files=("one.pth", name))


@pytest.mark.parametrize(
    "change",
    [
        {"files": ()},
        {"makes": ()},
        {"sha256": "12"},
        {"sha256": "G" * 64},
        {"digest_suffix": "12_45"},
        {"digest_suffix": "1"},
    ],
)
def test_a_source_without_sense_is_refused(change):
    with pytest.raises(DataError, match=r"the source 'one' (has the digest|must have a file and make a table)"):
        replace(ONE, **change)


def test_reading_a_list(tmp_path):
    path = tmp_path / "list.toml"
    path.write_text(TOML)
    (read,) = read_sources(path).values()
    assert (read.name, read.files, read.sha256, read.bytes) == ("one", ("one.tfrecord",), None, None)
    assert read.urls == ("https://example.org/one.tfrecord",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "one"\n', "", "lacks the field 'name'"),
        ('title = "One"', 'titel = "One"', "unknown field 'titel'; did you mean 'title'"),
        ('format = "nasbench101"', 'format = "nasbench1"', "format in a source in list.toml must be"),
        ('files = ["one.tfrecord"]', 'files = "one.tfrecord"', "files in a source in list.toml must be"),
        ('["one.tfrecord"]', '["../one.tfrecord"]', "has the file name '../one.tfrecord'"),
        ("https://", "http://", "a link that is not https"),
        ("https://", "file:///", "a link that is not https"),
        ("[[sources]]", "[sources]", "must be a list of"),
        ("[[sources]]", "[[source]]", "must be a list of"),
        ("[[sources]]", "more = 1\n[[sources]]", "must be a list of"),
        ("[[sources]]", f"{TOML}\n[[sources]]", "'one' in list.toml is there twice"),
        ("[[sources]]", "[[sources", "cannot read the sources"),
    ],
)
def test_a_list_with_a_fault_is_one_line(tmp_path, old, new, message):
    assert old in TOML
    path = tmp_path / "list.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_sources(path)
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot read the sources"):
        read_sources(tmp_path / "none.toml")
