"""Reading the official records of NAS-Bench-101 (``nasbench_full.tfrecord``, ``nasbench_only108.tfrecord``).

Source: ``nasbench/api.py``, ``nasbench/lib/evaluate.py`` and ``nasbench/lib/model_metrics.proto`` of the official code
(Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019,
https://arxiv.org/abs/1902.09635). The payload of a TFRecord is a list in JSON, ``[module_hash, epochs, adjacency,
operations, metrics]``: the matrix by rows as one text of 0 and 1, the operations joined by commas, and the metrics as
base64 with a line break after every 76 characters and at the end. The metrics are a message of Protocol Buffers
(proto2), in the package ``nasbench``::

    message ModelMetrics {
      repeated EvaluationData evaluation_data = 1;
      optional int32 trainable_parameters = 2;
      optional double total_time = 3;
    }
    message EvaluationData {
      optional double current_epoch = 1;
      optional double training_time = 2;
      optional double train_accuracy = 3;
      optional double validation_accuracy = 4;
      optional double test_accuracy = 5;
      optional string checkpoint_path = 6;
    }

One record is one training of one cell, evaluated at its beginning, half-way and at its end. A cell was trained three
times at each budget, so three records share a hash and a number of epochs; nothing else tells them apart. A budget is
a run of its own with its own learning-rate schedule: epoch 36 of the run over 108 is not the run over 36.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import NoReturn

from ganas.data.protobuf import FIXED64, LENGTH_DELIMITED, VARINT, fields, int32
from ganas.data.tfrecord import read_tfrecords
from ganas.spaces.errors import DataError, closest_match, quote_list
from ganas.spaces.nasbench101.isomorphism import MAX_EDGES, MAX_VERTICES
from ganas.spaces.nasbench101.notation import INPUT, INTERIOR_OPERATIONS, OUTPUT
from ganas.spaces.nasbench101.official_hash import hash_matrix

__all__ = ["BUDGETS", "MAX_RECORD_BYTES", "Evaluation", "NASBench101Record", "decode_record", "read_records"]

BUDGETS = (4, 12, 36, 108)
"""Epochs of the official runs."""

MAX_RECORD_BYTES = 64 * 1024
"""The largest payload that is read; the official ones have about 400 bytes."""

_PROGRESS_RECORDS = 2048
_MAX_HASHES = 2**19  # more than the 423,624 cells, for a file whose rows of a cell are not together
_HASH = re.compile(r"[0-9a-f]{32}")
_EVALUATION_NAMES = ("current_epoch", "training_time", "train_accuracy", "validation_accuracy", "test_accuracy")

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured at one point of a run; the names are those of the official message."""

    current_epoch: float
    training_time: float
    """Seconds of training up to this point, evaluation not counted."""
    train_accuracy: float
    """Fraction of fixed training images, from 0 to 1; in all records seen a multiple of 1/9,984."""
    validation_accuracy: float
    """Fraction of the validation images, likewise."""
    test_accuracy: float
    """Fraction of the test images, likewise."""


@dataclass(frozen=True, slots=True)
class NASBench101Record:
    """One training of one cell; the names are those of the official files."""

    module_hash: str
    """32 hexadecimal digits, see :mod:`ganas.spaces.nasbench101.official_hash`."""
    epochs: int
    """The budget of this run, one of :data:`BUDGETS`."""
    adjacency: Matrix
    """0 and 1, upper-triangular, (vertices, vertices); the cell is pruned."""
    operations: tuple[str, ...]
    """The label of each vertex."""
    trainable_parameters: int
    total_time: float
    """Seconds of the run, evaluations included."""
    initial: Evaluation
    """At epoch 0, which the official code does not use."""
    halfway: Evaluation
    final: Evaluation


def read_records(
    path: Path, *, check_hash: bool = True, progress: Callable[[float], None] | None = None
) -> Iterator[NASBench101Record]:
    """Yield the records of an official file in its order, both checksums of each compared.

    Args:
        path: The TFRecord file.
        check_hash: Whether the hash of every cell is computed and compared with the one in its record. A cell comes up
            again with each repeat and budget, so hashes are kept while reading, about 100 MB for all of them.
        progress: Called now and then with the part of the file that has been read, from 0 to 1.

    Raises:
        DataError: The file or a record is damaged or not of this benchmark; the message has the number of the record,
            the first being 1, and the byte at which it begins. Records before it have been yielded.
    """
    hash_of = lru_cache(maxsize=_MAX_HASHES)(_hash_of) if check_hash else None
    for number, (offset, payload) in enumerate(read_tfrecords(path, max_record_bytes=MAX_RECORD_BYTES), start=1):
        try:
            record = _decode(payload, hash_of)
        except DataError as error:
            raise DataError(f"{path}, record {number:,} at byte {offset:,}: {error}") from None
        yield record
        if progress is not None and number % _PROGRESS_RECORDS == 0:
            progress(offset / path.stat().st_size)


