"""The rules that a pickle of plain data must keep, beyond those of pickles: what it may spend, and what it may do.

They belong to :mod:`ganas.data.pickle_machine`, which says why.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any, NoReturn

from ganas.data.pickle_constructors import Constructor, NumberType
from ganas.spaces.errors import DataError

__all__ = [
    "PickleLimits",
    "back",
    "check_kind",
    "check_next",
    "index_at",
    "no_such_position",
    "num_complete",
    "pairs",
    "plain_tuple",
    "refuse",
]

_MEBIBYTE = 1 << 20
_BATCH = 1000  # pickle._Pickler._BATCHSIZE
_MAX_NESTED_IN_TUPLE = 512
_CONTAINERS = frozenset({dict, OrderedDict, list, set})
_PARTS = frozenset({Constructor, NumberType})  # of a value that is still to be made


@dataclass(frozen=True, slots=True)
class PickleLimits:
    """What a pickle may make its reader spend.

    Attributes:
        depth: Containers within containers that are being filled.
        part_bytes: Bytes of the pickle for one entry, for all that stands before the entries, and for all after them;
            one byte can make an empty set of 240 bytes. An official record has 0.4 million, the list of all
            architectures before the records 1.5.
        kept_bytes: Memory for the distinct strings and numbers that may be referred to throughout the pickle; what is
            beyond it may be referred to within its entry only.
        memo: Positions of the memo, of four bytes each.
    """

    depth: int = 50
    part_bytes: int = 4 * _MEBIBYTE
    kept_bytes: int = 256 * _MEBIBYTE
    memo: int = 250_000_000


def index_at(buffer: bytes, position: int) -> int:
    """The unsigned integer of four bytes at a position."""
    return int.from_bytes(buffer[position : position + 4], "little")


def pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Keys with their values, from a list where they alternate."""
    return zip(items[::2], items[1::2], strict=True)


def num_complete(items: list[Any]) -> int:
    """How many of the keys and values of a dict that is being filled are there for good, when a mark is set on them.

    The mark must be for filling the last of them. The rest is explained in :mod:`ganas.data.pickle_machine`; what has
    a container where a key should be is going to be a tuple.
    """
    count = 0
    if items and _may_be_filled(items[-1]):
        while count + 2 < len(items):
            value, following_key = items[count + 1], items[count + 2]
            if _may_be_filled(value) or type(value) in _PARTS or type(following_key) in _CONTAINERS:
                break
            count += 2
    return count


def _may_be_filled(value: Any) -> bool:
    return type(value) in _CONTAINERS and not len(value) % _BATCH


def back(frames: list[list[Any]]) -> list[Any]:
    """Take the stack from before the last mark."""
    if not frames:
        raise DataError("it goes back to a mark that it did not set")
    return frames.pop()


def check_kind(holder: Any, kinds: Set[type]) -> None:
    """Refuse to fill a container as one of another kind."""
    if type(holder) not in kinds:
        raise DataError(f"it fills a {type(holder).__name__} as if it were something else")


def check_next(index: int, expected: int) -> None:
    """Refuse a number in the memo that is not the next one; picklers count."""
    if index != expected:
        raise DataError(f"it numbers its memo {index:,} where {expected:,} is next")


def no_such_position(index: int) -> NoReturn:
    """Refuse a reference to what was not written."""
    raise DataError(f"it refers to number {index:,} of its memo, which it did not write")


def plain_tuple(items: list[Any]) -> tuple[Any, ...]:
    """A tuple, with few tuples in it: a hash of one takes every path through it, and has no limit of depth."""
    nested = [item for item in items if type(item) is tuple]
    count = len(items) if nested else 0
    while nested:
        item = nested.pop()
        count += len(item)
        if count > _MAX_NESTED_IN_TUPLE:
            raise DataError(f"it has tuples within a tuple with more than {_MAX_NESTED_IN_TUPLE} elements in all")
        nested.extend(one for one in item if type(one) is tuple)
    return tuple(items)


def refuse(opcode: int) -> NoReturn:
    """Refuse an opcode, by its name if it has one."""
    import pickletools

    for known in pickletools.opcodes:
        if known.code == chr(opcode):
            raise DataError(f"it has the instruction {known.name}, which plain data do not need: nothing was run")
    raise DataError(f"it has a byte {opcode:#04x} where an instruction is due: it is damaged or no pickle")
