"""Reading pickles of published benchmarks without running what is in them.

A pickle is a program: it may import any name and call it. The unpickler here imports only the names on an allow-list,
and a file of plain dicts, lists, strings and numbers needs none. Only :mod:`ganas.data.convert` uses it, never a
query. It guards against code, not against a file that is made to use up memory: convert files whose digest is known.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["PLAIN_DATA", "load_pickle"]

PLAIN_DATA: frozenset[tuple[str, str]] = frozenset()
"""The empty allow-list: dicts, lists, tuples, strings and numbers (from protocol 3 bytes, from 4 sets)."""

_MEBIBYTE = 1024**2


class _AllowListUnpickler(pickle.Unpickler):
    """Imports only exact ``(module, name)`` pairs; refuses references to objects outside the file."""

    def __init__(self, stream: io.BytesIO, allowed: frozenset[tuple[str, str]], label: str) -> None:
        # fix_imports would import another module than the one that was compared with the allow-list.
        super().__init__(stream, fix_imports=False)
        self._allowed = allowed
        self._label = label

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Import an allowed name."""
        if (module_name, global_name) not in self._allowed:
            raise DataError(
                f"{self._label} asks for {module_name}.{global_name}, which is not allowed: nothing was run"
            )
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: Any, /) -> NoReturn:
        """Refuse."""
        raise DataError(f"{self._label} refers to an object outside the file ({pid!r:.60}), which is not allowed")


def load_pickle(
    source: Path | bytes,
    allowed: Collection[tuple[str, str]] = PLAIN_DATA,
    *,
    max_bytes: int = 256 * _MEBIBYTE,
) -> Any:
    """Unpickle a file, or bytes, importing only allowed names.

    Args:
        source: The file, or its content.
        allowed: Pairs ``(module, name)`` as the pickle spells them. Every one is code that the pickle may call with
            arguments of its choice, so list classes of plain data and nothing else.
        max_bytes: The largest content that is read.

    Raises:
        DataError: It asks for a name that is not allowed, refers outside itself, is too large or is damaged.
        InvalidSetting: ``allowed`` holds a dotted name; pickle would follow the dots to any attribute.

    >>> load_pickle(pickle.dumps({"valid": [91.5, 91.7]}))
    {'valid': [91.5, 91.7]}
    >>> load_pickle(pickle.dumps(Path("table")))
    Traceback (most recent call last):
    ganas.spaces.errors.DataError: the pickle asks for pathlib.PosixPath, which is not allowed: nothing was run
    """
    for module_name, global_name in allowed:
        if "." in global_name:
            raise InvalidSetting(f"{module_name}.{global_name} cannot be allowed: a dotted name reaches any attribute")
    label = "the pickle" if isinstance(source, bytes) else source.name
    content = source if isinstance(source, bytes) else _read(source, max_bytes)
    if len(content) > max_bytes:
        raise DataError(f"{label} is larger than the {max_bytes:,} bytes that are read")
    # Objects of registered extension codes are cached in the process and would not pass through find_class.
    copyreg.clear_extension_cache()
    try:
        return _AllowListUnpickler(io.BytesIO(content), frozenset(allowed), label).load()
    except DataError:
        raise
    except Exception as error:
        # A damaged pickle raises almost anything: the unpickler pops stacks and indexes memos as the file says.
        raise DataError(f"{label} is damaged or no pickle: {type(error).__name__}: {error}") from error


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
