"""What a pickle of a published benchmark may name: stand-ins of our own that build plain data, and nothing else.

A pickle names functions and calls them. The files of NAS-Bench-201, NATS-Bench and NAS-Bench-Graph need a handful: the
builder of a numpy number, ordered dicts, sets, and bytes in old protocols. None of them is imported here. Each name
stands for a :class:`Constructor` that makes the plain value, a Python number where numpy would make one of its own, and
on which a pickle can store nothing: a real function would let it overwrite its defaults for the whole process.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, quote_list

__all__ = [
    "ARRAY_DATA",
    "NUMBER_TYPES",
    "NUMERIC_DATA",
    "PLAIN_DATA",
    "Constructor",
    "NumberType",
    "PickledArray",
    "constructor_names",
    "printable",
]


class Constructor:
    """A callable that a pickle may name; it has no attribute that the pickle could set."""

    __slots__ = ("_build", "_name")

    def __init__(self, name: str, build: Callable[..., object]) -> None:
        self._name = name
        self._build = build

    def __call__(self, *arguments: object) -> object:
        """Build the plain value."""
        return self._build(*arguments)

    def __setstate__(self, state: object) -> NoReturn:
        raise DataError(f"the pickle stores something on {self._name}, which is not allowed")

    def __repr__(self) -> str:
        return f"<{self._name}>"


class NumberType:
    """The type of a numpy number, as its pickle spells it; see :data:`NUMBER_TYPES`."""

    __slots__ = ("_code", "_layout")

    def __init__(self, code: str, layout: str) -> None:
        self._code = code
        self._layout = struct.Struct(layout)

    @property
    def little_endian(self) -> str:
        """The type as numpy spells it, with the order of its bytes."""
        return f"<{self._code}"

    def number(self, content: object) -> float | int | bool:
        """The number in these bytes, as a Python number of the same value."""
        if type(content) is not bytes or len(content) != self._layout.size:
            raise DataError(f"a number of type {self._code} does not consist of {self._layout.size} bytes")
        (value,) = self._layout.unpack(content)
        return value  # type: ignore[no-any-return]

    def __setstate__(self, state: object) -> None:
        """Accept the state that numpy pickles with the type: version, byte order, and nothing of a structured type."""
        # numpy writes | for types of one byte.
        if (
            type(state) is not tuple
            or not 7 <= len(state) <= 9  # of version 2, 3 and 4
            or state[1] not in ("<", "|")
            or state[2:5] != (None, None, None)
        ):
            raise DataError(f"a number of type {self._code} is not stored in little-endian order as a plain number")

    def __repr__(self) -> str:
        return f"<number type {self._code}>"


NUMBER_TYPES: Mapping[str, NumberType] = MappingProxyType(
    {
        code: NumberType(code, layout)
        for code, layout in {
            **{"f8": "<d", "f4": "<f", "f2": "<e", "b1": "?"},
            **{"i8": "<q", "i4": "<i", "i2": "<h", "i1": "b"},
            **{"u8": "<Q", "u4": "<I", "u2": "<H", "u1": "B"},
        }.items()
    }
)
"""Types of plain numbers by their code in numpy; objects, texts, times and structures are not among them."""


class PickledArray:
    """A numpy array of numbers, as its pickle spells it: first an empty one is made, then it is filled."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: NDArray[Any] | None = None

    def array(self) -> NDArray[Any]:
        """The array; it cannot be written to.

        Raises:
            DataError: It was never filled.
        """
        if self._values is None:
            raise DataError("the pickle makes a numpy array and does not fill it")
        return self._values

    def __setstate__(self, state: object) -> None:
        """Take the state that numpy pickles: version, shape, type, whether columns come first, and the bytes."""
        if type(state) is not tuple or len(state) != 5 or self._values is not None:
            raise DataError("the pickle fills a numpy array in a way that numpy does not")
        _, shape, number_type, columns_first, content = state
        if type(shape) is not tuple or {type(length) for length in shape} - {int} or min(shape, default=0) < 0:
            raise DataError(f"the pickle has a numpy array of shape {_shown(shape)}")
        if type(number_type) is not NumberType or columns_first not in (False, 0):
            raise DataError("the pickle has a numpy array of something else than plain numbers, row after row")
        if type(content) is str:
            content = _encode(content, "latin1")  # what Python 2 wrote
        if type(content) is not bytes:
            raise DataError("the pickle fills a numpy array with something else than bytes")
        dtype = np.dtype(number_type.little_endian)
        if len(content) != prod(shape) * dtype.itemsize:
            raise DataError(f"the pickle has a numpy array of shape {shape!r:.60} with {len(content):,} bytes")
        self._values = np.frombuffer(content, dtype).reshape(shape)

    def __repr__(self) -> str:
        return "<numpy array>"


