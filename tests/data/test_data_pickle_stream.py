"""The unpickler of our own: it agrees with Python's on plain data, and refuses all else within its limits."""

import builtins
import copyreg
import io
import os
import pickle
import pickletools
import subprocess
import sys
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ganas.data.pickle_constructors import NUMERIC_DATA, PLAIN_DATA
from ganas.data.pickle_source import LOOKAHEAD, ByteSource
from ganas.data.pickle_stream import EntryStream, PickleLimits, load_plain
from ganas.spaces.errors import DataError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Dribble:
    """A stream that gives a few bytes at a time."""

    def __init__(self, content, size):
        self._stream, self._size = io.BytesIO(content), size

    def read(self, size):
        return self._stream.read(min(size, self._size))


def source_of(content, size=None):
    return ByteSource(io.BytesIO(content) if size is None else Dribble(content, size))


def load(content, size=None, **options):
    source = source_of(content, size)
    value = load_plain(source, **options)
    assert source.at_end()
    return value


def entries_of(content, key="entries", size=None, **options):
    """All entries and the rest."""
    stream = EntryStream(source_of(content, size), key, **options)
    return list(stream), stream.root


def same(one, other):
    """Equality that tells 1 from True and 1.0, 0.0 from -0.0, and minds the order of dicts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(key, other_key) and same(one[key], other[other_key]) for key, other_key in zip(one, other, strict=True)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


def python_dumps(value, protocol):
    """What the pickler that is written in Python makes of it."""
    stream = io.BytesIO()
    pickle._Pickler(stream, protocol).dump(value)
    return stream.getvalue()


WRITERS = {
    "C": pickle.dumps,
    "Python": python_dumps,
    "optimized": lambda value, protocol: pickletools.optimize(pickle.dumps(value, protocol)),
}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(["x-valid@0", "train", "cifar10", "\udc80", "line\nfeed\\u0041", "é" * 200])
    | st.binary(max_size=12)
)
KEYS = st.integers(0, 300) | st.text(max_size=8) | st.tuples(st.text(max_size=5), st.integers(0, 1000)) | SCALARS
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.dictionaries(st.integers(0, 255), st.floats(), max_size=20)
        | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
        | st.sets(KEYS, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
        | inner.map(lambda one: [one, one])
    ),
    max_leaves=25,
)
VALUES = st.dictionaries(KEYS, PLAIN, max_size=4) | st.lists(PLAIN, max_size=4) | st.sets(KEYS, max_size=3) | SCALARS


# --- agreement with Python's unpickler -------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(PLAIN, st.sampled_from(PROTOCOLS), st.sampled_from(sorted(WRITERS)), st.sampled_from([None, 1, 7]))
@example([b"", b"\xff", set(), -1, 2**31, 65_536, "x" * 300, b"y" * 300, 2**2100], 0, "C", 1)
def test_plain_data_are_what_python_reads(value, protocol, writer, size):
    content = WRITERS[writer](value, protocol)
    assert same(load(content, size), pickle.loads(content))


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), PLAIN),
    st.dictionaries(st.integers(0, 99_999) | st.text(max_size=6), VALUES, max_size=12),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), PLAIN),
    st.booleans(),
    st.sampled_from(PROTOCOLS),
    st.sampled_from(sorted(WRITERS)),
)
def test_entries_are_what_python_reads(before, wanted, after, ordered, protocol, writer):
    wanted = OrderedDict(wanted) if ordered else wanted
    content = WRITERS[writer]({**before, "entries": wanted, **after}, protocol)
    expected = pickle.loads(content)
    stream = EntryStream(source_of(content), "entries")
    found = type(expected["entries"])()
    for key, value in stream:
        assert same(dict(stream.before), {name: expected[name] for name in before})
        assert key not in found
        found[key] = value
    assert stream.root is not None
    assert same({**stream.root, "entries": found}, expected)
    assert next(stream, None) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 2001])
def test_entries_of_any_number(protocol, count):
    wanted = {index: {"run": [index]} for index in range(count)}
    found, root = entries_of(pickle.dumps({"entries": wanted}, protocol))
    assert found == list(wanted.items()) and root == {"entries": {}}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("size", [0, 1, 2, 999, 1000, 1001, 2000, 2001])
def test_values_of_any_size(protocol, size):
    # A value of 0, 1000 or 2000 elements may have one more coming.
    wanted = {key: {number: {"a": number} for number in range(size)} for key in ("p", "q", "r")}
    wanted |= {key + "list": [[number] for number in range(size)] for key in wanted}
    assert entries_of(pickle.dumps({"entries": wanted}, protocol))[0] == list(wanted.items())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_entry_is_given_as_soon_as_the_next_one_has_begun(protocol):
    wanted = {index: {"12": {"x" * 50: [float(index)] * 2000}, "200": [2]} for index in range(50)}
    content = pickle.dumps({"entries": wanted}, protocol)
    source = source_of(content, 512)
    stream = EntryStream(source, "entries")
    read = [source.offset for _ in stream]
    size = len(content) / 50
    for index, offset in enumerate(read[:-1]):
        assert offset < (index + 2) * size + 4096


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numbers_of_numpy_become_those_of_python(protocol):
    codes = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"]
    numbers = [np.dtype(code).type(value) for code in codes for value in (0, 1, 1.5, 100)]
    content = pickle.dumps([*numbers, np.float64(-0.0), np.float64("nan"), numbers[0]], protocol)
    expected = [number.item() for number in (*numbers, np.float64(-0.0), np.float64("nan"), numbers[0])]
    assert same(load(content), expected)
    # As numpy 1 wrote it.
    assert same(
        load(content.replace(b"numpy._core.", b"numpy.core.").replace(b"\x8c\x16numpy", b"\x8c\x15numpy")), expected
    )


def test_strings_and_numbers_may_be_shared_by_all_entries():
    name, number, key = "cifar10" * 2, np.float64(0.25), ("cifar10", 777)
    wanted = {index: {"name": name, "number": number, key: [number, -0.0, 0.0, 1, True]} for index in range(5)}
    for protocol in PROTOCOLS:
        found, _ = entries_of(pickle.dumps({"same": name, "entries": wanted}, protocol))
        assert same(
            found, [(index, {**value, "number": 0.25, key: [0.25, *value[key][1:]]}) for index, value in wanted.items()]
        )


def test_equal_values_of_different_types_keep_theirs():
    # All in the memo, as no pickler writes them: K1 memoised, then True, then 1.0, then 0.0 and -0.0.
    content = b"\x80\x04](K\x01\x94\x88\x94G?\xf0\0\0\0\0\0\0\x94G\0\0\0\0\0\0\0\0\x94G\x80\0\0\0\0\0\0\0\x94"
    content += b"h\0h\1h\2h\3h\4e."
    assert pickle.loads(content) == load(content)
    assert same(load(content), pickle.loads(content))


def test_containers_of_an_entry_before_are_gone():
    shared = [1, 2, 3]
    others = {0: {"a": shared, "b": 1}, 1: {"a": [4, 5], "b": 1}, 2: {"a": [6, 7], "b": 1}}
    for protocol in PROTOCOLS:
        within = {0: {"a": shared, "b": shared}, 1: {"a": [0, 1], "b": 1}}
        assert entries_of(pickle.dumps({"entries": within}, protocol))[0] == list(within.items())
        content = pickle.dumps({"entries": {**others, 3: {"a": shared, "b": 1}}}, protocol)
        stream = EntryStream(source_of(content), "entries")
        assert [next(stream), next(stream)] == list(others.items())[:2]
        with pytest.raises(DataError, match=r"refers to number \d+ of its memo, a list, dict or the like of an entry"):
            list(stream)


def test_containers_before_the_entries_stay():
    shared = [1, 2, 3]
    content = {"before": shared, "entries": {index: {"a": shared} for index in range(4)}, "after": shared}
    for protocol in PROTOCOLS:
        found, root = entries_of(pickle.dumps(content, protocol))
        assert found == list(content["entries"].items()) and root["after"] is root["before"]


def test_several_pickles_in_one_stream():
    source = source_of(b"".join(pickle.dumps(value) for value in ([1], {"a": 2}, "b")), 3)
    assert [load_plain(source) for _ in range(3)] == [[1], {"a": 2}, "b"]
    assert source.at_end()


def test_a_dict_without_the_key_and_values_that_are_no_dict():
    assert entries_of(pickle.dumps({"a": 1})) == ([], {"a": 1})
    assert entries_of(pickle.dumps({"entries": None, "a": 1})) == ([], {"entries": None, "a": 1})
    for value in ([], "text", [{"entries": {1: 2}}]):
        with pytest.raises(DataError, match="not a dict"):
            entries_of(pickle.dumps(value))


@pytest.mark.parametrize("value", [(1, 2), ([1], [2, 3]), (1, [2, 3], [4, 5]), {1, 2}, 0.5, {("a", 1): {"b": [6, 7]}}])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_entries_that_are_no_dicts(protocol, value):
    wanted = {1: {1: 1, 2: 2}, 2: value, 3: {1: 1, 2: 2}, (4, 5, 6, 7): {1: 1, 2: 2}, 8: (1, 2, 3, 4), 9: {1: 1, 2: 2}}
    for some in (wanted, {2: value, **wanted}, {2: value}, {("a", "b", "c", "d"): value}):
        assert entries_of(pickle.dumps({"entries": some}, protocol))[0] == list(some.items())


@pytest.mark.parametrize("protocol", [2, 4])
def test_entries_that_cannot_be_told_from_two_are_refused(protocol):
    wanted = {1: {1: 1, 2: 2}, 2: ({1: 2, 3: 4}, "key", {1: 2, 3: 4}), 3: {1: 1, 2: 2}}
    with pytest.raises(DataError, match="the entries of 'entries' are no dicts"):
        entries_of(pickle.dumps({"entries": wanted}, protocol))


# --- hostile content --------------------------------------------------------------------------------------------------


class Calls:
    """Pickles as a call of ``function(*arguments)``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def refused(content, match, **options):
    """Both readers refuse it with one line."""
    for read in (load, entries_of):
        with pytest.raises(DataError, match=match) as caught:
            read(content, **options)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


