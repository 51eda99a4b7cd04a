"""Fetching official files: resumable, from a mirror where wanted, and only what its authors published.

The file appears under its name complete and checked, or not at all. Until then it is ``<file>.part``, which a broken
connection, a full disk and Ctrl-C leave for the next call to go on with, and which a wrong digest removes.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ganas.data.sources import Source, downloads
from ganas.data.tables import file_sha256
from ganas.data.transfer import Progress, copy_file, discard, in_words, load_url
from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["checked_by", "fetch"]


def fetch(
    source: Source, *, mirror: str | Path | None = None, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Load the file of a source, unless it is there already, and say where it lies.

    A published SHA-256 digest must be right, from whichever address the file comes. Where its authors only put the
    last digits of its MD5 digest into its name, these must be right: that finds a damaged file, not a forged one.
    Where it is an inference that they are of this digest, others refuse nothing, and :func:`checked_by` says so. The
    converters run nothing that is in a file, whoever made it.

    Args:
        source: What to load.
        mirror: Where to load it from instead: the http, https or file address or the path of a folder that holds the
            file under its official name, or of the file itself.
        folder: Where to put it; by default :func:`ganas.data.sources.downloads`.
        progress: Is told the bytes that are there and all that are expected.

    Returns:
        The path of the file.

    Raises:
        DataError: It cannot be loaded or written, has the wrong digest, or has no link (the message says what to do by
            hand).
        InvalidSetting: The mirror is not an address that files can be loaded from.
    """
    name = source.files[0]
    path = (downloads() if folder is None else folder) / name
    try:
        part = path.with_name(f"{name}.part")
        if path.is_file() and _fault(source, path) is None:
            discard(part)  # of a call that was killed when it had all but finished
            return path
        addresses = source.urls if mirror is None else (_in_mirror(mirror, name),)
        if not addresses:
            raise DataError(
                f"{source.name} has no direct link: {source.manual} Then: ganas data convert {name}, or ganas data "
                f"fetch {source.name} --mirror with an address or a folder that holds it"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            address = _load_first(addresses, part, progress)
            _check_and_rename(source, address, part, path)
    except OSError as error:
        raise DataError(f"cannot write {error.filename or path}: {error.strerror or error}") from error
    return path


def checked_by(source: Source, path: Path | None = None) -> str:
    """What a fetched file was compared to, in words.

    Args:
        source: What it should be.
        path: The file, to say as well where it has not the digits that it should have and was taken nevertheless.
    """
    if source.sha256 is not None:
        return "its published SHA-256 digest"
    digits = source.digest_suffix
    if digits is None:
        return "nothing: no digest is published"
    if not source.digest_inferred:
        return f"the last {len(digits)} digits of its MD5 digest, no more is published"
    given = f"the last digits {digits} that its authors give, taken to be of its MD5 digest"
    if path is None or (found := _md5(path)).endswith(digits):
        return given
    return f"{given}: they are not, that digest is {found}. It may be another file, or the digits of another digest"


def _in_mirror(mirror: str | Path, name: str) -> str:
    """The address of a file in a mirror; a path is an address without a scheme."""
    given = str(mirror)
    parts = urlsplit(given)
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            raise InvalidSetting(f"the mirror {given!r} has no host: wanted is an address like https://host/folder")
        if parts.path.rpartition("/")[2] == name:
            return given
        return parts._replace(path=f"{parts.path.rstrip('/')}/{name}", fragment="").geturl()
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InvalidSetting(f"the mirror {given!r} is on the host {parts.netloc!r}: wanted is file:///folder")
        from urllib.request import url2pathname  # loads an HTTP client, for one function

        local = Path(url2pathname(parts.path))
    elif "://" in given:
        raise InvalidSetting(f"the mirror {given!r} is {parts.scheme}: wanted is http, https, file or a path")
    else:
        local = Path(given).expanduser()
    file = local / name if local.is_dir() else local
    if not file.is_file():
        raise DataError(f"the mirror {given} holds no {name}")
    return str(file)


def _load_first(addresses: tuple[str, ...], part: Path, progress: Progress | None) -> str:
    """Load from the first address that has the file, and say which."""
    for number, address in enumerate(addresses, 1):
        try:
            if "://" in address:
                load_url(address, part, progress)
            else:
                copy_file(Path(address), part, progress)
        except DataError:
            if number == len(addresses):
                raise
        else:
            break
    return address


def _check_and_rename(source: Source, address: str, part: Path, path: Path) -> None:
    """Give a part its name if it is the file of the source; remove it otherwise."""
    import pooch  # type: ignore[import-untyped]

    fault = None if source.sha256 is not None else _fault(source, part)
    # With a digest of its own the part also replaces a wrong file of that name, which pooch else keeps.
    known = f"sha256:{source.sha256}" if source.sha256 is not None else f"md5:{_md5(part)}"
    if fault is None:
        cache = pooch.create(path=path.parent, base_url="", registry={path.name: known}, urls={path.name: address})
        logger = pooch.get_logger()
        level = logger.level
        # It would say on stderr what it loads and from where.
        logger.setLevel("WARNING")
        try:
            cache.fetch(path.name, downloader=lambda _url, output, _pooch: _link(part, Path(output)))
        except ValueError:
            fault = (_fault(source, part) if part.exists() else None) or "its digest is wrong"
        finally:
            logger.setLevel(level)
    discard(part)
    if fault is not None:
        where = in_words(address) if "://" in address else address
        raise DataError(f"{where} is not {path.name} as it was published, and the copy of it was removed: {fault}")


def _link(part: Path, output: Path) -> None:
    """Hand over a part and keep it, so that Ctrl-C during the check of its digest loses nothing."""
    output.unlink()
    try:
        os.link(part, output)
    except OSError:
        part.replace(output)  # a file system without links


def _fault(source: Source, path: Path) -> str | None:
    """Why a file is not that of the source; None where it is, as far as that can be known."""
    if source.sha256 is not None:
        found = file_sha256(path)
        return None if found == source.sha256 else f"its SHA-256 digest is {found}, published is {source.sha256}"
    if source.digest_suffix is not None and not source.digest_inferred:
        found = _md5(path)
        if not found.endswith(source.digest_suffix):
            return f"its MD5 digest is {found}, published is that it ends in {source.digest_suffix}"
    return None


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """Hold a part against other processes that load the same file, which would mix their bytes."""
    with part.open("ab") as stream:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataError(f"another process is loading {part.with_suffix('')}: wait for it") from None
            except OSError:
                pass  # a file system without locks
        try:
            yield
        finally:
            if part.exists() and not part.stat().st_size:
                discard(part)
