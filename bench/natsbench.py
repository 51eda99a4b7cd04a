"""The interface of the package ``nats-bench`` over converted tables, so that scripts written for it go on running.

``create``, ``get_more_info``, ``get_cost_info``, ``simulate_train_eval`` and what goes with them take the same
arguments and answer with the same keys as nats-bench 1.8 (https://github.com/D-X-Y/NATS-Bench). It differs where that
package answers with another number than was asked for, or draws from a generator that is not its own:

- Where the validation accuracy of an epoch was not measured, ``simulate_train_eval`` of the package returns the
  accuracy on validation and test images together. Here it is an error.
- The trial that ``is_random=True`` stands for is drawn by a generator of the object, seeded when it is created, and
  not by the global one of Python.
- Nothing is printed, there are no weights, and ``get_more_info`` says no ``comment``.
- The architectures are those that were converted.

New code asks :func:`ganas.load_benchmark`, whose answers say what they are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from ganas.bench.natsbench_answers import completed_epochs, cost_info, more_info, scheduled_epochs
from ganas.bench.natsbench_numbers import OfficialNumbers
from ganas.bench.table_columns import whole_number
from ganas.bench.tabular import TabularBenchmark
from ganas.data.catalog import card, card_names
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES
from ganas.data.sources import source as official_source
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, NotSupported, unknown_name
from ganas.spaces.nasbench201.space import official_unique_string

__all__ = ["NATSBench", "create"]

_SPACES = {
    "tss": "natsbench-topology",
    "topology": "natsbench-topology",
    "sss": "natsbench-size",
    "size": "natsbench-size",
}
_BY_OFFICIAL = {dataset.official: dataset for dataset in DATASETS}


def create(
    file_path_or_dict: str | Path | None = None,
    search_space: str = "tss",
    fast_mode: bool = False,
    verbose: bool = False,
    *,
    family: str | None = None,
    seed: int = 0,
) -> NATSBench:
    """Open the converted tables of a search space under the interface of nats-bench.

    Args:
        file_path_or_dict: Where the package would read from; the converted tables must be of a file or directory of
            this name (a packed file and its directory are one). None for whatever was converted.
        search_space: ``tss`` or ``topology``, ``sss`` or ``size``.
        fast_mode: Taken and ignored: opening is always fast.
        verbose: Taken and ignored.
        family: In place of NATS-Bench, the tables of ``nasbench201-v1.0`` or ``nasbench201-v1.1``.
        seed: Of the generator that draws trials and architectures.

    Raises:
        UnknownName: There is no such search space or family.
        NotSupported: A dictionary is given, as the package takes, or something else that is no path.
        DataError: The tables are not there; the message says how to make them.
    """
    if search_space not in _SPACES:
        raise unknown_name("search space", search_space, _SPACES)
    prefix = family or _SPACES[search_space]
    if prefix not in FAMILIES:
        raise unknown_name("family of tables", prefix, FAMILIES)
    if file_path_or_dict is not None and not isinstance(file_path_or_dict, (str, PathLike)):
        raise NotSupported(
            f"a {type(file_path_or_dict).__name__} cannot be opened here: convert the file that it was read from"
        )
    return NATSBench(prefix, None if file_path_or_dict is None else Path(file_path_or_dict), seed=seed)


class NATSBench:
    """What ``nats_bench.create`` returns, over converted tables; made by :func:`create`.

    Args:
        family: What the names of the tables begin with.
        source: The file that they must have been converted from; None for any.
        seed: Of the generator.

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
        self._rng = np.random.default_rng(seed)
        self._used_time = 0.0
        self.meta_archs = OfficialNumbers([(self._tables[official], one) for official, one in cards.items()])

    # --- architectures -----------------------------------------------------------------------------------------

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

    # --- answers -----------------------------------------------------------------------------------------------

    def get_more_info(
        self,
        index: object,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        is_random: bool | int = True,
    ) -> dict[str, float | None]:
        """Accuracy, loss and time on every set of images that was measured at an epoch.

        Args:
            index: The architecture, as :meth:`query_index_by_arch` takes it.
            dataset: ``cifar10-valid``, ``cifar10``, ``cifar100`` or ``ImageNet16-120``.
            iepoch: The epoch, counted from 0; None for the last.
            hp: The run, by its number of epochs.
            is_random: True to draw a trial, False for the mean over all, or a seed.

        Returns:
            ``train-loss``, ``train-accuracy``, ``train-per-time``, ``train-all-time``, and the same for ``valid``,
            ``test`` and ``valtest`` where they were measured.

        Raises:
            UnknownName: There is no such data set.
            NotMeasured: There is no such run, epoch or seed.
            InvalidSetting: There is no such architecture.
        """
        table, architecture = self._table(dataset), self._architecture(index)
        run = scheduled_epochs(hp)
        seed = self._seed(table, architecture, run, is_random)
        return more_info(table, _BY_OFFICIAL[dataset], architecture, run=run, epoch=completed_epochs(iepoch), seed=seed)

    def get_cost_info(self, index: object, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """Parameters and operations in millions, latency and times in seconds; means over the trials.

        Of parameters and operations that differ between trials those of seed 888 are taken, as the package does.

        Raises:
            GanasError: As :meth:`get_more_info`.
        """
        table, architecture = self._table(dataset), self._architecture(index)
        return cost_info(table, _BY_OFFICIAL[dataset], architecture, run=scheduled_epochs(hp))

    def get_latency(self, index: object, dataset: str, hp: str | int = "12") -> float | None:
        """Seconds of inference of a batch of 256 images; errors as :meth:`get_more_info`."""
        return self.get_cost_info(index, dataset, hp)["latency"]

    def simulate_train_eval(
        self,
        arch: object,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        account_time: bool = True,
    ) -> tuple[float, float | None, float, float]:
        """Train and validate an architecture as far as the clock is concerned; a trial is drawn.

        Args:
            arch: As :meth:`query_index_by_arch` takes it.
            dataset: ``cifar10`` (validated, so trained on half of the images), ``cifar100`` or ``ImageNet16-120``.
            iepoch: The epoch, counted from 0; None for the last.
            hp: The run, by its number of epochs.
            account_time: Whether the seconds are added to :attr:`used_time`.

        Returns:
            Validation accuracy in percent, latency in seconds, seconds of training up to the epoch and one validation,
            and the seconds used so far.

        Raises:
            EpochNotMeasured: There is no validation accuracy at this epoch; nats-bench answers with a number that
                includes the test images.
            GanasError: As :meth:`get_more_info`.
        """
        if dataset not in ("cifar10", "cifar100", "ImageNet16-120"):
            raise unknown_name("data set", dataset, ["cifar10", "cifar100", "ImageNet16-120"])
        trained = "cifar10-valid" if dataset == "cifar10" else dataset
        table, architecture = self._table(trained), self._architecture(arch)
        run, epoch = scheduled_epochs(hp), completed_epochs(iepoch)
        seed = self._seed(table, architecture, run, True)
        accuracy = table.query(architecture, "valid_accuracy", run=run, epoch=epoch, seed=seed)
        training = table.query(architecture, "train_seconds", run=run, epoch=epoch, seed=seed).value
        seconds = training + table.query(architecture, "valid_seconds", run=run, seed=seed).value
        latency = self.get_latency(arch, dataset, hp)
        if account_time:
            self._used_time += seconds
        return accuracy.value, latency, seconds, self._used_time

    @property
    def used_time(self) -> float:
        """Seconds that :meth:`simulate_train_eval` has added up."""
        return self._used_time

    def reset_time(self) -> None:
        """Begin to count :attr:`used_time` again."""
        self._used_time = 0.0

    # --- within --------------------------------------------------------------------------------------------------

    def _table(self, dataset: str) -> TabularBenchmark:
        if dataset not in self._tables:
            raise unknown_name("data set", dataset, self._tables)
        return self._tables[dataset]

    def _architecture(self, arch: object) -> Architecture:
        number = self.meta_archs.number_of(arch)
        if number < 0:
            raise InvalidSetting(f"{arch!r:.90} is no architecture of {self.search_space_name}: nothing has this name")
        return self.meta_archs.architecture(number)

    def _seed(self, table: TabularBenchmark, architecture: Architecture, run: int, given: bool | int) -> int | None:
        """The seed that ``is_random`` stands for; None for the mean over all."""
        if given is False:
            return None
        if given is not True:
            return whole_number(given, "is_random")
        seeds = table.query(architecture, "train_accuracy", run=run).seeds
        return int(self._rng.choice(seeds))