FUNCTIONS = [os.system, builtins.eval, builtins.exec, getattr, __import__, OrderedDict.fromkeys]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_calls_are_refused_and_nothing_is_run(tmp_path, protocol, function):
    target = tmp_path / "ran"
    code = f"touch {target}" if function is os.system else f"open({str(target)!r}, 'w')"
    for value in ([Calls(function, code)], {"entries": {0: {"a": Calls(function, code)}}}, {Calls(function, code): 1}):
        content = pickle.dumps(value, protocol)
        refused(content, "which is not allowed: nothing was run")
        with pytest.raises(DataError, match="not allowed"):
            load(content, allowed=PLAIN_DATA)
    assert not target.exists()


def test_names_are_exact():
    for name in (b"collections\nOrderedDict.fromkeys", b"collections.abc\nOrderedDict", b"\ncollections.OrderedDict"):
        refused(b"c" + name + b"\n.", "not allowed")
    refused(b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93.", "not allowed")
    refused(b"cos\nsystem\x1b[2J\n.", r"os\.system\\x1b\[2J")


REFUSED = [
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BYTEARRAY8", "NEXT_BUFFER"),
    *("READONLY_BUFFER", "FROZENSET", "POP", "DUP", "POP_MARK"),
    *("EXT1", "EXT2", "EXT4", "INST", "OBJ"),
    *("NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID"),
]
OTHERS = [opcode for opcode in pickletools.opcodes if opcode.name in REFUSED]


@pytest.mark.parametrize("opcode", OTHERS, ids=lambda opcode: opcode.name)
def test_every_other_opcode_is_refused(opcode):
    code = opcode.code.encode("latin1")
    for before in (
        b"",
        b"K\x01",
        b"K\x01K\x02",
        b"(K\x01",
        b"ccollections\nOrderedDict\n)",
        b"ccollections\nOrderedDict\n)}",
    ):
        refused(b"\x80\x05" + before + code + b"\x01\0\0\0\n1\n." + b"\0" * 20, f"the instruction {opcode.name}, which")


def test_the_opcodes_are_all_of_them():
    assert len(OTHERS) == len(REFUSED) == 19
    known = {ord(opcode.code) for opcode in pickletools.opcodes}
    for byte in set(range(256)) - known:
        refused(bytes([byte]) + b".", "where an instruction is due")


def test_objects_outside_the_file_are_refused():
    class Persistent(pickle.Pickler):
        def persistent_id(self, obj):
            return "row 7" if obj == "outside" else None

    for protocol in PROTOCOLS:
        stream = io.BytesIO()
        Persistent(stream, protocol).dump(["outside"])
        refused(stream.getvalue(), "PERSID")


def test_a_cached_extension_code_is_refused():
    code = 0x7FFF_0002
    copyreg.add_extension("fractions", "Fraction", code)
    try:
        content = pickle.dumps(Fraction, 2)
        pickle.loads(content)  # fills the cache of the process
        refused(content, "EXT4")
    finally:
        copyreg.remove_extension("fractions", "Fraction", code)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"cnumpy\ndtype\n(X\x02\0\0\0O8K\0K\1tR.", "numpy type 'O8'"),
        (b"cnumpy\ndtype\n(X\x05\0\0\0f8,f8tR.", "numpy type 'f8,f8'"),
        (b"cnumpy\ndtype\n)R.", "damaged"),
        (b"cnumpy.core.multiarray\nscalar\n(X\x02\0\0\0f8C\x08\0\0\0\0\0\0\0\0tR.", "of no type"),
        (
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0f8tRC\x07\0\0\0\0\0\0\0tR.",
            "does not consist of 8",
        ),
        (b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\0\0\0f8tR]tR.", "does not consist of 8"),
        (b"cnumpy\ndtype\n(X\x02\0\0\0f8tR(K\3X\1\0\0\0>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb.", "little-endian"),
        (b"cnumpy\ndtype\n(X\x02\0\0\0f8tR}b.", "little-endian"),
        (b"cnumpy\ndtype\n}b.", "stores a state"),
        (b"ccollections\nOrderedDict\n)R}b.", "stores a state"),
        (b"c__builtin__\nset\n}(X\1\0\0\0aK\1ub.", "stores a state"),
        (b"}K\1b.", "stores a state"),
        (b"ccollections\nOrderedDict\n(](K\1K\2etR.", "fills an OrderedDict where"),
        (b"c__builtin__\nset\n(X\3\0\0\0abctR.", "a set of something"),
        (b"c__builtin__\nbytes\n(K\x7ftR.", "bytes with arguments"),
        (b"c_codecs\nencode\n(X\1\0\0\0aX\5\0\0\0utf-8tR.", "latin1 only"),
        (b"c_codecs\nencode\n(X\3\0\0\0\xe2\x82\xacX\6\0\0\0latin1tR.", "not latin1"),
        (b"K\1)R.", "calls something that is no function"),
        (b"ccollections\nOrderedDict\n]R.", "calls something that is no function"),
        (b"X\1\0\0\0a)R.", "calls something that is no function"),
        (b"\x80\x06N.", "protocol 6"),
        (b"]q\5.", "numbers its memo 5 where 0 is next"),
        (b"]r\xff\xff\xff\xff.", "numbers its memo 4,294,967,295 where 0"),
        (b"]p99999999999\n.", "numbers its memo 99,999,999,999 where 0"),
        (b"]q\0]q\0.", "numbers its memo 0 where 1 is next"),
        (b"h\0.", "refers to number 0 of its memo, which it did not write"),
        (b"j\xff\xff\xff\xff.", "refers to number 4,294,967,295"),
        (b"g-1\n.", "which it did not write"),
        (b"}]K\1s.", "damaged"),
        (b"}(]K\1u.", "damaged"),
        (b"}(K\1u.", "a key and no value"),
        (b"](K\1K\2u.", "fills a list as if"),
        (b"}(K\1K\2e.", "fills a dict as if"),
        (b"K\1K\2a.", "fills a int as if"),
        (b"\x8f(]\x90.", "damaged"),
        (b"](K\1\x90.", "fills a list as if"),
        (b"(K\1l.", "not written"),
        (b"(K\1K\2d.", "not written"),
        (b"u.", "a mark that it did not set"),
        (b"t.", "a mark that it did not set"),
        (b".", "ends within"),
        (b"K\1K\2.", "ends within"),
        (b"K\1(.", "ends within"),
        (b"a.", "damaged"),
        (b"\x87.", "damaged"),
        (b"X\1\0\0\0\xff.", "damaged"),
        (b"\x8c\x02\xc3.", "damaged"),
        (b"F1_0\n.", "not a number"),
        (b"Fx\n.", "damaged"),
        (b"I0x10\n.", "not a whole number"),
        (b"L1_0L\n.", "not a whole number"),
        (b"K\1K\2\x93.", "whose name is no text"),
        (b"", "cut off"),
        (b"no pickle at all", "EXT|instruction|mark|pickle"),
    ],
)
def test_what_is_no_plain_data_is_refused(content, match):
    refused(content, match)


