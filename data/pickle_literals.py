"""The opcodes of a pickle that put one string, number, bytes or None on the stack.

Source: the module ``pickletools`` of Python, which documents every opcode. Each function reads the argument of its
opcode from :attr:`~ganas.data.pickle_source.ByteSource.position` on.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from ganas.data.pickle_source import ByteSource
from ganas.spaces.errors import DataError

__all__ = ["LITERALS", "MAX_LINE_BYTES", "MAX_PIECE_BYTES"]

MAX_PIECE_BYTES = 1 << 20
"""Of one string or bytes."""

MAX_LINE_BYTES = 2400
"""Of a number or a name in text; Python prints integers of up to 4,300 digits."""

_MAX_INTEGER_BYTES = 1000
_WHOLE = re.compile(rb"[+-]?[0-9]+")
_DOUBLE = struct.Struct(">d")


def _number(source: ByteSource, size: int) -> int:
    return int.from_bytes(source.take(source.position, size, size), "little")


def _long(source: ByteSource, size_of_length: int) -> int:
    length = _number(source, size_of_length)
    return int.from_bytes(source.take(source.position, length, _MAX_INTEGER_BYTES), "little", signed=True)


def _bytes(source: ByteSource, size_of_length: int) -> bytes:
    length = _number(source, size_of_length)
    return source.take(source.position, length, MAX_PIECE_BYTES)


def _text(source: ByteSource, size_of_length: int) -> str:
    return _bytes(source, size_of_length).decode("utf-8", "surrogatepass")


def _whole(digits: bytes) -> int:
    if not _WHOLE.fullmatch(digits):
        raise DataError(f"{digits[:40]!r} is not a whole number")
    return int(digits)


def _integer_line(source: ByteSource) -> int | bool:
    line = source.line(source.position, MAX_LINE_BYTES)
    return {b"00": False, b"01": True}.get(line) if line in (b"00", b"01") else _whole(line)  # type: ignore[return-value]


def _long_line(source: ByteSource) -> int:
    return _whole(source.line(source.position, MAX_LINE_BYTES).removesuffix(b"L"))


def _float_line(source: ByteSource) -> float:
    line = source.line(source.position, MAX_LINE_BYTES)
    if b"_" in line:
        raise DataError(f"{line[:40]!r} is not a number")
    return float(line)


def _text_line(source: ByteSource) -> str:
    return source.line(source.position, MAX_PIECE_BYTES).decode("raw-unicode-escape")


def _double(source: ByteSource) -> float:
    (value,) = _DOUBLE.unpack(source.take(source.position, 8, 8))
    return value  # type: ignore[no-any-return]


def _signed(source: ByteSource) -> int:
    return int.from_bytes(source.take(source.position, 4, 4), "little", signed=True)


LITERALS: Mapping[int, Callable[[ByteSource], object]] = {
    opcode[0]: read
    for opcode, read in (
        (b"N", lambda source: None),
        (b"\x88", lambda source: True),
        (b"\x89", lambda source: False),
        (b"I", _integer_line),
        (b"L", _long_line),
        (b"J", _signed),
        (b"K", lambda source: _number(source, 1)),
        (b"M", lambda source: _number(source, 2)),
        (b"\x8a", lambda source: _long(source, 1)),
        (b"\x8b", lambda source: _long(source, 4)),
        (b"F", _float_line),
        (b"G", _double),
        (b"V", _text_line),
        (b"\x8c", lambda source: _text(source, 1)),
        (b"X", lambda source: _text(source, 4)),
        (b"\x8d", lambda source: _text(source, 8)),
        (b"C", lambda source: _bytes(source, 1)),
        (b"B", lambda source: _bytes(source, 4)),
        (b"\x8e", lambda source: _bytes(source, 8)),
    )
}
"""Opcode to the function that reads what it puts on the stack."""
