"""The catalogue of all data sets: what is known of each, where its files go, and what is missing."""

import pytest

from ganas.data.datasets import dataset, datasets
from ganas.data.images.catalog import IMAGE_SETS, images_folder
from ganas.spaces.errors import UnknownName
from tests.data.images.image_files import write_cifar_binary


def test_every_data_set_once_in_alphabetical_order():
    assert list(datasets()) == sorted(datasets())
    assert set(IMAGE_SETS) < set(datasets()) and {"bbcnews", "ptb", "wnut17", "sst2"} < set(datasets())
    with pytest.raises(UnknownName, match="did you mean 'cifar10'"):
        dataset("cifar")


@pytest.mark.parametrize(
    ("name", "pixels", "channels", "counts"),
    [
        ("digits", 8, 1, {"images of train": 1_797}),
        ("cifar10", 32, 3, {"images of train": 50_000, "images of test": 10_000}),
        ("stl10", 96, 3, {"images of train": 5_000, "images of test": 8_000, "images of unlabeled": 100_000}),
        ("fashionmnist", 28, 1, {"images of train": 60_000, "images of test": 10_000}),
    ],
)
def test_images_have_size_channels_classes_and_published_counts(name, pixels, channels, counts):
    known = dataset(name)
    assert known.tasks == ("generation of images",)
    assert (known.about["pixels a side"], known.about["channels"]) == (pixels, channels)
    assert len(known.about["classes"].split(", ")) == 10
    assert known.counts == counts and known.counts_source
    assert IMAGE_SETS[name].has_test_part == ("images of test" in counts)


def test_images_lie_in_a_folder_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    assert dataset("digits").folder is None and dataset("digits").files == ()
    assert dataset("stl10").folder == images_folder("stl10") == tmp_path / "images" / "stl10"
    assert dataset("ptb").folder == tmp_path / "corpora" / "ptb"
    assert dataset("png").about["classes"] == "one for each folder within the folder; or none"
    assert str(dataset("png").missing()) == f"png reads *.png from {tmp_path}/images/png: there is no such folder"


def test_files_of_both_parts_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("GANAS_HOME", str(tmp_path))
    known = dataset("cifar10")
    assert [len(files) for files in known.files] == [6, 6]
    folder = images_folder("cifar10")
    folder.mkdir(parents=True)
    assert "cifar-10-batches-bin/data_batch_1.bin" in str(known.missing())
    write_cifar_binary(folder, monkeypatch)
    assert "cifar-10-batches-py/test_batch, or cifar-10-batches-bin/test_batch.bin" in str(known.missing())
    write_cifar_binary(folder, monkeypatch, part="test")
    assert known.missing() is None
    assert all((folder / file).is_file() for file in known.files[1])
