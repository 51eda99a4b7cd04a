"""Checking that the record of an architecture holds what it should: types, ranges, names, and no gaps but known ones.

What the fields mean is said in :mod:`ganas.data.convert.natsbench_records`. Nothing is filled in or put right: a record
with a NaN where a number belongs, or of another architecture than its index says, is an error that names the place.
"""

from __future__ import annotations

import math
import re
import sys
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ganas.data.convert.natsbench_records import (
    DATASETS,
    EVALUATION_SETS,
    RUNS,
    ArchitectureRecord,
    EvaluationRecord,
    Floats,
    TrialRecord,
    kind_of_notation,
)
from ganas.spaces.errors import DataError, quote_list

__all__ = ["read_record", "shown"]

_DICTS = frozenset({dict, OrderedDict})
_NUMBERS: frozenset[type] = frozenset({int, float})
_NUMBERS_AND_GAPS: frozenset[type] = frozenset({int, float, type(None)})
_MAX_SEED = 10**9
_LARGEST = sys.float_info.max


def read_record(index: int, value: Any, *, space: str | None = None, arch_str: str | None = None) -> ArchitectureRecord:
    """Check the record of one architecture and take it apart.

    Args:
        index: The official number of the architecture.
        value: What the file holds for it.
        space: ``"topology"`` or ``"size"`` where known.
        arch_str: The architecture where known.

    Raises:
        DataError: Something is missing, of the wrong type or out of range; the message names architecture, run, data
            set, seed and field, not the file.
    """
    try:
        if type(value) not in _DICTS or not value:
            raise DataError(f"the record is {shown(value)}, not a dict from runs to results")
        runs: dict[str, dict[str, dict[int, TrialRecord]]] = {}
        for name, results in value.items():
            found = _field(results, "arch_str", str)
            kind = kind_of_notation(found)
            if kind is None or (space is not None and kind != space):
                raise DataError(
                    f"arch_str is {shown(found)}, no architecture of the {space or 'topology or size'} space"
                )
            if arch_str is not None and found != arch_str:
                raise DataError(f"arch_str is {found}, and {arch_str} elsewhere")
            arch_str = found
            known = RUNS[kind]
            if type(name) is not str or name not in known:
                raise DataError(f"there is a run {shown(name)}: known are {quote_list(known)}")
            if known[name] in runs:
                raise DataError(f"the run {known[name]} is there twice")
            try:
                runs[known[name]] = _read_run(index, int(known[name]), arch_str, results)
            except DataError as error:
                raise DataError(f"run {known[name]}, {error}") from None
        if arch_str is None:
            raise DataError("there is no run")
        return ArchitectureRecord(index, arch_str, runs)
    except DataError as error:
        raise DataError(f"architecture {index}: {error}") from None


def shown(value: object) -> str:
    """A value for a message, short however large or deep it is."""
    if isinstance(value, str):
        return f"{value[:60]!r}"
    if value is None or isinstance(value, bool | int | float):
        return f"{value!r:.60}"
    return f"a {type(value).__name__}"


def _field(holder: Any, name: str, *kinds: type) -> Any:
    """The value of a field whose type must be one of ``kinds``, any if there are none."""
    if type(holder) not in _DICTS:
        raise DataError(f"there is {shown(holder)} where results should be")
    if name not in holder:
        raise DataError(f"{name} is missing")
    value = holder[name]
    if kinds and type(value) not in kinds:
        raise DataError(f"{name} is {shown(value)}, not a {' or '.join(kind.__name__ for kind in kinds)}")
    return value


def _read_run(index: int, epochs: int, arch_str: str, results: Any) -> dict[str, dict[int, TrialRecord]]:
    if _whole(_field(results, "arch_index", int, str)) != index:
        raise DataError(f"arch_index is {shown(results['arch_index'])}, not {index}")
    trials = _field(results, "all_results", *_DICTS)
    by_dataset: dict[str, dict[int, TrialRecord]] = {}
    for dataset, seeds in _field(results, "dataset_seed", *_DICTS).items():
        if type(dataset) is not str or dataset not in DATASETS:
            raise DataError(f"there is a data set {shown(dataset)}: known are {quote_list(DATASETS)}")
        if type(seeds) is not list:
            raise DataError(f"the seeds of {dataset} are {shown(seeds)}, not a list")
        by_seed = by_dataset[dataset] = {}
        for seed in seeds:
            if type(seed) is not int or not 0 <= seed <= _MAX_SEED or seed in by_seed:
                raise DataError(f"a seed of {dataset} is {shown(seed)}, which is no number or there before")
            if (dataset, seed) not in trials:
                raise DataError(f"dataset_seed has a seed {seed} of {dataset} that all_results does not have")
            try:
                by_seed[seed] = _read_trial(dataset, seed, epochs, arch_str, trials[dataset, seed])
            except DataError as error:
                raise DataError(f"{dataset}, seed {seed}: {error}") from None
    if sum(map(len, by_dataset.values())) != len(trials):
        raise DataError("all_results has trials that dataset_seed does not have")
    return by_dataset


