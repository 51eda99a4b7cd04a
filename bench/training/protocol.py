"""Protocols: named, frozen recipes of a training, each value with its unit and where it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Self

from ganas.spaces.errors import InvalidSetting, quote_list, unknown_name

__all__ = ["OURS", "Protocol", "ProtocolField", "setting"]

OURS = "ours"
"""The source of a value that no publication gives."""

_NOT_VALUES = ("name", "title", "sources")

# Raised whenever the same values train differently: finished trainings of before are then not answered any more.
_VERSION = 1


def setting(meaning: str, *, unit: str = "", default: Any = ...) -> Any:
    """Declare a field of a protocol.

    Args:
        meaning: One line.
        unit: Such as ``"epochs"``; empty for what has none.
        default: Its value where a protocol gives none; such a value is ours unless the protocol says otherwise.
    """
    metadata = {"meaning": meaning, "unit": unit}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class ProtocolField:
    """One value of a protocol, as it is printed.

    Attributes:
        field: Its name.
        value: Its value.
        unit: Its unit; empty for none.
        source: The paper, the section or the file of official code that it is of, or ``"ours"``.
        meaning: One line.
    """

    field: str
    value: Any
    unit: str
    source: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A recipe of a training; a subclass adds what its kind of task needs, each field by :func:`setting`.

    Attributes:
        name: ``"full"`` for a published recipe, ``"mini"`` for its miniature.
        title: One line; results carry it, so that nobody takes a miniature for the whole.
        sources: Field to where its value comes from; what is not named is :data:`OURS`.
    """

    name: str
    title: str
    sources: Mapping[str, str] = field(default_factory=dict)
    epochs: int = setting("passes over the training data", unit="epochs")
    rollbacks: int = setting(
        "how often a loss that is no number sends the training back to its best epoch before it has failed",
        unit="times",
        default=3,
    )

    def __post_init__(self) -> None:
        known = [item.name for item in fields(self) if item.name not in _NOT_VALUES]
        for name in self.sources:
            if name not in known:
                raise InvalidSetting(
                    f"protocol {self.name!r} gives a source for {name!r}: known are {quote_list(known)}"
                )
        for name in ("epochs", "rollbacks"):
            value, least = getattr(self, name), int(name == "epochs")
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidSetting(f"{name} of protocol {self.name!r} must be at least {least}, not {value!r}")
        object.__setattr__(self, "sources", MappingProxyType(dict(self.sources)))

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        """Raise InvalidSetting unless a condition on a field holds; ``allowed`` says which values do."""
        if not holds:
            raise InvalidSetting(f"{name} of protocol {self.name!r} must be {allowed}, not {getattr(self, name)!r}")

    def changed(self, title: str, values: Mapping[str, Any], sources: Mapping[str, str]) -> Self:
        """The same protocol with another title and other values, which have other sources."""
        kept = {name: source for name, source in self.sources.items() if name not in values}
        return replace(self, title=title, sources={**kept, **sources}, **values)

    def with_values(self, texts: Sequence[str]) -> Self:
        """The same protocol but for the fields that texts name; what is given is ours.

        Args:
            texts: Such as ``"epochs=30"``; the value is JSON.

        Raises:
            UnknownName: There is no such field.
            InvalidSetting: A text is something else, or its value is not allowed.
        """
        given = {}
        known = [item.name for item in fields(self) if item.name not in _NOT_VALUES]
        for text in texts:
            name, equals, value = text.partition("=")
            if name not in known:
                raise unknown_name(f"field of protocol {self.name!r}", name, known)
            try:
                given[name] = json.loads(value)
            except ValueError:
                raise InvalidSetting(
                    f"{text!r} gives no value of JSON to {name}{'' if equals else ': write name=value'}"
                ) from None
        try:
            return self.changed(self.title, given, {})
        except TypeError:
            raise InvalidSetting(f"protocol {self.name!r} does not take {', '.join(texts)}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes are handed protocols, and a read-only view of a mapping cannot be sent.
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return _make, (type(self), {**values, "sources": dict(self.sources)})

    @property
    def values(self) -> tuple[ProtocolField, ...]:
        """Every value with its unit and source, in the order of the class."""
        return tuple(
            ProtocolField(
                item.name,
                getattr(self, item.name),
                item.metadata.get("unit", ""),
                self.sources.get(item.name, OURS),
                item.metadata.get("meaning", ""),
            )
            for item in fields(self)
            if item.name not in _NOT_VALUES
        )

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits over the name and all values: equal protocols have equal ones."""
        covered = {item.field: item.value for item in self.values}
        text = json.dumps(
            {"version": _VERSION, "kind": type(self).__name__, "name": self.name, **covered}, sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """The name with the hash, as in ``mini-0123456789ab``."""
        return f"{self.name}-{self.hash}"


def _make(kind: type[Protocol], values: dict[str, Any]) -> Protocol:
    return kind(**values)
