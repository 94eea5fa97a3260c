"""Images of more than eight bits: what is white in them, by the file, by the data set, by their own values."""

import numpy as np
import pytest
from data.writers import png, tiff
from PIL import Image

from netwright.data import decode
from netwright.data.decode import decode_full
from netwright.data.decode_rules import DecodeRules
from netwright.data.depth import eight_bits, scale_of
from netwright.data.full_scale import find_full_scale
from netwright.errors import DataError

RNG = np.random.default_rng(1)
TWELVE = RNG.integers(0, 4096, (24, 24, 3), dtype=np.uint16)
TWELVE[0, 0] = 4095
EXPECTED = (TWELVE >> 4).astype(np.uint8)


@pytest.mark.parametrize(
    ("largest", "white"),
    [
        (0, 255),
        (255, 255),
        (256, 1023),
        (4095, 4095),
        (4096, 16383),
        (16384, 65535),
        (65536, 131071),
        (2**32 - 1, 2**32 - 1),
    ],
)
def test_white_ends_the_bits_that_the_largest_value_needs(largest, white):
    assert scale_of(largest) == white


def test_fractions_end_at_one_and_too_much_is_refused():
    assert [scale_of(value, is_float=True) for value in (0.2, 1.0, 1.5, 255.0, 3000.0)] == [1, 1, 255, 255, 4095]
    with pytest.raises(DataError, match="below 4,294,967,296"):
        scale_of(2**32)