def _read_trial(dataset: str, seed: int, epochs: int, arch_str: str, trial: Any) -> TrialRecord:
    if _field(trial, "name", str) != dataset:
        raise DataError(f"name is {shown(trial['name'])}, not {dataset}")
    if _whole(_field(trial, "seed", int, str)) != seed:
        raise DataError(f"seed is {shown(trial['seed'])}")
    if _field(trial, "epochs", int) != epochs:
        raise DataError(f"epochs is {trial['epochs']}, not {epochs}")
    config = _field(trial, "arch_config", *_DICTS)
    if _field(config, "arch_str", str) != arch_str:
        raise DataError(f"arch_config is of {shown(config['arch_str'])}, not of {arch_str}")
    if _field(config, "class_num", int) != DATASETS[dataset]:
        raise DataError(f"class_num is {config['class_num']}, not {DATASETS[dataset]}")
    if trial.get("net_state_dict") is not None:
        raise DataError("net_state_dict has weights, and only files without them are read")
    return TrialRecord(
        dataset,
        seed,
        epochs,
        _number(_field(trial, "params"), "params"),
        _number(_field(trial, "flop"), "flop"),
        _latencies(_field(trial, "latency", list, type(None))),
        _curve(trial, "train_acc1es", epochs, 0.0, 100.0),
        _curve(trial, "train_losses", epochs, -_LARGEST, _LARGEST),
        _curve(trial, "train_times", epochs, 0.0, _LARGEST),
        _read_evaluations(trial, epochs),
    )


def _read_evaluations(trial: Any, epochs: int) -> dict[str, EvaluationRecord]:
    names = _field(trial, "eval_names", list)
    for name in names:
        if type(name) is not str or name not in EVALUATION_SETS:
            raise DataError(f"there is an evaluation set {shown(name)}: known are {quote_list(EVALUATION_SETS)}")
    if len(set(names)) < len(names):
        raise DataError("eval_names has a set twice")
    accuracy = _curves_by_set(trial, "eval_acc1es", names, epochs, 0.0, 100.0)
    loss = _curves_by_set(trial, "eval_losses", names, epochs, -_LARGEST, _LARGEST)
    seconds = _curves_by_set(trial, "eval_times", names, epochs, 0.0, _LARGEST)
    for name in names:
        if not np.array_equal(np.isnan(accuracy[name]), np.isnan(loss[name])):
            raise DataError(f"eval_acc1es and eval_losses are not of the same epochs for {name}")
    return {name: EvaluationRecord(accuracy[name], loss[name], seconds[name]) for name in names}


def _whole(value: int | str) -> int:
    # The official scripts took numbers from names of files, so that some are like "000011" or "0777".
    if type(value) is str:
        return int(value) if re.fullmatch("[0-9]{1,9}", value) else -1
    return int(value)


def _number(value: Any, name: str) -> float:
    if type(value) not in _NUMBERS or not 0.0 <= value <= _LARGEST:
        raise DataError(f"{name} is {shown(value)}, not a finite number from 0 up")
    return float(value)


def _latencies(values: list[Any] | None) -> tuple[float, ...] | None:
    return None if not values else tuple(_number(value, "latency") for value in values)


def _curve(trial: Any, name: str, epochs: int, low: float, high: float) -> Floats | None:
    """The numbers of all epochs, (epochs,); None where nothing was recorded."""
    values = _field(trial, name, *_DICTS, type(None))
    if values is None:
        return None
    numbers = [values.get(epoch) for epoch in range(epochs)]
    # True is the key 1, too.
    if len(values) != epochs or set(map(type, values)) != {int}:
        raise DataError(f"{name} is not of the epochs 0 to {epochs - 1}")
    return _array(numbers, _NUMBERS, name, range(epochs), low, high)


def _curves_by_set(trial: Any, field: str, names: list[str], epochs: int, low: float, high: float) -> dict[str, Floats]:
    """For each evaluation set the numbers of all epochs, (epochs,), NaN where there is none."""
    values = _field(trial, field, *_DICTS, type(None)) or {}
    curves, count = {}, 0
    for name in names:
        keys = _keys(name, epochs)
        numbers = [values.get(key) for key in keys]
        count += epochs - numbers.count(None)
        curves[name] = _array(numbers, _NUMBERS_AND_GAPS, field, keys, low, high)
    if count != len(values):
        known = {key for name in names for key in _keys(name, epochs)}
        odd = next((key for key in values if key not in known or values[key] is None), None)
        raise DataError(f"{field} has an entry {shown(odd)} that is of no epoch of {quote_list(names)}, or no number")
    return curves


@lru_cache(maxsize=32)
def _keys(name: str, epochs: int) -> tuple[str, ...]:
    return tuple(f"{name}@{epoch}" for epoch in range(epochs))


def _array(
    numbers: list[Any], kinds: frozenset[type], field: str, keys: Sequence[object], low: float, high: float
) -> Floats:
    """Numbers within the bounds as an array, NaN for None if ``kinds`` has it."""
    if set(map(type, numbers)) <= kinds:
        try:
            array = np.array([math.nan if number is None else number for number in numbers], dtype=np.float64)
        except OverflowError:
            pass  # an integer beyond the bounds, whatever they are
        else:
            # All but gaps must be good; a NaN that is written as a number is not.
            if np.count_nonzero((array >= low) & (array <= high)) == len(numbers) - numbers.count(None):
                return array
    for key, number in zip(keys, numbers, strict=True):
        if number is None and type(None) in kinds:
            continue
        if type(number) not in _NUMBERS or not low <= number <= high:
            wanted = "a finite number" if high == _LARGEST else f"a number from {low:g} to {high:g}"
            wanted += " from 0 up" if (low, high) == (0.0, _LARGEST) else ""
            raise DataError(f"{field} at {key} is {shown(number)}, not {wanted}")
    raise AssertionError("one of the numbers is not good")
