"""Reading pickles of published benchmarks without running what is in them.

A pickle is a program: it may import any name and call it. The unpickler here imports nothing. It knows a few names by
heart, each a stand-in of our own that builds plain data (see :mod:`ganas.data.pickle_constructors`), and of those only
the ones that the caller allows; a file of plain dicts, lists, strings and numbers needs none. Only
:mod:`ganas.data.convert` and the loaders of data sets use it, never a query.

It is quick, being Python's own machine, and guards against code, not against a file that is made to use up memory: read
files with it whose digest is known. For all others there is :mod:`ganas.data.pickle_stream`.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn

from ganas.data.pickle_constructors import (
    ARRAY_DATA,
    NUMERIC_DATA,
    PLAIN_DATA,
    Constructor,
    constructor_names,
    printable,
)
from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["ARRAY_DATA", "NUMERIC_DATA", "PLAIN_DATA", "load_pickle"]

_MEBIBYTE = 1024**2


class _AllowListUnpickler(pickle.Unpickler):
    """Knows exact ``(module, name)`` pairs; refuses references to objects outside the file."""

    def __init__(
        self, stream: io.BytesIO, allowed: Mapping[tuple[str, str], Constructor], label: str, encoding: str
    ) -> None:
        # fix_imports would turn names into others than those that are compared with the allow-list.
        super().__init__(stream, fix_imports=False, encoding=encoding)
        self._allowed = allowed
        self._label = label

    def find_class(self, module_name: str, global_name: str, /) -> Constructor:
        """Return the stand-in for an allowed name."""
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            raise DataError(
                f"{self._label} asks for {printable(f'{module_name}.{global_name}')}, which is not allowed: nothing "
                "was run"
            ) from None

    def persistent_load(self, pid: Any, /) -> NoReturn:
        """Refuse."""
        raise DataError(f"{self._label} refers to an object outside the file, which is not allowed")


def load_pickle(
    source: Path | bytes,
    allowed: Collection[tuple[str, str]] = PLAIN_DATA,
    *,
    max_bytes: int = 256 * _MEBIBYTE,
    encoding: Literal["ASCII", "latin1"] = "ASCII",
) -> Any:
    """Unpickle a file, or bytes, that uses no names but allowed ones.

    Args:
        source: The file, or its content.
        allowed: Pairs ``(module, name)`` as the pickle spells them, among those of
            :data:`~ganas.data.pickle_constructors.ARRAY_DATA`; ``NUMERIC_DATA`` is what to give for all but arrays.
        max_bytes: The largest content that is read.
        encoding: Of the strings of Python 2; with ``"latin1"`` those of bytes can be read.

    Raises:
        DataError: It asks for a name that is not allowed, refers outside itself, is too large or is damaged.
        InvalidSetting: ``allowed`` holds a name that there is no stand-in for.

    >>> load_pickle(pickle.dumps({"valid": [91.5, 91.7]}))
    {'valid': [91.5, 91.7]}
    >>> load_pickle(pickle.dumps(Path("table")))
    Traceback (most recent call last):
    ganas.spaces.errors.DataError: the pickle asks for pathlib.PosixPath, which is not allowed: nothing was run
    """
    for module_name, global_name in allowed:
        if (module_name, global_name) not in ARRAY_DATA:
            raise InvalidSetting(
                f"{module_name}.{global_name} cannot be allowed, there is no stand-in for it: there are "
                f"{constructor_names(ARRAY_DATA)}"
            )
    label = "the pickle" if isinstance(source, bytes) else source.name
    content = source if isinstance(source, bytes) else _read(source, max_bytes)
    if len(content) > max_bytes:
        raise DataError(f"{label} is larger than the {max_bytes:,} bytes that are read")
    # Objects of registered extension codes are cached in the process and would not pass through find_class.
    copyreg.clear_extension_cache()
    constructors = {pair: ARRAY_DATA[pair] for pair in allowed}
    try:
        return _AllowListUnpickler(io.BytesIO(content), constructors, label, encoding).load()
    except DataError:
        raise
    except Exception as error:
        # A damaged pickle raises almost anything: the unpickler pops stacks and indexes memos as the file says.
        reason = printable(f"{type(error).__name__}: {error}")
        raise DataError(f"{label} is damaged or no pickle: {reason}") from error


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
