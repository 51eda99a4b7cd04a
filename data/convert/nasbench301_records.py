"""Reading the official results of NAS-Bench-301 (``results_*.json``), one training of one architecture each.

Source: ``nasbench301/surrogate_models/utils.py`` of https://github.com/automl/nasbench301 (Zela et al., "Surrogate NAS
Benchmarks: Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks", ICLR 2022,
https://arxiv.org/abs/2008.09777), one official record, and for the learning curves ``nas_bench_x11/utils/utils.py`` of
https://github.com/automl/nas-bench-x11, which reads ``learning_curves["Train/val_accuracy"]``, one value an epoch.

A record is a JSON object. What is read of it::

    optimized_hyperparamater_config   hyperparameters by name, those of the architecture among them (so spelt)
    final_metric_score                the validation accuracy with its sign changed: it was minimised
    info                              a list, of which the official code reads the first: val_accuracy, train_accuracy,
                                      train_loss, epochs, model_parameters; and the images that it trained and validated
                                      on, train_datapoints and val_datapoints
    test_accuracy, runtime, budget    percent, seconds, and the epochs that the training was scheduled for
    learning_curves                   lists by name, one value an epoch; some records have none
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ganas.data.convert.nasbench301_files import Results, open_results, read_bounded
from ganas.spaces.architecture import Architecture
from ganas.spaces.darts.notation import CONFIG_PREFIX
from ganas.spaces.darts.space import DARTS
from ganas.spaces.errors import DataError, InvalidArchitecture, quote_list

__all__ = ["CURVES", "NASBench301Record", "parse_record", "read_record", "read_results"]

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
    """At the end, in percent of the validation images."""
    test_accuracy: float
    """At the end, in percent of the test images."""
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
    train_images: int | None
    """How many images it trained on; None where the record does not say."""
    valid_images: int | None
    """How many it validated on."""
    hyperparameters: Mapping[str, Any]
    """Everything in the configuration that is not of the architecture, as the record writes it."""
    learning_curves: Mapping[str, tuple[float, ...]]
    """By the names of :data:`CURVES`, one value an epoch from the first on; those that the record has."""


def read_results(
    source: Path | Results, *, progress: Callable[[float], None] | None = None
) -> Iterator[NASBench301Record]:
    """Yield the records in a folder and the folders in it, or in a zip archive, in the order of their names.

    Args:
        source: Such as the official ``nb_301_v13_lc_iclr_final`` or ``nb_301_v13_lc_iclr_final.zip``, or what
            :func:`~ganas.data.convert.nasbench301_files.open_results` opened.
        progress: Called now and then with the part of the records that has been read, from 0 to 1.

    Raises:
        DataError: There is no result in it, or one is not such; the message names it. Records before it have been
            yielded.
    """
    if isinstance(source, Path):
        with open_results(source) as results:
            yield from read_results(results, progress=progress)
        return
    for number, name in enumerate(source.names, start=1):
        yield _named(source.path(name), partial(source.read, name))
        if progress is not None and number % _PROGRESS_RECORDS == 0:
            progress(number / len(source.names))


def read_record(path: Path) -> NASBench301Record:
    """Read one result.

    Raises:
        DataError: The file cannot be read or is not such a result; the message names it.
    """
    return _named(path, partial(read_bounded, path))


def _named(path: Path, read: Callable[[], bytes]) -> NASBench301Record:
    try:
        return parse_record(path, read())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except DataError as error:
        raise DataError(f"{path} is not a result of NAS-Bench-301: {error}") from None


def parse_record(path: Path, content: bytes) -> NASBench301Record:
    """Read the content of a result.

    Args:
        path: What it is called.
        content: What is in it.

    Raises:
        DataError: It is not such a result; the message does not name it.
    """
    try:
        return _record(path, json.loads(content.decode()))
    except DataError:
        raise
    except InvalidArchitecture as error:
        raise DataError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not JSON: {error}") from None


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
        train_images=_count(info, "train_datapoints") if "train_datapoints" in info else None,
        valid_images=_count(info, "val_datapoints") if "val_datapoints" in info else None,
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
