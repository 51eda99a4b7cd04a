"""How architectures of DARTS are written: the genotype of the official code, and NAS-Bench-301's configuration.

Sources: ``cnn/genotypes.py`` of https://github.com/quark0/darts, and ``nasbench301/representations.py`` and
``configspace.json`` of https://github.com/automl/nasbench301.

Everything is read into *cells*: for each cell, for each of its nodes, the two sources in order with the operation on
each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from operator import index
from typing import Any, NamedTuple

from ganas.spaces.darts.wiring import CELLS, NODES, OPERATIONS, SOURCE_PAIRS
from ganas.spaces.errors import InvalidArchitecture, MalformedArchitecture, closest_match, quote_list

__all__ = ["CONFIG_PREFIX", "Cell", "Genotype", "cells_of_config", "cells_of_genotype", "config_of", "parse_genotype"]

CONFIG_PREFIX = "NetworkSelectorDatasetInfo:darts:"
"""What the names of an architecture's hyperparameters in NAS-Bench-301 begin with."""

Cell = tuple[tuple[tuple[str, int], tuple[str, int]], ...]
"""For each node its two (operation, source), the lower source first."""

# A genotype has 400 characters or so.
_MOST_CHARACTERS = 4_000
_EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ...], normal_concat=range(2, 6), reduce=[...], ...)"
)


class Genotype(NamedTuple):
    """An architecture as the official code holds it; its text is what that code prints.

    Attributes:
        normal: Eight (operation, source), two for each of nodes 2 to 5 of the normal cell.
        normal_concat: The nodes that the output joins: always 2 to 5 here.
        reduce: The same for the reduction cell.
        reduce_concat: As ``normal_concat``.
    """

    normal: list[tuple[str, int]]
    normal_concat: range
    reduce: list[tuple[str, int]]
    reduce_concat: range

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> Genotype:
        """The genotype of cells."""
        normal, reduce = ([entry for node in cell for entry in node] for cell in cells)
        joined = range(NODES[0], NODES[-1] + 1)
        return cls(normal, joined, reduce, joined)


# --- genotypes ---------------------------------------------------------------------------------------------------


def parse_genotype(text: str) -> list[Cell]:
    """Read the text of a genotype, or of a line that names one (``DARTS_V2 = Genotype(...)``); nothing is executed.

    Raises:
        MalformedArchitecture: It is not such a text.
        InvalidArchitecture: It is one of another space: other joined nodes, or sources that a node does not have.
    """
    given = str(text).strip()
    shown = f"{given[:60]!r}{'...' if len(given) > 60 else ''}"
    malformed = MalformedArchitecture(f"{shown} is not a genotype of DARTS: wanted is {_EXAMPLE}")
    # A backslash has no place in a genotype; in Python it may be a warning.
    if len(given) > _MOST_CHARACTERS or "\\" in given:
        raise malformed
    try:
        (statement,) = ast.parse(given).body
        call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call) or _last_name(call.func) != "Genotype":
            raise malformed
        fields: dict[str, Any] = {}
        named = [(keyword.arg, keyword.value) for keyword in call.keywords]
        for name, value in [*zip(Genotype._fields, call.args, strict=False), *named]:
            if name not in Genotype._fields or name in fields:
                raise malformed
            fields[name] = _range(value) if isinstance(value, ast.Call) else ast.literal_eval(value)
        if len(call.args) > len(Genotype._fields):
            raise malformed
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise malformed from None
    return cells_of_genotype(fields)


