"""Samples side by side in a PNG file."""

import numpy as np
import pytest
from PIL import Image

from ganas.bench.training.generation.sample_grid import sample_grid, save_sample_grid
from ganas.spaces.errors import DataError, InvalidSetting, TrainingFailed
from tests.data.images.image_files import pictures

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_row_by_row(channels):
    pixels = pictures(5, channels, 4)
    grid = sample_grid(pixels, columns=3, scale=2, gap=1)
    assert grid.shape[:2] == (2 * 9 + 1, 3 * 9 + 1)
    fourth = grid[10:18:2, 1:9:2]
    expected = pixels[3][0] if channels == 1 else pixels[3].transpose(1, 2, 0)
    assert (fourth == expected).all() and (grid[11:18:2, 2:9:2] == expected).all()
    assert (grid[9] == 128).all() and (grid[10:, 19:] == 128).all()  # between the rows, and where the sixth would be


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (5, 3), (9, 3), (10, 4), (64, 8)])
def test_a_grid_is_as_wide_as_high_by_default(count, columns):
    assert sample_grid(pictures(count, 1, 4)).shape[1] == columns * 5 + 1


def test_what_is_no_grid():
    for options in ({"columns": 0}, {"scale": 0}, {"gap": -1}):
        with pytest.raises(InvalidSetting, match="no grid has 4 images"):
            sample_grid(pictures(4, 1, 4), **options)
    with pytest.raises(InvalidSetting, match="no grid has 0 images"):
        sample_grid(pictures(0, 1, 4))
    with pytest.raises(DataError, match="not of 2"):
        sample_grid(pictures(4, 2, 4))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_file_holds_the_grid_and_replaces_the_one_before(tmp_path, channels):
    path = tmp_path / "new" / "samples.png"
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        images = torch.rand(6, channels, 8, 8, generator=generator) * 2 - 1
        save_sample_grid(path, images.requires_grad_(), columns=3)
        pixels = (images.detach() * 127.5 + 127.5).to(torch.uint8).numpy()
        with Image.open(path) as read:
            assert read.mode == ("L" if channels == 1 else "RGB")
            assert (np.array(read) == sample_grid(pixels, columns=3)).all()
    assert [found.name for found in path.parent.iterdir()] == ["samples.png"]


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(TrainingFailed, match="no finite numbers"):
        save_sample_grid(tmp_path / "a.png", torch.full((1, 1, 4, 4), float("inf")))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot write"):
        save_sample_grid(tmp_path / "file" / "a.png", torch.zeros(1, 1, 4, 4))
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
