"""The state of a training in one file, without pickle: safetensors, with everything that is no array as JSON.

A reader finds the file of before or the new one, never half of either, also after a power cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganas.data.state_tree import join, separate
from ganas.data.table_writer import writing
from ganas.spaces.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "as_arrays",
    "as_tensors",
    "picture_path",
    "read_checkpoint",
    "read_summary",
    "snapshot",
    "write_atomically",
    "write_checkpoint",
]

_STATE, _SUMMARY = "state", "summary"


def write_checkpoint(path: Path, summary: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of the one before.

    Args:
        path: The file; its folder is made.
        summary: JSON values, which :func:`read_summary` reads without reading the arrays.
        state: Nested values of JSON, numpy arrays and tensors, with text as keys.

    Raises:
        DataError: The disk is full, or the file cannot be written; the one before is as it was.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    skeleton = separate(as_arrays(state), arrays)
    ordered = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    texts = {_STATE: json.dumps(skeleton), _SUMMARY: json.dumps(summary)}
    write_atomically(path, save(ordered, metadata=texts))


def picture_path(checkpoint: Path, epoch: int) -> Path:
    """Where the picture of an epoch lies, beside the checkpoint of its training."""
    return checkpoint.with_name(f"{checkpoint.stem}-epoch-{epoch:03}.png")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file in place of the one before; it is on the disk when this returns.

    Raises:
        DataError: The disk is full, or the file cannot be written; the one before is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        if os.name == "posix":
            # The new name is on the disk only once the folder is.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def read_summary(path: Path) -> dict[str, Any] | None:
    """The summary of a checkpoint; None where there is none.

    Raises:
        DataError: The file is damaged.
    """
    found = _read(path, with_arrays=False)
    return None if found is None else found[0]


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The summary and the state of a checkpoint, with numpy arrays and lists; None where there is none.

    Raises:
        DataError: The file is damaged.
    """
    return _read(path, with_arrays=True)


def _read(path: Path, *, with_arrays: bool) -> tuple[dict[str, Any], dict[str, Any]] | None:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            summary = json.loads(texts[_SUMMARY])
            arrays = {name: file.get_tensor(name) for name in file.keys()} if with_arrays else {}  # noqa: SIM118
            state = join(json.loads(texts[_STATE]), arrays) if with_arrays else {}
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"the checkpoint {path} is damaged, remove it to begin anew: {reason:.120}") from None
    if not isinstance(summary, dict) or not isinstance(state, dict):
        raise DataError(f"the checkpoint {path} is damaged, remove it to begin anew: it holds no state")
    return summary, state


def as_arrays(value: Any) -> Any:
    """Nested values with tensors as numpy arrays, which share their memory, and everything else as it is."""
    if isinstance(value, Mapping):
        return {key: as_arrays(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_arrays(item) for item in value]
    return value.detach().cpu().numpy() if _is_tensor(value) else value


def snapshot(value: Any) -> Any:
    """A copy that later steps of the training do not change, tensors on their device."""
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [snapshot(item) for item in value]
    if _is_tensor(value):
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def as_tensors(values: Mapping[str, Any], device: str = "cpu") -> dict[str, Tensor]:
    """Named arrays or tensors as tensors of a device, which share no memory with them."""
    import torch

    return {
        name: value.detach().clone().to(device) if _is_tensor(value) else torch.tensor(value, device=device)
        for name, value in values.items()
    }


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach")
