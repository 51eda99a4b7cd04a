"""Reading the official results of NAS-Bench-301 (``results_*.json``), one training of one architecture each.

Source: ``nasbench301/surrogate_models/utils.py`` of https://github.com/automl/nasbench301 (Zela et al., "Surrogate NAS
Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks", ICLR 2022,
https://arxiv.org/abs/2008.09777), one official record, and for the learning curves ``nas_bench_x11/utils/utils.py`` of
https://github.com/automl/nas-bench-x11, which reads ``learning_curves["Train/val_accuracy"]``, one value an epoch.

A record is a JSON object. What is read of it::

    optimized_hyperparamater_config   hyperparameters by name, those of the architecture among them (so spelt)
    final_metric_score                the validation accuracy with its sign changed: it was minimised
    info                              a list, of which the official code reads the first: val_accuracy, train_accuracy,
                                      train_loss, epochs, model_parameters
    test_accuracy, runtime, budget    percent, seconds, and the epochs that the training was scheduled for
    learning_curves                   lists by name, one value an epoch; some records have none
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganas.spaces.architecture import Architecture
from ganas.spaces.darts.notation import CONFIG_PREFIX
from ganas.spaces.darts.space import DARTS
from ganas.spaces.errors import DataError, InvalidArchitecture, quote_list

__all__ = ["CURVES", "MAX_RECORD_BYTES", "NASBench301Record", "read_record", "read_results", "result_files"]

MAX_RECORD_BYTES = 2**22
"""The largest file that is read; a record has some thousand bytes, and some ten thousand with its curves."""

CURVES = {
    "Train/val_accuracy": "valid_accuracy",
    "Train/train_accuracy": "train_accuracy",
    "Train/train_loss": "train_loss",
}
"""The learning curves that are read, by their names in the records, and what they are called here."""

_CONFIG = "optimized_hyperparamater_config"
_PROGRESS_RECORDS = 256
_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class NASBench301Record:
    """One training of one architecture."""

    path: Path
    architecture: Architecture
    valid_accuracy: float
    """At the end, in percent of 10,000 validation images."""
    test_accuracy: float
    """At the end, in percent of the 10,000 test images."""
    train_accuracy: float
    """At the end, in percent."""
    train_loss: float
    runtime: float
    """Seconds."""
    budget: int
    """For how many epochs the training was scheduled."""
    epochs: int
    """How many it ran."""
    parameters: int
    """Of the network, auxiliary head included."""
    channels: int
    """Of each node in the first cell."""
    layers: int
    """Cells of the network."""
    hyperparameters: Mapping[str, Any]
    """Everything in the configuration that is not of the architecture, as the record writes it."""
    learning_curves: Mapping[str, tuple[float, ...]]
    """By the names of :data:`CURVES`, one value an epoch from the first on; those that the record has."""


def read_results(folder: Path, *, progress: Callable[[float], None] | None = None) -> Iterator[NASBench301Record]:
    """Yield the records in a folder and the folders in it, in the order of :func:`result_files`.

    Args:
        folder: The folder, such as the official ``nb_301``.
        progress: Called now and then with the part of the files that has been read, from 0 to 1.

    Raises:
        DataError: There is no result in the folder, or a file is not one; the message names the file. Records before
            it have been yielded.
    """
    files = result_files(folder)
    for number, path in enumerate(files, start=1):
        yield read_record(path)
        if progress is not None and number % _PROGRESS_RECORDS == 0:
            progress(number / len(files))


def result_files(folder: Path) -> list[Path]:
    """The files ``results*.json`` in a folder and the folders in it, ``results_2`` before ``results_10``.

    Raises:
        DataError: There is none.
    """
    files = [path for path in folder.rglob("results*.json") if path.is_file()]
    if not files:
        what = "there is no folder" if not folder.is_dir() else "there is no file results_*.json in"
        raise DataError(f"{what} {folder}")
    return sorted(files, key=lambda path: [_in_order(part) for part in path.relative_to(folder).parts])


def _in_order(name: str) -> list[tuple[int, str]]:
    """What sorts numbers in names by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", name) if part]


