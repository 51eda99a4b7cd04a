import itertools
import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganas.data.convert import nasbench101_records
from ganas.data.convert.nasbench101_records import (
    BUDGETS,
    MAX_RECORD_BYTES,
    Evaluation,
    NASBench101Record,
    decode_record,
    read_records,
)
from ganas.spaces.errors import DataError
from ganas.spaces.nasbench101.notation import INTERIOR_OPERATIONS, parse_record
from ganas.spaces.nasbench101.official_hash import official_hash
from tests.data.nasbench101_files import (
    SPACE,
    double,
    entries_of,
    evaluation_fields,
    frame,
    made,
    made_rows,
    metric_fields,
    nested,
    official_rows,
    payload_of,
    varint,
)

CONV3, CONV1, POOL = INTERIOR_OPERATIONS

# The first row of nasbench_full.tfrecord, as the tests of https://github.com/sile/nasbench-rs (src/dataset.rs) show it:
# its values, and the length and the two checksums of the bytes that hold them.
REAL = NASBench101Record(
    module_hash="00005c142e6f48ac74fdcf73e3439874",
    epochs=4,
    adjacency=(
        (0, 1, 0, 0, 1, 1, 0),
        (0, 0, 1, 0, 0, 0, 0),
        (0, 0, 0, 1, 0, 0, 1),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0, 0, 1),
        (0, 0, 0, 0, 0, 0, 0),
    ),
    operations=("input", CONV3, POOL, CONV3, CONV3, CONV1, "output"),
    trainable_parameters=8555530,
    total_time=413.7015450000763,
    initial=Evaluation(0.0, 0.0, 0.1002604141831398, 0.09775640815496445, 0.09985977411270142),
    halfway=Evaluation(2.0, 45.152000427246094, 0.10166265815496445, 0.10526842623949051, 0.10436698794364929),
    final=Evaluation(4.0, 89.90399932861328, 0.3498597741127014, 0.3489583432674408, 0.3504607379436493),
)
REAL_LENGTH, REAL_LENGTH_CHECK, REAL_PAYLOAD_CHECK = 401, 0x9BED2598, 0x03691668


def read(folder, content, **options):
    path = folder / "nasbench.tfrecord"
    path.write_bytes(content)
    return list(read_records(path, **options))


# --- what is there is read ----------------------------------------------------------------------------------------


def test_a_real_row_is_written_to_the_byte_and_read(tmp_path):
    content = frame(payload_of(REAL))
    length, length_check = struct.unpack_from("<QI", content)
    assert (length, length_check) == (REAL_LENGTH, REAL_LENGTH_CHECK)
    assert content[-4:] == struct.pack("<I", REAL_PAYLOAD_CHECK)
    assert read(tmp_path, content) == [REAL]


def test_the_thirty_official_records(tmp_path):
    rows = official_rows()
    assert len(rows) == 90
    assert read(tmp_path, b"".join(frame(payload_of(row)) for row in rows)) == rows


@pytest.mark.parametrize("seed", range(3))
def test_generated_files_are_read_as_written(tmp_path, seed):
    rows = made_rows(seed, cells=25)
    found = read(tmp_path, b"".join(frame(payload_of(row)) for row in rows))
    assert found == rows
    assert len({hash(record) for record in found}) == len(rows)  # frozen and hashable
    for record in found[::12]:
        cell = SPACE.from_matrix(record.adjacency, record.operations)
        assert official_hash(cell) == record.module_hash and cell.operations == record.operations


def test_the_smallest_cell_and_a_single_line_of_base64():
    cell = SPACE.parse("0100:input,output")
    record = made(np.random.default_rng(0), cell, 36)
    entries = entries_of(record)
    assert entries[4].count("\n") == 3
    entries[4] = entries[4].replace("\n", "")
    assert decode_record(json.dumps(entries, separators=(",", ":")).encode()) == record


def test_hashes_are_computed_once_a_cell(tmp_path, monkeypatch):
    calls = []

    def counting(matrix, labels):
        calls.append(1)
        return hash_matrix(matrix, labels)

    hash_matrix = nasbench101_records.hash_matrix
    monkeypatch.setattr(nasbench101_records, "hash_matrix", counting)
    rows = made_rows(5, cells=4)
    content = b"".join(frame(payload_of(rows[place])) for place in np.random.default_rng(0).permutation(len(rows)))
    assert len(read(tmp_path, content)) == 48
    assert len(calls) == len({row.module_hash for row in rows})


