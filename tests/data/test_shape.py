import numpy as np
import pytest
from PIL import Image

from netwright.data import open_source
from netwright.data.shape import ImageShape, choose_shape
from netwright.errors import DataError


def shape_of(data_dir, resolution=None):
    source = open_source(data_dir)
    return choose_shape(source, np.arange(len(source.labels)), resolution)


def test_digits_keep_their_size_and_are_not_mirrored():
    assert shape_of("digits") == ImageShape(8, 1, False)
    assert shape_of("digits", 16) == ImageShape(16, 1, False)


@pytest.mark.parametrize(
    ("size", "resolution"),
    [
        ((32, 32), 32),
        ((96, 96), 96),
        ((28, 28), 28),
        ((97, 97), 96),
        ((130, 100), 96),
        ((20, 30), 32),
        ((500, 400), 224),
    ],
)
def test_the_resolution_follows_the_images(tmp_path, make, size, resolution):
    make.fill(tmp_path, {"ant": 2, "bee": 2}, size=size)
    assert shape_of(tmp_path) == ImageShape(resolution, 3, True)


def test_gray_photographs_have_one_channel_and_may_be_mirrored(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        Image.new("L", (128, 128)).save(tmp_path / name / "1.png")
    assert shape_of(tmp_path) == ImageShape(128, 1, True)


def test_gray_glyphs_are_not_mirrored(tmp_path):
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        Image.new("L", (28, 28)).save(tmp_path / name / "1.png")
    assert shape_of(tmp_path) == ImageShape(28, 1, False)


def test_a_tiny_resolution_is_refused():
    with pytest.raises(DataError, match="at least 4 pixels, not 0"):
        shape_of("digits", 0)


def test_a_bad_image_does_not_decide(tmp_path, make):
    make.fill(tmp_path, {"ant": 3, "bee": 3}, size=(40, 40))
    (tmp_path / "ant" / "000.png").write_bytes(b"x")
    assert shape_of(tmp_path).resolution == 40


def test_only_bad_images_are_refused(tmp_path, make):
    make.fill(tmp_path, {"ant": 1, "bee": 1})
    for name in ("ant", "bee"):
        (tmp_path / name / "000.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the images .* UnidentifiedImageError: cannot identify image file"):
        shape_of(tmp_path)
