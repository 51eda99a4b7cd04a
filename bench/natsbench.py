"""The interface of the package ``nats-bench`` over converted tables, so that scripts written for it go on running.

``create``, ``get_more_info``, ``get_cost_info``, ``simulate_train_eval`` and what goes with them take the same
arguments and answer with the same keys as nats-bench 1.8 (https://github.com/D-X-Y/NATS-Bench). It differs where that
package answers with another number than was asked for, or draws from a generator that is not its own:

- Where the validation accuracy of an epoch was not measured, ``simulate_train_eval`` of the package returns the
  accuracy on validation and test images together. Here it is an error.
- The trial that ``is_random=True`` stands for is drawn by a generator of the object, seeded when it is created, and
  not by the global one of Python.
- Nothing is printed.

New code asks :func:`ganas.load_benchmark`, whose answers say what they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ganas.bench.natsbench_numbers import OfficialNumbers
from ganas.bench.registry import load_benchmark
from ganas.bench.tabular import TabularBenchmark
from ganas.data.catalog import card, card_names
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES, OfficialDataset
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import DataError, InvalidSetting, NotMeasured, NotSupported, unknown_name
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
        file_path_or_dict: Where the package would read from; the converted table must be of this file or directory.
            None for whatever was converted.
        search_space: ``tss`` or ``topology``, ``sss`` or ``size``.
        fast_mode: Taken and ignored: opening is always fast.
        verbose: Taken and ignored.
        family: In place of NATS-Bench, the tables of ``nasbench201-v1.0`` or ``nasbench201-v1.1``.
        seed: Of the generator that draws trials and architectures.

    Raises:
        UnknownName: There is no such search space or family.
        NotSupported: A dictionary is given, as the package takes.
        DataError: The tables are not there; the message says how to make them.
    """
    if search_space not in _SPACES:
        raise unknown_name("search space", search_space, _SPACES)
    prefix = family or _SPACES[search_space]
    if prefix not in FAMILIES:
        raise unknown_name("family of tables", prefix, FAMILIES)
    if isinstance(file_path_or_dict, dict):
        raise NotSupported("a dictionary cannot be opened here: convert the file that it was read from")
    return NATSBench(prefix, None if file_path_or_dict is None else Path(file_path_or_dict).name, seed=seed)


