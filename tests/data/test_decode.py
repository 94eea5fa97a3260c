import importlib
import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from netwright.data import decode
from netwright.data.decode import PIXEL_LIMIT, decode_full, read_header
from netwright.data.decode_rules import DecodeRules
from netwright.errors import DataError

decode_module = importlib.import_module("netwright.data.decode")  # netwright.data.decode is the function
ORANGE = (230, 120, 30)


def corners(data, resolution=32, channels=3):
    """The colors of the four quadrants' middles: top left, top right, bottom left, bottom right."""
    pixels = decode(data, resolution, channels)
    low, high = resolution // 4, 3 * resolution // 4
    return [tuple(int(v) for v in pixels[y, x]) for y in (low, high) for x in (low, high)]


@pytest.fixture
def quadrants():
    """Red, green / blue, white."""
    image = Image.new("RGB", (64, 64))
    for place, color in zip(((0, 0), (32, 0), (0, 32), (32, 32)), ("red", "lime", "blue", "white"), strict=True):
        image.paste(color, (*place, place[0] + 32, place[1] + 32))
    return image


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF"])
def test_lossless_images_of_the_right_size_are_untouched(make, kind):
    image = make.picture(ORANGE, 1, (32, 32))
    assert np.array_equal(decode(make.encode(image, kind), 32, 3), np.asarray(image))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_images_are_near(make, kind):
    image = make.picture(ORANGE, 1, (64, 64)).resize((32, 32))
    difference = decode(make.encode(image, kind, quality=95), 32, 3).astype(int) - np.asarray(image)
    assert np.abs(difference).mean() < 6


def test_both_jpeg_decoders_agree(make):
    data = make.encode(make.picture(ORANGE, 2, (40, 40)), "JPEG")
    ours, pillows = decode(data, 40, 3), np.asarray(Image.open(io.BytesIO(data)))
    assert np.abs(ours.astype(int) - pillows).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(100, 60), (60, 100), (20, 31), (700, 500)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_shape_is_fitted(make, kind, size, channels):
    pixels = decode(make.encode(make.picture(ORANGE, 0, size), kind), 24, channels)
    assert pixels.shape == (24, 24, channels)
    assert pixels.dtype == np.uint8


def test_the_center_is_kept():
    image = Image.new("RGB", (96, 32), "red")
    image.paste("lime", (32, 0, 64, 32))
    assert np.array_equal(decode(_png(image), 32, 3), np.asarray(image)[:, 32:64])


def test_shrinking_is_antialiased():
    checkers = np.indices((256, 256)).sum(axis=0) % 2 * 255
    pixels = decode(_png(Image.fromarray(checkers.astype(np.uint8))), 32, 1)
    assert np.abs(pixels.astype(int) - 127).max() < 12


def test_a_large_jpeg_shrinks_to_what_pillow_makes_of_it(make):
    image = make.picture(ORANGE, 0, (32, 32)).resize((640, 640), Image.Resampling.BICUBIC)
    data = make.encode(image, "JPEG", quality=95)
    exact = Image.open(io.BytesIO(data)).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.abs(decode(data, 32, 3).astype(int) - np.asarray(exact)).mean() < 2


def test_gray_becomes_three_equal_channels(make):
    for kind in ("PNG", "JPEG"):
        pixels = decode(make.encode(Image.new("L", (32, 32), 77), kind), 32, 3)
        assert (pixels == 77).all()


def test_color_becomes_gray_where_one_channel_is_asked_for(make):
    assert (
        decode(make.encode(Image.new("RGB", (32, 32), "white")), 32, 1).tolist() == np.full((32, 32, 1), 255).tolist()
    )


def test_two_colors_and_one_bit_and_palettes(make):
    assert (decode(make.encode(Image.new("1", (8, 8), 1)), 8, 3) == 255).all()
    palette = Image.new("RGB", (8, 8), ORANGE).quantize(4)
    assert np.abs(decode(make.encode(palette), 8, 3).astype(int) - ORANGE).max() <= 4
    assert np.abs(decode(make.encode(palette, "GIF"), 8, 3).astype(int) - ORANGE).max() <= 4


def test_cmyk_is_read_as_adobe_writes_it(make):
    for color, expected in (((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 255), (0, 0, 0)), ((0, 0, 0, 0), (255,) * 3)):
        data = make.encode(Image.new("CMYK", (32, 32), color), "JPEG", quality=95)
        assert b"Adobe" in data
        assert np.abs(decode(data, 32, 3).astype(int) - expected).max() <= 4


