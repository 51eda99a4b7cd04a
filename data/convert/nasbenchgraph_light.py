"""NAS-Bench-Graph as packaged by nas-bench-graph, converted to the embedded tables.

Source: the Python package ``nas-bench-graph`` 1.4.0 (its authors, Apache-2.0), folder ``nas_bench_graph/light``. A file
is a pickled dict from the package's hash of an architecture to ``valid_perf``, ``perf`` (of the test split),
``latency`` and ``para`` (million parameters), one number each. Some of the numbers are pickled as numpy scalars; no
other names are allowed. Values are kept to the last bit. What they mean, and what is known to be wrong with them,
stands in the cards.

Run it as ``python -m ganas.data.convert.nasbenchgraph_light SOURCE_FOLDER --out FOLDER``, where the source folder is
that of the package ``nas_bench_graph``. The same source and version of pyarrow give the same bytes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganas.data.card import Card
from ganas.data.convert.command import cards_of_package, run_converter
from ganas.data.safe_pickle import load_pickle
from ganas.data.tables import file_sha256, write_table
from ganas.spaces.errors import DataError, InvalidArchitecture, unknown_name
from ganas.spaces.graphnas.space import GraphNAS, GraphNASProteins

__all__ = ["COLUMNS", "convert", "convert_all", "main", "read_light"]

COLUMNS = {
    "valid_performance": "valid_perf",
    "test_performance": "perf",
    "latency_seconds": "latency",
    "source_model_size": "para",
}
"""The columns of the tables, with the names in the source."""

_PACKAGE = "nas-bench-graph"
_NUMPY_SCALARS = frozenset({("numpy.core.multiarray", "scalar"), ("numpy", "dtype")})
_SPACES = {space.name: space for space in (GraphNAS(), GraphNASProteins())}


def convert_all(source_folder: Path, out_folder: Path) -> list[Path]:
    """Convert every data set of the package and return the tables written.

    Raises:
        DataError: A source file is missing, is not the one on its card, or does not have the expected content.
    """
    return [convert(card, source_folder, out_folder) for card in cards_of_package(_PACKAGE)]


def convert(card: Card, source_folder: Path, out_folder: Path) -> Path:
    """Convert the source file of one card and return the table written.

    Raises:
        DataError: The source file is missing, is not the one on the card, or does not have the expected content.
        UnknownName: The card names another space.
    """
    source = source_folder / card.source.file
    digest = file_sha256(source)
    if digest != card.source.sha256:
        raise DataError(
            f"{source} is not the file of {_PACKAGE} {card.source.version}: its sha256 is {digest}, "
            f"not {card.source.sha256}"
        )
    if card.space not in _SPACES:
        raise unknown_name("space of NAS-Bench-Graph", card.space, _SPACES)
    space = _SPACES[card.space]
    entries = read_light(source)
    rows = sorted((_identity(space, key, source.name), entry) for key, entry in entries.items())
    if len(rows) != space.size:
        raise DataError(f"{source.name} has {len(rows):,} entries, and {space.name!r} {space.size:,}")
    values = np.array([entry for _, entry in rows])
    out_folder.mkdir(parents=True, exist_ok=True)
    path = out_folder / card.file
    keys = np.array([rank for rank, _ in rows], dtype=np.int32)
    write_table(path, (card.architecture, keys), dict(zip(COLUMNS, values.T.copy(), strict=True)))
    return path


def read_light(path: Path) -> dict[int, tuple[float, ...]]:
    """Read a file of the package: its key to the numbers, in the order of :data:`COLUMNS`.

    Raises:
        DataError: The file is missing, unsafe or damaged, or does not have the expected content.
    """
    data = load_pickle(path, _NUMPY_SCALARS)
    if not isinstance(data, dict) or not all(type(key) is int for key in data):
        raise DataError(f"{path.name} is not a dict from whole numbers to measurements")
    found = {}
    for key, entry in data.items():
        if not isinstance(entry, dict) or set(entry) != set(COLUMNS.values()):
            raise DataError(f"entry {key} of {path.name} does not hold {', '.join(sorted(COLUMNS.values()))}")
        numbers = [entry[name] for name in COLUMNS.values()]
        if not all(type(number) is float and math.isfinite(number) for number in numbers):
            raise DataError(f"entry {key} of {path.name} holds something that is not a finite float")
        found[key] = tuple(numbers)
    return found


def _identity(space: GraphNAS, key: int, label: str) -> int:
    try:
        architecture = space.from_package_hash(key)
    except InvalidArchitecture as error:
        raise DataError(f"entry {key} of {label} is no architecture of {space.name!r}: {error}") from None
    if space.package_hash(architecture) != key:
        raise DataError(f"entry {key} of {label} is the same architecture as {space.package_hash(architecture)}")
    return space.identity_key(architecture)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert from the command line; returns the exit status."""
    return run_converter(
        convert_all,
        arguments,
        module="nasbenchgraph_light",
        description="Convert NAS-Bench-Graph from nas-bench-graph 1.4.0 to the tables of Ganas.",
        source_help="folder of the package nas_bench_graph, which holds light/",
    )


if __name__ == "__main__":
    sys.exit(main())
