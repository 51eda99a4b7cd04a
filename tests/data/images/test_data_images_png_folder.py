"""A folder of PNG files, and one clear line about what is wrong with it."""

import zlib

import numpy as np
import pytest
from PIL import Image

from ganas.data.images.catalog import load_images, missing_images
from ganas.data.images.image_set import NO_CLASS
from ganas.data.images.png_folder import read_png_folder
from ganas.spaces.errors import DataError
from tests.data.images.image_files import pictures


def save(path, image, **options):
    path.parent.mkdir(exist_ok=True)
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    Image.fromarray(pixels).save(path, format="PNG", **options)


@pytest.mark.parametrize("channels", [1, 3])
def test_files_are_read_in_the_order_of_their_names(tmp_path, channels):
    images = pictures(3, channels, 8)
    for name, image in zip("cab", images, strict=True):
        save(tmp_path / f"{name}.png", image)
    read = load_images("png", tmp_path)
    assert (read.images == images[[1, 2, 0]]).all()
    assert read.labels.tolist() == [NO_CLASS] * 3 and read.classes == ()
    assert load_images("png", tmp_path, size=16).images.shape == (3, channels, 16, 16)


def test_folders_are_classes(tmp_path):
    images = pictures(3, 1, 8)
    for name, image in zip(("two/a.png", "one/b.png", "two/c.png"), images, strict=True):
        save(tmp_path / name, image)
    read = read_png_folder(tmp_path)
    assert read.classes == ("one", "two") and read.labels.tolist() == [0, 1, 1]
    assert (read.images == images[[1, 0, 2]]).all()
    save(tmp_path / "loose.png", images[0])
    with pytest.raises(DataError, match="put all of them into classes, or none"):
        read_png_folder(tmp_path)


def test_an_empty_folder_and_none(tmp_path):
    assert missing_images("png", tmp_path) == f"png reads *.png from {tmp_path}: there are none in it"
    with pytest.raises(DataError, match="there are none in it"):
        read_png_folder(tmp_path)
    with pytest.raises(DataError, match="there is no such folder"):
        load_images("png", tmp_path / "absent")
    with pytest.raises(DataError, match="has no part for test"):
        load_images("png", tmp_path, part="test")


def text_chunk(length):
    """A PNG file of one pixel with a compressed text of ``length`` letters."""

    def chunk(kind, content):
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    header = (1).to_bytes(4) * 2 + bytes((8, 0, 0, 0, 0))
    text = b"key\0\0" + zlib.compress(b"a" * length)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"zTXt", text) + chunk(b"IDAT", zlib.compress(b"\0\0"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda path: save(path, pictures(1, 1, 16)[0]),
            "has 16 x 16 pixels, grey, and a.png has 8 x 8 pixels",
        ),
        (
            lambda path: save(path, pictures(1, 1, 8)[0]),
            "has 8 x 8 pixels, grey, and a.png has 8 x 8 pixels",
        ),
        (lambda path: save(path, pictures(1, 3, 8)[0][:, :4]), "has 8 x 4 pixels: images must be square"),
        (lambda path: save(path, np.zeros((1, 1025, 1025), np.uint8)), "of at most 1024 pixels a side"),
        (lambda path: Image.new("RGBA", (8, 8)).save(path), "has the mode RGBA: convert it to L"),
        (lambda path: Image.new("P", (8, 8)).save(path), "has the mode P"),
        (lambda path: Image.new("1", (8, 8)).save(path), "has the mode 1"),
        (lambda path: Image.new("I;16", (8, 8)).save(path), "has the mode I;16"),
        (lambda path: path.write_bytes(b""), "is damaged or no PNG file"),
        (lambda path: path.write_bytes(b"a text"), "is damaged or no PNG file"),
        (lambda path: Image.new("RGB", (8, 8)).save(path, format="GIF"), "is damaged or no PNG file"),
        (lambda path: path.write_bytes(text_chunk(100_000_000)), "is damaged or no PNG file|pixels"),
    ],
)
def test_wrong_sizes_modes_and_files_are_one_line(tmp_path, make, message):
    save(tmp_path / "a.png", pictures(1, 3, 8)[0])
    make(tmp_path / "b.png")
    with pytest.raises(DataError, match=message) as caught:
        read_png_folder(tmp_path)
    assert "\n" not in str(caught.value) and "b.png" in str(caught.value)


def test_a_file_that_is_cut_off_anywhere(tmp_path):
    save(tmp_path / "a.png", pictures(1, 3, 16)[0])
    content = (tmp_path / "a.png").read_bytes()
    for length in (10, 40, len(content) // 2):
        (tmp_path / "a.png").write_bytes(content[:length])
        with pytest.raises(DataError, match=r"a\.png is damaged or no PNG file"):
            read_png_folder(tmp_path)