def read_record(path: Path) -> NASBench301Record:
    """Read one result.

    Raises:
        DataError: The file cannot be read or is not such a result; the message names it.
    """
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            raise DataError(f"it has more than {MAX_RECORD_BYTES:,} bytes")
        return _record(path, json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (DataError, InvalidArchitecture) as error:
        raise DataError(f"{path} is not a result of NAS-Bench-301: {error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a result of NAS-Bench-301: it is not JSON: {error}") from None


def _record(path: Path, content: object) -> NASBench301Record:
    record = _object(content, "the content")
    config = _object(_of(record, _CONFIG), _CONFIG)
    score = _number(record, "final_metric_score")
    if not -100.0 <= score <= 0.0:
        raise DataError(f"final_metric_score is {score}, not a validation accuracy with its sign changed, -100 to 0")
    infos = _of(record, "info")
    if not isinstance(infos, list) or not infos:
        raise DataError(f"info is {_shown(infos)}, not a list with an entry")
    info = _object(infos[0], "the first entry of info")
    space = DARTS()
    architecture = space.from_config(config)
    own = space.to_config(architecture)
    return NASBench301Record(
        path=path,
        architecture=architecture,
        valid_accuracy=_number(info, "val_accuracy", most=100.0),
        test_accuracy=_number(record, "test_accuracy", most=100.0),
        train_accuracy=_number(info, "train_accuracy", most=100.0),
        train_loss=_number(info, "train_loss"),
        runtime=_number(record, "runtime", most=math.inf),
        budget=_count(record, "budget"),
        epochs=_count(info, "epochs"),
        parameters=_count(info, "model_parameters"),
        channels=_count(config, f"{CONFIG_PREFIX}init_channels"),
        layers=_count(config, f"{CONFIG_PREFIX}layers"),
        hyperparameters={name: value for name, value in config.items() if name not in own and value is not None},
        learning_curves=_curves(record.get("learning_curves")),
    )


def _curves(given: object) -> dict[str, tuple[float, ...]]:
    if given is None:
        return {}
    curves = _object(given, "learning_curves")
    found = {}
    for official, name in CURVES.items():
        if official in curves:
            values = curves[official]
            if not isinstance(values, list) or not values:
                raise DataError(f"the learning curve {official} is {_shown(values)}, not a list of numbers")
            most = 100.0 if name.endswith("accuracy") else None
            found[name] = tuple(
                _checked(value, f"epoch {epoch} of {official}", most) for epoch, value in enumerate(values, start=1)
            )
    if len({len(values) for values in found.values()}) > 1:
        lengths = quote_list(f"{name} {len(values)}" for name, values in found.items())
        raise DataError(f"the learning curves have different numbers of epochs: {lengths}")
    return found


# --- values ----------------------------------------------------------------------------------------------------------


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{name} is {_shown(value)}, not a JSON object")
    return value


def _of(record: dict[str, Any], name: str) -> Any:
    if name not in record:
        raise DataError(f"it lacks {name}")
    return record[name]


def _number(record: dict[str, Any], name: str, most: float | None = None) -> float:
    return _checked(_of(record, name), name, most)


def _checked(value: object, name: str, most: float | None) -> float:
    """A finite number; with ``most`` one from 0 to there."""
    # In JSON, true is no number; for Python it is 1.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{name} is {_shown(value)}, not a number")
    # Whole numbers may be too large for a float.
    if not abs(value) < _LARGEST or (most is not None and not 0.0 <= value <= most):
        allowed = "finite" if most is None else "finite and from 0 up" if most == math.inf else f"from 0 to {most:g}"
        raise DataError(f"{name} is {value!r:.60}, not {allowed}")
    return float(value)


def _count(record: dict[str, Any], name: str) -> int:
    value = _number(record, name)
    if not value.is_integer() or value < 1:
        raise DataError(f"{name} is {_shown(record[name])}, not a positive whole number")
    return int(value)


def _shown(value: object) -> str:
    # What is nested may be too deep to print.
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.60}"