def _empty_array(subtype: object, shape: object, code: object) -> PickledArray:
    # numpy makes every array in this way, and fills it afterwards.
    if type(subtype) is not Constructor or shape != (0,) or code not in ("b", b"b"):
        raise DataError("the pickle makes a numpy array in a way that numpy does not")
    return PickledArray()


def _no_array(*arguments: object) -> NoReturn:
    raise DataError("the pickle calls numpy.ndarray, which is not allowed")


def _number_type(code: object, align: object = False, copy: object = True) -> NumberType:
    if type(code) is not str or code not in NUMBER_TYPES or {type(align), type(copy)} - {bool, int}:
        raise DataError(f"the pickle has a numpy type {_shown(code)}: allowed are {quote_list(sorted(NUMBER_TYPES))}")
    return NUMBER_TYPES[code]


def _number(number_type: object, content: object) -> object:
    if type(number_type) is not NumberType:
        raise DataError("the pickle builds a numpy number of no type")
    return number_type.number(content)


def _encode(text: object, encoding: object) -> bytes:
    # This is how protocols without bytes spell them.
    if type(text) is not str or encoding != "latin1":
        raise DataError(f"the pickle encodes with {_shown(encoding)}: allowed is latin1 only")
    try:
        return text.encode("latin1")
    except UnicodeEncodeError:
        raise DataError("the pickle encodes text as latin1 that is not latin1") from None


def _ordered_dict(*arguments: object) -> OrderedDict[object, object]:
    if arguments:
        raise DataError("the pickle fills an OrderedDict where it makes it, which is not allowed")
    return OrderedDict()


def _set(items: object) -> set[object]:
    if type(items) is not list:
        raise DataError("the pickle makes a set of something that is not a list")
    return set(items)


def _no_bytes(*arguments: object) -> bytes:
    if arguments:
        raise DataError("the pickle makes bytes with arguments, which is not allowed")
    return b""


def _shown(value: object) -> str:
    # A hostile value may be too deep or too large to print.
    return f"{value[:40]!r}" if isinstance(value, str) else f"a {type(value).__name__}"


PLAIN_DATA: Mapping[tuple[str, str], Constructor] = MappingProxyType({})
"""No names at all: dicts, lists, tuples, strings and numbers (from protocol 3 bytes, from 4 sets)."""

NUMERIC_DATA: Mapping[tuple[str, str], Constructor] = MappingProxyType(
    {
        (module, name): Constructor(f"{module}.{name}", build)
        for modules, name, build in (
            (("numpy.core.multiarray", "numpy._core.multiarray"), "scalar", _number),  # before and since numpy 2
            (("numpy",), "dtype", _number_type),
            (("_codecs",), "encode", _encode),
            (("collections",), "OrderedDict", _ordered_dict),
            (("builtins", "__builtin__"), "set", _set),  # the second in protocols 0 to 2
            (("builtins", "__builtin__"), "bytes", _no_bytes),
        )
        for module in modules
    }
)
"""Plain data with numpy's numbers, ordered dicts, sets and bytes of any protocol: ``(module, name)`` to stand-in."""

ARRAY_DATA: Mapping[tuple[str, str], Constructor] = MappingProxyType(
    {
        **NUMERIC_DATA,
        ("numpy", "ndarray"): Constructor("numpy.ndarray", _no_array),
        **{
            (module, "_reconstruct"): Constructor(f"{module}._reconstruct", _empty_array)
            for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        },
    }
)
"""Numeric data with arrays of numbers, each a :class:`PickledArray`; for :func:`~ganas.data.safe_pickle.load_pickle`
only, as :mod:`ganas.data.pickle_stream` stores nothing on them."""


def constructor_names(allowed: Mapping[tuple[str, str], Constructor]) -> str:
    """List names for a message."""
    return quote_list(f"{module}.{name}" for module, name in sorted(allowed))


def printable(text: str, limit: int = 100) -> str:
    """Text from a file for a message of one line: cut, and without characters that a terminal would obey."""
    return text[:limit] if text[:limit].isprintable() else repr(text[:limit])
