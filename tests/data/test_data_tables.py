import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from ganas.data.tables import (
    file_sha256,
    mean_over_trials,
    read_architectures,
    read_values,
    row_count,
    write_table,
)
from ganas.spaces.errors import DataError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.parquet"
    values = {"a": np.array([0.1, np.nan, 1e300, -0.0]), "n": np.array([1, 2, 2**53, 4]), "b": np.full(4, np.nan)}
    write_table(path, ("key", np.arange(4, dtype=np.int32)), values)
    return path


def test_values_come_back_to_the_last_bit(table):
    read = read_values(table, ["n", "a"])
    assert read.dtype == np.float64
    assert read[:, 0].tolist() == [1.0, 2.0, 2.0**53, 4.0]
    assert np.array([0.1, np.nan, 1e300, -0.0]).tobytes() == read[:, 1].tobytes()
    assert np.isnan(read_values(table, ["b"])).all()
    assert read_architectures(table, "key").tolist() == [0, 1, 2, 3]
    assert row_count(table) == 4


@pytest.mark.parametrize("type_name", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32"])
def test_narrow_columns_are_read(tmp_path, type_name):
    path = tmp_path / "narrow.parquet"
    parquet.write_table(pyarrow.table({"x": pyarrow.array([1, None, 100], getattr(pyarrow, type_name)())}), path)
    assert np.array_equal(read_values(path, ["x"])[:, 0], [1, np.nan, 100], equal_nan=True)


def test_several_row_groups_are_one_column(tmp_path):
    path = tmp_path / "groups.parquet"
    column = pyarrow.array([None if i % 7 == 3 else float(i) for i in range(1000)])
    cells = [f"cell {i}" for i in range(1000)]
    parquet.write_table(pyarrow.table({"x": column, "arch": cells}), path, row_group_size=99)
    wanted = [np.nan if i % 7 == 3 else float(i) for i in range(1000)]
    assert np.array_equal(read_values(path, ["x"])[:, 0], wanted, equal_nan=True)
    assert read_architectures(path, "arch") == cells


def test_nulls_are_stored_as_nulls(table):
    assert parquet.read_table(table).column("a").null_count == 1


def test_writing_is_reproducible_and_leaves_nothing_behind(tmp_path, table):
    again = tmp_path / "again.parquet"
    values = {"a": np.array([0.1, np.nan, 1e300, -0.0]), "n": np.array([1, 2, 2**53, 4]), "b": np.full(4, np.nan)}
    write_table(again, ("key", np.arange(4, dtype=np.int32)), values)
    assert file_sha256(again) == file_sha256(table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.parquet", "table.parquet"]


def test_a_failed_write_leaves_the_old_file(tmp_path, table):
    before = table.read_bytes()
    with pytest.raises(pyarrow.ArrowInvalid):
        write_table(table, ("key", np.arange(4, dtype=np.int32)), {"a": np.zeros(3)})
    assert table.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_bad_files_are_typed_errors(tmp_path, table):
    with pytest.raises(DataError, match=r"absent\.parquet does not exist"):
        read_values(tmp_path / "absent.parquet", ["a"])
    with pytest.raises(DataError, match="has no column 'c': it has key, a, n, b"):
        read_values(table, ["c"])
    with pytest.raises(DataError, match=r"column 'a' of table\.parquet has 1 empty entries"):
        read_architectures(table, "a")
    text = tmp_path / "text.parquet"
    parquet.write_table(pyarrow.table({"a": ["x"]}), text)
    with pytest.raises(DataError, match="does not hold numbers but string"):
        read_values(text, ["a"])
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(table.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot read the table"):
        row_count(damaged)
    content = bytearray(table.read_bytes())
    content[4:200] = bytes(196)
    damaged.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot read the table"):
        read_values(damaged, ["a", "n", "b"])
    with pytest.raises(DataError, match="cannot read"):
        file_sha256(tmp_path / "absent.parquet")


def test_means_are_the_sum_over_the_count_to_the_last_bit():
    rng = np.random.default_rng(0)
    values = rng.uniform(80, 95, size=(500, 3))
    values[rng.random(values.shape) < 0.3] = np.nan
    means = mean_over_trials(values)
    for row, mean in zip(values.tolist(), means.tolist(), strict=True):
        measured = [value for value in row if value == value]
        assert np.isnan(mean) if not measured else mean == sum(measured) / len(measured)