def test_cmyk_tiff_is_not_inverted(make):
    assert (decode(make.encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), 8, 3) == (255, 0, 0)).all()


BLACK = DecodeRules("black", "high_byte")  # as version 0.1 decoded


def test_transparent_images_lie_on_white(make):
    image = Image.new("RGBA", (8, 8), (200, 100, 50, 128))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    pixels = decode(make.encode(image), 8, 3)
    assert (pixels[:, :4] == 255).all()
    assert np.abs(pixels[:, 4:].astype(int) - (227, 177, 152)).max() <= 1


@pytest.mark.parametrize(
    ("background", "color"), [("black", (0, 0, 0)), ("white", (255,) * 3), ("#1e90ff", (30, 144, 255))]
)
def test_transparent_images_lie_on_any_color(make, background, color):
    rules = DecodeRules(background)
    clear = make.encode(Image.new("RGBA", (8, 8), (200, 100, 50, 0)))
    assert (decode(clear, 8, 3, rules=rules) == color).all()
    gray = Image.new("RGB", (1, 1), color).convert("L").getpixel((0, 0))
    assert (decode(clear, 8, 1, rules=rules) == gray).all()
    assert rules.fill(1) == (gray,)
    assert rules.fill(3) == color


@pytest.mark.parametrize(("rules", "value"), [(DecodeRules(), 255), (BLACK, 0)])
def test_transparency_of_palettes_and_of_one_color_counts(make, rules, value):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 255, 10, 200, 30])
    assert (decode(make.encode(palette, transparency=1), 8, 3, rules=rules) == value).all()
    assert (decode(make.encode(palette, "GIF", transparency=1), 8, 3, rules=rules) == value).all()
    # a table of opacities, of which Pillow warns when it is dropped
    assert (decode(make.encode(palette, transparency=b"\xff\x00"), 8, 3, rules=rules) == value).all()
    keyed = make.encode(Image.new("RGB", (8, 8), ORANGE), transparency=ORANGE)
    assert (decode(keyed, 8, 3, rules=rules) == value).all()
    for kind in ("PNG", "TIFF"):
        assert (decode(make.encode(Image.new("LA", (8, 8), (200, 0)), kind), 8, 1, rules=rules) == value).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_opaque_images_are_what_they_were(make, mode, kind):
    """To the last bit, whatever they are laid on; 16-bit images too, if they use their bits."""
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (31, 23, 4), dtype=np.uint8)
    colors[..., 3] = 255
    image = Image.fromarray(colors)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (31, 23), dtype=np.uint16))
    elif mode != "RGBA":
        image = image.convert("RGB").quantize(7) if mode == "P" else image.convert(mode)
    try:
        data = make.encode(image, kind)
    except OSError:
        pytest.skip(f"{kind} has no {mode}")
    for channels in (1, 3):
        before = decode_full(data, channels, rules=BLACK)
        for rules in (DecodeRules(), DecodeRules("black"), DecodeRules("#123456", 65535)):
            assert np.array_equal(decode_full(data, channels, rules=rules), before)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_the_upper_eight(make, kind):
    image = Image.fromarray(np.full((8, 8), 0x9C40, dtype=np.uint16))
    assert (decode(make.encode(image, kind), 8, 3) == 0x9C).all()


def test_sixteen_bit_ppm():
    assert (decode(b"P5 8 8 65535\n" + b"\x9c\x40" * 64, 8, 1) == 0x9C).all()


