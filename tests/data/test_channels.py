"""Images whose channels are data: gray with opacity, RGBA, the bands of a multispectral TIFF."""

import numpy as np
import pytest
from data.writers import png, tiff
from PIL import Image

from netwright.data import Preprocessing, decode
from netwright.data.decode import decode_full, read_header
from netwright.data.decode_rules import DecodeRules
from netwright.errors import DataError

RNG = np.random.default_rng(3)
FOUR = RNG.integers(0, 256, (20, 30, 4), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_four_channels_are_the_files_own(make, kind):
    data = make.encode(Image.fromarray(FOUR), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    assert np.array_equal(decode_full(data, 4), FOUR)
    # nothing is laid on anything, and colors are not weighted by opacity
    seen = decode(data, 10, 4)
    for channel in range(4):
        assert np.array_equal(seen[..., channel], decode(FOUR[..., channel : channel + 1], 10, 1)[..., 0])


def test_two_channels_are_gray_with_opacity(make):
    data = make.encode(Image.fromarray(FOUR[..., :2]))
    assert np.array_equal(decode_full(data, 2), FOUR[..., :2])


@pytest.mark.parametrize("bands", [2, 4, 5, 7, 13])
@pytest.mark.parametrize("planar", [1, 2])
def test_bands_of_a_tiff_are_read(bands, planar):
    values = RNG.integers(0, 256, (20, 30, bands), dtype=np.uint8)
    data = tiff(values, planar=planar)
    assert read_header(data)[:2] == (20, 30)
    assert np.array_equal(decode_full(data, bands), values)
    assert decode(data, 8, bands).shape == (8, 8, bands)


def test_bands_of_sixteen_bits_have_one_scale():
    values = RNG.integers(0, 3000, (20, 30, 6), dtype=np.uint16)
    data = tiff(values, ">", deflate=True, predictor=2)
    assert np.array_equal(decode_full(data, 6), (values >> 4).astype(np.uint8))
    assert np.array_equal(decode_full(data, 6, rules=DecodeRules(full_scale=10_000)), np.rint(values * (255 / 10_000)))
    fractions = (values / 3000).astype(np.float32)
    assert np.array_equal(decode_full(tiff(fractions), 6), np.rint(fractions * 255))


def test_rgba_of_sixteen_bits_is_read_as_data():
    values = RNG.integers(0, 65536, (20, 30, 4), dtype=np.uint16)
    assert np.array_equal(decode_full(png(values), 4), (values >> 8).astype(np.uint8))


def test_colors_that_pillow_does_not_read_are_colors_all_the_same():
    fractions = RNG.random((20, 30, 3)).astype(np.float32)
    assert np.array_equal(decode_full(tiff(fractions, colors=True), 3), np.rint(fractions * 255))


def test_other_channels_are_refused_with_the_cure(make):
    photo = make.encode(Image.fromarray(FOUR[..., :3]))
    five = tiff(RNG.integers(0, 256, (20, 30, 5), dtype=np.uint8))
    for data, channels, message in (
        (
            photo,
            4,
            "the network takes 4 channels, and this image has only 3 channels. Give images with 4, or train with",
        ),
        (make.encode(Image.fromarray(FOUR[..., :3]), "JPEG"), 4, "has only 3"),
        (make.encode(Image.fromarray(FOUR[..., 0])), 4, "has only 1"),
        (
            make.encode(Image.fromarray(FOUR)),
            5,
            "has only 4 channels. Give images with 5, or train with --in_channels 4",
        ),
        (
            five,
            4,
            "takes 4 channels, and this image has 5 channels. Give images with 4, or train with --in_channels 5",
        ),
        (five, 3, "the network takes 3 channels, and this image has 5 channels."),
        (five, 7, "has only 5"),
        (np.zeros((8, 8, 3), np.uint8), 4, "has only 3"),
        (np.zeros((8, 8, 5), np.uint8), 3, "has 5"),
    ):
        with pytest.raises(DataError) as caught:
            decode(data, 8, channels)
        assert message in str(caught.value)


@pytest.mark.parametrize("channels", [2, 4, 6])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [True, False])
def test_each_channel_is_prepared_as_gray_is(channels, interpolation, antialias):
    values = RNG.integers(0, 256, (50, 70, channels), dtype=np.uint8)
    ours = Preprocessing(24, channels, 0.875, interpolation, antialias, (1.0,) * channels, (2.0,) * channels)
    gray = Preprocessing(24, 1, 0.875, interpolation, antialias, (1.0,), (2.0,))
    for channel in range(channels):
        seen = ours.pixels(values)[..., channel]
        assert np.array_equal(seen, gray.pixels(values[..., channel : channel + 1])[..., 0])
    assert ours.normalize(ours.pixels(values)[None]).shape == (1, channels, 24, 24)
