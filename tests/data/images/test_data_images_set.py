"""Images of one size: their halves, their digest, other sizes, and what is no such thing."""

import numpy as np
import pytest
from PIL import Image

from ganas.data.images.image_set import NO_CLASS, ImageSet, resize
from ganas.spaces.errors import DataError, InvalidSetting
from tests.data.images.image_files import numbers_of_classes, pictures

CLASSES = tuple("0123456789")


def some(count=11, channels=3, size=8):
    return ImageSet("some", pictures(count, channels, size), numbers_of_classes(count), CLASSES)


def test_halves_are_apart_and_never_change():
    images = some()
    train, held_out = images.halves()
    assert (len(train), len(held_out)) == (6, 5)
    kept = np.concatenate([train.images, held_out.images]).reshape(11, -1)
    assert len(np.unique(kept, axis=0)) == 11
    again = some().halves()
    assert (again[0].images == train.images).all() and (again[1].labels == held_out.labels).all()


def test_which_images_are_in_the_training_half_is_fixed():
    rows = ImageSet("rows", pictures(12, 1, 8), np.arange(12), tuple("abcdefghijkl"))
    assert [half.labels.tolist() for half in rows.halves()] == [[0, 1, 4, 6, 10, 11], [2, 3, 5, 7, 8, 9]]


def test_the_digest_is_of_everything():
    images = some()
    assert images.digest() == some().digest()
    changed = images.images.copy()
    changed[0, 0, 0, 0] ^= 1
    others = [
        ImageSet("some", changed, images.labels, CLASSES),
        ImageSet("some", images.images, images.labels[::-1], CLASSES),
        ImageSet("some", images.images, images.labels, (*CLASSES[:-1], "x")),
        some(size=9),
    ]
    assert len({other.digest() for other in others} | {images.digest()}) == 5


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (pictures(3, 2, 8), np.zeros(3, np.int64), "of shape .3, 2, 8, 8. and type uint8: square ones"),
        (pictures(3, 1, 8)[:, :, :4], np.zeros(3, np.int64), "square ones"),
        (pictures(3, 1, 8).astype(np.float32), np.zeros(3, np.int64), "type float32"),
        (pictures(3, 1, 8)[0], np.zeros(1, np.int64), "square ones"),
        (pictures(3, 1, 8)[:0], np.zeros(0, np.int64), "has no images"),
        (pictures(3, 1, 8), np.zeros(2, np.int64), "3 images and labels of shape"),
        (pictures(3, 1, 8), np.full(3, 10), "has labels from 10 to 10 and 10 classes"),
        (pictures(3, 1, 8), np.full(3, -2), "has labels from -2 to -2"),
    ],
)
def test_what_is_no_set_of_images(images, labels, message):
    with pytest.raises(DataError, match=message):
        ImageSet("some", images, labels, CLASSES)


def test_one_image_and_images_without_class():
    one = ImageSet("one", pictures(1, 1, 8), np.full(1, NO_CLASS), ())
    with pytest.raises(DataError, match="cannot be halved"):
        one.halves()
    with pytest.raises(DataError, match="no images whose class is known, so a classifier has nothing to learn from"):
        one.labelled()


@pytest.mark.parametrize(("old", "new"), [(8, 16), (28, 32), (96, 48), (32, 20), (9, 1), (1, 5), (12, 12)])
def test_resizing_is_that_of_pillow(old, new):
    images = pictures(3, 3, old)
    resized = resize(images, new)
    for image, mine in zip(images, resized, strict=True):
        theirs = Image.fromarray(image.transpose(1, 2, 0)).resize((new, new), Image.Resampling.BILINEAR)
        difference = np.asarray(theirs, np.int64).transpose(2, 0, 1) - mine
        assert np.abs(difference).max() <= 1


def test_resizing_keeps_classes_and_refuses_nothing():
    images = some()
    assert images.resized(None) is images and images.resized(8) is images
    assert (images.resized(16).labels == images.labels).all()
    with pytest.raises(InvalidSetting, match="at least 1 pixel, not 0"):
        images.resized(0)
