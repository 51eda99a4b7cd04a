"""The official files that tables are converted from: names, addresses, digests, and the steps where a host has no link.

They are listed in ``data/sources.toml``. :func:`ganas.data.fetch.fetch` loads one into the folder ``downloads`` of
:func:`ganas.data.catalog.home`; a converter makes tables of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ganas.data.catalog import card_names, home, is_embedded
from ganas.data.toml_record import read_record, read_toml
from ganas.spaces.errors import DataError, NotConverted, UnknownName, quote_list, unknown_name

__all__ = [
    "Format",
    "Source",
    "downloaded",
    "downloads",
    "not_converted",
    "read_sources",
    "source",
    "source_of",
    "sources",
]

Format = Literal["nasbench101", "nasbench201", "natsbench-topology", "natsbench-size", "nasbench301"]

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Source:
    """An official file, or the folder that its authors offer instead of it.

    Attributes:
        name: Name that it is asked for by.
        title: One line.
        format: Name of the converter that reads it.
        files: Its file name, which is what is fetched, then the names of folders with the same content.
        makes: Names of the tables that it becomes.
        licence: SPDX expression of the data, or ``"unknown"``.
        manual: How to get it by hand, one sentence or more.
        urls: Direct links; empty where the host has none.
        sha256: Digest that its authors published.
        digest_suffix: Last digits of its MD5 digest, which its authors put into the name of the file. They tell a
            damaged file from a whole one, not a forged one.
        digest_inferred: Whether it is an inference that these digits are of the MD5 digest, so that a file with other
            ones is not refused.
        bytes: Roughly its size; None where its authors do not say.
        benchmark: Name of the surrogate of its one table that stands for the whole space; None where the tables are
            the benchmarks.

    Raises:
        DataError: A file name is more than a name, a digest is not hexadecimal, or there is no file or table.
    """

    name: str
    title: str
    format: Format
    files: tuple[str, ...]
    makes: tuple[str, ...]
    licence: str
    manual: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    digest_suffix: str | None = None
    digest_inferred: bool = False
    bytes: int | None = None
    benchmark: str | None = None

    def __post_init__(self) -> None:
        if not self.files or not self.makes:
            raise DataError(f"the source {self.name!r} must have a file and make a table")
        if self.benchmark is not None and len(self.makes) > 1:
            raise DataError(
                f"the source {self.name!r} makes several tables: the surrogate of which is {self.benchmark!r}?"
            )
        # These become paths: nothing may lead out of the folder of downloads.
        for name in self.files:
            if not _FILE_NAME.fullmatch(name):
                raise DataError(
                    f"the source {self.name!r} has the file name {name!r}: wanted are letters, digits, '.', '_' and '-'"
                )
        for digest, length in ((self.sha256, "{64}"), (self.digest_suffix, "{4,32}")):
            if digest is not None and not re.fullmatch(f"[0-9a-f]{length}", digest):
                raise DataError(
                    f"the source {self.name!r} has the digest {digest!r}, not {length[1:-1]} hexadecimal digits"
                )


def sources() -> dict[str, Source]:
    """Every official file that can be converted, by name.

    >>> sources()["nasbench101"].files
    ('nasbench_full.tfrecord',)
    """
    return dict(_listed())


def source(name: str) -> Source:
    """The official file of this name.

    Raises:
        UnknownName: No source has this name; of a table, the message says what it is made of.
    """
    known = _listed()
    if name in known:
        return known[name]
    made_of = source_of(name)
    if made_of is not None:
        raise UnknownName(f"{name!r} is a table that is made of the source {made_of.name!r}: give that name")
    if is_embedded(name):
        raise UnknownName(f"{name!r} comes with Ganas: there is nothing to fetch and nothing to convert")
    raise unknown_name("source", name, known)


def source_of(table: str) -> Source | None:
    """The official file that becomes a table of this name; None where there is none.

    >>> source_of("natsbench-size-cifar100").name
    'natsbench-size'
    """
    return next((entry for entry in _listed().values() if table in entry.makes), None)


def not_converted(name: str) -> UnknownName | None:
    """The error about a name under which there would be a table, had an official file been converted.

    Args:
        name: A name that no table has. That of an official file is answered with the tables that it becomes.

    Returns:
        The error, with the commands that make the table; None where the name has nothing to do with official files.
    """
    made_of = source_of(name)
    if made_of is not None:
        return NotConverted(f"{name!r} is not converted yet: {_steps(made_of)}")
    of_name = _listed().get(name)
    if of_name is None:
        return None
    text = f"{name!r} is an official file, whose tables have names of their own: {quote_list(of_name.makes)}"
    fit = ""
    if of_name.benchmark is not None:
        fit = f"ganas surrogate fit {of_name.makes[0]} --name {of_name.benchmark}"
        text = f"{text}; the benchmark {of_name.benchmark!r} is a surrogate of it, not fitted yet"
    if {*of_name.makes} <= {*card_names()}:
        return UnknownName(f"{text}: {fit}" if fit else text)
    return NotConverted(f"{text}; not converted yet: {', then '.join(filter(None, [_steps(of_name), fit]))}")


def _steps(source: Source) -> str:
    """The commands that make the tables of a source."""
    if downloaded(source) is not None:
        return f"ganas data convert {source.name}"
    return f"ganas data fetch {source.name}, then ganas data convert {source.files[0]}"


def downloads() -> Path:
    """The folder that files are fetched into: ``downloads`` in :func:`ganas.data.catalog.home`."""
    return home() / "downloads"


def downloaded(source: Source, folder: Path | None = None) -> Path | None:
    """Where the file or a folder of a source lies in ``folder``, by default :func:`downloads`; None without it."""
    inside = downloads() if folder is None else folder
    return next((inside / name for name in source.files if (inside / name).exists()), None)


def read_sources(path: Path) -> dict[str, Source]:
    """Read a list of sources.

    Raises:
        DataError: It is not TOML, a field is lacking, unknown or of the wrong type, a value is not one of a
            :class:`Source`, a name occurs twice, or a link is not https.
    """
    content = read_toml(path, "the sources")
    entries = content.pop("sources", None)
    if content or not isinstance(entries, list):
        raise DataError(f"the sources {path.name} must be a list of [[sources]] and nothing else")
    found: dict[str, Source] = {}
    for entry in entries:
        read: Source = read_record(Source, entry, f"a source in {path.name}")
        label = f"{read.name!r} in {path.name}"
        if read.name in found:
            raise DataError(f"{label} is there twice")
        if any(not url.startswith("https://") for url in read.urls):
            raise DataError(f"{label} has a link that is not https: {', '.join(read.urls)}")
        found[read.name] = read
    return found


@lru_cache(maxsize=1)
def _listed() -> Mapping[str, Source]:
    return read_sources(Path(__file__).with_name("sources.toml"))
