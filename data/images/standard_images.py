"""What reading images from standard files has in common: bytes, with a bound on them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ganas.spaces.errors import DataError

__all__ = ["read_compressed", "read_file"]


def read_file(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: It cannot be read, or has more bytes than ``max_bytes``.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    return _bounded(path, content, max_bytes)


def read_compressed(path: Path, max_bytes: int) -> bytes:
    """What is in a gzip file.

    Raises:
        DataError: It cannot be read, is damaged or cut off, or more than ``max_bytes`` are in it.
    """
    try:
        with gzip.open(path, "rb") as stream:
            content = stream.read(max_bytes + 1)
    except EOFError:
        raise DataError(f"{path} is cut off: get it again") from None
    except (gzip.BadGzipFile, zlib.error):
        raise DataError(f"{path} is damaged or no gzip file: get it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    return _bounded(path, content, max_bytes)


def _bounded(path: Path, content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise DataError(f"{path} has more than the {max_bytes:,} bytes that it should have: it is of another version")
    return content