def _last_name(node: ast.expr) -> str:
    """``Genotype`` of ``Genotype`` and of ``genotypes.Genotype``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _range(call: ast.Call) -> range:
    if _last_name(call.func) != "range" or call.keywords or len(call.args) != 2:
        raise ValueError("not range(start, stop)")
    start, stop = (ast.literal_eval(argument) for argument in call.args)
    return range(start, stop)


def cells_of_genotype(genotype: object) -> list[Cell]:
    """Read a genotype: an object with these attributes, a mapping, or a sequence of its four fields.

    The order of the two operations of a node does not matter. Joined nodes may be left out.

    Raises:
        MalformedArchitecture: It is not of this form, or an operation is unknown.
        InvalidArchitecture: It is of another space: other joined nodes, or sources that a node does not have.
    """
    fields = _fields(genotype)
    for name in ("normal_concat", "reduce_concat"):
        joined = fields.get(name, NODES)
        if not isinstance(joined, Iterable) or isinstance(joined, str | bytes):
            raise MalformedArchitecture(f"{name} must be node numbers, not {joined!r:.60}")
        # No more of it than that: a range may have any length.
        if tuple(islice(joined, len(NODES) + 1)) != NODES:
            raise InvalidArchitecture(
                f"{name} is {joined!r:.60}: in the space 'darts' the output joins all nodes, 2 to 5, in order"
            )
    return [_cell(name, fields.get(name)) for name in CELLS]


def _fields(genotype: object) -> Mapping[str, Any]:
    if isinstance(genotype, Mapping):
        return genotype
    if all(hasattr(genotype, name) for name in CELLS):
        return {name: getattr(genotype, name) for name in Genotype._fields if hasattr(genotype, name)}
    if isinstance(genotype, list | tuple) and len(genotype) == len(Genotype._fields):
        return dict(zip(Genotype._fields, genotype, strict=True))
    raise MalformedArchitecture(
        f"{genotype!r:.60} is no genotype: wanted are the fields {quote_list(Genotype._fields)}, as attributes, in a "
        "mapping, or in this order"
    )


def _cell(name: str, given: object) -> Cell:
    if not isinstance(given, list | tuple) or len(given) != 2 * len(NODES):
        count = f"{len(given)} entries" if isinstance(given, list | tuple) else f"{given!r:.60}"
        raise MalformedArchitecture(f"the {name} cell must be a list of 8 (operation, source), not {count}")
    entries = [_entry(name, pair) for pair in given]
    nodes = []
    for node, first, second in zip(NODES, entries[::2], entries[1::2], strict=True):
        for _, source in (first, second):
            if not 0 <= source < node:
                raise InvalidArchitecture(f"node {node} of the {name} cell reads 0 to {node - 1}, not {source}")
        if first[1] == second[1]:
            raise InvalidArchitecture(
                f"node {node} of the {name} cell reads {first[1]} twice: its two sources must differ"
            )
        nodes.append((first, second) if first[1] < second[1] else (second, first))
    return tuple(nodes)


def _entry(cell: str, pair: object) -> tuple[str, int]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise MalformedArchitecture(f"{pair!r:.60} in the {cell} cell is not (operation, source)")
    operation, source = pair
    try:
        number = index(source)
    except TypeError:
        raise MalformedArchitecture(f"the source in {pair!r:.60} of the {cell} cell is not a node number") from None
    return _operation(operation, f"{pair!r:.60} of the {cell} cell"), number


def _operation(given: object, place: str) -> str:
    if not isinstance(given, str) or given not in OPERATIONS:
        raise MalformedArchitecture(
            f"unknown operation {given!r:.60} in {place}: known are {quote_list(OPERATIONS)}"
            f"{closest_match(given, OPERATIONS)}"
        )
    return given


# --- configurations ------------------------------------------------------------------------------------------------


def config_of(cells: Sequence[Cell]) -> dict[str, str]:
    """The 22 hyperparameters of an architecture in NAS-Bench-301: operations by edge, and what nodes 3 to 5 read."""
    config = {}
    for name, cell in zip(CELLS, cells, strict=True):
        for node, entries in zip(NODES, cell, strict=True):
            for operation, source in entries:
                config[_edge(name, node, source)] = operation
            if node > 2:
                config[_inputs(name, node)] = "_".join(str(source) for _, source in entries)
    return config


def cells_of_config(config: Mapping[str, Any]) -> list[Cell]:
    """Read the hyperparameters of an architecture out of a configuration; what is not of one is not looked at.

    An edge that its node does not read is inactive: it is absent, or None.

    Raises:
        MalformedArchitecture: The configuration is no mapping, a hyperparameter is missing, or has a value that the
            configuration space does not have.
        InvalidArchitecture: There is an operation on an edge that its node does not read.
    """
    if not isinstance(config, Mapping):
        raise MalformedArchitecture(f"a configuration is a mapping of hyperparameters, not {type(config).__name__}")
    return [tuple(_node(config, name, node) for node in NODES) for name in CELLS]


def _node(config: Mapping[str, Any], cell: str, node: int) -> tuple[tuple[str, int], tuple[str, int]]:
    pair = _pair(config, cell, node) if node > 2 else (0, 1)
    for source in range(node):
        edge = _edge(cell, node, source)
        if source in pair and config.get(edge) is None:
            raise MalformedArchitecture(f"the configuration lacks {edge!r}, and node {node} reads {source}")
        if source not in pair and config.get(edge) is not None:
            raise InvalidArchitecture(
                f"the configuration has {config[edge]!r:.60} for {edge!r}, and node {node} of the {cell} cell reads "
                f"{pair[0]} and {pair[1]} alone"
            )
    first, second = ((_operation(config[edge], repr(edge)), s) for s in pair for edge in [_edge(cell, node, s)])
    return first, second


def _pair(config: Mapping[str, Any], cell: str, node: int) -> tuple[int, int]:
    allowed = {f"{first}_{second}": (first, second) for first, second in SOURCE_PAIRS[node]}
    name = _inputs(cell, node)
    given = config.get(name)
    if given is None:
        raise MalformedArchitecture(f"the configuration lacks {name!r}")
    if not isinstance(given, str) or given not in allowed:
        raise MalformedArchitecture(
            f"{name!r} is {given!r:.60}: known are {quote_list(allowed)}{closest_match(given, allowed)}"
        )
    return allowed[given]


def _edge(cell: str, node: int, source: int) -> str:
    # The edges into a node come after those into the nodes before it: 0, 2, 5 and 9 are the first of each.
    first = sum(range(2, node))
    return f"{CONFIG_PREFIX}edge_{cell}_{first + source}"


def _inputs(cell: str, node: int) -> str:
    return f"{CONFIG_PREFIX}inputs_node_{cell}_{node}"
