"""Files of NAS-Bench-101 in the official layout, for tests: made-up records, the official ones, and their writer."""

import base64
import itertools
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from crc32c import crc32c

from ganas.data.convert.nasbench101_records import BUDGETS, Evaluation, NASBench101Record
from ganas.spaces.nasbench101.official_hash import official_hash
from ganas.spaces.nasbench101.space import NASBench101

ROOT = Path(__file__).resolve().parents[2]
OFFICIAL = ROOT.parent / "shared" / "data" / "nb101_official_records" / "records.json"
SPACE = NASBench101()


def varint(value):
    value %= 2**64
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def double(number, value):
    return varint(number << 3 | 1) + struct.pack("<d", value)


def nested(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def evaluation_fields(evaluation):
    names = ("current_epoch", "training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
    return [double(number, getattr(evaluation, name)) for number, name in enumerate(names, start=1)]


def metric_fields(record):
    evaluations = (record.initial, record.halfway, record.final)
    return [
        *(nested(1, b"".join(evaluation_fields(evaluation))) for evaluation in evaluations),
        varint(2 << 3) + varint(record.trainable_parameters),
        double(3, record.total_time),
    ]


def entries_of(record, metrics=None):
    message = b"".join(metric_fields(record)) if metrics is None else metrics
    bits = "".join(str(bit) for row in record.adjacency for bit in row)
    text = base64.encodebytes(message).decode()  # 76 characters a line, and a line break at the end
    return [record.module_hash, record.epochs, bits, ",".join(record.operations), text]


def payload_of(record, metrics=None):
    return json.dumps(entries_of(record, metrics)).encode()


def check(content):
    checksum = crc32c(content)
    return struct.pack("<I", ((checksum >> 15 | checksum << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32)


def frame(payload):
    length = struct.pack("<Q", len(payload))
    return length + check(length) + payload + check(payload)


def made(rng, cell, epochs, parameters=None):
    """A record of a cell with made-up measurements; as in official ones, accuracies are counts of 9,984 images."""
    matrix, operations = SPACE.to_matrix(cell)
    seconds = np.float32(rng.uniform(8, 30))
    evaluations = []
    for epoch in (0.0, epochs / 2, float(epochs)):
        accuracies = np.float32(rng.integers(9985, size=3) / 9984)
        evaluations.append(Evaluation(epoch, float(seconds * np.float32(epoch)), *map(float, accuracies)))
    return NASBench101Record(
        official_hash(cell),
        epochs,
        tuple(map(tuple, matrix.tolist())),
        tuple(operations),
        int(rng.integers(1, 2**31)) if parameters is None else parameters,
        float(rng.uniform(0, 9000)),
        *evaluations,
    )


def made_rows(seed, cells, budgets=BUDGETS):
    """Three records of each budget for different cells, those of a cell together."""
    rng = np.random.default_rng(seed)
    rows = []
    for key in rng.choice(SPACE.size, size=cells, replace=False).tolist():
        cell, parameters = SPACE.from_key(key), int(rng.integers(1, 2**31))
        rows += [made(rng, cell, epochs, parameters) for epochs, _ in itertools.product(budgets, range(3))]
    return rows


def official_entries():
    """The thirty official entries beside the checkout, as published; the test is skipped where they are absent."""
    if not OFFICIAL.is_file():
        pytest.skip("the official records beside the checkout are absent")
    return json.loads(OFFICIAL.read_text())


def official_rows():
    """Their ninety records, all of runs over 108 epochs."""
    rows = []
    for entry in official_entries():
        for run in entry["epochs"]["108"]:
            ends = {
                when: [run[f"{when}_{name}"] for name in ("training_time",)]
                + [run[f"{when}_{split}_accuracy"] for split in ("train", "validation", "test")]
                for when in ("halfway", "final")
            }
            rows.append(
                NASBench101Record(
                    entry["module_hash"],
                    108,
                    tuple(map(tuple, entry["module_adjacency"])),
                    tuple(entry["module_operations"]),
                    entry["trainable_parameters"],
                    run["final_training_time"] * 1.25,  # the published JSON leaves out this and the beginning
                    Evaluation(0.0, 0.0, 0.1, 0.1, 0.1),
                    Evaluation(54.0, *ends["halfway"]),
                    Evaluation(108.0, *ends["final"]),
                )
            )
    return rows


def write_file(path, rows):
    """Write records as a TFRecord file."""
    path.write_bytes(b"".join(frame(payload_of(row)) for row in rows))
    return path