def test_nothing_can_be_stored_on_the_stand_ins():
    for constructor in NUMERIC_DATA.values():
        with pytest.raises(DataError, match="stores something"):
            constructor.__setstate__({"_build": print})
        with pytest.raises(AttributeError):
            constructor.extra = 1
    # Python's own machine calls __setstate__, too.
    for state in (b"}", b"(N}(X\6\0\0\0_buildK\1ut"):
        content = b"ccollections\nOrderedDict\n" + state + b"b."
        with pytest.raises(pickle.UnpicklingError, match="refused"):
            _Standing(io.BytesIO(content)).load()


class _Standing(pickle.Unpickler):
    def find_class(self, module_name, global_name, /):
        return NUMERIC_DATA[module_name, global_name]

    def load(self):
        try:
            return super().load()
        except DataError as error:
            raise pickle.UnpicklingError("refused") from error


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"X\xff\xff\xff\xff", "longer than the 1,048,576"),
        (b"B\xff\xff\xff\xff", "longer than the 1,048,576"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", "longer than the 1,048,576"),
        (b"\x8e\0\0\0\0\0\1\0\0", "longer than the 1,048,576"),
        (b"\x8b\xff\xff\xff\x7f", "longer than the 1,000"),
        (b"\x8b\xff\xff\xff\xff", "longer than the 1,000"),
        (b"X\0\0\x10\0abc", "1,048,576 bytes are announced and 3"),
        (b"B\0\0\x10\0abc", "1,048,576 bytes are announced and 3"),
        (b"I" + b"1" * 5000 + b"\n.", "longer than the 2,400"),
        (b"V" + b"1" * (1 << 21) + b"\n.", "longer than the 1,048,576"),
        (b"I123", "cut off"),
        (b"cos", "cut off"),
        (b"(" * 10_000, "nested deeper than the 50"),
        (b"]" * 51 + b"(" * 51, "nested deeper than the 50"),
    ],
)
def test_lengths_and_depths_are_not_believed(content, match):
    refused(content, match)


