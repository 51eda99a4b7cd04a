"""Saved surrogates as files: what is written comes back, nothing is half written, and what was changed is refused."""

import errno
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from ganas.bench.surrogate import artefact
from ganas.bench.surrogate.artefact import FILE_NAME, FORMAT, is_saved, pack, read_artefact, require_name, write_files
from ganas.spaces.errors import DataError, DuplicateName, InvalidSetting, MissingDependency

ABOUT = {"card": {"space": "nasbench201", "share": 0.1}, "versions": {"numpy": "2"}}
TREES = "tree=0\n" * 400


def state():
    return {
        "matrix": np.arange(6.0).reshape(2, 3),
        "in columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "every other": np.arange(10)[::2],
        "narrow": np.array([1.5, -2.5], dtype=np.float32),
        "empty": np.zeros((0, 4)),
        "one": np.array(3),
        "flags": np.array([True, False]),
        "nested": [{"trees": TREES, "short": "text"}, [1, 2.5, None, True], ("a", "b")],
        "number": np.float64(0.1),
        "count": np.int64(7),
    }


def comparable(value):
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tolist())
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


@pytest.fixture
def saved(tmp_path):
    content, _ = pack("mine", ABOUT, state())
    write_files(tmp_path / "mine", content)
    return tmp_path / "mine"


def rewritten(folder, file=None, content=None, **changes):
    """Change a saved surrogate and make every digest fit again, as someone would who knows the format."""
    if file is not None:
        (folder / file).write_bytes(content)
    found = json.loads((folder / FILE_NAME).read_text()) | changes
    if file is not None:
        found["files"][file] = hashlib.sha256(content).hexdigest()
    covered = {part: found[part] for part in ("format", "about", "files") if part in found}
    found["hash"] = hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()
    (folder / FILE_NAME).write_text(json.dumps(found))
    return folder


def refusal(folder):
    """What is said when a damaged folder is opened or read, in one line."""
    with pytest.raises(DataError) as caught:
        read_artefact(folder).state()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what is written -------------------------------------------------------------------------------------------------


def test_everything_comes_back(saved):
    opened = read_artefact(saved)
    assert comparable(opened.state()) == comparable(state())
    assert (opened.name, opened.about) == ("mine", ABOUT)


def test_the_files_are_json_text_and_safetensors(saved):
    assert sorted(path.name for path in saved.iterdir()) == [
        "arrays.safetensors",
        "state.json",
        "surrogate.json",
        "text_0.txt",
    ]
    assert (saved / "text_0.txt").read_text() == TREES
    assert set(safetensors.numpy.load_file(saved / "arrays.safetensors")) == {f"array_{n}" for n in range(7)}
    assert TREES not in (saved / "state.json").read_text()


def test_equal_content_gives_equal_bytes_and_another_name_the_same_hash():
    first, digest = pack("mine", ABOUT, state())
    assert pack("mine", ABOUT, state()) == (first, digest)
    assert pack("yours", ABOUT, state())[1] == digest


@pytest.mark.parametrize("changed", [{"narrow": np.array([1.5, -2.25], dtype=np.float32)}, {"count": 8}])
def test_other_content_gives_another_hash(changed):
    assert pack("mine", ABOUT, state() | changed)[1] != pack("mine", ABOUT, state())[1]
    assert pack("mine", {**ABOUT, "more": 1}, state())[1] != pack("mine", ABOUT, state())[1]


@pytest.mark.parametrize("value", [{1, 2}, np.array([object()]), {1: "key"}, float("nan"), float("inf"), b"bytes"])
def test_what_is_no_state_is_not_written(value):
    with pytest.raises(InvalidSetting):
        pack("mine", ABOUT, {"value": value})


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "a/b", "../a", "a:b", "x" * 101, "ä", "-dash", None, "a\n"])
def test_names_that_are_no_folder(name):
    with pytest.raises(InvalidSetting, match="named by at most 100 letters"):
        require_name(name)
    with pytest.raises(InvalidSetting):
        pack(name, ABOUT, {})


def test_names_that_are_fine():
    assert [require_name(name) for name in ("a", "v1.0_b-c", "9", "x" * 100)]


# --- whole or not at all ---------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    content, _ = pack("mine", ABOUT, state())
    written = []

    def write(path, part):
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "no space")
        return Path.open(path, "wb").close()

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(DataError, match="no space left"):
        write_files(tmp_path / "new" / "mine", content)
    assert len(written) == 3
    assert list((tmp_path / "new").iterdir()) == []


