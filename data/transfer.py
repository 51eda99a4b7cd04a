"""Loading one file over HTTP or from a disk into ``<file>.part``, and going on where an earlier attempt stopped.

Beside the part lies ``<file>.part.json``: the address, the server's name for the version of the file (ETag or
Last-Modified) and the size. They decide whether what is there belongs to what the server offers now; whether the whole
is the right file is for its digest to say (:mod:`ganas.data.fetch`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ganas.spaces.errors import DataError

__all__ = ["Progress", "copy_file", "discard", "in_words", "load_url", "size_in_words"]

Progress = Callable[[int, int | None], None]
"""Told how many bytes are there and how many there will be, None where the server does not say."""

# Small, because what a broken connection left in the buffer is lost.
_CHUNK = 1 << 16
_CONNECT_SECONDS, _READ_SECONDS = 15.0, 60.0


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the server offered when the part was begun; the address without secrets, as it is written to disk."""

    url: str
    version: str
    total: int | None


def load_url(url: str, part: Path, progress: Progress | None = None) -> None:
    """Load a file over HTTP into ``part``; go on where it stopped, or begin again where the server cannot.

    Raises:
        DataError: No network, no such file, a broken connection, a full disk. What arrived is kept in ``part`` if the
            server said how large the file is.
    """
    import requests

    try:
        _load(requests, url, part, progress)
    except requests.RequestException as error:
        raise DataError(f"cannot load {in_words(url)}: {_reason(requests, error)}{_keep_or_empty(part)}") from error
    except OSError as error:
        raise _cannot_write(part, error) from error


def copy_file(original: Path, part: Path, progress: Progress | None = None) -> None:
    """Copy a file into ``part``, from its beginning.

    Raises:
        DataError: The file cannot be read, or the disk is full. Nothing is kept.
    """
    _offer_path(part).unlink(missing_ok=True)
    try:
        stream = original.open("rb")
        total = original.stat().st_size
    except OSError as error:
        raise DataError(f"cannot read {original}: {error.strerror or error}") from None
    try:
        with stream, part.open("wb") as written:
            _check_room(part, total)
            _write(iter(lambda: stream.read(_CHUNK), b""), written, 0, total, progress)
    except OSError as error:
        raise _cannot_write(part, error) from error
    except BaseException:
        _empty(part)
        raise


def discard(part: Path) -> None:
    """Remove a part and what is known about it."""
    part.unlink(missing_ok=True)
    _offer_path(part).unlink(missing_ok=True)