def test_deep_data_without_marks_harm_nothing():
    depth = 1_000_000
    value = load(b"]" * depth + b"a" * (depth - 1) + b".")
    assert type(value) is list and len(value) == 1
    refused(b")" + b"\x85" * depth + b".", "tuples within a tuple")
    # A tuple of twice the one before, forty times over: its hash would take until tomorrow.
    doubled = b"K\1\x85\x94" + b"".join(b"h%ch%c\x86\x94" % (number, number) for number in range(40))
    refused(b"}" + doubled + b"K\1s.", "tuples within a tuple")
    # Python has no such check: as deep a tuple as a key ends the process.
    nested = load(pickle.dumps(((((1,),),),)))
    assert nested == ((((1,),),),)


def test_a_part_has_a_limit_and_the_whole_has_not():
    limits = PickleLimits(part_bytes=1 << 20)
    small = {index: {"a": [0.5] * 10_000} for index in range(40)}
    content = pickle.dumps({"before": [0.5] * 50_000, "entries": small, "after": [0.5] * 50_000})
    assert len(content) > 4 << 20
    assert len(entries_of(content, limits=limits)[0]) == 40
    for where in ("before", "entries", "after"):
        large = {"before": [], "entries": small, "after": []}
        large[where] = {0: {"a": [0.5] * 300_000}} if where == "entries" else [0.5] * 300_000
        with pytest.raises(DataError, match="more than the 1,048,576 bytes"):
            entries_of(pickle.dumps(large), limits=limits)
    # Long strings are read around the window that is counted otherwise.
    with pytest.raises(DataError, match="more than the 1,048,576 bytes"):
        load(pickle.dumps([bytes(1 << 19)] + [bytes([number]) * (1 << 19) for number in range(5)]), limits=limits)


