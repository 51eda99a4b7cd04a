"""States as nested values: what is not JSON (numpy arrays, long texts) set apart from what is, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganas.spaces.errors import DataError, InvalidSetting

__all__ = ["join", "separate"]

_ARRAY, _TEXT = "__array__", "__text__"

# Longer texts, such as the trees of a boosted model, are better read in a file of their own.
_LONG = 1000


def separate(
    value: Any, arrays: dict[str, NDArray[Any]], where: str = "state", texts: dict[str, str] | None = None
) -> Any:
    """Return ``value`` as JSON, with a reference in place of every array, which goes into ``arrays``.

    Args:
        value: Mappings with text as keys, sequences, JSON values, numpy numbers and arrays.
        arrays: Gets every array under a new name.
        where: What ``value`` is called in messages.
        texts: Gets every text of more than 1,000 characters; None to leave texts where they are.

    Raises:
        InvalidSetting: ``value`` holds something else.

    >>> arrays = {}
    >>> separate({"mean": np.zeros(2), "names": ("a", "b")}, arrays)
    {'mean': {'__array__': 'array_0'}, 'names': ['a', 'b']}
    >>> arrays["array_0"].shape
    (2,)
    """
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
        return {key: separate(item, arrays, f"{where}.{key}", texts) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [separate(item, arrays, f"{where}[{index}]", texts) for index, item in enumerate(value)]
    if texts is not None and isinstance(value, str) and len(value) > _LONG:
        name = f"text_{len(texts)}"
        texts[name] = value
        return {_TEXT: name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidSetting(f"{where} is a {type(value).__name__}: a state holds JSON values and numpy arrays")


def join(value: Any, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str] | None = None) -> Any:
    """Undo :func:`separate`; sequences come back as lists.

    Raises:
        DataError: There is no array or text of a name that ``value`` refers to.
    """
    if isinstance(value, dict):
        for mark, parts in ((_ARRAY, arrays), (_TEXT, texts)):
            if parts is not None and value.keys() == {mark}:
                if value[mark] not in parts:
                    raise DataError(f"a state refers to {value[mark]!r:.60}, which is missing")
                return parts[value[mark]]
        return {key: join(item, arrays, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [join(item, arrays, texts) for item in value]
    return value