def in_words(url: str) -> str:
    """An address without what may be secret in it: user, password and query.

    >>> in_words("https://me:word@example.org/files/a.pth?token=1")
    'https://example.org/files/a.pth'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def size_in_words(count: int | None) -> str:
    """A number of bytes for people.

    >>> size_in_words(1_950_000_000), size_in_words(313_520), size_in_words(12), size_in_words(None)
    ('1.95 GB', '314 kB', '12 B', 'unknown')
    """
    if count is None:
        return "unknown"
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"


def _load(requests: Any, url: str, part: Path, progress: Progress | None) -> None:
    begun = _read_offer(part)
    have = part.stat().st_size if begun is not None and part.exists() else 0
    if begun is not None and have and have == begun.total:
        return
    # The bytes are counted, so the server must not compress them on the way.
    headers = {"Accept-Encoding": "identity"}
    if begun is not None and have:
        headers["Range"] = f"bytes={have}-"
        if begun.url == in_words(url) and begun.version:
            headers["If-Range"] = begun.version
    timeout = (_CONNECT_SECONDS, _READ_SECONDS)
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        total = _total(response)
        goes_on = begun is not None and have > 0 and _goes_on(response, url, have, begun)
        if "Range" in headers and not goes_on and response.status_code in (206, 416):
            # The server has another file now, or another part of it than was asked for: begin again.
            _offer_path(part).unlink()
            return _load(requests, url, part, progress)
        if response.status_code != (206 if goes_on else 200):
            reason = f"HTTP {response.status_code} {response.reason or ''}".strip()
            raise DataError(f"cannot load {in_words(url)}: the server answers {reason}{_keep_or_empty(part)}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DataError(f"cannot load {in_words(url)}: the server sends it compressed, though asked not to")
        have = have if goes_on else 0
        with part.open("ab" if goes_on else "wb") as stream:
            _check_room(part, None if total is None else total - have)
            if not goes_on:
                _write_offer(part, _Offer(in_words(url), _version(response), total))
            have = _write(response.iter_content(_CHUNK), stream, have, total, progress)
    if total is not None and have != total:
        came = f"{size_in_words(have)} came of {size_in_words(total)}"
        raise DataError(f"cannot load {in_words(url)}: {came}{_keep_or_empty(part)}")
    if total is None:
        _write_offer(part, _Offer(in_words(url), _version(response), have))


def _write(chunks: Any, stream: BinaryIO, have: int, total: int | None, progress: Progress | None) -> int:
    if progress is not None:
        progress(have, total)
    for chunk in chunks:
        stream.write(chunk)
        have += len(chunk)
        if progress is not None:
            progress(have, total)
    return have


def _total(response: Any) -> int | None:
    """How large the whole file is; None where the server does not say."""
    if response.status_code in (206, 416):
        stated = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", response.headers.get("Content-Range", ""))
        return int(stated[1]) if stated else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _goes_on(response: Any, url: str, have: int, begun: _Offer) -> bool:
    """Whether the answer is the rest of the file that was begun, as far as the server tells."""
    begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status_code != 206 or begins is None or int(begins[1]) != have:
        return False
    # From another address only the size can say that it is the same file.
    if begun.total is None or _total(response) != begun.total:
        return False
    return in_words(url) != begun.url or not begun.version or _version(response) in ("", begun.version)


def _version(response: Any) -> str:
    """The server's name for this version of the file, good for If-Range; a weak ETag is not."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _offer_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_offer(part: Path) -> _Offer | None:
    """What is known about a part; None where that is nothing, and it must be begun again."""
    try:
        offer = _Offer(**json.loads(_offer_path(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    typed = isinstance(offer.url, str) and isinstance(offer.version, str) and type(offer.total) in (int, type(None))
    return offer if typed else None


def _write_offer(part: Path, offer: _Offer) -> None:
    _offer_path(part).write_text(json.dumps(asdict(offer)), encoding="utf-8")


def _check_room(part: Path, wanted: int | None) -> None:
    """Fail before gigabytes are loaded, not after."""
    free = shutil.disk_usage(part.parent).free
    if wanted is not None and wanted > free:
        raise DataError(
            f"the disk with {part.parent} has {size_in_words(free)} free and {size_in_words(wanted)} are needed: make "
            "room, or set GANAS_HOME to a folder on another disk"
        )


def _cannot_write(part: Path, error: OSError) -> DataError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"the disk with {part.parent} is full: make room on it{_keep_or_empty(part)}")
    return DataError(f"cannot write {error.filename or part}: {error.strerror or error}")


def _keep_or_empty(part: Path) -> str:
    """The end of a message: what is kept. Of a file whose size is unknown that is nothing, it could not go on."""
    offer = _read_offer(part)
    have = part.stat().st_size if part.exists() else 0
    if have and offer is not None and offer.total is not None:
        return f"; {size_in_words(have)} are kept in {part}, and the same command goes on from there"
    _empty(part)
    return ""


def _empty(part: Path) -> None:
    # Not removed: it is locked against other processes, and a new one would not be.
    _offer_path(part).unlink(missing_ok=True)
    if part.exists():
        os.truncate(part, 0)


def _reason(requests: Any, error: Exception) -> str:
    """Why there is no answer, in one line; the text of these errors is a chain of the classes that passed it on."""
    kinds = (
        (requests.exceptions.SSLError, "the certificate of the server is not valid"),
        (requests.exceptions.ProxyError, "the proxy does not answer"),
        (requests.Timeout, "the server does not answer in time"),
        (requests.exceptions.ChunkedEncodingError, "the connection broke"),
        (requests.ConnectionError, "no connection to the server; is there a network?"),
        (requests.TooManyRedirects, "the server sends from address to address"),
    )
    return next((reason for kind, reason in kinds if isinstance(error, kind)), " ".join(str(error).split()))
