"""How images of any shape become square."""

import numpy as np
import pytest
from PIL import Image

from netwright.data import Preprocessing, decode
from netwright.data.decode_rules import DecodeRules
from netwright.data.resize import RESIZES, letterbox, make_square, resize, resize_and_crop, square_at_once

WIDE = np.zeros((20, 60, 3), dtype=np.uint8)
WIDE[:, :20], WIDE[:, 20:40], WIDE[:, 40:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_of_a_wide_image_each_way_shows_another_part(make):
    data = make.encode(Image.fromarray(WIDE))
    crop, squash, box = (decode(data, 20, 3, resize=how) for how in RESIZES)
    assert (crop == (0, 255, 0)).all()
    assert np.array_equal(squash, np.asarray(Image.fromarray(WIDE).resize((20, 20), Image.Resampling.BILINEAR)))
    assert [tuple(squash[10, x]) for x in (1, 10, 18)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert (box[:6] == 255).all()
    assert (box[14:] == 255).all()
    assert [tuple(box[10, x]) for x in (1, 10, 18)] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert (decode(data, 20, 3, resize="letterbox", rules=DecodeRules("#0a0b0c"))[:6] == (10, 11, 12)).all()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_crop_is_what_it_was(interpolation, antialias):
    pixels = np.random.default_rng(0).integers(0, 256, (41, 83, 3), dtype=np.uint8)
    before = resize_and_crop(pixels, 32, 28, interpolation, antialias=antialias)
    assert np.array_equal(make_square(pixels, 32, 28, interpolation, antialias=antialias), before)
    ours = Preprocessing(28, 3, 0.875, interpolation, antialias)
    assert np.array_equal(ours.pixels(pixels), before)


@pytest.mark.parametrize("how", ["squash", "letterbox"])
def test_a_square_image_is_the_same_in_all_ways(how):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    fill = (9, 9, 9)
    expected = square_at_once(pixels, 24, "crop", fill)
    assert np.abs(square_at_once(pixels, 24, how, fill).astype(int) - expected).max() <= 1
    for crop_pct in (1.0, 0.875):
        all_ways = [Preprocessing(24, crop_pct=crop_pct, resize=each).pixels(pixels) for each in ("crop", how)]
        assert np.array_equal(*all_ways)


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (7, 3), (20, 21)])
def test_a_letterbox_keeps_the_ratio_and_the_middle(size):
    pixels = np.full((*size, 2), 100, dtype=np.uint8)
    boxed = letterbox(pixels, 30, "bilinear", antialias=True, fill=(1, 2))
    is_image = (boxed[..., 0] == 100) & (boxed[..., 1] == 100)
    high, wide = is_image.any(axis=1).sum(), is_image.any(axis=0).sum()
    assert (high, wide) == tuple(max(1, round(30 * side / max(size))) for side in size)
    assert (boxed[~is_image] == (1, 2)).all()
    rows = np.flatnonzero(is_image.any(axis=1))
    assert abs((rows[0] + rows[-1]) / 2 - 14.5) <= 0.5


def test_squash_with_a_crop_is_timms():
    """crop_mode squash: both sides to size / crop_pct, then the center."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    whole = resize(pixels, 32, 32, "bicubic", antialias=True)
    ours = Preprocessing(28, crop_pct=0.875, interpolation="bicubic", resize="squash")
    assert np.array_equal(ours.pixels(pixels), whole[2:30, 2:30])
