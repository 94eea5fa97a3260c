import numpy as np
import pytest

from netwright.data.resize import resize
from netwright.loader.part_resize import resize_part


def photo(height, width, channels=3):
    coarse = np.random.default_rng(height).integers(0, 256, (9, 9, channels), dtype=np.uint8)
    return resize(coarse, height, width, "bicubic", antialias=True)


@pytest.mark.parametrize("size", [(40, 300), (128, 128), (500, 375), (10, 10)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_part_is_within_rounding_of_pillows(size, interpolation):
    part = photo(*size)
    difference = np.abs(
        resize_part(part, 64, interpolation, antialias=True).astype(int)
        - resize(part, 64, 64, interpolation, antialias=True)
    )
    assert difference.mean() < 0.1
    assert difference.max() <= 2


@pytest.mark.parametrize(
    ("interpolation", "antialias", "channels"),
    [("nearest", True, 3), ("bilinear", False, 3), ("bilinear", True, 1), ("bilinear", True, 4)],
)
def test_what_torch_does_not_do_quickly_is_pillows_or_opencvs(interpolation, antialias, channels):
    part = photo(90, 70, channels)
    made = resize_part(part, 32, interpolation, antialias=antialias)
    assert np.array_equal(made, resize(part, 32, 32, interpolation, antialias=antialias))


def test_a_box_is_the_part_it_encloses():
    part = photo(120, 160)
    whole = resize_part(part[20:100, 40:120], 16, "bilinear", antialias=True)
    boxed = resize_part(part, 16, "bilinear", antialias=True, box=(20.0, 40.0, 80.0, 80.0))
    inner = np.abs(whole.astype(int) - boxed)[1:-1, 1:-1]
    assert inner.max() <= 4