def decode_record(payload: bytes, *, check_hash: bool = True) -> NASBench101Record:
    """Read the payload of one TFRecord.

    Raises:
        DataError: It is not a record of NAS-Bench-101; the message says what is wrong and does not name the record.
    """
    return _decode(payload, _hash_of if check_hash else None)


def _decode(payload: bytes, hash_of: Callable[[Matrix, tuple[str, ...]], str] | None) -> NASBench101Record:
    try:
        entries = _JSON.decode(payload.decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"the payload is not JSON: {error}") from None
    if type(entries) is not list or len(entries) != 5:
        raise DataError("the payload is not a JSON list of hash, epochs, adjacency, operations and metrics")
    module_hash, epochs, bits, labels, metrics = entries
    # In JSON, true is no number and 108.0 is no epoch of the official files; for Python both would be equal to one.
    if type(epochs) is not int or epochs not in BUDGETS:
        raise DataError(f"the epochs are {_shown(epochs)}, not one of {quote_list(BUDGETS)}")
    for name, value in (("hash", module_hash), ("adjacency", bits), ("operations", labels), ("metrics", metrics)):
        if type(value) is not str:
            raise DataError(f"the entry {name} is {_shown(value)}, not text")
    if not _HASH.fullmatch(module_hash):
        raise DataError(f"the hash is {_shown(module_hash)}, not 32 hexadecimal digits in lower case")
    adjacency, operations = _adjacency(bits), _operations(labels)
    if len(adjacency) != len(operations):
        raise DataError(f"there are {len(operations)} operations for a matrix of {len(adjacency)} vertices")
    if hash_of is not None and hash_of(adjacency, operations) != module_hash:
        raise DataError(f"the hash is {module_hash}, but that of the cell is {hash_of(adjacency, operations)}")
    try:
        # Official texts have line breaks, which the strict mode refuses along with all else that is not base64.
        message = binascii.a2b_base64(metrics.replace("\n", ""), strict_mode=True)
    except ValueError as error:
        raise DataError(f"the metrics are not base64: {error}") from None
    try:
        trainable_parameters, total_time, evaluations = _model_metrics(message, epochs)
    except DataError as error:
        raise DataError(f"in the metrics, {error}") from None
    return NASBench101Record(module_hash, epochs, adjacency, operations, trainable_parameters, total_time, *evaluations)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)


def _shown(value: object) -> str:
    # What is nested may be too deep to print.
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.60}"


# --- the cell ------------------------------------------------------------------------------------------------------
# A few thousand matrices and a few hundred lists of labels make up all cells, wherever in the file they stand. Errors
# are not cached, so a hostile file fills the caches with valid cells at most.


@lru_cache(maxsize=8192)
def _adjacency(bits: str) -> Matrix:
    size = math.isqrt(len(bits))
    if size * size != len(bits) or bits.strip("01"):
        raise DataError(f"the adjacency is {_shown(bits)}, not the rows of a square matrix of 0 and 1")
    if not 2 <= size <= MAX_VERTICES:
        raise DataError(f"the cell has {size} vertices, not 2 to {MAX_VERTICES}")
    rows = tuple(tuple(map(int, bits[start : start + size])) for start in range(0, len(bits), size))
    if any(any(row[: source + 1]) for source, row in enumerate(rows)):
        raise DataError(f"the adjacency {bits} is not strictly upper-triangular")
    if sum(map(sum, rows)) > MAX_EDGES:
        raise DataError(f"the cell has {sum(map(sum, rows))} edges, more than {MAX_EDGES}")
    # In an acyclic graph, a way in and a way out at every vertex between is a path from the input to the output.
    if not all(map(any, rows[:-1])) or not all(map(any, list(zip(*rows, strict=True))[1:])):
        raise DataError(f"the adjacency {bits} is not pruned: a vertex is not on a path from input to output")
    return rows


