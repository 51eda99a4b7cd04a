"""Finding the pickle of a file of torch.save, and refusing what is not one without tensors."""

import io
import os
import pickle
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganas.data import torch_file
from ganas.data.pickle_stream import EntryStream, load_plain
from ganas.data.torch_file import open_torch_pickle
from ganas.spaces.errors import DataError

CONTENT = {"names": ["a", "b"], "entries": {index: {"x": {0: 0.5, 1: 0.25}, "y": index} for index in range(50)}, "n": 2}


def load(path, max_bytes=1 << 24):
    with open_torch_pickle(path, max_bytes=max_bytes) as file:
        value = load_plain(file.source)
        file.finish()
        assert 0.0 < file.progress <= 1.0
        return value


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as out:
        for name, content in members:
            out.writestr(name, content)


def legacy(content, *, magic=0x1950A86A20F9469CFC6C, version=1001, system=None, after=(b"\x80\x02]q\x00.",)):
    head = [pickle.dumps(one, 2) for one in (magic, version, {"little_endian": True} if system is None else system)]
    return b"".join([*head, content, *after])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.pth"


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_files_of_torch_are_read(path, old, protocol):
    torch = pytest.importorskip("torch")
    torch.save(CONTENT, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not old)
    assert load(path) == CONTENT == torch.load(path, weights_only=False)
    with open_torch_pickle(path, max_bytes=1 << 24) as file:
        stream = EntryStream(file.source, "entries")
        assert list(stream) == list(CONTENT["entries"].items())
        file.finish()


@pytest.mark.parametrize("old", [False, True])
def test_tensors_are_refused(path, old):
    torch = pytest.importorskip("torch")
    for value in ([torch.zeros(3)], {"a": CONTENT, "b": torch.nn.Linear(1, 1).state_dict()}):
        torch.save(value, path, _use_new_zipfile_serialization=not old)
        with pytest.raises(DataError, match=r"holds tensors|torch\._utils\._rebuild"):
            load(path)


def test_both_ways_to_store_a_member_and_no_other(path):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive(path, [("any/data.pkl", pickle.dumps(CONTENT, 2)), ("any/version", "3")], method)
        assert load(path) == CONTENT
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        archive(path, [("any/data.pkl", pickle.dumps(CONTENT, 2))], method)
        with pytest.raises(DataError, match="compressed in a way"):
            load(path)


def test_the_layout_of_archives_beyond_4_gigabytes(path, monkeypatch):
    # With another limit, zipfile writes a small archive in the same way.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50)
    archive(path, [("a/data.pkl", pickle.dumps(CONTENT, 2)), ("a/version", b"3")])
    monkeypatch.undo()
    assert b"PK\x06\x06" in path.read_bytes()
    assert load(path) == CONTENT


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([], "no file of torch.save"),
        ([("a/version", b"3")], "0 members data.pkl"),
        ([("data.pkl", b"N.")], "0 members data.pkl"),
        ([("a/b/data.pkl", b"N.")], "0 members data.pkl"),
        ([("a/data.pkl", b"N."), ("b/data.pkl", b"N.")], "2 members data.pkl"),
        ([("a/data.pkl", b"N."), ("a/data.pkl", b"N.")], "two members of one name"),
        ([("a/data.pkl", b"N."), ("a/data/0", b"1234")], "holds tensors"),
        ([("a/data.pkl", b"N."), ("a/data/../x", b"1234")], "holds tensors"),
        ([("a/data.pkl", b"N.N.")], "something follows"),
        ([("a/data.pkl", b"N. ")], "something follows"),
        ([("a/data.pkl", b"")], "cut off"),
    ],
)
def test_archives_that_are_no_such_file(path, members, match):
    archive(path, members)
    with pytest.raises(DataError, match=match):
        load(path)


def test_names_that_lead_elsewhere_are_of_no_use(tmp_path):
    path = tmp_path / "inner" / "file.pth"
    path.parent.mkdir()
    archive(path, [("../data.pkl", pickle.dumps(CONTENT)), ("../../up", b"x"), ("/tmp/ganas-absolute", b"x")])
    assert load(path) == CONTENT
    assert [one.name for one in tmp_path.rglob("*")] == ["inner", "file.pth"]


def test_an_encrypted_member_is_refused(path):
    archive(path, [("a/data.pkl", pickle.dumps(CONTENT))])
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        load(path)


def test_a_wrong_checksum_is_found(path):
    packed = pickle.dumps(CONTENT, 2)
    archive(path, [("a/data.pkl", packed)])
    content = bytearray(path.read_bytes())
    place = content.index(packed) + packed.index(b"K\x01")
    content[place + 1] = 7  # another number, and a pickle as good as before
    path.write_bytes(content)
    with pytest.raises(DataError, match="archive is damaged: Bad CRC"):
        load(path)


def test_a_bomb_is_cut_short(path):
    archive(path, [("a/data.pkl", b"]" + b"(" + b"K\x01" * (1 << 22) + b"e.")], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="longer than what is read"):
        load(path, max_bytes=1 << 20)
    with pytest.raises(DataError, match="more than the 4,194,304 bytes"):
        load(path, max_bytes=1 << 30)


