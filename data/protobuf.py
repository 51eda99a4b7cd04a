"""Splitting a message of Protocol Buffers into its fields, without the library and without generated code.

Source: https://protobuf.dev/programming-guides/encoding. Which fields a message has is for the caller to know. By the
rules of proto2 it skips numbers that it does not know and known numbers with another wire type than declared, takes
the last value of a scalar that comes more than once, and can tell an absent field from one that is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from ganas.spaces.errors import DataError

__all__ = ["FIXED32", "FIXED64", "LENGTH_DELIMITED", "VARINT", "fields", "int32"]

VARINT, FIXED64, LENGTH_DELIMITED, _GROUP_BEGIN, _GROUP_END, FIXED32 = range(6)

_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MAX_FIELD_NUMBER = 2**29 - 1
_MAX_VARINT_BYTES = 10


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield the number, wire type and value of each field: an unsigned integer of 64 bits, or the bytes.

    Groups, the nested messages of old, are skipped with all that is in them. Nothing is recursive, and no value is
    larger than the message.

    Raises:
        DataError: The message is cut off or damaged.

    >>> list(fields(bytes([0x10, 0x96, 0x01, 0x0A, 0x02, 0x68, 0x69])))
    [(2, 0, 150), (1, 2, b'hi')]
    """
    position, end = 0, len(message)
    groups: list[int] = []
    while position < end:
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number <= _MAX_FIELD_NUMBER:
            raise DataError(f"the message has a field with the number {number}")
        value: int | bytes
        if wire_type == VARINT:
            value, position = _varint(message, position)
        elif wire_type in (FIXED64, FIXED32, LENGTH_DELIMITED):
            if wire_type == LENGTH_DELIMITED:
                length, position = _varint(message, position)
            else:
                length = _FIXED_BYTES[wire_type]
            if length > end - position:
                raise DataError(
                    f"the message is cut off: field {number} has {length:,} bytes, and {end - position:,} are left"
                )
            value = message[position : position + length]
            position += length
        elif wire_type == _GROUP_BEGIN:
            groups.append(number)
            continue
        elif wire_type == _GROUP_END:
            if not groups or groups.pop() != number:
                raise DataError(f"the message ends a group {number} that it did not begin")
            continue
        else:
            raise DataError(f"the message has a field of type {wire_type}, which Protocol Buffers do not have")
        if not groups:
            yield number, wire_type, value
    if groups:
        raise DataError(f"the message is cut off: it does not end group {groups[-1]}")


def int32(value: int) -> int:
    """What a field declared ``int32`` means by an unsigned integer of 64 bits: the lower half, with its sign.

    >>> int32(150), int32(2**64 - 1)
    (150, -1)
    """
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """The number of 7 bits a byte, the lowest first, that begins at ``position``, modulo 2**64; and where it ends."""
    value = 0
    for count, byte in enumerate(message[position : position + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + count + 1
    if len(message) - position < _MAX_VARINT_BYTES:
        raise DataError("the message is cut off within a number")
    raise DataError(f"the message has a number of more than {_MAX_VARINT_BYTES} bytes")