def test_the_memo_has_a_limit():
    with pytest.raises(DataError, match="memo has more than 1,000 positions"):
        load(b"K\1" + b"\x94" * 2_000_000 + b".", limits=PickleLimits(memo=1000))


def test_what_has_no_room_is_kept_for_its_entry():
    little = PickleLimits(kept_bytes=5_000)
    wanted = {index: {"name": f"number {index} " * 5, "again": [f"text {index} " * 5] * 2} for index in range(300)}
    assert entries_of(pickle.dumps({"entries": wanted}, 4), limits=little)[0] == list(wanted.items())
    late = "a string that comes late"
    wanted |= {1000 + index: {"a": late if index in (0, 3) else "", "b": [0, 1]} for index in range(4)}
    content = pickle.dumps({"entries": wanted}, 4)
    assert entries_of(content)[0][-1] == (1003, {"a": late, "b": [0, 1]})
    with pytest.raises(DataError, match="no longer kept"):
        entries_of(content, limits=little)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_cut_off_anywhere_is_an_error(protocol):
    wanted = {index: {"train": {0: 0.5, 1: 0.25}, "é": ("a", 2**40), "s": {1, 2}} for index in range(3)}
    content = pickle.dumps({"entries": wanted, "n": np.float64(1)}, protocol)
    assert len(entries_of(content)[0]) == 3
    for length in range(len(content)):
        refused(content[:length], ".")


