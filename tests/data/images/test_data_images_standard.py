"""STL-10, Fashion-MNIST and the digits of scikit-learn, by name; and one clear line about what is wrong with files."""

import gzip

import numpy as np
import pytest

from ganas.data.images.catalog import IMAGE_SETS, images_folder, load_images, missing_images
from ganas.data.images.image_set import NO_CLASS, resize
from ganas.data.images.stl10 import missing_stl10, read_stl10
from ganas.spaces.errors import DataError, InvalidSetting, UnknownName
from tests.data.images.image_files import idx, write_fashion_mnist, write_stl10


def test_stl10_has_its_rows_and_its_images_without_class(tmp_path, monkeypatch):
    images = write_stl10(tmp_path, monkeypatch)
    train = load_images("stl10", tmp_path)
    assert (train.images == np.concatenate([images["train"], images["unlabeled"]])).all()
    assert train.labels.tolist() == [0, 1, 2, 3] + [NO_CLASS] * 6
    assert train.labelled().images.shape == (4, 3, 96, 96)
    test = read_stl10(tmp_path / "stl10_binary", "test", size=96)
    assert (test.images == images["test"]).all() and test.labels.tolist() == [0, 1, 2]


def test_stl10_is_resized_while_it_is_read(tmp_path, monkeypatch):
    images = write_stl10(tmp_path, monkeypatch)
    assert (read_stl10(tmp_path, "test").images == resize(images["test"], 48)).all()
    assert (read_stl10(tmp_path).images[4:] == resize(images["unlabeled"], 48)).all()
    with pytest.raises(InvalidSetting, match="at least 1 pixel, not 0"):
        read_stl10(tmp_path, size=0)


def test_what_is_wrong_with_stl10_is_one_line(tmp_path, monkeypatch):
    assert "stl10_binary/unlabeled_X.bin" in str(missing_stl10(tmp_path))
    assert "unlabeled" not in str(missing_stl10(tmp_path, "test"))
    write_stl10(tmp_path, monkeypatch)
    place = tmp_path / "stl10_binary"
    for name, change, message in (
        ("unlabeled_X.bin", lambda content: content[:-5], r"unlabeled_X\.bin has .* no whole images of 27,648"),
        ("unlabeled_X.bin", lambda content: content[:27_648], r"has 1 images and should have 6"),
        ("train_y.bin", lambda content: b"\0" + content[1:], r"train_y\.bin has labels from 0 to 4, not from 1 to 10"),
        ("train_y.bin", lambda content: content[:2], r"has 2 labels and should have 4"),
        ("train_y.bin", lambda content: content * 2, r"has more than the 4 bytes"),
    ):
        content = (place / name).read_bytes()
        (place / name).write_bytes(change(content))
        with pytest.raises(DataError, match=message):
            read_stl10(tmp_path)
        (place / name).write_bytes(content)


@pytest.mark.parametrize("part", ["train", "test"])
def test_fashion_mnist_is_read(tmp_path, monkeypatch, part):
    images, labels = write_fashion_mnist(tmp_path, monkeypatch, part=part)
    read = load_images("fashionmnist", tmp_path, part=part)
    assert (read.images == images).all() and (read.labels == labels).all()
    assert load_images("fashionmnist", tmp_path, part=part, size=32).images.shape == (12, 1, 32, 32)


def test_what_is_wrong_with_fashion_mnist_is_one_line(tmp_path, monkeypatch):
    message = str(missing_images("fashionmnist", tmp_path))
    assert "train-images-idx3-ubyte.gz" in message and "fashion-mnist" in message
    images, labels = write_fashion_mnist(tmp_path, monkeypatch)
    pictures, classes = (tmp_path / f"train-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1"))
    whole = {path: path.read_bytes() for path in (pictures, classes)}
    for path, content, message in (
        (pictures, whole[pictures][:-40], "is cut off: get it again"),
        (pictures, b"no gzip file", "is damaged or no gzip file"),
        (pictures, whole[pictures][:40] + b"\xff" * 40 + whole[pictures][80:], "is damaged or no gzip file|cut off"),
        (pictures, gzip.compress(idx(images[:, 0])[:-1]), "is cut off: it has 9,407 of 9,408 bytes"),
        (pictures, gzip.compress(idx(images[:11, 0])), "has 11 images and should have 12"),
        (pictures, gzip.compress(idx(images[:, 0, :14])), r"has images of \(14, 28\) pixels, not of \(28, 28\)"),
        (pictures, gzip.compress(idx(labels)), "is no idx file of bytes with 3 dimensions"),
        (pictures, gzip.compress(bytes(10_000_000)), "has more than the 9,424 bytes"),
        (classes, gzip.compress(idx(labels + 1)), "has labels up to 10, not up to 9"),
        (classes, gzip.compress(idx(labels)[:5]), "is no idx file of bytes with 1 dimensions"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            load_images("fashionmnist", tmp_path)
        assert "\n" not in str(caught.value)
        path.write_bytes(whole[path])


def test_the_digits_need_no_files(tmp_path):
    pytest.importorskip("sklearn")
    assert missing_images("digits", tmp_path / "absent") is None
    digits = load_images("digits")
    assert digits.images.shape == (1797, 1, 8, 8) and digits.images.min() == 0 and digits.images.max() == 255
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert load_images("digits", size=16).size == 16
    with pytest.raises(DataError, match="no published part for test"):
        load_images("digits", part="test")


def test_names_and_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert set(IMAGE_SETS) == {"digits", "cifar10", "stl10", "fashionmnist", "png"}
    assert images_folder("cifar10") == tmp_path / "images" / "cifar10"
    assert str(tmp_path / "images" / "stl10") in str(missing_images("stl10"))
    with pytest.raises(UnknownName, match=r"unknown data set of images 'cifar': .*did you mean 'cifar10'"):
        load_images("cifar")
