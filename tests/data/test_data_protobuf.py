import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganas.data.protobuf import FIXED32, FIXED64, LENGTH_DELIMITED, VARINT, fields, int32
from ganas.spaces.errors import DataError


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, wire_type, value):
    if wire_type == VARINT:
        content = varint(value)
    else:
        content = (varint(len(value)) if wire_type == LENGTH_DELIMITED else b"") + value
    return varint(number << 3 | wire_type) + content


NUMBERS = st.integers(1, 2**29 - 1)
FIELDS = st.one_of(
    st.tuples(NUMBERS, st.just(VARINT), st.integers(0, 2**64 - 1)),
    st.tuples(NUMBERS, st.just(FIXED64), st.binary(min_size=8, max_size=8)),
    st.tuples(NUMBERS, st.just(LENGTH_DELIMITED), st.binary(max_size=300)),
    st.tuples(NUMBERS, st.just(FIXED32), st.binary(min_size=4, max_size=4)),
)


@given(st.lists(FIELDS, max_size=8))
def test_fields_round_trip(content):
    assert list(fields(b"".join(field(*entry) for entry in content))) == content


@given(st.lists(FIELDS, min_size=1, max_size=4), st.data())
def test_a_message_that_is_cut_within_a_field_is_refused(content, data):
    *before, last = content
    complete = b"".join(field(*entry) for entry in before)
    cut = field(*last)[: data.draw(st.integers(1, len(field(*last)) - 1))]
    with pytest.raises(DataError, match="cut off"):
        list(fields(complete + cut))


@given(st.lists(FIELDS, max_size=3), st.lists(FIELDS, max_size=3), NUMBERS, NUMBERS)
def test_groups_are_skipped_with_all_that_is_in_them(inside, after, outer, inner):
    body = b"".join(field(*entry) for entry in inside)
    group = varint(outer << 3 | 3) + body + varint(inner << 3 | 3) + body
    group += varint(inner << 3 | 4) + varint(outer << 3 | 4)
    assert list(fields(group + b"".join(field(*entry) for entry in after))) == after


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_a_typed_error(message):
    try:
        found = list(fields(message))
    except DataError as error:
        assert str(error).startswith("the message ") and "\n" not in str(error)
    else:
        assert all(1 <= number < 2**29 for number, _, _ in found)


@pytest.mark.parametrize(
    ("message", "match"),
    [
        (b"\x00\x01", "the number 0"),
        (b"\x80\x80\x80\x80\x10\x01", "the number 536870912"),
        (b"\x0e\x01", "type 6"),
        (b"\x0f\x01", "type 7"),
        (b"\x0c", "ends a group 1 that it did not begin"),
        (b"\x0b\x14", "ends a group 2 that it did not begin"),
        (b"\x0b\x10\x01", "does not end group 1"),
        (b"\x0b" * 50_000, "does not end group 1"),
        (b"\x10" + b"\xff" * 10 + b"\x01", "more than 10 bytes"),
        (b"\x10\xff", "cut off within a number"),
        (b"\x10", "cut off within a number"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", r"field 1 has 18,446,744,073,709,551,615 bytes, and 0 are left"),
        (b"\x09" + bytes(7), "field 1 has 8 bytes, and 7 are left"),
    ],
)
def test_damage_is_named(message, match):
    with pytest.raises(DataError, match=match):
        list(fields(message))


def test_numbers_are_read_modulo_2_to_the_64_and_int32_takes_the_lower_half():
    # A writer spells a negative int32 with ten bytes; the tenth carries one bit, what is above it is dropped.
    assert list(fields(b"\x10" + b"\xff" * 9 + b"\x01")) == [(2, VARINT, 2**64 - 1)]
    assert list(fields(b"\x10" + b"\xff" * 9 + b"\x7f")) == [(2, VARINT, 2**64 - 1)]
    assert list(fields(b"\x10\x80\x00")) == [(2, VARINT, 0)]
    for value in (0, 1, 2**31 - 1, -1, -(2**31)):
        assert int32(value % 2**64) == value
        assert int32(struct.unpack("<I", struct.pack("<i", value))[0]) == value
    assert int32(2**40 + 5) == 5
