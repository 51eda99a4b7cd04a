"""States of studies and strategies as files: JSON values and numpy arrays in one ``.npz``, never pickle."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["read_state", "write_state"]

_ARRAY = "__array__"
_TEXT = "state_json"


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` so that a reader finds the old file or the new one, never half of it.

    Raises:
        InvalidSetting: The state holds something that is neither a JSON value nor a numeric array.
    """
    arrays: dict[str, NDArray[Any]] = {}
    text = json.dumps(_separate(state, arrays, "state"))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{_TEXT: np.frombuffer(text.encode(), dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_state(path: Path) -> dict[str, Any]:
    """Read what :func:`write_state` wrote.

    Raises:
        DataError: The file is missing, damaged or something else.
    """
    try:
        # Opened here, because numpy leaves a file open that it finds to be damaged.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        state: dict[str, Any] = _join(json.loads(arrays[_TEXT].tobytes()), arrays)
    except FileNotFoundError:
        raise DataError(f"there is no state file {path}") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a state file of Ganas, or it is damaged: {error}") from None
    return state


def _separate(value: Any, arrays: dict[str, NDArray[Any]], where: str) -> Any:
    """Replace every array in ``value`` by a reference and put it into ``arrays``."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise InvalidSetting(f"{where} is an array of objects: a state holds numbers, text and JSON values")
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise InvalidSetting(f"{where} has a key that is not text: a state is JSON")
        return {key: _separate(item, arrays, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_separate(item, arrays, f"{where}[{index}]") for index, item in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidSetting(f"{where} is a {type(value).__name__}: a state holds JSON values and numpy arrays")


def _join(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _join(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_join(item, arrays) for item in value]
    return value
