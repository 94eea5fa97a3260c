import io

import numpy as np
import pytest
from data.writers import png
from PIL import Image

from netwright.data.png import is_sixteen_bit_color, png_depth, read_png, significant_bits
from netwright.errors import DataError

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (37, 23), (130, 70)])
def test_every_filter_is_undone(channels, size):
    values = RNG.integers(0, 65536, (*size, channels), dtype=np.uint16)
    smooth = (np.add.outer(np.arange(size[0]), np.arange(size[1])) * 300 % 65536).astype(np.uint16)
    for image in (values, np.repeat(smooth[..., None], channels, axis=2)):
        for kinds in (*([kind] * size[0] for kind in range(5)), RNG.integers(0, 5, size[0]).tolist()):
            data = png(image, kinds=kinds)
            assert np.array_equal(read_png(data), image)
            upper = np.asarray(Image.open(io.BytesIO(data)))
            if channels > 2:  # the filters of the test are those that Pillow undoes
                assert np.array_equal(upper, image >> 8)


def test_its_kind_is_known_without_pixels(make):
    for channels in (1, 2, 3, 4):
        data = png(np.zeros((3, 3, channels), np.uint16), bits=11)
        assert (png_depth(data), is_sixteen_bit_color(data), significant_bits(data)) == (16, channels > 1, 11)
    eight = make.encode(make.picture((1, 2, 3), 0))
    assert (png_depth(eight), is_sixteen_bit_color(eight), significant_bits(eight)) == (8, False, None)
    assert png_depth(make.encode(make.picture((1, 2, 3), 0), "JPEG")) == 0


def test_damage_is_an_error_and_never_more_memory():
    good = png(RNG.integers(0, 65536, (40, 30, 3), dtype=np.uint16))
    for bad in (good[: len(good) // 2], good[:200] + bytes(40) + good[240:]):
        with pytest.raises(DataError, match=r"truncated or damaged|is damaged"):
            read_png(bad)
    interlaced = good[:28] + b"\1" + good[29:]
    with pytest.raises(DataError, match="interlaced"):
        read_png(interlaced)
