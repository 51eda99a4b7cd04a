"""A fitted surrogate as a folder of files, without pickle: JSON, arrays as safetensors, models of boosting as text.

``surrogate.json`` says what the surrogate is and holds the SHA-256 digest of every other file, and of itself; the hash
is a digest over all of that but the name, so equal fits with equal versions have equal hashes and equal bytes.
``state.json`` holds the numbers and short texts of the models, ``arrays.safetensors`` their arrays, and ``text_0.txt``
and the like their long texts. The folder appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganas.data.catalog import home
from ganas.data.state_tree import join, separate
from ganas.data.table_writer import remove_abandoned, writing
from ganas.spaces.errors import DataError, DuplicateName, InvalidSetting, MissingDependency

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "FILE_NAME",
    "FORMAT",
    "Artefact",
    "is_saved",
    "pack",
    "read_artefact",
    "require_name",
    "saved_surrogates",
    "surrogates_folder",
    "write_files",
]

FILE_NAME = "surrogate.json"
"""The file that makes a folder a saved surrogate."""

FORMAT = 1
"""Version of the layout; another one is refused."""

_STATE, _ARRAYS = "state.json", "arrays.safetensors"
_FILE = re.compile(r"state\.json|arrays\.safetensors|text_\d{1,6}\.txt")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# What surrogate.json holds; "name" and "hash" are the only ones that the hash does not cover.
_FIELDS = {"format": int, "name": str, "hash": str, "about": dict, "files": dict}


def require_name(name: str) -> str:
    """Return ``name`` if a surrogate, and so a folder, may be called that.

    Raises:
        InvalidSetting: It has other characters than letters, digits, dots, dashes and underscores, or is too long.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidSetting(
            f"a surrogate is named by at most 100 letters, digits, '.', '-' and '_', the first a letter or a digit, "
            f"not {name!r:.120}"
        )
    return name


def surrogates_folder() -> Path:
    """The folder of the surrogates that are found by name; each is a folder of its own in it."""
    return home() / "surrogates"


def saved_surrogates() -> dict[str, Path]:
    """The folder of each surrogate that is found by name; none is read for it."""
    found = {path.parent.name: path.parent for path in surrogates_folder().glob(f"*/{FILE_NAME}")}
    # A hidden folder is being written, or was left by a process that was killed.
    return {name: folder for name, folder in sorted(found.items()) if not name.startswith(".")}


def is_saved(folder: str | Path) -> bool:
    """Whether a folder is that of a saved surrogate."""
    try:
        return (Path(folder) / FILE_NAME).is_file()
    except (OSError, ValueError):  # a text that cannot be a path, because it is too long or has a null character
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """A saved surrogate whose files are there and have their digests.

    Attributes:
        folder: Where it lies.
        name: Name of the surrogate.
        hash: Hexadecimal SHA-256 over everything but the name.
        about: What it is: whatever was given to :func:`pack`.
        files: File to its SHA-256 digest.
    """

    folder: Path
    name: str
    hash: str
    about: dict[str, Any]
    files: dict[str, str]

    def state(self) -> Any:
        """The state that was given to :func:`pack`, sequences as lists.

        Raises:
            DataError: A file was damaged or changed.
            MissingDependency: The package safetensors is not installed.
        """
        content = {name: _read_checked(self.folder, name, digest) for name, digest in self.files.items()}
        safetensors = _safetensors()
        try:
            arrays: dict[str, NDArray[Any]] = safetensors.load(content[_ARRAYS])
            texts = {name[: -len(".txt")]: part.decode() for name, part in content.items() if name.endswith(".txt")}
            return join(json.loads(content[_STATE]), arrays, texts)
        except Exception as error:  # every digest fits, so whoever wrote this wrote nonsense of some kind
            reason = " ".join(f"{error}".split()) or type(error).__name__
            raise DataError(f"the surrogate in {self.folder} cannot be read: {reason:.200}") from None