def test_bits_are_left_out_and_fractions_are_rounded():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(eight_bits(values, 65535), (values >> 8).astype(np.uint8))
    assert np.array_equal(eight_bits(values, 4095), np.minimum(values >> 4, 255).astype(np.uint8))
    assert eight_bits(np.array([[0, 500, 1000, 2000]]), 1000).tolist() == [[0, 128, 255, 255]]
    assert eight_bits(np.array([[0, 0.5, 1, 7]]), 1.0).tolist() == [[0, 128, 255, 255]]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_twelve_bits_of_a_png_are_read_with_all_of_them(channels):
    values = np.concatenate([TWELVE, np.full_like(TWELVE[..., :1], 65535)], axis=2)
    values = {1: values[..., :1], 2: values[..., [0, 3]], 3: values[..., :3], 4: values}[channels]
    shown = EXPECTED if channels > 2 else EXPECTED[..., :1].repeat(3, axis=2)
    assert np.array_equal(decode_full(png(values), 3), shown)
    assert np.array_equal(decode_full(png(values), 3, rules=DecodeRules(full_scale=4095)), shown)
    before = decode_full(png(values), 3, rules=DecodeRules("black", "high_byte"))
    assert np.array_equal(
        before, (np.array(values[..., : 3 if channels > 2 else 1]) >> 8).repeat(3 if channels < 3 else 1, axis=2)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_of_a_tiff_are_read_with_all_of_them(order, channels):
    data = tiff(TWELVE[..., :channels], order, colors=channels == 3)
    assert np.array_equal(decode_full(data, channels), EXPECTED[..., :channels])


def test_opacity_has_its_own_scale():
    values = np.dstack([np.full((4, 4, 3), 4095), np.full((4, 4, 1), 65535)]).astype(np.uint16)
    values[:2, :, 3] = 0
    pixels = decode_full(png(values), 3, rules=DecodeRules("black"))
    assert (pixels[:2] == 0).all()
    assert (pixels[2:] == 255).all()


def test_a_dark_image_of_sixteen_bits_is_not_brightened_where_the_scale_is_known():
    dark = png(TWELVE)
    assert decode_full(dark, 3, rules=DecodeRules(full_scale=65535)).max() == 15
    assert decode_full(dark, 3, rules=DecodeRules(full_scale=16383)).max() == 63


def test_significant_bits_that_are_scaled_up_as_the_standard_says_stay_as_they_are():
    upper = TWELVE << 4
    for scaled in (upper, upper | (TWELVE >> 8)):
        for rules in (DecodeRules(), DecodeRules(full_scale=4095)):
            assert np.array_equal(decode_full(png(scaled, bits=12), 3, rules=rules), EXPECTED)
            assert np.array_equal(decode_full(png(scaled[..., :1], bits=12), 1, rules=rules), EXPECTED[..., :1])


def test_significant_bits_that_were_left_below_are_known_by_their_lower_bits():
    for rules in (DecodeRules(), DecodeRules(full_scale=65535)):  # what a file declares counts first
        assert np.array_equal(decode_full(png(TWELVE // 2, bits=12), 3, rules=rules), EXPECTED // 2)
        assert np.array_equal(decode_full(png(TWELVE[..., :1] // 2, bits=12), 1, rules=rules), EXPECTED[..., :1] // 2)


def test_the_largest_value_of_a_tiff_counts_where_it_declares_bits():
    dark = tiff(TWELVE[..., :1] // 5, more=[(281, 3, [4095])])
    assert np.array_equal(decode_full(dark, 1), ((TWELVE[..., :1] // 5) >> 4).astype(np.uint8))
    used = tiff(TWELVE[..., :1] // 5, more=[(281, 3, [819])])
    assert np.array_equal(decode_full(used, 1), ((TWELVE[..., :1] // 5) >> 2).astype(np.uint8))


def test_a_pgm_says_its_largest_value():
    values = TWELVE[..., 0].astype(int)
    data = b"P5 24 24 4095\n" + (values // 5).astype(">u2").tobytes()
    assert np.abs(decode_full(data, 1)[..., 0] - values // 5 * 255 / 4095).max() <= 1


def test_fractions_and_other_floats_have_a_range(make):
    image = Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    assert decode(make.encode(image, "TIFF"), 8, 1)[[0, -1], [0, -1], 0].tolist() == [0, 255]
    assert decode(make.encode(Image.new("F", (8, 8), 0.5), "TIFF"), 8, 3).max() == 128
    assert decode(make.encode(Image.new("I", (8, 8), 100_000), "TIFF"), 8, 3).max() == 100_000 >> 9


@pytest.mark.parametrize(("value", "reason"), [(-1.0, "0 or more"), (np.nan, "are finite"), (np.inf, "are finite")])
def test_values_that_are_no_brightness_are_refused(make, value, reason):
    values = np.zeros((8, 8), dtype=np.float32)
    values[3, 3] = value
    with pytest.raises(DataError, match=reason):
        decode(make.encode(Image.fromarray(values), "TIFF"), 8, 1)


def test_a_data_set_has_one_scale_that_is_said():
    images = [png(TWELVE // divisor) for divisor in (1, 3, 7, 40)]
    white, said = find_full_scale(lambda position: images[position], len(images))
    assert white == 4095
    assert said == (
        "images of more than 8 bits (4): their largest value is 4,095, so 4,095, the end of 12 bits, counts as white. "
        "--full_scale gives another"
    )
    # an image that uses few of the bits stays as dark as it is
    assert decode_full(images[3], 3, rules=DecodeRules(full_scale=white)).max() == (4095 // 40) >> 4


def test_a_data_set_of_eight_bits_or_of_files_that_declare_theirs_needs_no_scale(make):
    eight = make.encode(make.picture((10, 20, 30), 0))
    declared = png(TWELVE, bits=12)
    for image in (
        eight,
        declared,
        make.encode(make.picture((1, 2, 3), 0), "JPEG"),
        b"no image",
        np.zeros((4, 4, 1), np.uint8),
    ):
        assert find_full_scale(lambda _, image=image: image, 3) == ("file", "")
    mixed = [eight, png(TWELVE[..., :1]), declared, b"no image"]
    assert find_full_scale(lambda position: mixed[position], 4)[0] == 4095


def test_files_that_cannot_be_opened_say_nothing_of_white(make):
    """Whatever Pillow raises of them: they are reported when they are decoded."""
    gif = bytearray(make.encode(make.picture((9, 9, 9), 0), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"  # its size
    cut = make.encode(make.picture((9, 9, 9), 0), "PNG")[:40]
    files = [bytes(gif), cut, b"", b"MM\0*\0\0", b"GIF89a"]
    assert find_full_scale(lambda position: files[position], len(files)) == ("file", "")
