"""The architectures of converted tables under the interface of nats-bench: numbers, notations, and what is not there.

Source: ``nats_bench/api_utils.py`` and ``api_topology.py`` of nats-bench 1.8
(https://github.com/D-X-Y/NATS-Bench), whose names and arguments these are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from ganas.bench.natsbench_numbers import OfficialNumbers
from ganas.bench.tabular import TabularBenchmark
from ganas.data.catalog import card, card_names
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES
from ganas.data.sources import source as official_source
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, MalformedArchitecture, NotSupported, unknown_name
from ganas.spaces.nasbench201.space import EDGE_OPERATIONS, official_unique_string

__all__ = ["OfficialArchitectures"]

_OBJECTS = "objects of that package: get_more_info and get_cost_info answer what they hold"
_ARCHIVE = "converted tables are not read from an archive of records"
_WITHHELD = {
    "get_net_param": "converted tables hold no weights",
    "query_by_index": f"it gives {_OBJECTS}",
    "query_meta_info_by_index": f"it gives {_OBJECTS}",
    "arch2infos_dict": f"it holds {_OBJECTS}",
    "archive_dir": _ARCHIVE,
    "fast_mode": _ARCHIVE,
    "reset_archive_dir": _ARCHIVE,
    "reset_fast_mode": _ARCHIVE,
}


class _Withheld(NotSupported, AttributeError):
    """What the package has and the tables have not; as an AttributeError, so that hasattr says no."""


class OfficialArchitectures:
    """The tables of a family with the official numbers of their architectures.

    Args:
        family: What the names of the tables begin with.
        source: The file that they must have been converted from; None for any.
        seed: Of the generator that draws architectures and trials.

    Raises:
        DataError: The tables are not there, or are of another file.
    """

    def __init__(self, family: str, source: Path | None, *, seed: int) -> None:
        official = official_source(family)
        converting = f"ganas data convert {shlex.quote(str(source or official.files[0]))}"
        if source is not None and source.absolute().name not in official.files:
            converting += f" --as {family}"
        known = card_names()
        cards = {one.official: card(name) for one in DATASETS if (name := f"{family}-{one.suffix}") in known}
        if not cards:
            raise DataError(f"{FAMILIES[family].title} is not converted yet: run `{converting}`")
        for one in cards.values():
            names = {one.source.file} if source is None else {one.source.file, source.absolute().name}
            if len(names) > 1 and not names.issubset(official.files):
                raise DataError(
                    f"the table {one.name!r} was converted from {one.source.file}, not from {source}: run "
                    f"`{converting} --overwrite`"
                )
        self.verbose = False
        self.search_space_name = "size" if family == "natsbench-size" else "topology"
        self.full_train_epochs = FAMILIES[family].runs[-1]
        self._tables = {official: TabularBenchmark.from_card(one) for official, one in cards.items()}
        self.full_epochs_in_paper = self.full_train_epochs
        self.filename = next(iter(cards.values())).source.file
        self._rng = np.random.default_rng(seed)
        self.meta_archs = OfficialNumbers([(self._tables[official], one) for official, one in cards.items()])

    def __len__(self) -> int:
        return len(self.meta_archs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.meta_archs)

    def __getitem__(self, index: int) -> str:
        return self.arch(index)

    def __repr__(self) -> str:
        return f"<NATSBench {self.search_space_name}: {len(self):,} architectures on {', '.join(self._tables)}>"

    @property
    def is_size(self) -> bool:
        """Whether it is the search space of sizes."""
        return self.search_space_name == "size"

    @property
    def is_topology(self) -> bool:
        """Whether it is the search space of topologies."""
        return self.search_space_name == "topology"

    def arch(self, index: int) -> str:
        """The architecture with this official number, in the official notation.

        Raises:
            InvalidSetting: There is none.
        """
        return self.meta_archs[index]

    @property
    def evaluated_indexes(self) -> set[int]:
        """The official numbers that there are results for."""
        return set(self.meta_archs.numbers)

    def random(self) -> int:
        """The official number of an architecture, drawn uniformly."""
        return self.meta_archs.numbers[int(self._rng.integers(len(self)))]

    def query_index_by_arch(self, arch: object) -> int:
        """The official number of an architecture; see :meth:`OfficialNumbers.number_of`."""
        return self.meta_archs.number_of(arch)

    def get_unique_str(self, arch: object) -> str:
        """The string by which the official code tells cells apart; of a size, its channels.

        Raises:
            InvalidSetting: There is no such architecture.
        """
        number = self.query_index_by_arch(arch)
        if self.search_space_name == "size":
            return self.arch(number)
        return official_unique_string(self.meta_archs.architecture(number))

    @property
    def archstr2index(self) -> Mapping[str, int]:
        """The official number of each architecture, by its notation."""
        return self.meta_archs.by_notation

    @property
    def avaliable_hps(self) -> list[str]:
        """The runs that there are results of, as ``hp`` names them; the spelling is that of the package."""
        return [f"{run:02d}" for run in sorted({run for table in self._tables.values() for run in table.runs})]

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """What goes into each node of a topology: pairs of an operation and the node that it reads.

        Raises:
            MalformedArchitecture: It is not written as a topology is.

        >>> OfficialArchitectures.str2lists("|nor_conv_1x1~0|+|none~0|skip_connect~1|")
        [(('nor_conv_1x1', 0),), (('none', 0), ('skip_connect', 1))]
        """
        nodes = []
        for group in arch_str.split("+"):
            entries = [entry.partition("~") for entry in group.split("|") if entry]
            if not entries or not all(operation and node.isdecimal() for operation, _, node in entries):
                raise MalformedArchitecture(
                    f"{arch_str!r:.90} is no topology: nodes joined by '+' are wanted, each |operation~node|, as in "
                    "|nor_conv_1x1~0|+|none~0|skip_connect~1|"
                )
            nodes.append(tuple((operation, int(node)) for operation, _, node in entries))
        return nodes

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = EDGE_OPERATIONS) -> NDArray[np.float64]:
        """A topology as a matrix, (nodes, nodes): the place in ``search_space`` of what leads from column to row.

        Raises:
            MalformedArchitecture: It is not written as a topology is, or reads a node that does not come before.
            UnknownName: An operation is not in ``search_space``.

        >>> OfficialArchitectures.str2matrix("|nor_conv_1x1~0|+|none~0|skip_connect~1|").tolist()
        [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        """
        nodes = OfficialArchitectures.str2lists(arch_str)
        matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
        for row, entries in enumerate(nodes, start=1):
            for operation, node in entries:
                if operation not in search_space:
                    raise unknown_name("operation", operation, search_space)
                if node >= row:
                    raise MalformedArchitecture(f"node {row} of {arch_str!r:.90} reads node {node}, not one before it")
                matrix[row, node] = list(search_space).index(operation)
        return matrix

    # --- what a table has no use for -------------------------------------------------------------------------------

    def reload(self, archive_root: str | None = None, index: int | None = None) -> None:
        """Do nothing: what the package reads again from its archive is in the tables."""

    def clear_params(self, index: int, hp: str | int | None = None) -> None:
        """Do nothing: there are no weights."""

    # Hidden from type checkers, for which every attribute would exist.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            if name in _WITHHELD:
                raise _Withheld(f"nats-bench has {name!r}; {_WITHHELD[name]}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    # --- within --------------------------------------------------------------------------------------------------

    def _table(self, dataset: str) -> TabularBenchmark:
        if dataset not in self._tables:
            raise unknown_name("data set", dataset, self._tables)
        return self._tables[dataset]

    def _architecture(self, arch: object) -> Architecture:
        return self.meta_archs.named(arch)
