"""How recurrent architectures are written: a line of our own, the genotypes of DARTS, and published names.

The line has the cell, what stands for the previous hidden state, and what stands for the current input::

    sigmoid.0,relu.1,tanh.2/h=identity.h1/x=tanh.x0*sigmoid.h2

Each entry of the cell is the activation of a node and the node that it reads. ``tanh.x0*sigmoid.h2`` is
tanh(W x_t) * sigmoid(W' h_{t-2}). A genotype of DARTS, as its code prints it, has the plain connections.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, closest_match, quote_list
from ganas.spaces.rnn.genotype import ACTIVATIONS, GROUPS, Connections, RecurrentCell, RecurrentGenotype, Term
from ganas.spaces.rnn.published import PUBLISHED
from ganas.spaces.rnn.wiring import Layout

__all__ = ["format_genotype", "parse_genotype", "require_fit"]

_EXAMPLE = "tanh.0,relu.1,relu.1/h=identity.h1/x=identity.x0*sigmoid.h2"
_MOST_CHARACTERS = 4_000
_ENTRY = re.compile(r"([A-Za-z_]+)\.([hx]?)([0-9]{1,3})")
_FIELDS = ("recurrent", "concat")


def format_genotype(genotype: RecurrentGenotype) -> str:
    """Write the line of a genotype."""
    cell = ",".join(f"{activation}.{source}" for activation, source in genotype.cell.nodes)
    sides = [
        "*".join(
            f"{term.operation}.{group.source}{term.lag}"
            for group, term in zip(GROUPS[first : first + 2], genotype.connections[first : first + 2], strict=True)
            if term is not None
        )
        for first in (0, 2)
    ]
    return f"{cell}/h={sides[0]}/x={sides[1]}"


def parse_genotype(text: str, layout: Layout) -> RecurrentGenotype:
    """Read a line, the text of a genotype of DARTS, or a published name.

    Args:
        text: What is read; nothing in it is executed.
        layout: Of the space; the nodes that a line joins are its.

    Raises:
        MalformedArchitecture: It is none of these.
        InvalidArchitecture: It has another number of nodes, other joined nodes, a node that reads a later one, or a lag
            outside the window.
    """
    given = str(text).strip()
    shown = repr(given) if len(given) <= 60 else f"{given[:60]!r}..."
    if given in PUBLISHED:
        genotype = RecurrentGenotype(PUBLISHED[given])
    elif "Genotype(" in given:
        genotype = RecurrentGenotype(_cell_of_darts(given, shown, layout))
    elif "/" in given and len(given) <= _MOST_CHARACTERS:
        genotype = _line(given, shown, layout)
    else:
        raise MalformedArchitecture(
            f"{shown} is not a recurrent architecture: wanted is {_EXAMPLE}, a Genotype(recurrent=[...], concat=...), "
            f"or one of {quote_list(PUBLISHED)}{closest_match(given, PUBLISHED)}"
        )
    require_fit(genotype, layout, shown)
    return genotype


def require_fit(genotype: RecurrentGenotype, layout: Layout, shown: str) -> None:
    """Raise :class:`InvalidArchitecture` unless the numbers of a genotype fit a layout."""
    cell = genotype.cell
    if len(cell.nodes) != layout.nodes:
        raise InvalidArchitecture(f"{shown} has {len(cell.nodes)} nodes: the cells of this space have {layout.nodes}")
    if cell.concat != layout.concat:
        raise InvalidArchitecture(
            f"{shown} joins the nodes {quote_list(cell.concat)}: this space joins {quote_list(layout.concat)}"
        )
    for node, (_, source) in enumerate(cell.nodes, start=1):
        if not 0 <= source < node:
            raise InvalidArchitecture(f"node {node} of {shown} reads {source}: it can read 0 to {node - 1}")
    for group, term in zip(GROUPS, genotype.connections, strict=True):
        if term is not None and not 0 <= term.lag - group.first_lag < layout.window:
            last = group.first_lag + layout.window - 1
            raise InvalidArchitecture(
                f"{shown} reads {group.source}{term.lag}, where this space has {group.source}{group.first_lag} to "
                f"{group.source}{last}"
            )


# --- the line ------------------------------------------------------------------------------------------------------


def _line(given: str, shown: str, layout: Layout) -> RecurrentGenotype:
    parts = [part.strip() for part in given.split("/")]
    if len(parts) != 3 or not parts[1].startswith("h=") or not parts[2].startswith("x="):
        raise MalformedArchitecture(f"{shown} is not a cell, h=... and x=... between slashes, as in {_EXAMPLE}")
    nodes = [_entry(entry, "", shown) for entry in parts[0].split(",")]
    h, h_gate = _side(parts[1][2:], "hx", shown)
    x, x_gate = _side(parts[2][2:], "xh", shown)
    return RecurrentGenotype(RecurrentCell(tuple(nodes), layout.concat), Connections(h, h_gate, x, x_gate))


def _side(text: str, sources: str, shown: str) -> tuple[Term, Term | None]:
    factors = text.split("*")
    if len(factors) > 2:
        raise MalformedArchitecture(f"{text!r} in {shown} has {len(factors)} factors: wanted are one or two")
    terms = [Term(*_entry(factor, source, shown)) for factor, source in zip(factors, sources, strict=False)]
    return terms[0], terms[1] if len(terms) > 1 else None


def _entry(text: str, source: str, shown: str) -> tuple[str, int]:
    match = _ENTRY.fullmatch(text.strip())
    if match is None or match[2] != source:
        raise MalformedArchitecture(f"{text!r} in {shown} is not of the form tanh.{source}1")
    return _activation(match[1], shown), int(match[3])


def _activation(name: object, shown: str) -> str:
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise MalformedArchitecture(
            f"unknown operation {name!r:.60} in {shown}: known are {quote_list(ACTIVATIONS)}"
            f"{closest_match(name, ACTIVATIONS)}"
        )
    return name


# --- genotypes of DARTS --------------------------------------------------------------------------------------------


def _cell_of_darts(given: str, shown: str, layout: Layout) -> RecurrentCell:
    """Read ``Genotype(recurrent=[('tanh', 0), ...], concat=range(1, 9))``, also behind a name and an equals sign."""
    malformed = MalformedArchitecture(
        f"{shown} is not a recurrent genotype of DARTS: wanted is Genotype(recurrent=[('tanh', 0), ...], "
        "concat=range(1, 9))"
    )
    # A backslash has no place in a genotype; in Python it may be a warning.
    if len(given) > _MOST_CHARACTERS or "\\" in given:
        raise malformed
    fields: dict[str, Any] = {}
    try:
        (statement,) = ast.parse(given).body
        call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call) or _name(call) != "Genotype" or len(call.args) > len(_FIELDS):
            raise malformed
        named = [(keyword.arg, keyword.value) for keyword in call.keywords]
        for name, value in [*zip(_FIELDS, call.args, strict=False), *named]:
            if name not in _FIELDS or name in fields:
                raise malformed
            fields[name] = _range(value) if isinstance(value, ast.Call) else ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        if isinstance(error, MalformedArchitecture):
            raise
        raise malformed from None
    nodes, concat = fields.get("recurrent"), fields.get("concat", layout.concat)
    if not isinstance(nodes, list | tuple) or not isinstance(concat, list | tuple):
        raise malformed
    entries = []
    for pair in nodes:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[1], int):
            raise malformed
        entries.append((_activation(pair[0], shown), int(pair[1])))
    if not all(isinstance(node, int) for node in concat):
        raise malformed
    return RecurrentCell(tuple(entries), tuple(concat))


def _name(call: ast.Call) -> str:
    """What is called; empty for what has no plain name."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _range(call: ast.Call) -> tuple[int, ...]:
    if _name(call) != "range":
        raise ValueError("a genotype has no other call than range")
    start, stop = (ast.literal_eval(argument) for argument in call.args)
    # No more of it than a cell can have nodes: a range may have any length.
    return tuple(range(start, min(stop, start + 1_000)))
