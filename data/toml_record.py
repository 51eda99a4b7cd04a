"""Dataclasses to and from TOML: every field named, typed and known, or a typed error that says which is not."""

from __future__ import annotations

import json
import tomllib
import types
import typing
from collections.abc import Collection
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ganas.spaces.errors import DataError, closest_match

__all__ = ["format_record", "read_record", "read_toml"]


def read_toml(path: Path, label: str) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: The file.
        label: What the file is, for the message of an error.

    Raises:
        DataError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {label} {path}: {error}") from None


def read_record(kind: Any, content: object, label: str) -> Any:
    """Build a dataclass from what TOML gave, checking names and types; its fields may be dataclasses again.

    Args:
        kind: The dataclass.
        content: What TOML gave for it.
        label: What is read, for the message of an error.

    Raises:
        DataError: A field is lacking or unknown, or a value has the wrong type.
    """
    if not isinstance(content, dict):
        raise DataError(f"{label} must be a table, not {content!r:.60}")
    declared = {entry.name: entry for entry in fields(kind)}
    for name in content:
        if name not in declared:
            raise DataError(f"{label} has an unknown field {name!r}{closest_match(name, declared)}")
    hints = _hints(kind)
    values = {}
    for name, entry in declared.items():
        if name in content:
            values[name] = _convert(hints[name], content[name], f"{name} in {label}")
        elif entry.default is MISSING:
            raise DataError(f"{label} lacks the field {name!r}")
    return kind(**values)


@lru_cache(maxsize=32)
def _hints(kind: Any) -> dict[str, Any]:
    # Evaluating annotations takes longer than reading a card, and a card has dozens of metrics.
    return typing.get_type_hints(kind)


def format_record(record: Any, *, leave_out: Collection[str] = ()) -> str:
    """A dataclass as TOML that :func:`read_record` reads; fields that are None or have their default are left out.

    Args:
        record: The dataclass; its fields may be dataclasses or tuples of them.
        leave_out: Names of fields that are not written.
    """
    plain: list[str] = []
    nested: list[str] = []
    for entry in fields(record):
        value = getattr(record, entry.name)
        if entry.name in leave_out or value is None or (entry.default is not MISSING and value == entry.default):
            continue
        if is_dataclass(value):
            nested.append(f"\n[{entry.name}]\n{format_record(value)}")
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            nested.extend(f"\n[[{entry.name}]]\n{format_record(part)}" for part in value)
        else:
            plain.append(f"{entry.name} = {_toml_value(value)}\n")
    return "".join([*plain, *nested])


def _toml_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    # What JSON writes of texts and finite numbers is TOML as well, but for the one control character it leaves as is.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def _convert(hint: Any, value: Any, label: str) -> Any:
    if is_dataclass(hint):
        return read_record(hint, value, label)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        if len(inner) == len(value):
            return tuple(_convert(part, entry, label) for part, entry in zip(inner, value, strict=True))
    elif origin in (types.UnionType, typing.Union):
        # TOML has no null: what is given is of the other part.
        return _convert(parts[0], value, label)
    elif origin is Literal:
        if value in parts:
            return value
    elif origin is None and isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    wanted = getattr(hint, "__name__", str(hint)).lower()
    raise DataError(f"{label} must be {wanted if origin is None else str(hint)}, not {value!r:.60}")
