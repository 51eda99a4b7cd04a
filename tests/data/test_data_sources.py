import re
from dataclasses import replace

import pytest

from ganas.data.catalog import cards, home
from ganas.data.sources import Source, downloaded, downloads, read_sources, source, sources
from ganas.spaces.errors import DataError, UnknownName

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
    ]
    assert all(name == entry.name for name, entry in listed.items())
    assert {name for name, entry in listed.items() if entry.urls} == {"nasbench101", "nasbench101-only108"}
    made = [name for entry in listed.values() for name in entry.makes]
    assert len(made) == len(set(made)) == 18
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
    assert found.files[0] in found.manual
    assert "https://github.com/D-X-Y/" in found.manual
    datasets = ("cifar10", "cifar10-trainval", "cifar100", "imagenet16")
    assert found.makes == tuple(f"{name}-{dataset}" for dataset in datasets)


def test_an_unknown_source_names_the_closest():
    with pytest.raises(UnknownName, match="did you mean 'nasbench101-only108'"):
        source("nasbench101-only-108")


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
