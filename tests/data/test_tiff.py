import io
import struct

import numpy as np
import pytest
from data.writers import tiff
from PIL import Image

from netwright.data.tiff import MOST_BYTES, read_samples, read_tiff_header
from netwright.errors import DataError

RNG = np.random.default_rng(0)


def samples(kind, channels, size=(37, 45)):
    if np.dtype(kind).kind == "f":
        return RNG.normal(size=(*size, channels)).astype(kind)
    return RNG.integers(0, np.iinfo(kind).max, (*size, channels)).astype(kind)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.uint32, np.float32, np.float64])
@pytest.mark.parametrize(
    "layout", [{}, {"rows": 10}, {"tile": 16}, {"planar": 2, "rows": 10}, {"planar": 2, "tile": 16}]
)
def test_samples_of_any_type_and_layout_are_read_exactly(order, kind, layout):
    values = samples(kind, 5)
    for options in ({}, {"deflate": True}):
        assert np.array_equal(read_samples(tiff(values, order, **layout, **options)), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{"rows": 10}, {"tile": 16}, {"planar": 2}])
def test_differences_are_undone(order, layout):
    for kind, predictor in ((np.uint8, 2), (np.uint16, 2), (np.float32, 2), (np.float32, 3)):
        values = samples(kind, 4)
        data = tiff(values, order, deflate=True, predictor=predictor, **layout)
        assert np.array_equal(read_samples(data), values), (kind, predictor)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
def test_what_libtiff_has_compressed_is_read_as_pillow_reads_it(compression):
    image = Image.fromarray(samples(np.uint8, 4, (120, 90)))
    for predictor in (1, 2):
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", compression=compression, tiffinfo={} if compression == "raw" else {317: predictor})
        assert np.array_equal(read_samples(buffer.getvalue()), np.asarray(image))


def test_a_header_is_read_without_pixels():
    header = read_tiff_header(tiff(samples(np.uint16, 7), ">"))
    assert (header.height, header.width, header.channels, header.bits, header.white) == (37, 45, 7, 16, None)


@pytest.mark.parametrize(("largest", "white"), [(4095, 4095), (1023, 1023), (3890, None), (65535, None), (255, None)])
def test_a_largest_value_is_declared_where_it_ends_some_bits(largest, white):
    """The standard's MaxSampleValue is the largest value used: 3,890 says nothing of other images."""
    assert read_tiff_header(tiff(samples(np.uint16, 1), more=[(281, 3, [largest])])).white == white


def test_what_cannot_be_read_is_refused():
    buffer = io.BytesIO()
    Image.fromarray(samples(np.uint8, 3)).save(buffer, "TIFF", compression="jpeg")
    with pytest.raises(DataError, match="compressed by LZW"):
        read_samples(buffer.getvalue())
    with pytest.raises(DataError, match="tags of this TIFF cannot be read"):
        read_tiff_header(b"II*\0\xff\xff\0\0")
    huge = tiff(samples(np.uint16, 4)).replace(
        struct.pack("<HHII", 256, 4, 1, 45), struct.pack("<HHII", 256, 4, 1, 1 << 20)
    )
    with pytest.raises(DataError, match=f"at most {MOST_BYTES:,} bytes"):
        read_samples(huge)
