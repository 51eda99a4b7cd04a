"""CIFAR-10 from both of its versions, and one clear line about what is wrong with the files."""

import os
import pickle

import numpy as np
import pytest

from ganas.data.images.cifar10 import CLASSES, missing_cifar10, read_cifar10
from ganas.spaces.errors import DataError
from tests.data.images.image_files import (
    BINARY,
    PYTHON,
    know_digest,
    numbers_of_classes,
    pictures,
    python2_batch,
    write_cifar_binary,
    write_cifar_python,
)


@pytest.mark.parametrize("write", [write_cifar_python, write_cifar_binary])
@pytest.mark.parametrize("part", ["train", "test"])
def test_both_versions_give_the_same_images(tmp_path, monkeypatch, write, part):
    images, labels = write(tmp_path, monkeypatch, part=part)
    read = read_cifar10(tmp_path, part)
    assert read.images.dtype == np.uint8 and (read.images == images).all()
    assert (read.labels == labels).all() and read.classes == CLASSES
    assert read.images.flags.writeable
    # The folder itself may be named, too.
    (place,) = tmp_path.iterdir()
    assert read_cifar10(place, part).digest() == read.digest()


def test_missing_files_are_named_with_their_source(tmp_path, monkeypatch):
    message = str(missing_cifar10(tmp_path))
    assert "cifar-10-batches-py/data_batch_1" in message and "cifar-10-batches-bin/data_batch_1.bin" in message
    assert "https://www.cs.toronto.edu/~kriz/cifar.html" in message and "\n" not in message
    write_cifar_binary(tmp_path, monkeypatch)
    assert missing_cifar10(tmp_path) is None
    (tmp_path / BINARY / "data_batch_3.bin").unlink()
    assert f"{BINARY}/data_batch_3.bin is missing" in str(missing_cifar10(tmp_path))
    with pytest.raises(DataError, match=r"data_batch_3\.bin is missing"):
        read_cifar10(tmp_path)
    assert "test_batch" in str(missing_cifar10(tmp_path, "test"))


def test_a_pickle_that_is_not_the_published_one_is_not_opened(tmp_path, monkeypatch):
    write_cifar_python(tmp_path, monkeypatch, part="test")
    path = tmp_path / PYTHON / "test_batch"
    target = tmp_path / "ran"

    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {target}",)

    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(DataError, match=r"test_batch is not the published file: its MD5 is .* or take cifar-10-batch"):
        read_cifar10(tmp_path, "test")
    # Even if somebody made a file of the same digest, nothing in it is run.
    know_digest(monkeypatch, path)
    with pytest.raises(DataError, match=r"test_batch: the pickle asks for posix\.system, which is not allowed"):
        read_cifar10(tmp_path, "test")
    assert not target.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (python2_batch(pictures(4, 3, 16), numbers_of_classes(4)), "is no batch of CIFAR-10"),
        (python2_batch(pictures(4, 3, 32), numbers_of_classes(3)), "is no batch of CIFAR-10"),
        (python2_batch(pictures(4, 3, 32), [0, 1, 2, 10]), "has labels from 0 to 10, not from 0 to 9"),
        (python2_batch(pictures(3, 3, 32), numbers_of_classes(3)), "has 3 images and should have 4"),
        (pickle.dumps([1]), "is no batch of CIFAR-10"),
        (pickle.dumps({"data": b"", "labels": []}), "is no batch of CIFAR-10"),
        (python2_batch(pictures(4, 3, 32), numbers_of_classes(4))[:-500], "is damaged or no pickle"),
    ],
)
def test_damaged_batches_are_one_line(tmp_path, monkeypatch, content, message):
    write_cifar_python(tmp_path, monkeypatch, part="test")
    path = tmp_path / PYTHON / "test_batch"
    path.write_bytes(content)
    know_digest(monkeypatch, path)
    with pytest.raises(DataError, match=message) as caught:
        read_cifar10(tmp_path, "test")
    assert "\n" not in str(caught.value) and "test_batch" in str(caught.value)


def test_damaged_binary_files_are_one_line(tmp_path, monkeypatch):
    write_cifar_binary(tmp_path, monkeypatch, part="test")
    path = tmp_path / BINARY / "test_batch.bin"
    content = path.read_bytes()
    for changed, message in (
        (content[:-1], r"test_batch\.bin has 12,291 bytes, which are no whole records of 3,073"),
        (content[:-3073], r"has 3 images and should have 4"),
        (content + content, r"has more than the 12,292 bytes"),
        (b"", r"has 0 images and should have 4"),
        (b"\x0b" + content[1:], r"has labels from 1 to 11, not from 0 to 9"),
    ):
        path.write_bytes(changed)
        with pytest.raises(DataError, match=message):
            read_cifar10(tmp_path, "test")
