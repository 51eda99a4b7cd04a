"""Small files in the official formats of CIFAR-10, STL-10 and Fashion-MNIST, and the counts and digests to go with."""

import gzip
import hashlib
import struct

import numpy as np

from ganas.data.images import cifar10, fashion_mnist, stl10

PYTHON, BINARY = "cifar-10-batches-py", "cifar-10-batches-bin"


def pictures(count, channels, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, channels, size, size), dtype=np.uint8)


def numbers_of_classes(count):
    return np.arange(count) % 10


def python2_string(content):
    if len(content) < 256:
        return b"U" + bytes([len(content)]) + content
    return b"T" + struct.pack("<I", len(content)) + content


def python2_array(pixels):
    """An array as numpy and cPickle of Python 2 write it in protocol 2: strings of bytes, no memo."""
    shape = b"".join(b"J" + struct.pack("<i", length) for length in pixels.shape) + b"\x86"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return empty + b"(K\x01" + shape + kind + b"\x89" + python2_string(pixels.tobytes()) + b"tb"


def python2_batch(pixels, labels):
    numbers = b"](" + b"".join(b"K" + bytes([int(label)]) for label in labels) + b"e"
    entries = ((b"batch_label", python2_string(b"training batch 1 of 5")), (b"labels", numbers))
    pairs = (*entries, (b"data", python2_array(pixels.reshape(len(pixels), -1))), (b"filenames", b"]"))
    return b"\x80\x02}(" + b"".join(python2_string(name) + value for name, value in pairs) + b"u."


def cifar_batches(part="train"):
    return [f"data_batch_{number}" for number in range(1, 6)] if part == "train" else ["test_batch"]


def small_cifar(monkeypatch, count):
    monkeypatch.setattr(cifar10, "_IMAGES", count)


def know_digest(monkeypatch, path):
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(cifar10, "_DIGESTS", {**cifar10._DIGESTS, path.name: digest})


def write_cifar_python(folder, monkeypatch, count=4, part="train"):
    """Returns the images and labels that are in the files."""
    small_cifar(monkeypatch, count)
    (folder / PYTHON).mkdir(exist_ok=True)
    names = cifar_batches(part)
    images, labels = pictures(count * len(names), 3, 32), numbers_of_classes(count * len(names))
    for number, name in enumerate(names):
        mine = slice(number * count, (number + 1) * count)
        path = folder / PYTHON / name
        path.write_bytes(python2_batch(images[mine], labels[mine]))
        know_digest(monkeypatch, path)
    return images, labels


def write_cifar_binary(folder, monkeypatch, count=4, part="train"):
    small_cifar(monkeypatch, count)
    (folder / BINARY).mkdir(exist_ok=True)
    names = cifar_batches(part)
    images, labels = pictures(count * len(names), 3, 32), numbers_of_classes(count * len(names))
    records = np.concatenate([labels.astype(np.uint8)[:, None], images.reshape(len(images), -1)], axis=1)
    for number, name in enumerate(names):
        (folder / BINARY / f"{name}.bin").write_bytes(records[number * count : (number + 1) * count].tobytes())
    return images, labels


def write_stl10(folder, monkeypatch, train=4, unlabelled=6, test=3):
    """Returns the images of the three files."""
    monkeypatch.setattr(stl10, "COUNTS", {"train": train, "test": test, "unlabeled": unlabelled})
    monkeypatch.setattr(stl10, "_AT_ONCE", 4)
    place = folder / "stl10_binary"
    place.mkdir()
    images = {}
    for seed, (name, count) in enumerate(stl10.COUNTS.items()):
        images[name] = pictures(count, 3, 96, seed)
        # Columns come before rows in the files.
        (place / f"{name}_X.bin").write_bytes(images[name].transpose(0, 1, 3, 2).tobytes())
        if name != "unlabeled":
            (place / f"{name}_y.bin").write_bytes((numbers_of_classes(count) + 1).astype(np.uint8).tobytes())
    return images


def idx(values):
    header = bytes((0, 0, 8, values.ndim)) + b"".join(struct.pack(">i", length) for length in values.shape)
    return header + values.astype(np.uint8).tobytes()


def write_fashion_mnist(folder, monkeypatch, count=12, part="train", size=28):
    monkeypatch.setattr(fashion_mnist, "COUNTS", {"train": count, "test": count})
    prefix = {"train": "train", "test": "t10k"}[part]
    images, labels = pictures(count, 1, size), numbers_of_classes(count)
    (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images[:, 0])))
    (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return images, labels
