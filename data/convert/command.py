"""What the converters of packaged data have in common: the choice of cards, and the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ganas.data.card import Card
from ganas.data.catalog import cards
from ganas.data.tables import file_sha256
from ganas.spaces.errors import GanasError

__all__ = ["cards_of_package", "run_converter"]


def cards_of_package(package: str) -> list[Card]:
    """The cards of the tables that are made from this package."""
    return [card for card in cards().values() if card.source.package == package]


def run_converter(
    convert_all: Callable[[Path, Path], list[Path]],
    arguments: Sequence[str] | None,
    *,
    module: str,
    description: str,
    source_help: str,
) -> int:
    """Convert from the command line; returns the exit status.

    Args:
        convert_all: Converts a source folder into tables in another folder.
        arguments: Of the command line; None for those of the process.
        module: Name of the converter's module within ``ganas.data.convert``.
        description: One line for ``--help``.
        source_help: What the source folder is.
    """
    parser = argparse.ArgumentParser(prog=f"python -m ganas.data.convert.{module}", description=description)
    parser.add_argument("source_folder", type=Path, help=source_help)
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to (default: the current one)")
    options = parser.parse_args(arguments)
    try:
        for path in convert_all(options.source_folder, options.out):
            sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes  sha256 {file_sha256(path)}\n")
    except GanasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
