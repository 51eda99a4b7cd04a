import os
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganas.data.tfrecord import read_tfrecords
from ganas.spaces.errors import DataError


def bitwise_crc32c(content):
    """CRC-32C by its definition, one bit at a time: polynomial 0x1EDC6F41, reflected."""
    checksum = 0xFFFFFFFF
    for byte in content:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (0x82F63B78 if checksum & 1 else 0)
    return checksum ^ 0xFFFFFFFF


def masked(content):
    checksum = bitwise_crc32c(content)
    return ((checksum >> 15 | checksum << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


def header(length):
    content = struct.pack("<Q", length)
    return content + struct.pack("<I", masked(content))


def frame(payload):
    return header(len(payload)) + payload + struct.pack("<I", masked(payload))


def read(folder, content, **options):
    path = folder / "records.tfrecord"
    path.write_bytes(content)
    return list(read_tfrecords(path, **options))


def test_the_checksum_of_the_tests_is_the_published_one():
    # RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
    assert bitwise_crc32c(b"123456789") == 0xE3069283
    assert bitwise_crc32c(bytes(32)) == 0x8A9136AA
    assert bitwise_crc32c(bytes(range(32))) == 0x46DD794E


def test_records_come_out_with_the_bytes_at_which_they_begin(tmp_path):
    payloads = [b"one", b"", b"x" * 5000, b"\x00" * 16]
    expected, offset = [], 0
    for payload in payloads:
        expected.append((offset, payload))
        offset += len(payload) + 16
    assert read(tmp_path, b"".join(map(frame, payloads))) == expected


def test_a_record_may_be_as_large_as_the_limit_and_no_larger(tmp_path):
    assert read(tmp_path, frame(b"12345"), max_record_bytes=5) == [(0, b"12345")]
    with pytest.raises(DataError, match=r"the record at byte 0 says that it has 5 bytes, more than the 4 "):
        read(tmp_path, frame(b"12345"), max_record_bytes=4)


@pytest.mark.parametrize("length", [2**20 + 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_huge_length_with_a_right_checksum_is_refused_and_allocates_nothing(tmp_path, length):
    path = tmp_path / "records.tfrecord"
    path.write_bytes(frame(b"first") + header(length) + b"little")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"the record at byte 21 says that it has {length:,} bytes"):
            list(read_tfrecords(path))
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_memory_is_bounded_by_a_block_and_a_record(tmp_path):
    path = tmp_path / "records.tfrecord"
    one = frame(b"x" * 2000)
    path.write_bytes(one * 8000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_tfrecords(path)) == 8000
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20 < path.stat().st_size / 4
    finally:
        tracemalloc.stop()


def test_every_cut_is_found_and_says_where(tmp_path):
    content = frame(b"first") + frame(b"second")
    for size in range(1, len(content)):
        if size == 21:  # between the two records: a whole file
            assert read(tmp_path, content[:size]) == [(0, b"first")]
            continue
        begin, end = (0, 21) if size < 21 else (21, 43)
        what, missing = ("header", 12 - size + begin) if size - begin < 12 else ("record", end - size)
        with pytest.raises(DataError, match=rf"the {what} that begins at byte {begin} lacks its last {missing} byte"):
            read(tmp_path, content[:size])


def test_every_flipped_bit_is_found_and_says_where(tmp_path):
    content = frame(b"first") + frame(b"second")
    for position in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[position] ^= 1 << bit
            begin = 0 if position < 21 else 21
            what = "length" if position - begin < 12 else "payload of the record"
            with pytest.raises(DataError, match=rf"damaged.*the {what} at byte {begin}\b"):
                read(tmp_path, bytes(changed))


def test_records_before_the_damage_come_first(tmp_path):
    path = tmp_path / "records.tfrecord"
    path.write_bytes(frame(b"first") + b"?" * 30)
    records = read_tfrecords(path)
    assert next(records) == (0, b"first")
    with pytest.raises(DataError, match="the length at byte 21 does not fit"):
        next(records)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\x1f\x8b\x08" + bytes(30), "begins as a gzip file"),
        (b"\x80\x04\x95" + bytes(30), "begins as a pickle"),
        (b"PK\x03\x04" + bytes(30), "begins as a zip file or a checkpoint of torch"),
        (b"<!doctype html><html>", "begins as a web page"),
        (b'["module_hash", 108]', "begins as JSON"),
        (bytes(40), "no TFRecord file: the length at byte 0 does not fit its CRC-32C$"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, content, match):
    with pytest.raises(DataError, match=match):
        read(tmp_path, content)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"records\.tfrecord is empty"):
        read(tmp_path, b"")
    with pytest.raises(DataError, match="is not a file"):
        list(read_tfrecords(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        list(read_tfrecords(tmp_path / "absent.tfrecord"))
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer for ever
    with pytest.raises(DataError, match="is not a file"):
        list(read_tfrecords(tmp_path / "pipe"))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=3), st.data())
def test_mutated_files_give_what_was_written_or_a_typed_error(tmp_path_factory, payloads, data):
    folder = tmp_path_factory.getbasetemp()
    content = b"".join(map(frame, payloads))
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, min(len(content), start + 6)))
    changed = content[:start] + data.draw(st.binary(max_size=6)) + content[stop:]
    (folder / "mutated.tfrecord").write_bytes(changed)
    found = []
    try:
        for _, payload in read_tfrecords(folder / "mutated.tfrecord"):
            found.append(payload)
    except DataError as error:
        assert "mutated.tfrecord" in str(error) and "byte" in str(error) and "\n" not in str(error)
    else:
        assert changed == content
    # Too few bytes change to take out or repeat a whole record, which no checksum of a record could tell.
    assert found == payloads[: len(found)]