def test_a_wrong_hash_is_refused_unless_hashes_are_not_checked(tmp_path):
    wrong = list(entries_of(REAL))
    wrong[0] = "0" * 32
    content = frame(payload_of(REAL)) + frame(json.dumps(wrong).encode())
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert str(caught.value).endswith(
        f"nasbench.tfrecord, record 2 at byte 417: the hash is {'0' * 32}, but that of the cell is {REAL.module_hash}"
    )
    assert [record.module_hash for record in read(tmp_path, content, check_hash=False)] == [REAL.module_hash, "0" * 32]


# --- the rules of proto2 ------------------------------------------------------------------------------------------

UNKNOWN = [
    varint(9 << 3) + varint(2**63),
    double(700, math.nan),
    nested(6, b"checkpoint \xff"),
    varint(8 << 3 | 5) + b"\x00\x00\xc0\x7f",
    varint(11 << 3 | 3) + double(1, 0.5) + nested(1, b"\xff") + varint(11 << 3 | 4),
]


@given(st.randoms(use_true_random=False))
def test_fields_in_any_order_among_unknown_ones_give_the_same(random):
    def shuffled(parts):
        parts = list(parts)
        random.shuffle(parts)
        return b"".join(parts)

    evaluations = [
        nested(1, shuffled(evaluation_fields(evaluation) + UNKNOWN))
        for evaluation in (REAL.initial, REAL.halfway, REAL.final)
    ]
    others = metric_fields(REAL)[3:] + UNKNOWN
    random.shuffle(others)
    # Evaluations keep their order, everything else may stand between them.
    places = sorted(random.randrange(len(others) + 1) for _ in evaluations)
    for place, evaluation in reversed(list(zip(places, evaluations, strict=True))):
        others.insert(place, evaluation)
    assert decode_record(payload_of(REAL, b"".join(others))) == REAL


def test_of_a_scalar_that_comes_twice_the_last_one_counts():
    *evaluations, parameters, total = metric_fields(REAL)
    first = nested(1, double(4, 0.75) + b"".join(evaluation_fields(REAL.initial)))
    before = varint(2 << 3) + varint(7) + double(3, 1.0)
    message = before + first + b"".join(evaluations[1:]) + parameters + total
    assert decode_record(payload_of(REAL, message)) == REAL


def test_a_known_number_with_another_type_is_an_unknown_field():
    wrong = varint(2 << 3 | 5) + b"abcd" + varint(3 << 3) + varint(5) + varint(1 << 3) + varint(1)
    assert decode_record(payload_of(REAL, b"".join(metric_fields(REAL)) + wrong)) == REAL
    only_wrong = b"".join(metric_fields(REAL)[:3]) + wrong
    with pytest.raises(DataError, match="trainable_parameters is absent"):
        decode_record(payload_of(REAL, only_wrong))


def test_an_absent_field_is_no_zero():
    parts = metric_fields(REAL)
    for position, match in ((3, "trainable_parameters is absent"), (4, "total_time is absent"), (0, "2 evaluations")):
        with pytest.raises(DataError, match=match):
            decode_record(payload_of(REAL, b"".join(parts[:position] + parts[position + 1 :])))
    with pytest.raises(DataError, match="4 evaluations"):
        decode_record(payload_of(REAL, b"".join([parts[0], *parts])))
    for position, name in enumerate(Evaluation.__slots__):
        kept = evaluation_fields(REAL.final)
        del kept[position]
        with pytest.raises(DataError, match=f"an evaluation lacks {name}"):
            decode_record(payload_of(REAL, b"".join([*parts[:2], nested(1, b"".join(kept)), *parts[3:]])))


# --- what is wrong is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", Evaluation.__slots__)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-9])
@pytest.mark.parametrize("in_order", [True, False])
def test_numbers_out_of_range_are_refused(name, value, in_order):
    values = {other: getattr(REAL.halfway, other) for other in Evaluation.__slots__}
    parts = evaluation_fields(Evaluation(**values | {name: value}))
    part = b"".join(parts if in_order else reversed(parts))
    message = metric_fields(REAL)
    message[1] = nested(1, part)
    with pytest.raises(DataError, match=rf"in the metrics, {name} is {value}, not "):
        decode_record(payload_of(REAL, b"".join(message)))