def test_a_directory_of_members_is_not_read_whole(path, monkeypatch):
    monkeypatch.setattr(torch_file, "_MAX_READ", 20_000)
    archive(path, [("a/data.pkl", pickle.dumps(CONTENT)), *((f"a/{number}", b"") for number in range(1000))])
    with pytest.raises(DataError, match="directory too large"):
        load(path)


def test_the_end_of_an_archive_may_lie(path):
    archive(path, [("a/data.pkl", pickle.dumps(CONTENT))])
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    for size in (0, 1, 2**31, 2**32 - 1):
        for place in (12, 16):  # size and place of the directory
            lying = bytearray(content)
            lying[end + place : end + place + 4] = struct.pack("<I", size)
            path.write_bytes(lying)
            with pytest.raises(DataError, match=r"damaged|too large|members|cannot be read"):
                load(path)


def test_the_headers_before_1_6(path):
    packed = pickle.dumps(CONTENT, 2)
    path.write_bytes(legacy(packed))
    assert load(path) == CONTENT
    path.write_bytes(legacy(packed, after=()))
    assert load(path) == CONTENT
    for content, match in (
        (legacy(packed, magic=1), "magic number is not there"),
        (packed, "magic number is not there"),
        (legacy(packed, version=1002), "not of version 1001"),
        (legacy(packed, version=True), "not of version 1001"),
        (legacy(packed, system=[]), "header of torch.save is damaged"),
        (legacy(packed, after=(b"\x80\x02]q\x00X\x01\0\0\x000a.",)), "holds tensors"),
        (legacy(packed, after=(b"\x80\x02]q\x00.", b"1234")), "something follows"),
        (legacy(packed, after=(b"\0" * 8,)), "damaged or no pickle"),
        (legacy(packed, magic="x" * 100_000), "magic number is not there"),
        (legacy(packed, system=dict.fromkeys(range(2_000_000))), "more than the 1,048,576 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=match):
            load(path)


def test_payloads_are_refused_wherever_they_stand(path, tmp_path):
    target = tmp_path / "ran"

    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {target}",)

    payload = pickle.dumps(Runs(), 2)
    archive(path, [("a/data.pkl", payload)])
    files = [path.read_bytes()]
    files += [legacy(payload), legacy(pickle.dumps(CONTENT), after=(payload,)), payload]
    files += [legacy(b"N.", magic=Runs()), legacy(b"N.", version=Runs()), legacy(b"N.", system=Runs())]
    for content in files:
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"(posix|nt)\.system, which is not allowed: nothing was run"):
            load(path)
    assert not target.exists()


def test_references_outside_are_refused(path):
    class Persistent(pickle.Pickler):
        def persistent_id(self, obj):
            return ("storage", "0") if obj == "outside" else None

    for protocol in (0, 2):
        stream = io.BytesIO()
        Persistent(stream, protocol).dump({"a": "outside"})
        path.write_bytes(legacy(stream.getvalue()))
        with pytest.raises(DataError, match="PERSID"):
            load(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "empty"), (b"BZh91AY&SY", "a bzip2 file"), (b"Read me first", "a text"), (b"\x1f\x8b\x08", "a gzip file")],
)
def test_other_files_are_named(path, content, kind):
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"no file of torch.save; it .*{kind}"):
        load(path)


def test_a_file_that_cannot_be_read(path, tmp_path):
    for wrong in (path, tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            load(wrong)


def victims(folder):
    small = pickle.dumps({"entries": {0: {"a": [0.5, "b"]}}}, 2)
    archive(folder / "stored", [("a/data.pkl", small), ("a/version", b"3")])
    archive(folder / "deflated", [("a/data.pkl", small * 1 + b"")], zipfile.ZIP_DEFLATED)
    (folder / "legacy").write_bytes(legacy(small))
    return [(folder / name).read_bytes() for name in ("stored", "deflated", "legacy")]


def test_files_cut_off_anywhere_are_errors(path, tmp_path):
    for number, content in enumerate(victims(tmp_path)):
        path.write_bytes(content)
        load(path)
        for length in range(len(content)):
            path.write_bytes(content[:length])
            # Without the list of tensors, which are none, an old file is as good.
            if number == 2 and length == len(content) - 6:
                load(path)
                continue
            with pytest.raises(DataError):
                load(path)


def damage_and_load(folder, content, edits):
    damaged = bytearray(content)
    for place, byte, kind in edits:
        place %= len(damaged)
        if kind == 0:
            damaged[place] = byte
        elif kind == 1:
            damaged[place:place] = bytes([byte])
        else:
            del damaged[place : place + 1 + byte % 4]
        if not damaged:
            return
    path = folder / "damaged.pth"
    path.write_bytes(damaged)
    try:
        load(path)
    except DataError as error:
        assert "\n" not in str(error)


EDITS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255), st.integers(0, 2)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def whole(folder):
    return victims(folder)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2), EDITS)
def test_damaged_files_are_errors_or_data(folder, whole, number, edits):
    damage_and_load(folder, whole[number], edits)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(st.integers(0, 2), EDITS)
def test_many_damaged_files_are_errors_or_data(folder, whole, number, edits):
    damage_and_load(folder, whole[number], edits)
