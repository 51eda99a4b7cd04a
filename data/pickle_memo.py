"""The memo of a pickle that is read piece by piece: what may be referred to later, in four bytes a position.

A pickle numbers the objects that it holds and may refer to each of them until its end. The packed files of NATS-Bench
have more than a hundred million of these positions, nearly all of them strings that come up again and again under new
numbers. So a position is a number of four bytes that says which of the distinct values stands there. Containers are
not kept like this, nor what is new once the memory for distinct values is used up: both are forgotten with the entry
that they are in, and a reference to them afterwards is an error, never something else.
"""

from __future__ import annotations

from array import array
from typing import Any

from ganas.data.pickle_constructors import Constructor, NumberType
from ganas.spaces.errors import DataError

__all__ = ["Memo"]

_NUMBERS = frozenset({int, float, bool, type(None)})
_MAX_TUPLE = 16
_MAX_TEXT_IN_TUPLE = 256
_MAX_BYTES = 64
_BYTES_PER_VALUE = 400  # of the objects and the tables that hold them, about


class Memo:
    """Positions to values.

    Args:
        max_bytes: The memory for distinct values.

    Attributes:
        codes: For each position an index into ``values``, or 0 for an object that is kept for its entry only.
        values: The distinct values that are kept to the end.
        text_codes: The UTF-8 of a string to its index in ``values``.
    """

    __slots__ = ("_codes_of", "_entry", "_free_bytes", "_outside", "codes", "text_codes", "values")

    def __init__(self, max_bytes: int) -> None:
        self.codes = array("I")
        self.values: list[Any] = [None]
        self.text_codes: dict[bytes, int] = {}
        # A string is its own key. Python counts 1, 1.0 and True as one key, and 0.0 and -0.0, so other values are keys
        # by type and text.
        self._codes_of: dict[Any, int] = {}
        self._outside: dict[int, Any] = {}
        self._entry: dict[int, Any] = {}
        self._free_bytes = max_bytes

    def text(self, text: str) -> str:
        """Keep a string if there is room, and return the one copy of it."""
        code = self._codes_of.get(text)
        if code is None:
            content = text.encode("utf-8", "surrogatepass")
            code = self._keep(text, text, 2 * len(content))
            if not code:
                return text
            self.text_codes[content] = code
        return self.values[code]  # type: ignore[no-any-return]

    def store(self, value: Any) -> None:
        """Give ``value`` the next position."""
        key = _key(value)
        code = 0
        if key is not None:
            code = self._codes_of.get(key) or self._keep(key, value, _size(key))
        if not code:
            self._entry[len(self.codes)] = value
        self.codes.append(code)

    def at(self, position: int) -> Any:
        """The value at a position whose code is 0.

        Raises:
            DataError: It belonged to an entry that has been given away.
        """
        for kept in (self._entry, self._outside):
            if position in kept:
                return kept[position]
        raise DataError(
            f"it refers to number {position:,} of its memo, a list, dict or the like of an entry before, which is no "
            "longer kept"
        )

    def begin_entries(self) -> None:
        """From here on, containers are kept until the next :meth:`forget`; those before stay."""
        self._outside.update(self._entry)
        self._entry = {}

    def forget(self, except_for: list[Any]) -> None:
        """Forget the containers of entries, but for objects that stand in ``except_for``."""
        stay = {id(one) for one in except_for}
        self._entry = {position: value for position, value in self._entry.items() if id(value) in stay}

    def _keep(self, key: Any, value: Any, num_bytes: int) -> int:
        """The index of a new value, or 0 if there is no room for it."""
        if num_bytes + _BYTES_PER_VALUE > self._free_bytes:
            return 0
        self._free_bytes -= num_bytes + _BYTES_PER_VALUE
        self.values.append(value)
        self._codes_of[key] = len(self.values) - 1
        return len(self.values) - 1


def _key(value: Any) -> Any:
    """What tells a value from all others in the table of distinct values; None for what is not kept there."""
    kind = type(value)
    if kind is str:
        return value
    if kind in _NUMBERS or (kind is bytes and len(value) <= _MAX_BYTES):
        return kind, repr(value)
    if kind is Constructor or kind is NumberType:
        return id(value)  # they live as long as the process
    if kind is tuple and len(value) <= _MAX_TUPLE:
        for one in value:
            if not (type(one) in _NUMBERS or (type(one) is str and len(one) <= _MAX_TEXT_IN_TUPLE)):
                return None
        return kind, repr(value)
    return None


def _size(key: Any) -> int:
    if type(key) is int:
        return 0
    return 2 * len(key if type(key) is str else key[1])