@lru_cache(maxsize=1024)
def _operations(text: str) -> tuple[str, ...]:
    labels = tuple(text.split(","))
    if len(labels) < 2 or labels[0] != INPUT or labels[-1] != OUTPUT:
        raise DataError(f"the operations are {_shown(text)}, which do not begin with {INPUT} and end with {OUTPUT}")
    for label in labels[1:-1]:
        if label not in INTERIOR_OPERATIONS:
            raise DataError(
                f"unknown operation {_shown(label)}: known are {quote_list(INTERIOR_OPERATIONS)}"
                f"{closest_match(label[:60], INTERIOR_OPERATIONS)}"
            )
    if len(labels) > MAX_VERTICES:
        raise DataError(f"the cell has {len(labels)} operations, input and output included, more than {MAX_VERTICES}")
    return labels


def _hash_of(adjacency: Matrix, operations: tuple[str, ...]) -> str:
    return hash_matrix(adjacency, [-1, *map(INTERIOR_OPERATIONS.index, operations[1:-1]), -2])


# --- the metrics -----------------------------------------------------------------------------------------------------

_DOUBLE = Struct("<d")

# An evaluation as the official files have it: fields 1 to 5 in this order, each a byte for number and type, then a
# double. Its length and those five bytes leave no other reading, and this one is fast.
_IN_ORDER = Struct("<xdxdxdxdxd")
_TAGS_IN_ORDER = bytes(number << 3 | FIXED64 for number in range(1, 6))


def _model_metrics(message: bytes, epochs: int) -> tuple[int, float, tuple[Evaluation, Evaluation, Evaluation]]:
    """Parameters, seconds, and the evaluations of ``ModelMetrics``."""
    evaluations: list[tuple[float, ...]] = []
    trainable_parameters: int | None = None
    total_time: float | None = None
    for number, wire_type, value in fields(message):
        # A known number with another type than declared is an unknown field; of a scalar, the last one counts.
        if number == 1 and wire_type == LENGTH_DELIMITED and isinstance(value, bytes):
            evaluations.append(_evaluation_data(value))
        elif number == 2 and wire_type == VARINT and isinstance(value, int):
            trainable_parameters = int32(value)
        elif number == 3 and wire_type == FIXED64 and isinstance(value, bytes):
            (total_time,) = _DOUBLE.unpack(value)
    if trainable_parameters is None or total_time is None:
        # proto2 reads an absent field as 0, which here would be a measurement that nobody made.
        raise DataError(f"{'trainable_parameters' if trainable_parameters is None else 'total_time'} is absent")
    if trainable_parameters <= 0:
        raise DataError(f"trainable_parameters is {trainable_parameters}, not positive")
    if not 0.0 <= total_time < math.inf:
        raise DataError(f"total_time is {total_time}, not a number of seconds")
    if len(evaluations) != 3:
        raise DataError(f"there are {len(evaluations)} evaluations, not those at the beginning, half and end")
    initial, halfway, final = evaluations
    if initial[0] != 0.0 or halfway[0] * 2 != epochs or final[0] != epochs:
        raise DataError(
            f"the evaluations are of epochs {initial[0]}, {halfway[0]} and {final[0]}, not the beginning, half and "
            f"end of {epochs}"
        )
    return trainable_parameters, total_time, (Evaluation(*initial), Evaluation(*halfway), Evaluation(*final))


def _evaluation_data(message: bytes) -> tuple[float, ...]:
    """The five numbers of ``EvaluationData``, in range."""
    values: tuple[float, ...]
    if len(message) == _IN_ORDER.size and message[::9] == _TAGS_IN_ORDER:
        values = _IN_ORDER.unpack(message)
    else:
        found: dict[int, float] = {}
        for number, wire_type, value in fields(message):
            if number <= len(_EVALUATION_NAMES) and wire_type == FIXED64 and isinstance(value, bytes):
                (found[number],) = _DOUBLE.unpack(value)
        for number, name in enumerate(_EVALUATION_NAMES, start=1):
            if number not in found:
                raise DataError(f"an evaluation lacks {name}")
        values = tuple(found[number] for number in range(1, 6))
    epoch, seconds, train, validation, test = values
    # Every comparison with NaN is false.
    if not (
        0.0 <= train <= 1.0
        and 0.0 <= validation <= 1.0
        and 0.0 <= test <= 1.0
        and 0.0 <= seconds < math.inf
        and 0.0 <= epoch < math.inf
    ):
        bounds = (math.inf, math.inf, 1.0, 1.0, 1.0)
        for name, measured, bound in zip(_EVALUATION_NAMES, values, bounds, strict=True):
            if not 0.0 <= measured <= bound or measured == math.inf:
                raise DataError(
                    f"{name} is {measured}, not {'from 0 to 1' if bound == 1.0 else 'finite and from 0 up'}"
                )
    return values
