"""The interface of the package ``nats-bench`` over converted tables, so that scripts written for it go on running.

``create`` and the methods of what it returns take the same arguments and answer with the same keys as nats-bench 1.8
(https://github.com/D-X-Y/NATS-Bench). It differs where that package answers with another number than was asked for, or
draws from a generator that is not its own:

- Where the validation accuracy of an epoch was not measured, ``simulate_train_eval`` of the package returns the
  accuracy on validation and test images together. Here it is an error.
- The trial that ``is_random=True`` stands for is drawn by a generator of the object, seeded when it is created, and
  not by the global one of Python.
- Only ``show`` prints, in words of its own, and ``get_more_info`` says no ``comment``.
- There are no weights and no objects that hold a whole record: what asks for them raises ``NotSupported``.
- The architectures are those that were converted.

New code asks :func:`ganas.load_benchmark`, whose answers say what they are.
"""

from __future__ import annotations

import sys
from os import PathLike
from pathlib import Path

from ganas.bench.natsbench_answers import (
    completed_epochs,
    cost_info,
    find_best,
    in_words,
    more_info,
    network_config,
    official_metric,
    scheduled_epochs,
    trial_counts,
)
from ganas.bench.natsbench_architectures import OfficialArchitectures
from ganas.bench.table_columns import whole_number
from ganas.bench.tabular import TabularBenchmark
from ganas.data.convert.natsbench_cards import DATASETS, FAMILIES
from ganas.spaces.architecture import Architecture
from ganas.spaces.errors import NotMeasured, NotSupported, unknown_name

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
            f"file_path_or_dict is a path or None, and not of type {type(file_path_or_dict).__name__}: convert the "
            "file that was read with `ganas data convert`, and give its path"
        )
    return NATSBench(prefix, None if file_path_or_dict is None else Path(file_path_or_dict), seed=seed)


class NATSBench(OfficialArchitectures):
    """What ``nats_bench.create`` returns, over converted tables; made by :func:`create`.

    Args:
        family: What the names of the tables begin with.
        source: The file that they must have been converted from; None for any.
        seed: Of the generator.

    Raises:
        DataError: The tables are not there, or are of another file.
    """

    def __init__(self, family: str, source: Path | None, *, seed: int) -> None:
        super().__init__(family, source, seed=seed)
        self._used_time = 0.0

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

    def get_net_config(self, index: object, dataset: str) -> dict[str, object]:
        """What the official code builds the network from; errors as :meth:`get_more_info`."""
        self._table(dataset)
        return network_config(self._architecture(index), _BY_OFFICIAL[dataset])

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """The architecture with the highest mean accuracy at the end of a run, and this accuracy.

        Args:
            dataset: As for :meth:`get_more_info`; the validation images of ``cifar10`` are those of ``cifar10-valid``.
            metric_on_set: ``train``, ``valid`` or ``test``, or the name of the images in the files, as ``x-valid``.
            flop_max: The most operations, in millions.
            param_max: The most parameters, in millions.
            hp: The run, by its number of epochs.
            enforce_all: Taken and ignored: all that were converted are looked at.

        Returns:
            The official number, the lowest among equals; -1 and None where no architecture is small enough.

        Raises:
            UnknownName: There is no such data set or set of images.
            NotMeasured: There is no such run.
        """
        trained = "cifar10-valid" if (dataset, metric_on_set) == ("cifar10", "valid") else dataset
        table = self._table(trained)
        metric = official_metric(_BY_OFFICIAL[trained], metric_on_set)
        return find_best(
            table, self.meta_archs, metric, run=scheduled_epochs(hp), flop_max=flop_max, param_max=param_max
        )

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """How many architectures have how many trials of a run, errors as :meth:`find_best`."""
        table = self._table(dataset)
        counts = trial_counts(table, run=scheduled_epochs(hp))
        if len(self) > table.num_rows:
            counts[0] = counts.get(0, 0) + len(self) - table.num_rows
        return counts

    def query_info_str_by_arch(self, arch: object, hp: str | int = "12") -> str:
        """All about an architecture at the end of a run, for people; errors as :meth:`get_more_info`."""
        architecture, run = self._architecture(arch), scheduled_epochs(hp)
        parts, missing = [], None
        for official, table in self._tables.items():
            try:
                parts.append(in_words(table, _BY_OFFICIAL[official], architecture, run=run))
            except NotMeasured as error:  # not on this data set, or not in this run
                missing = missing or error
        if missing is not None and not parts:
            raise missing
        number = self.query_index_by_arch(self.meta_archs.space.format(architecture))
        title = f"architecture {number}, {self.arch(number)}, after {run} epochs, means over the trials"
        return "\n".join([title, *parts])

    def query_by_arch(self, arch: object, hp: str | int) -> str:
        """The same as :meth:`query_info_str_by_arch`, under an older name."""
        return self.query_info_str_by_arch(arch, hp)

    def show(self, index: int = -1) -> None:
        """Print what :meth:`query_info_str_by_arch` says of each run; of all architectures where ``index`` is below 0.

        Raises:
            InvalidSetting: There is no such architecture.
        """
        everything = whole_number(index, "index") < 0
        if everything:
            sys.stdout.write(f"{self!r}\n")
        for number in self.meta_archs.numbers if everything else [index]:
            self._architecture(number)
            for hp in self.avaliable_hps:
                try:
                    sys.stdout.write(f"{self.query_info_str_by_arch(number, hp)}\n")
                except NotMeasured:
                    sys.stdout.write(f"architecture {number}: there is no run over {int(hp)} epochs\n")

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

    def _seed(self, table: TabularBenchmark, architecture: Architecture, run: int, given: bool | int) -> int | None:
        """The seed that ``is_random`` stands for; None for the mean over all."""
        if given is False:
            return None
        if given is not True:
            return whole_number(given, "is_random")
        seeds = table.query(architecture, "train_accuracy", run=run).seeds
        return int(self._rng.choice(seeds))