def test_memory_stays_small_over_many_entries():
    # Entries that take a quarter of a gigabyte together, in a process of its own.
    code = """
import pickle, resource, struct
from ganas.data.pickle_source import ByteSource
from ganas.data.pickle_stream import EntryStream

class Entries:
    def __init__(self, count):
        numbers = [float(number) for number in range(20_000)]
        # Protocol 4 numbers its memo by counting, so that equal records may follow each other.
        record = pickle.dumps({"curve": dict(enumerate(numbers[:200])), "numbers": numbers}, 4)[11:-1]
        self.parts = [b"M" + struct.pack("<H", index) + record for index in range(count)]
        self.parts = [b"\\x80\\x04}(\\x8c\\x07entries}(", *self.parts, b"uu."][::-1]

    def read(self, size):
        return self.parts.pop() if self.parts else b""

source = ByteSource(Entries(400))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(len(value["numbers"]) for _, value in EntryStream(source, "entries"))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, growth = map(int, done.stdout.split())
    assert count == 8_000_000
    assert growth < 50 << (20 if sys.platform == "darwin" else 10)  # of bytes there, of kibibytes elsewhere


# --- damage -----------------------------------------------------------------------------------------------------------

VICTIM = {
    "entries": {
        index: OrderedDict(a={0: 0.5, 1: 0.25}, b=[("cifar10", 777), {1, 2}, b"xy", "x" * 300], c=np.float64(index))
        for index in range(3)
    },
    "n": 2**70,
    "t": None,
}
VICTIMS = [pickle.dumps(VICTIM, protocol) for protocol in PROTOCOLS]


def survives(content):
    """A DataError or a result, never another exception."""
    for read in (load_plain, lambda source: list(EntryStream(source, "entries"))):
        source = source_of(content)
        try:
            read(source)
        except DataError as error:
            assert "\n" not in str(error)


@st.composite
def damaged(draw, victims):
    content = bytearray(draw(st.sampled_from(victims)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content) - 1))
        kind = draw(st.sampled_from(["set", "insert", "remove", "repeat"]))
        if kind == "set":
            content[place] = draw(st.integers(0, 255))
        elif kind == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=5))
        elif kind == "remove":
            del content[place : place + draw(st.integers(1, 20))]
        else:
            content[place:place] = content[place : place + draw(st.integers(1, 60))]
        if not content:
            break
    return bytes(content)


CODES = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]
PROGRAMS = st.lists(
    st.sampled_from([*CODES, b"K\1", b"h\0", b"X\1\0\0\0a", b"\x94", b"\x8c\x07entries"]), max_size=60
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(damaged(VICTIMS))
def test_damaged_pickles_are_errors_or_data(content):
    survives(content)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | PROGRAMS)
def test_random_programs_are_errors_or_data(content):
    survives(content)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(VICTIMS) | PROGRAMS)
def test_many_damaged_pickles_and_programs_are_errors_or_data(content):
    survives(content)


# --- the window ------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), st.integers(1, 700), st.lists(st.integers(0, 900), max_size=12))
def test_the_source_gives_the_bytes_in_order(content, size, lengths):
    source = source_of(content, size)
    read = b""
    for length in lengths:
        try:
            piece = source.take(source.position, length, 900)
        except DataError:
            assert length > len(content) - len(read)
            return
        assert len(piece) == length
        read += piece
        assert content.startswith(read)
        assert source.offset + source.position == len(read)
        if source.position <= source.safe:
            window = source.buffer[source.position : source.position + LOOKAHEAD]
            assert window.rstrip(b"\0") == content[len(read) : len(read) + LOOKAHEAD].rstrip(b"\0")
    assert source.at_end() == (len(read) == len(content))
