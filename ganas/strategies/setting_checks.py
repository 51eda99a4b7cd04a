"""Checks that settings of strategies share; nothing heavy is imported, so that settings can be read at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from ganas.spaces.errors import InvalidSetting, closest_match, quote_list
from ganas.strategy import Settings

__all__ = ["require_at_least", "require_kinds", "require_shares"]


def require_at_least(settings: Settings, least: Mapping[str, float]) -> None:
    """Raise unless each of these fields is finite and at least its least value.

    Raises:
        InvalidSetting: One is not.
    """
    for name, value in least.items():
        if not value <= getattr(settings, name) < float("inf"):
            raise InvalidSetting(f"{name} must be at least {value}, not {getattr(settings, name)}")


def require_kinds(settings: Settings, kinds: Mapping[str, Any]) -> None:
    """Raise unless each of these fields is one of the alternatives of its ``Literal``.

    Raises:
        InvalidSetting: One is not.
    """
    for name, kind in kinds.items():
        given, known = getattr(settings, name), get_args(kind)
        if given not in known:
            raise InvalidSetting(f"{name} must be {quote_list(known)}, not {given!r}{closest_match(given, known)}")


def require_shares(settings: Settings, names: Iterable[str]) -> None:
    """Raise unless each of these fields is from 0 to 1.

    Raises:
        InvalidSetting: One is not.
    """
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise InvalidSetting(f"{name} must be from 0 to 1, not {getattr(settings, name)}")