def test_images_without_a_fixed_range_were_refused(make):
    with pytest.raises(DataError, match="floating-point images have no fixed range"):
        decode(make.encode(Image.new("F", (8, 8), 0.5), "TIFF"), 8, 3, rules=BLACK)
    with pytest.raises(DataError, match="32-bit images have no fixed range"):
        decode(make.encode(Image.new("I", (8, 8), 100_000), "TIFF"), 8, 3, rules=BLACK)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(make, quadrants, kind, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = make.encode(quadrants, kind, exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB").resize((32, 32)))
    near = np.abs(np.array(corners(data)) - [expected[y, x] for y in (8, 24) for x in (8, 24)])
    assert near.max() <= 6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_large_images_are_converted_in_strips_to_the_same_pixels(make, monkeypatch, mode):
    rng = np.random.default_rng(0)
    colors = Image.fromarray(rng.integers(0, 256, (31, 23, 4), dtype=np.uint8))
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (31, 23), dtype=np.uint16))
    else:
        image = colors.convert("RGB").quantize(7) if mode == "P" else colors.convert(mode)
    data = make.encode(image, "TIFF" if mode == "CMYK" else "PNG", **({"transparency": 3} if mode == "P" else {}))
    whole = [decode_full(data, channels) for channels in (1, 3)]
    monkeypatch.setattr(decode_module, "_STRIP_PIXELS", 100)
    for expected, channels in zip(whole, (1, 3), strict=True):
        assert np.array_equal(decode_full(data, channels), expected)


def test_damaged_exif_does_not_lose_the_image(make, quadrants):
    data = make.encode(quadrants, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    assert corners(data)[0][0] > 240


def test_truncated_images_are_refused(make):
    image = make.picture(ORANGE, 0, (64, 64))
    for kind in ("JPEG", "PNG", "WEBP", "BMP"):
        data = make.encode(image, kind)
        with pytest.raises(DataError):
            decode(data[: len(data) // 2], 32, 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"<html>not found</html>", bytes(range(256)) * 10],
    ids=["empty", "jpeg-start", "png-start", "html", "noise"],
)
def test_what_is_no_image_is_refused_the_same_way_each_time(data):
    reasons = set()
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            decode(data, 32, 3)
        reasons.add(str(caught.value))
        with pytest.raises(DataError):
            read_header(data)
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()


def test_random_damage_is_an_error_or_pixels_but_never_a_crash(make):
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM"):
        good = np.frombuffer(make.encode(make.picture(ORANGE, 0, (24, 24)), kind), dtype=np.uint8)
        for _ in range(25):
            bad = good.copy()
            bad[rng.integers(0, len(bad), 6)] = rng.integers(0, 256, 6)
            with suppress(DataError):
                assert decode(bad.tobytes(), 16, 3).shape == (16, 16, 3)


def _png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _bomb(width, height):
    """A PNG that says it is huge; one bit a pixel, so that few bytes could fill it."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_decompression_bombs_are_refused():
    for side in (12_000, 60_000):
        with pytest.raises(DataError, match=r"(?i)bomb|at most"):
            decode(_bomb(side, side), 32, 3)


def test_jpeg_bombs_are_refused(make):
    data = bytearray(make.encode(Image.new("L", (16, 16)), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(DataError, match=f"at most {PIXEL_LIMIT:,} pixels, and this one has 60,000 x 60,000"):
        decode(bytes(data), 32, 3)


def test_the_format_is_known_by_the_content(make):
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000"):
        data = make.encode(make.picture(ORANGE, 0, (32, 32)), kind)
        assert decode(data, 16, 3).shape == (16, 16, 3)
        assert read_header(data)[:2] == (32, 32)


def test_pixels_are_resized_as_files_are(make):
    image = make.picture(ORANGE, 3, (40, 30))
    assert np.array_equal(decode(np.asarray(image), 16, 3), decode(make.encode(image), 16, 3))
    assert decode(np.zeros((8, 8, 1), dtype=np.uint8), 8, 3).shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_look_reads_the_header(make, kind):
    assert read_header(make.encode(Image.new("RGB", (30, 20)), kind)) == (20, 30, False)
    assert read_header(make.encode(Image.new("L", (30, 20)), kind)) == (20, 30, True)


def test_libtiff_writes_nothing_to_stderr(capfd):
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 2, (400, 400)).astype(bool)).save(buffer, "TIFF", compression="group3")
    data = bytearray(buffer.getvalue())
    data[5000:15000] = rng.integers(0, 256, 10_000, dtype=np.uint8).tobytes()
    with suppress(DataError):
        decode(bytes(data), 32, 1)
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", "")


def test_an_image_of_210_million_pixels_is_said_with_the_limit():
    from PIL import Image

    picture = io.BytesIO()
    Image.new("1", (15000, 14000)).save(picture, "PNG")
    with pytest.raises(
        DataError, match=r"it has 210,000,000 pixels, and at most 178,956,970 are read\. Make it smaller"
    ):
        decode_full(picture.getvalue(), 3)