@pytest.mark.parametrize("position", [2, 3, 4])
def test_accuracies_above_one_are_refused_and_one_is_not(position):
    parts = evaluation_fields(REAL.final)
    for value in (1.0, math.nextafter(1.0, 2.0), 92.5):
        parts[position] = double(position + 1, value)
        message = metric_fields(REAL)
        message[2] = nested(1, b"".join(parts))
        payload = payload_of(REAL, b"".join(message))
        if value == 1.0:
            assert getattr(decode_record(payload).final, Evaluation.__slots__[position]) == 1.0
        else:
            with pytest.raises(DataError, match=r"accuracy is .* not from 0 to 1"):
                decode_record(payload)


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        (3, varint(2 << 3) + varint(0), "trainable_parameters is 0, not positive"),
        (3, varint(2 << 3) + varint(-5), "trainable_parameters is -5, not positive"),
        (4, double(3, math.nan), "total_time is nan"),
        (4, double(3, math.inf), "total_time is inf"),
        (4, double(3, -1.0), r"total_time is -1\.0"),
        (0, nested(1, b""), "an evaluation lacks current_epoch"),
        (2, nested(1, b"".join(evaluation_fields(REAL.halfway))), r"of epochs 0\.0, 2\.0 and 2\.0, not the beginning"),
        (
            0,
            nested(1, double(1, 1.0) + b"".join(evaluation_fields(REAL.initial)[1:])),
            r"of epochs 1\.0, 2\.0 and 4\.0",
        ),
        (
            1,
            nested(1, double(1, 1.0) + b"".join(evaluation_fields(REAL.halfway)[1:])),
            r"of epochs 0\.0, 1\.0 and 4\.0",
        ),
        (4, b"\x19", "in the metrics, the message is cut off"),
    ],
)
def test_metrics_out_of_range_are_refused(field, value, match):
    parts = metric_fields(REAL)
    parts[field] = value
    with pytest.raises(DataError, match=match):
        decode_record(payload_of(REAL, b"".join(parts)))


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        (0, 5, "the entry hash is 5, not text"),
        (0, "00005C142E6F48AC74FDCF73E3439874", "not 32 hexadecimal digits in lower case"),
        (0, REAL.module_hash + "\n", "not 32 hexadecimal"),
        (0, "\ud800" * 32, "not 32 hexadecimal"),
        (1, 36, r"of epochs 0\.0, 2\.0 and 4\.0, not the beginning, half and end of 36"),
        (1, 5, "the epochs are 5, not one of 4, 12, 36, 108"),
        (1, True, "the epochs are True"),
        (1, 4.0, r"the epochs are 4\.0"),
        (1, "4", "the epochs are '4'"),
        (1, [4], "the epochs are a list, not"),
        (2, 0, "the entry adjacency is 0, not text"),
        (2, "", "0 vertices, not 2 to 7"),
        (2, "0", "1 vertices"),
        (2, "0" * 64, "8 vertices"),
        (2, "010", "not the rows of a square matrix"),
        (2, "0x00", "not the rows of a square matrix"),
        (2, "01\u06600", "not the rows of a square matrix"),
        (2, "0110", "not strictly upper-triangular"),
        (2, "1100", "not strictly upper-triangular"),
        (2, "010000000", "not pruned"),
        (2, "0110000100000000", "not pruned"),
        (2, "".join("0" * row + "0" + "1" * (4 - row) for row in range(5)), "the cell has 10 edges, more than 9"),
        (2, "0100", "7 operations for a matrix of 2 vertices"),
        (3, None, "the entry operations is None, not text"),
        (3, "input", "do not begin with input and end with output"),
        (3, "output,input", "do not begin with input"),
        (3, "input,conv3x3,output", "unknown operation 'conv3x3'.*did you mean 'conv3x3-bn-relu'"),
        (3, "input, maxpool3x3,output", "unknown operation ' maxpool3x3'"),
        (3, "input," + "maxpool3x3," * 6 + "output", "8 operations"),
        (3, "input,output", "2 operations for a matrix of 7 vertices"),
        (4, 1.5, r"the entry metrics is 1\.5, not text"),
        (4, "Ci0J*", "the metrics are not base64"),
        (4, "Ci0JAA=", "the metrics are not base64"),
        (4, "Ci0J AAA", "the metrics are not base64"),
        (4, "Ci0J\u00e4", "the metrics are not base64"),
        (4, "", "in the metrics, trainable_parameters is absent"),
    ],
)
def test_entries_of_another_kind_are_refused(entry, value, match):
    entries = entries_of(REAL)
    entries[entry] = value
    with pytest.raises(DataError, match=match) as caught:
        decode_record(json.dumps(entries).encode())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"[1, 2, 3, 4]",
        payload_of(REAL) + b"]",
        payload_of(REAL)[:-1],
        payload_of(REAL).replace(b", 4,", b", NaN,"),
        payload_of(REAL).replace(b", 4,", b", -Infinity,"),
        payload_of(REAL).replace(b", 4,", b", 04,"),
        payload_of(REAL).replace(b", 4,", b", " + b"4" * 5000 + b","),
        payload_of(REAL).replace(b"\\n", b"\n"),
        payload_of(REAL).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + payload_of(REAL),
        b"\xff\xfe",
        b"[" * (MAX_RECORD_BYTES - 1),
        b'[{"a":' * 10_000,
    ],
    ids=itertools.count(),
)
def test_what_is_no_strict_json_list_of_five_is_refused(payload):
    with pytest.raises(DataError, match="the payload is not "):
        decode_record(payload)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("depth", [1, 200, 400, 600, 800, 900, 950, 980])