def test_a_failed_replacement_keeps_the_old_one(saved, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    other, _ = pack("mine", ABOUT, {"other": 1})
    rename = Path.rename

    def fail(path, target):
        if path.name.endswith(".part"):
            raise OSError(errno.EIO, "broken")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(DataError, match="cannot write"):
        write_files(saved, other, overwrite=True)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert list(saved.parent.iterdir()) == [saved]


def test_replacing_leaves_only_the_new_files(saved):
    content, digest = pack("mine", ABOUT, {"other": 1})
    write_files(saved, content, overwrite=True)
    assert read_artefact(saved).hash == digest
    assert not (saved / "text_0.txt").exists()
    assert list(saved.parent.iterdir()) == [saved]


def test_nothing_is_replaced_by_mistake(saved, tmp_path):
    content, _ = pack("mine", ABOUT, {})
    with pytest.raises(DuplicateName, match="allow it to be overwritten"):
        write_files(saved, content)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("three years")
    (tmp_path / "file").write_text("text")
    for place in ("other", "file"):
        with pytest.raises(DuplicateName, match="take another folder"):
            write_files(tmp_path / place, content, overwrite=True)
    assert (tmp_path / "other" / "thesis.txt").read_text() == "three years"


def test_what_a_killed_process_left_is_removed(tmp_path):
    dead = 2**22 + 1  # beyond the largest process number of Linux
    left = tmp_path / f".mine.{dead}.part"
    left.mkdir()
    content, _ = pack("mine", ABOUT, {})
    write_files(tmp_path / "mine", content)
    assert not left.exists()


# --- what was changed or damaged -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["state.json", "arrays.safetensors", "text_0.txt"])
def test_a_changed_byte_is_noticed(saved, name):
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(content)
    assert "its digest does not fit" in refusal(saved)


@pytest.mark.parametrize("name", ["state.json", "arrays.safetensors", "text_0.txt"])
def test_a_file_that_is_missing_or_cut_is_noticed(saved, name):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[:-1])
    assert "its digest does not fit" in refusal(saved)
    (saved / name).unlink()
    assert f"cannot read {saved / name}" in refusal(saved)


def test_a_change_after_opening_is_noticed(saved):
    opened = read_artefact(saved)
    (saved / "text_0.txt").write_text("other trees")
    with pytest.raises(DataError, match="digest does not fit"):
        opened.state()


def test_a_changed_description_is_noticed(saved):
    text = (saved / FILE_NAME).read_text()
    (saved / FILE_NAME).write_text(text.replace('"share": 0.1', '"share": 0.2'))
    assert "was changed after it was written" in refusal(saved)


@pytest.mark.parametrize("version", [FORMAT + 1, 0, "1", None, [1]])
def test_another_version_is_refused(saved, version):
    assert f"this version of Ganas reads {FORMAT}" in refusal(rewritten(saved, format=version))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"format": NaN}', "\ufeff{}", "[" * 100_000])
def test_what_is_no_description_is_refused(saved, text):
    (saved / FILE_NAME).write_text(text)
    assert FILE_NAME in refusal(saved)


@pytest.mark.parametrize(
    "changes", [{"name": 3}, {"name": "../x"}, {"about": []}, {"files": {}}, {"files": []}, {"about": None}]
)
def test_fields_of_the_wrong_kind_are_refused(saved, changes):
    assert "is no description of a surrogate" in refusal(rewritten(saved, **changes))


@pytest.mark.parametrize("field", ["name", "hash", "about", "files"])
def test_a_field_that_is_lacking_is_refused(saved, field):
    found = json.loads((saved / FILE_NAME).read_text())
    del found[field]
    (saved / FILE_NAME).write_text(json.dumps(found))
    assert f"{field!r} is lacking" in refusal(saved)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "a/state.json", "surrogate.json", "..", "x.pkl", ""])
def test_files_that_are_no_part_of_it_are_refused(saved, name):
    (saved.parent / "secret.txt").write_text("secret")
    found = json.loads((saved / FILE_NAME).read_text())
    files = found["files"] | {name: hashlib.sha256(b"secret").hexdigest()}
    assert "which is no file of a saved surrogate" in refusal(rewritten(saved, files=files))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("arrays.safetensors", b"nonsense"),
        ("arrays.safetensors", b""),
        ("arrays.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
        ("arrays.safetensors", safetensors.numpy.save({"other": np.zeros(2)})),
        ("state.json", b"{"),
        ("state.json", b'{"a": {"__array__": "array_99"}}'),
        ("state.json", b'{"a": {"__array__": ["array_0"]}}'),
        ("state.json", b'{"a": {"__text__": "text_99"}}'),
        ("state.json", b"[" * 100_000),
        ("text_0.txt", b"\xff\xfe\xff"),
    ],
)
def test_nonsense_with_fitting_digests_is_refused(saved, name, content):
    assert "cannot be read" in refusal(rewritten(saved, name, content))


def test_a_folder_without_a_surrogate(tmp_path):
    assert "there is no saved surrogate" in refusal(tmp_path)
    assert "there is no saved surrogate" in refusal(tmp_path / "nowhere")
    (tmp_path / FILE_NAME).mkdir()
    assert "cannot be read" in refusal(tmp_path)


def test_is_saved(saved):
    assert is_saved(saved) and is_saved(str(saved))
    assert not is_saved(saved.parent)
    assert not is_saved("x" * 5000)
    assert not is_saved("a\0b")


def test_a_missing_package_is_named(saved, monkeypatch):
    opened = read_artefact(saved)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (opened.state, lambda: pack("mine", ABOUT, {})):
        with pytest.raises(MissingDependency, match="pip install safetensors"):
            call()


def test_the_folders_of_named_surrogates(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path / "home"))
    assert artefact.saved_surrogates() == {}
    shutil.copytree(saved, artefact.surrogates_folder() / "mine")
    shutil.copytree(saved, artefact.surrogates_folder() / ".mine.1.part")
    (artefact.surrogates_folder() / "empty").mkdir()
    assert artefact.saved_surrogates() == {"mine": tmp_path / "home" / "surrogates" / "mine"}
