"""Arrays on disk: what was written is read, through the mapping or from the file, and damage is an error."""

import errno
import gc
import os
from dataclasses import replace

import numpy as np
import pytest

from ganas.bench.tabular import TabularBenchmark
from ganas.data import arrays
from ganas.data.arrays import entries_of, open_array, open_keys, write_array
from ganas.data.convert.natsbench import convert
from ganas.spaces.errors import DataError
from tests.data.natsbench_answers import answers
from tests.data.natsbench_files import natsbench, save_pickle


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """A table with curves and gaps."""
    folder = tmp_path_factory.mktemp("arrays")
    content = natsbench("topology", 4, seed=51)
    for name in ("all_results", "dataset_seed"):
        content["arch2infos"][2]["200"][name].clear()
    save_pickle(content, folder / "some.pbz2")
    return convert(folder / "some.pbz2", "natsbench-topology", folder=folder / "tables")[2]


def array_of(card, key):
    return next(metric for metric in card.metrics if metric.array == f"{key}.npy")


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_single_entries_are_those_of_the_mapping(card, tmp_path, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 100, (11, 200, 3)).astype(dtype)
    values[rng.random(values.shape) < 0.2] = np.nan
    write_array(tmp_path / "valtest_accuracy@200.npy", values.astype(np.float64))
    moved = replace(card, folder=tmp_path, rows=11)
    mapped = open_array(moved, array_of(card, "valtest_accuracy@200"))
    assert mapped.dtype == dtype and entries_of(mapped) is None
    assert np.array_equal(mapped, values, equal_nan=True)
    monkeypatch.setattr(arrays, "_LARGE_BYTES", 0)
    reader = entries_of(open_array(moved, array_of(card, "valtest_accuracy@200")))
    for row in range(11):
        assert np.array_equal(reader.row(row), values[row], equal_nan=True)
        for epoch in (0, 7, 199):
            assert np.array_equal(reader.entry(row, epoch), values[row, epoch].tolist(), equal_nan=True)


def test_a_table_answers_the_same_from_the_file(card, monkeypatch):
    mapped = TabularBenchmark.from_card(card)
    monkeypatch.setattr(arrays, "_LARGE_BYTES", 0)
    rows, epochs = range(card.rows), (1, 200)
    assert answers(TabularBenchmark.from_card(card), rows, epochs, (12,)) == answers(mapped, rows, epochs, (12,))


def test_large_arrays_are_read_from_the_file(card, tmp_path):
    values = np.zeros((arrays._LARGE_BYTES // 8 // 600 + 1, 200, 3))
    values[1234] = np.random.default_rng(1).random((200, 3))
    write_array(tmp_path / "train_loss@200.npy", values)
    opened = open_array(replace(card, folder=tmp_path, rows=len(values)), array_of(card, "train_loss@200"))
    assert np.array_equal(entries_of(opened).row(1234), values[1234])
    # What was cut or copied is no longer the array in the file, but for views of all of it.
    assert entries_of(opened[:, :1].copy()) is None and entries_of(values) is None


def test_the_file_of_an_array_is_closed_with_it(card, monkeypatch):
    monkeypatch.setattr(arrays, "_LARGE_BYTES", 0)
    opened = open_array(card, array_of(card, "train_loss@200"))
    descriptor = entries_of(opened)._file
    os.fstat(descriptor)
    del opened
    gc.collect()
    with pytest.raises(OSError) as caught:
        os.fstat(descriptor)
    assert caught.value.errno == errno.EBADF


def test_a_table_that_is_replaced_while_it_is_open_keeps_its_numbers(card, tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "_LARGE_BYTES", 0)
    values = np.random.default_rng(2).random((card.rows, 200, 3))
    write_array(tmp_path / "train_loss@200.npy", values)
    opened = open_array(replace(card, folder=tmp_path), array_of(card, "train_loss@200"))
    (tmp_path / "train_loss@200.npy").unlink()
    write_array(tmp_path / "train_loss@200.npy", values + 1)
    assert np.array_equal(entries_of(opened).row(0), values[0]) and np.array_equal(opened, values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "cannot read the array"),
        (lambda content: content[:5], "cannot read the array"),
        (lambda content: content[:60], "cannot read the array"),
        (lambda content: content[:-1], "cannot read the array"),
        (lambda content: content[:6] + b"\x02" + content[7:], "version of the format"),
        (lambda content: content.replace(b"'<f8'", b"'|O' ", 1), "cannot read the array|it holds object"),
        (lambda content: content.replace(b"'<f8'", b"'>f8'", 1), "has shape .* of >f8"),
        (lambda content: content.replace(b"False", b"True ", 1), "in the order of Fortran"),
        (lambda content: content.replace(b"(200, ", b"(100, ", 1), r"shape is \(100, .* bytes do not hold"),
        (lambda content: content.replace(b"(200, ", b"(-20, ", 1), r"shape is \(-20, "),
        (lambda content: content.replace(b"(200, 4, ", b"(100, 8, ", 1), "its card says 200 epoch"),
        (
            lambda content: content.replace(b"(200, 4, 3), }" + b" " * 30, b"(9" + b"0" * 31 + b", 4, 3), }", 1),
            "cannot read the array",
        ),
        (lambda content: content + b"more", "bytes do not hold"),
        (lambda content: content.replace(b"{'descr", b"{[escr", 1), "cannot read the array"),
    ],
)
def test_damage_is_an_error(card, tmp_path, damage, message):
    metric = array_of(card, "train_loss@200")
    content = (card.folder / metric.array).read_bytes()
    assert damage(content) != content
    (tmp_path / metric.array).write_bytes(damage(content))
    with pytest.raises(DataError, match=message) as caught:
        open_array(replace(card, folder=tmp_path), metric)
    assert str(tmp_path / metric.array) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_there(card, tmp_path):
    moved = replace(card, folder=tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        open_array(moved, array_of(card, "train_loss@200"))
    with pytest.raises(DataError, match="does not exist"):
        open_keys(moved)
    assert open_keys(replace(moved, arrays=())) is None