def test_an_entry_that_is_nested_too_deep_to_be_printed_is_refused(place, depth):
    entries = entries_of(REAL)
    entries[place] = "nested"
    with pytest.raises(DataError, match=r"a list|is not JSON"):
        decode_record(json.dumps(entries).replace('"nested"', "[" * depth + "]" * depth).encode())


def test_a_record_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(DataError, match=r"record at byte 417 says that it has 65,537 bytes, more than the 65,536"):
        read(tmp_path, frame(payload_of(REAL)) + frame(b" " * (MAX_RECORD_BYTES + 1)))


# --- mutations ----------------------------------------------------------------------------------------------------


def mutated(data, content, most=8):
    """The bytes with a few of them flipped, taken out, put in or repeated."""
    content = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, most)))
        put = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat", "end"]))
        if put == "flip" and start < len(content):
            content[start] ^= 1 << data.draw(st.integers(0, 7))
        elif put == "cut":
            del content[start:stop]
        elif put == "insert":
            content[start:start] = data.draw(st.binary(max_size=most))
        elif put == "repeat":
            content[start:start] = content[start:stop]
        elif put == "end":
            del content[start:]
    return bytes(content)


def assert_sane(record):
    """Whatever the bytes, a record that comes out holds a valid cell and numbers in range."""
    assert record.epochs in BUDGETS and record.trainable_parameters > 0 and 0 <= record.total_time < math.inf
    cell = SPACE.from_matrix(record.adjacency, record.operations)
    assert official_hash(cell) == record.module_hash
    for evaluation, epoch in zip((record.initial, record.halfway, record.final), (0, 0.5, 1), strict=True):
        assert evaluation.current_epoch == epoch * record.epochs and 0 <= evaluation.training_time < math.inf
        accuracies = (evaluation.train_accuracy, evaluation.validation_accuracy, evaluation.test_accuracy)
        assert all(0 <= accuracy <= 1 for accuracy in accuracies)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_files_give_the_records_written_or_a_typed_error(tmp_path_factory, data):
    rows = made_rows(0, cells=1, budgets=(4, 108))[::2]
    content = b"".join(frame(payload_of(row)) for row in rows)
    path = tmp_path_factory.getbasetemp() / "mutated_nasbench.tfrecord"
    path.write_bytes(mutated(data, content))
    found = []
    try:
        found.extend(read_records(path))
    except DataError as error:
        assert "mutated_nasbench.tfrecord" in str(error) and "byte" in str(error) and "\n" not in str(error)
    # "end" may cut between two records, which leaves a whole file with fewer of them.
    assert found == rows[: len(found)]


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_mutated_payloads_under_right_checksums_are_sane_or_a_typed_error(data):
    try:
        record = decode_record(mutated(data, payload_of(REAL)))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert_sane(record)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_mutated_metrics_under_right_checksums_are_sane_or_a_typed_error(data):
    message = mutated(data, b"".join(metric_fields(REAL)))
    try:
        record = decode_record(payload_of(REAL, message))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert_sane(record)
        assert (record.adjacency, record.operations) == (REAL.adjacency, REAL.operations)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=12))
def test_any_json_is_refused(content):
    with pytest.raises(DataError):
        decode_record(json.dumps(content).encode())


def test_the_notation_of_the_space_is_that_of_the_records():
    entries = entries_of(REAL)
    matrix, operations = parse_record(f"{entries[2]}:{entries[3]}")
    assert matrix.tolist() == list(map(list, REAL.adjacency)) and tuple(operations) == REAL.operations
