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

from ganas.data.state_tree import join, separate
from ganas.spaces.errors import DataError

__all__ = ["read_state", "write_state"]

_TEXT = "state_json"


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` so that a reader finds the old file or the new one, never half of it.

    Raises:
        InvalidSetting: The state holds something that is neither a JSON value nor a numeric array.
    """
    arrays: dict[str, NDArray[Any]] = {}
    text = json.dumps(separate(state, arrays))
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
        state: dict[str, Any] = join(json.loads(arrays[_TEXT].tobytes()), arrays)
    except FileNotFoundError:
        raise DataError(f"there is no state file {path}") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a state file of Ganas, or it is damaged: {error}") from None
    return state
