"""How generators and discriminators are written: a line of our own, the genotypes of AlphaGAN, and published names.

The line names the operation on each edge, cell by cell, and those of the skips of a generator at the end::

    bilinear,deconv,conv_1x1,sep_conv_3x3,conv_1x1|...|deconv,nearest,...|nearest,deconv,bilinear

A genotype of AlphaGAN is what its search prints: ``Genotype_gen(normal={'1': [('conv_1x1', 0), ...], ...}, up=...,
skip_2=..., skip_3=...)`` for a generator, ``Genotype_dis_Auto(normal=...)`` for a discriminator.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from ganas.spaces.alphagan.genotype import Choices, Group
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, closest_match, quote_list

__all__ = ["format_genotype", "format_official", "parse_genotype"]

_MOST_CHARACTERS = 4_000


def format_genotype(choices: Choices, genotype: Sequence[int]) -> str:
    """Write the line of a genotype."""
    names = iter(choices.names(genotype))
    return "|".join(",".join(next(names) for _ in range(count)) for count in choices.rows)


def format_official(choices: Choices, genotype: Sequence[int]) -> str:
    """Write a genotype as the official code prints it.

    >>> from ganas.spaces.alphagan.genotype import DISCRIMINATOR
    >>> format_official(DISCRIMINATOR, [0] * 8)[:72]
    "Genotype_dis_Auto(normal={'channels_raise': [('conv_1x1', 0)], '1': [('n"
    """
    names = iter(choices.names(genotype))
    fields: dict[str, Any] = {}
    for group in choices.groups:
        pairs = [(next(names), edge) for edge in range(group.edges)]
        if group.key:
            fields.setdefault(group.field, {})[group.key] = pairs
        else:
            fields[group.field] = pairs
    return f"{choices.name}({', '.join(f'{field}={value!r}' for field, value in fields.items())})"


def parse_genotype(choices: Choices, text: str, published: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Read a line, the text of an official genotype, or a published name in any case.

    Args:
        choices: What a genotype is made of.
        text: What is read; nothing in it is executed.
        published: The published names.

    Raises:
        MalformedArchitecture: It is none of these.
        InvalidArchitecture: An operation is not one of its edge.
    """
    given = str(text).strip()
    shown = repr(given) if len(given) <= 60 else f"{given[:60]!r}..."
    by_name = {name.lower(): genotype for name, genotype in published.items()}
    if given.lower() in by_name:
        return tuple(by_name[given.lower()])
    if "(" in given:
        names: Sequence[object] = _official(choices, given, shown)
    elif "|" in given:
        names = _line(choices, given, shown)
    else:
        example = format_genotype(choices, [0] * len(choices.operations))
        known = f", or one of {quote_list(published)}{closest_match(given, published)}" if published else ""
        raise MalformedArchitecture(
            f"{shown} is not an architecture: wanted is {example}, a {choices.name}(...){known}"
        )
    return tuple(_number(name, operations, shown) for name, operations in zip(names, choices.operations, strict=True))


def _number(name: object, operations: tuple[str, ...], shown: str) -> int:
    if not isinstance(name, str) or name not in operations:
        raise InvalidArchitecture(
            f"{name!r:.60} in {shown} is none of the operations of its edge: they are {quote_list(operations)}"
            f"{closest_match(name, operations)}"
        )
    return operations.index(name)


def _line(choices: Choices, given: str, shown: str) -> list[str]:
    rows = [[name.strip() for name in row.split(",")] for row in given[:_MOST_CHARACTERS].split("|")]
    counts = tuple(len(row) for row in rows)
    if counts != choices.rows:
        raise MalformedArchitecture(
            f"{shown} has {quote_list(counts)} operations between its bars: wanted are {quote_list(choices.rows)}"
        )
    names = [name for row in rows for name in row]
    known = {name for operations in choices.operations for name in operations}
    for name in names:
        if name not in known:
            raise MalformedArchitecture(
                f"unknown operation {name!r:.60} in {shown}: known are {quote_list(sorted(known))}"
                f"{closest_match(name, known)}"
            )
    return names


def _official(choices: Choices, given: str, shown: str) -> list[object]:
    """The operation on each edge of an official genotype, also behind a name and an equals sign."""
    malformed = MalformedArchitecture(f"{shown} is not a {choices.name} of the official code of AlphaGAN")
    # A backslash has no place in a genotype; in Python it may be a warning.
    if len(given) > _MOST_CHARACTERS or "\\" in given:
        raise malformed
    try:
        (statement,) = ast.parse(given).body
        call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != choices.name:
            raise malformed
        order = list(dict.fromkeys(group.field for group in choices.groups))
        # The official type lists the normal edges first.
        order.sort(key=lambda field: field != "normal")
        values: dict[str, Any] = {
            field: ast.literal_eval(value) for field, value in zip(order, call.args, strict=False)
        }
        for keyword in call.keywords:
            if keyword.arg not in order or keyword.arg in values:
                raise malformed
            values[keyword.arg] = ast.literal_eval(keyword.value)
        names = [name for group in choices.groups for name in _names(group, values[group.field])]
        sizes = {field: sum(group.field == field for group in choices.groups) for field in order}
        too_many = any(isinstance(value, dict) and len(value) != sizes[field] for field, value in values.items())
    except (SyntaxError, ValueError, TypeError, KeyError, RecursionError, MemoryError):
        raise malformed from None
    if too_many or len(call.args) > len(order):
        raise malformed
    return names


def _names(group: Group, value: Any) -> list[object]:
    """The operations of a group from the value of its field; whatever has another form is a ``ValueError``."""
    pairs = value[group.key] if group.key else value
    if not isinstance(pairs, list | tuple) or len(pairs) != group.edges:
        raise ValueError
    names = []
    for edge, pair in enumerate(pairs):
        name, number = pair
        if number is True or number is False or number != edge:
            raise ValueError
        names.append(name)
    return names
