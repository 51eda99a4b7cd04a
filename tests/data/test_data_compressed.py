"""Reading bzip2 files within a bound."""

import bz2
import io
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganas.data.compressed import BZ2Stream
from ganas.spaces.errors import DataError

CONTENT = bytes(range(256)) * 40 + b"text " * 500
PACKED = bz2.compress(CONTENT)


def read_all(path, *, size=1000, max_bytes=1 << 20):
    with BZ2Stream(path, max_bytes=max_bytes) as stream:
        pieces = list(iter(lambda: stream.read(size), b""))
        assert all(len(piece) <= size for piece in pieces)
        return b"".join(pieces)


def test_the_content_is_that_of_the_standard_library(tmp_path):
    path = tmp_path / "a.bz2"
    for packed in (PACKED, bz2.compress(b""), PACKED + bz2.compress(b"more"), PACKED + b"something else"):
        path.write_bytes(packed)
        expected = bz2.BZ2File(io.BytesIO(packed)).read()
        for size in (1, 1000, 1 << 20):
            assert read_all(path, size=size) == expected


def test_progress_goes_from_nothing_to_all(tmp_path):
    path = tmp_path / "a.bz2"
    # Incompressible, and more than is read of a file at once.
    path.write_bytes(
        bz2.compress(b"".join(hash((number, 1)).to_bytes(8, "little", signed=True) for number in range(60_000)))
    )
    with BZ2Stream(path, max_bytes=1 << 20) as stream:
        seen = [stream.progress]
        while stream.read(50_000):
            seen.append(stream.progress)
    assert seen[0] < 0.5 and seen == sorted(seen) and seen[-1] == 1.0
    assert stream.progress == 1.0


def test_more_than_the_bound_is_an_error(tmp_path):
    path = tmp_path / "a.bz2"
    path.write_bytes(PACKED)
    assert read_all(path, max_bytes=len(CONTENT)) == CONTENT
    with pytest.raises(DataError, match="more than the 12,739 bytes"):
        read_all(path, max_bytes=len(CONTENT) - 1)


def test_a_bomb_takes_neither_memory_nor_more_than_the_bound(tmp_path):
    path = tmp_path / "bomb.bz2"
    # Half a gigabyte of zeros in a few hundred bytes: streams may follow each other.
    path.write_bytes(bz2.compress(bytes(1 << 24)) * 32)
    assert path.stat().st_size < 5000
    tracemalloc.start()
    try:
        with (
            pytest.raises(DataError, match="more than the 33,554,432 bytes"),
            BZ2Stream(path, max_bytes=1 << 25) as stream,
        ):
            while stream.read(1 << 16):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 23


def test_a_file_cut_off_anywhere_is_an_error(tmp_path):
    path = tmp_path / "a.bz2"
    for length in [*range(20), *range(20, len(PACKED), 37), len(PACKED) - 1]:
        path.write_bytes(PACKED[:length])
        with pytest.raises(DataError, match=r"cut off|no bzip2 file"):
            read_all(path)


@settings(max_examples=150, deadline=None)
@given(st.integers(4, len(PACKED) - 1), st.integers(1, 255))
def test_a_damaged_file_is_an_error_or_the_same(tmp_path_factory, place, change):
    path = tmp_path_factory.mktemp("damaged") / "a.bz2"
    damaged = bytearray(PACKED)
    damaged[place] ^= change
    path.write_bytes(damaged)
    try:
        content = read_all(path)
    except DataError as error:
        assert re.search(r"bzip2 data are (damaged|cut off)|more than the 1,048,576 bytes", str(error))
    else:
        assert content == CONTENT  # the last bits only fill up a byte


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + bytes(30), "a zip file"),
        (b"\x80\x04\x95" + bytes(30), "a pickle"),
        (b"# Read me\nfirst\n", "a text"),
        (bytes(257) + b"ustar" + bytes(250), "a tar archive"),
        (b"<!doctype html>", "a web page"),
        (bytes(20), "no bzip2 file$"),
    ],
)
def test_other_files_are_named(tmp_path, content, kind):
    path = tmp_path / "a.bz2"
    path.write_bytes(content)
    with pytest.raises(DataError, match=kind):
        BZ2Stream(path, max_bytes=100)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        BZ2Stream(tmp_path / "absent", max_bytes=100)
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        BZ2Stream(tmp_path, max_bytes=100)
