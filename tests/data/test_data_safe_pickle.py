import builtins
import collections
import copyreg
import io
import os
import pickle
from fractions import Fraction

import numpy as np
import pytest

from ganas.data.safe_pickle import load_pickle
from ganas.spaces.errors import DataError, InvalidSetting


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_round_trips(protocol):
    data = {"a": [1, 2.5, None, True], "b": ("x", 2**80), "c": {1: {"d": []}}}
    if protocol >= 3:  # before, bytes are a call of _codecs.encode
        data["e"] = b"y"
    assert load_pickle(pickle.dumps(data, protocol)) == data


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, builtins.eval, builtins.exec, getattr, __import__])
def test_calls_are_refused_and_nothing_is_run(tmp_path, protocol, function):
    target = tmp_path / "ran"
    code = f"touch {target}" if function is os.system else f"open({str(target)!r}, 'w')"
    content = pickle.dumps({"before": 1, "payload": Calls(function, code)}, protocol)
    with pytest.raises(DataError, match=rf"{function.__name__}, which is not allowed: nothing was run"):
        load_pickle(content)
    assert not target.exists()


def test_the_payload_would_have_run(tmp_path):
    # Otherwise the test above could not fail.
    target = tmp_path / "ran"
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {target}")))
    assert target.exists()


def test_only_exact_pairs_are_allowed():
    ordered = pickle.dumps(collections.OrderedDict(a=1))
    assert load_pickle(ordered, {("collections", "OrderedDict")}) == {"a": 1}
    for other in ({("collections", "defaultdict")}, {("collection", "OrderedDict")}, {("", "collections.OrderedDict")}):
        with pytest.raises((DataError, InvalidSetting), match="allowed"):
            load_pickle(ordered, other)
    with pytest.raises(DataError, match=r"asks for fractions\.Fraction"):
        load_pickle(pickle.dumps([collections.OrderedDict(), Fraction(1, 2)]), {("collections", "OrderedDict")})


def test_a_dotted_name_is_refused_even_where_its_first_part_is_allowed():
    # STACK_GLOBAL with the name "OrderedDict.fromkeys" reaches an attribute of an allowed class.
    content = b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."
    assert pickle.loads(content) == collections.OrderedDict.fromkeys
    with pytest.raises(DataError, match=r"collections\.OrderedDict\.fromkeys"):
        load_pickle(content, {("collections", "OrderedDict")})
    with pytest.raises(InvalidSetting, match="no stand-in"):
        load_pickle(content, {("collections", "OrderedDict.fromkeys")})


def test_names_of_python_2_are_not_translated():
    # Protocol 2 spells builtins as __builtin__; a translated name would not be the one compared with the list.
    content = pickle.dumps({1, 2}, 2)
    assert b"__builtin__" in content
    with pytest.raises(DataError, match=r"__builtin__\.set"):
        load_pickle(content, {("builtins", "set")})
    assert load_pickle(content, {("__builtin__", "set")}) == {1, 2}


def test_objects_outside_the_file_are_refused():
    class Persistent(pickle.Pickler):
        def persistent_id(self, obj):
            return "row 7" if obj == "outside" else None

    stream = io.BytesIO()
    Persistent(stream).dump(["outside"])
    with pytest.raises(DataError, match="outside the file"):
        load_pickle(stream.getvalue())


def test_a_cached_extension_code_is_refused():
    code = 0x7FFF_0001
    copyreg.add_extension("fractions", "Fraction", code)
    try:
        content = pickle.dumps(Fraction, 2)
        pickle.loads(content)  # fills the cache of the process
        with pytest.raises(DataError, match=r"fractions\.Fraction"):
            load_pickle(content)
    finally:
        copyreg.remove_extension("fractions", "Fraction", code)


def test_a_numpy_array_is_refused_without_its_names():
    with pytest.raises(DataError, match="numpy"):
        load_pickle(pickle.dumps(np.arange(3)))


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2])[:-3], b"\x80\x04]\x94(K\x01e", b"0."])
def test_damage_is_a_typed_error(content):
    with pytest.raises(DataError, match="damaged or no pickle"):
        load_pickle(content)


def test_files_are_capped_and_named(tmp_path):
    path = tmp_path / "table.pkl"
    path.write_bytes(pickle.dumps([0] * 100))
    assert load_pickle(path) == [0] * 100
    assert load_pickle(path, max_bytes=path.stat().st_size) == [0] * 100
    with pytest.raises(DataError, match=r"table\.pkl is larger than the 50 bytes"):
        load_pickle(path, max_bytes=50)
    with pytest.raises(DataError, match="larger"):
        load_pickle(path.read_bytes(), max_bytes=50)
    with pytest.raises(DataError, match=r"cannot read .*absent\.pkl"):
        load_pickle(tmp_path / "absent.pkl")