class NATSBench:
    """What ``nats_bench.create`` returns, over converted tables; made by :func:`create`.

    Args:
        family: What the names of the tables begin with.
        source: Name of the file that they must have been converted from; None for any.
        seed: Of the generator.

    Raises:
        DataError: The tables are not there, or are of another file.
    """

    def __init__(self, family: str, source: str | None, *, seed: int) -> None:
        known = card_names()
        names = {one.official: f"{family}-{one.suffix}" for one in DATASETS if f"{family}-{one.suffix}" in known}
        wanted = source or f"the official file of {FAMILIES[family].title}"
        if not names:
            raise DataError(f"{FAMILIES[family].title} is not converted yet: run `ganas data convert {wanted}`")
        for name in names.values():
            origin = card(name).source.file
            if source is not None and origin != source:
                raise DataError(
                    f"the table {name!r} was converted from {origin}, not from {source}: run "
                    f"`ganas data convert {source} --overwrite`"
                )
        self.verbose = False
        self.search_space_name = "size" if family == "natsbench-size" else "topology"
        self._names = names
        self._rng = np.random.default_rng(seed)
        self._used_time = 0.0
        # Every architecture of the file is in each of its tables.
        first = next(iter(names))
        self.meta_archs = OfficialNumbers(self._table(first), card(names[first]))

    # --- architectures -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.meta_archs)

    def __getitem__(self, index: int) -> str:
        return self.arch(index)

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
        return int(self._rng.choice(self.meta_archs.numbers))

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
        run, epoch = int(hp), None if iepoch is None else iepoch + 1
        chosen = self._seed(table, architecture, run, is_random)
        return self._info(table, _BY_OFFICIAL[dataset], architecture, run, epoch, chosen)

    def _info(
        self,
        table: TabularBenchmark,
        dataset: OfficialDataset,
        architecture: Architecture,
        run: int,
        epoch: int | None,
        seed: int | None,
    ) -> dict[str, float | None]:
        train = table.query(architecture, "train_accuracy", run=run, epoch=epoch, seed=seed)
        epochs = train.epoch or run
        seconds = self._optional(table, architecture, "train_seconds", run=run, epoch=epoch, seed=seed)
        info: dict[str, float | None] = {
            "train-loss": table.query(architecture, "train_loss", run=run, epoch=epoch, seed=seed).value,
            "train-accuracy": train.value,
            "train-per-time": None if seconds is None else seconds / epochs,
            "train-all-time": seconds,
        }
        for images in dataset.sets:
            prefix = images.prefix
            accuracy = self._optional(table, architecture, f"{prefix}_accuracy", run=run, epoch=epoch, seed=seed)
            if accuracy is None:
                continue
            once = self._optional(table, architecture, f"{prefix}_seconds", run=run, seed=seed)
            info[f"{prefix}-loss"] = table.query(architecture, f"{prefix}_loss", run=run, epoch=epoch, seed=seed).value
            info[f"{prefix}-accuracy"] = accuracy
            info[f"{prefix}-per-time"] = once
            info[f"{prefix}-all-time"] = None if once is None else once * epochs
        return info

    def get_cost_info(self, index: object, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """Parameters and operations in millions, latency and times in seconds; means over the trials.

        Of parameters and operations that differ between trials those of seed 888 are taken, as the package does.

        Raises:
            GanasError: As :meth:`get_more_info`.
        """
        table, architecture = self._table(dataset), self._architecture(index)
        run = int(hp)
        total = self._optional(table, architecture, "train_seconds", run=run)
        info: dict[str, float | None] = {
            "flops": self._one_size(table, architecture, "source_flops"),
            "params": self._one_size(table, architecture, "source_model_size"),
            "latency": self._optional(table, architecture, "latency_seconds"),
            "T-train@epoch": None if total is None else total / run,
            "T-train@total": total,
        }
        for images in _BY_OFFICIAL[dataset].sets:
            once = self._optional(table, architecture, f"{images.prefix}_seconds", run=run)
            info[f"T-{images.official}@epoch"] = once
            info[f"T-{images.official}@total"] = None if once is None else once * run
        return info

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
        run, epoch = int(hp), None if iepoch is None else iepoch + 1
        seed = self._seed(table, architecture, run, True)
        accuracy = table.query(architecture, "valid_accuracy", run=run, epoch=epoch, seed=seed)
        training = table.query(architecture, "train_seconds", run=run, epoch=epoch, seed=seed).value
        seconds = training + table.query(architecture, "valid_seconds", run=run, seed=seed).value
        if account_time:
            self._used_time += seconds
        return accuracy.value, self.get_latency(arch, dataset, hp), seconds, self._used_time

    @property
    def used_time(self) -> float:
        """Seconds that :meth:`simulate_train_eval` has added up."""
        return self._used_time

    def reset_time(self) -> None:
        """Begin to count :attr:`used_time` again."""
        self._used_time = 0.0

    # --- within --------------------------------------------------------------------------------------------------

    def _table(self, dataset: str) -> TabularBenchmark:
        if dataset not in self._names:
            raise unknown_name("data set", dataset, self._names)
        opened = load_benchmark(self._names[dataset])
        if not isinstance(opened, TabularBenchmark):
            raise InvalidSetting(f"{self._names[dataset]!r} is no table")
        return opened

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
            return given
        seeds = table.query(architecture, "train_accuracy", run=run).seeds
        return int(self._rng.choice(seeds))

    def _one_size(self, table: TabularBenchmark, architecture: Architecture, metric: str) -> float | None:
        values = self._trials(table, architecture, metric)
        if len({f"{value:.5f}" for value in values.values()}) > 1 and 888 in values:
            return values[888]
        return sum(values.values()) / len(values) if values else None

    def _trials(self, table: TabularBenchmark, architecture: Architecture, metric: str) -> dict[int, float]:
        try:
            seeds = table.query(architecture, metric).seeds
        except NotMeasured:
            return {}
        return dict(zip(seeds, table.trial_values(architecture, metric), strict=True))

    @staticmethod
    def _optional(table: TabularBenchmark, architecture: Architecture, metric: str, **asked: Any) -> float | None:
        """A value, or None where it was not measured: the package leaves such keys out or says None."""
        if metric not in table.metrics:
            return None
        try:
            return table.query(architecture, metric, **asked).value
        except NotMeasured:
            return None
