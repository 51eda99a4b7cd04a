"""The documentation pages of the benchmarks, written from their cards.

Every embedded table and every table that an official file can become has a page, and an index lists them by family.
``python -m ganas.data.pages --out docs/benchmarks`` writes them; nothing of a user's own tables enters.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ganas.data.card import Card, read_card
from ganas.data.convert.official import convertible_cards
from ganas.data.page_sections import (
    asking,
    bullets,
    citation,
    embedded_origin,
    facts,
    families,
    metrics,
    official_origin,
    surrogate,
)
from ganas.data.page_words import cost_in_words, missing_in_words, splits_in_words, trials_in_words
from ganas.data.sources import Source, sources
from ganas.spaces.errors import DataError

__all__ = ["INDEX", "MARK", "all_pages", "benchmark_page", "documented_cards", "index_page", "main", "write_pages"]

INDEX = "README.md"
MARK = "<!-- Written from the cards by `python -m ganas.data.pages --out docs/benchmarks`: do not edit. -->"
"""The first line of every page. A file without it is neither replaced nor removed."""


def documented_cards() -> list[Card]:
    """The cards that have a page: the embedded ones by name, then what official files become, in their order."""
    folder = Path(__file__).parent
    # Not the cards of the catalogue: those depend on what the user has converted.
    embedded = [read_card(path, folder / "tables") for path in sorted((folder / "cards").glob("*.toml"))]
    return [*embedded, *convertible_cards()]


def all_pages() -> dict[str, str]:
    """Every page, and the index, by the name of its file.

    Raises:
        DataError: Two cards have one name, or a card has no example or no source.
    """
    cards = documented_cards()
    pages = {INDEX: index_page(cards)}
    for card in cards:
        file = f"{card.name}.md"
        if file in pages:
            raise DataError(f"two cards are named {card.name!r}, and a name has one page")
        pages[file] = benchmark_page(card, None if card.rows else _source_of(card))
    return pages


def benchmark_page(card: Card, source: Source | None = None) -> str:
    """The page of a benchmark, in Markdown.

    Args:
        card: What is known of it.
        source: The official file that it is made of; None for an embedded table.

    Raises:
        DataError: There is no example of an architecture of its space.
    """
    how = [] if source is None else ["Once the official file is [converted](#where-the-numbers-come-from):"]
    defects = ["## Known defects", bullets(card.known_defects)] if card.known_defects else []
    parts = [
        f"{MARK}\n# {card.name}",
        f"{card.title}.",
        f"[All benchmarks]({INDEX}). [What metric, split, epoch, run, trial and seed mean](../benchmarks.md).",
        *["## Ask it", *how, *asking(card)],
        *["## What was measured", *facts(card)],
        *["Splits:", bullets(splits_in_words(card))],
        *["Trials:", bullets(trials_in_words(card))],
        *["## Metrics", *metrics(card)],
        *["## What a query costs", *cost_in_words(card)],
        *["## What is missing", bullets(missing_in_words(card))],
        *defects,
        *["## Where the numbers come from"],
        *(embedded_origin(card) if source is None else official_origin(card, source)),
        *([] if source is None else surrogate(card, source)),
        *["## How to cite", *citation(card)],
    ]
    return "\n\n".join(parts) + "\n"


def index_page(cards: Sequence[Card]) -> str:
    """The list of all benchmarks by family, in Markdown."""
    parts = [
        f"{MARK}\n# Benchmarks",
        "Every benchmark is asked in the same way: [what metric, split, epoch, run, trial and seed mean, and what goes "
        "wrong with these data](../benchmarks.md). Its page says what was measured, what a query costs, what is "
        "missing, where the numbers come from and how to cite them.",
        "## Embedded",
        "These come with Ganas. The best mean is the best value of the objective over the whole table, mean over "
        "trials.",
        *families(card for card in cards if card.rows),
        "## Made of official files",
        "These are made once of a file of the benchmark's authors: `ganas data list` shows the files, `ganas data "
        "fetch` loads one or says how to get it, and `ganas data convert` makes the tables.",
        *families(card for card in cards if not card.rows),
    ]
    return "\n\n".join(parts) + "\n"


def write_pages(folder: Path) -> list[str]:
    """Write the pages that changed and remove those of benchmarks that are gone; returns what was done, one line each.

    Raises:
        DataError: A page would replace a file that was not written from a card.
    """
    pages = all_pages()
    folder.mkdir(parents=True, exist_ok=True)
    present = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    for name in pages:
        if name in present and not present[name].startswith(MARK):
            raise DataError(f"{folder / name} was not written from a card: move it away")
    done = []
    for name, text in pages.items():
        if present.get(name) != text:
            (folder / name).write_text(text, encoding="utf-8")
            done.append(f"wrote {name}")
    for name, text in present.items():
        if name not in pages and text.startswith(MARK):
            (folder / name).unlink()
            done.append(f"removed {name}")
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m ganas.data.pages", description="Write the documentation pages of the benchmarks."
    )
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"), help="folder (default: docs/benchmarks)")
    options = parser.parse_args(arguments)
    try:
        done = write_pages(options.out)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in done) or "every page is as its card says\n")
    return 0


def _source_of(card: Card) -> Source:
    for source in sources().values():
        if card.name in source.makes:
            return source
    raise DataError(f"no source makes the table {card.name!r}")


if __name__ == "__main__":
    sys.exit(main())