def pack(name: str, about: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[dict[str, bytes], str]:
    """Turn a surrogate into files, the same bytes for the same content.

    Args:
        name: Name of the surrogate.
        about: What it is, as JSON values.
        state: What its models need, as JSON values, text and numpy arrays.

    Returns:
        The content of each file, and the hash.

    Raises:
        InvalidSetting: The name or the state cannot be saved.
        MissingDependency: The package safetensors is not installed.
    """
    require_name(name)
    arrays: dict[str, NDArray[Any]] = {}
    texts: dict[str, str] = {}
    skeleton = separate(state, arrays, texts=texts)
    # The package writes the memory of an array as it lies, so it must lie in the order of C.
    ordered = {key: np.ascontiguousarray(array).reshape(array.shape) for key, array in arrays.items()}
    content = {
        _STATE: _json(skeleton),
        _ARRAYS: bytes(_safetensors().save(ordered)),
        **{f"{key}.txt": text.encode() for key, text in texts.items()},
    }
    files = {file: hashlib.sha256(part).hexdigest() for file, part in sorted(content.items())}
    covered = {"format": FORMAT, "about": dict(about), "files": files}
    digest = hashlib.sha256(_json(covered)).hexdigest()
    content[FILE_NAME] = _json({"name": name, "hash": digest, **covered}, indent=1)
    return content, digest


def write_files(folder: Path, content: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """Write a packed surrogate; the folder appears with all its files, or not at all.

    Args:
        folder: Where; its parents are made.
        content: What :func:`pack` gave.
        overwrite: Whether a saved surrogate in ``folder`` may be replaced.

    Raises:
        DuplicateName: There is a saved surrogate and ``overwrite`` is false, or there is something else.
        DataError: The folder cannot be written.
    """
    if folder.exists() and not (overwrite and (folder / FILE_NAME).is_file()):
        advice = "remove it, or allow it to be overwritten" if (folder / FILE_NAME).is_file() else "take another folder"
        raise DuplicateName(f"{folder} exists: {advice}")
    place = folder.absolute()
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.part")
    replaced = place.with_name(f".{place.name}.{os.getpid()}.old")
    try:
        with writing(folder):
            place.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(place.parent, place.name)
            unfinished.mkdir()
            for name, part in content.items():
                (unfinished / name).write_bytes(part)
            if place.exists():
                place.rename(replaced)
            try:
                unfinished.rename(place)
            except OSError:
                if replaced.exists():
                    replaced.rename(place)
                raise
    finally:
        for left in (unfinished, replaced):
            shutil.rmtree(left, ignore_errors=True)


def read_artefact(folder: Path) -> Artefact:
    """Open a saved surrogate and check that every file is as it was written.

    Raises:
        DataError: There is none, it has another version, or a file is missing, damaged or changed.
    """
    found = _read_description(folder)
    artefact = Artefact(folder, found["name"], found["hash"], found["about"], found["files"])
    for name, digest in artefact.files.items():
        _read_checked(folder, name, digest)
    return artefact


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / FILE_NAME
    try:
        found: dict[str, Any] = json.loads(path.read_bytes(), parse_constant=_no_number)
    except FileNotFoundError:
        raise DataError(f"there is no saved surrogate in {folder}: {FILE_NAME} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split()):.200}") from None
    version = found.get("format") if isinstance(found, dict) else None
    if version != FORMAT:
        raise DataError(f"{path} has the format {version!r:.40}, and this version of Ganas reads {FORMAT}")
    for field, kind in _FIELDS.items():
        if not isinstance(found.get(field), kind):
            raise DataError(f"{path} is no description of a surrogate: {field!r} is lacking or of the wrong type")
    for name, digest in found["files"].items():
        # Names are joined to the folder, and must not lead out of it.
        if not _FILE.fullmatch(name) or not isinstance(digest, str):
            raise DataError(f"{path} lists {name!r:.80}, which is no file of a saved surrogate")
    if not found["files"].keys() >= {_STATE, _ARRAYS} or not _NAME.fullmatch(found["name"]):
        raise DataError(f"{path} is no description of a surrogate: a file is not listed, or the name is not allowed")
    covered = {name: found[name] for name in ("format", "about", "files")}
    if hashlib.sha256(_json(covered)).hexdigest() != found["hash"]:
        raise DataError(f"{path} was changed after it was written: its hash does not fit")
    return found


def _read_checked(folder: Path, name: str, digest: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {folder / name}: {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise DataError(f"{folder / name} was changed after it was written: its digest does not fit")
    return content


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _json(value: Any, indent: int | None = None) -> bytes:
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, indent=indent).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"a surrogate cannot be saved: {error}") from None


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingDependency("a saved surrogate needs safetensors: pip install safetensors") from None
    return safetensors.numpy
