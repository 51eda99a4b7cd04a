"""Arrays in pickles: those that numpy writes are read, and everything else about them is refused."""

import pickle

import numpy as np
import pytest

from ganas.data.pickle_constructors import NUMBER_TYPES, NUMERIC_DATA, PickledArray
from ganas.data.safe_pickle import ARRAY_DATA, load_pickle
from ganas.spaces.errors import DataError, InvalidSetting
from tests.data.images.image_files import pictures, python2_array


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("kind", ["u1", "i8", "f4", "f8"])
def test_arrays_of_every_old_protocol_are_read(protocol, kind):
    array = np.arange(12).astype(kind).reshape(3, 4)
    found = load_pickle(pickle.dumps({"data": array}, protocol), ARRAY_DATA)["data"]
    assert isinstance(found, PickledArray)
    assert found.array().dtype == array.dtype and (found.array() == array).all()


def test_arrays_of_python_2_need_their_encoding():
    pixels = pictures(2, 3, 4).reshape(2, -1)
    content = b"\x80\x02" + python2_array(pixels) + b"."
    assert (load_pickle(content, ARRAY_DATA, encoding="latin1").array() == pixels).all()
    with pytest.raises(DataError, match="damaged or no pickle"):
        load_pickle(content, ARRAY_DATA)
    # A type as numpy wrote it before it had flags: version 2, and nothing at the end.
    older = content.replace(b"(K\x03U\x01|", b"(K\x02U\x01|").replace(b"\xff\xff\xff\xffK\x00tb", b"\xff\xff\xff\xfftb")
    assert len(older) == len(content) - 2
    assert (load_pickle(older, ARRAY_DATA, encoding="latin1").array() == pixels).all()


def test_arrays_are_refused_unless_they_are_allowed():
    content = pickle.dumps(np.arange(3), 4)
    with pytest.raises(DataError, match=r"numpy.*_reconstruct, which is not allowed: nothing was run"):
        load_pickle(content, NUMERIC_DATA)
    with pytest.raises(InvalidSetting, match=r"numpy\.load cannot be allowed"):
        load_pickle(content, {("numpy", "load")})


@pytest.mark.parametrize(
    "array", [np.array(["a"], object), np.array(["a"]), np.zeros((2, 2), ">i4"), np.asfortranarray(np.ones((2, 3)))]
)
def test_arrays_of_anything_but_plain_numbers_are_refused(array):
    with pytest.raises(DataError, match=r"numpy type|little-endian|plain numbers"):
        load_pickle(pickle.dumps(array, 4), ARRAY_DATA)


BYTE = NUMBER_TYPES["u1"]


@pytest.mark.parametrize(
    "state",
    [
        None,
        (1, (2,), BYTE, False),
        (1, (3,), BYTE, False, b"ab"),
        (1, (-2,), BYTE, False, b"ab"),
        (1, (10**30,), BYTE, False, b"ab"),
        (1, [2], BYTE, False, b"ab"),
        (1, (True,), BYTE, False, b"a"),
        (1, (2,), "u1", False, b"ab"),
        (1, (2,), BYTE, True, b"ab"),
        (1, (2,), BYTE, False, [1, 2]),
        (1, (2,), BYTE, False, "\u20ac\u20ac"),
    ],
)
def test_states_that_numpy_does_not_write(state):
    with pytest.raises(DataError, match="pickle"):
        PickledArray().__setstate__(state)


def test_an_array_is_filled_once_and_has_nothing_else_on_it():
    array = PickledArray()
    with pytest.raises(DataError, match="does not fill it"):
        array.array()
    array.__setstate__((1, (2,), BYTE, False, b"ab"))
    assert array.array().tolist() == [97, 98] and not array.array().flags.writeable
    with pytest.raises(DataError, match="in a way that numpy does not"):
        array.__setstate__((1, (2,), BYTE, False, b"cd"))
    with pytest.raises(AttributeError):
        array.extra = 1


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n(K\x02tR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x03\x85C\x01btR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(K\x01K\x00\x85C\x01btR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01OtR.",
    ],
)
def test_calls_that_numpy_does_not_write(content):
    with pytest.raises(DataError, match=r"in a way that numpy does not|which is not allowed"):
        load_pickle(content, ARRAY_DATA)
