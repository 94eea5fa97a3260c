"""The lines of the tutorial by which a program without Netwright prepares an image: bit for bit as Netwright does."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netwright.data.preprocess import Preprocessing
from netwright.data.source import Pixels

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "serve.md"
CASES = (
    Preprocessing(image_size=64),
    Preprocessing(image_size=33, crop_pct=0.95, interpolation="bicubic"),
    Preprocessing(image_size=28, crop_pct=1.0, channels=1, mean=(33.3,), std=(78.6,), interpolation="nearest"),
    Preprocessing(image_size=64, channels=1, mean=(100.0,), std=(50.0,)),
    Preprocessing(image_size=64, background="black", full_scale="high_byte"),  # as version 0.1 wrote it
    Preprocessing(image_size=48, crop_pct=1.0, resize="squash", background="#1e90ff", full_scale=4095.0),
    Preprocessing(image_size=48, crop_pct=1.0, resize="letterbox", background="#1e90ff"),
    Preprocessing(
        *(40, 1, 0.9, "bicubic", True, (100.0,), (50.0,)), resize="letterbox", background="#1e90ff", full_scale=65535.0
    ),
)


@pytest.fixture(scope="module")
def prepare() -> Callable[[Any, dict[str, Any]], np.ndarray]:
    """The function of the tutorial."""
    text = re.search(r"\ndef prepare\(.*?\n\n\n", TUTORIAL.read_text(encoding="utf-8"), re.S)
    assert text
    names: dict[str, Any] = {}
    exec("import numpy as np\nfrom PIL import Image, ImageOps\n" + text[0], names)
    found: Callable[[Any, dict[str, Any]], np.ndarray] = names["prepare"]
    return found


def scene(height: int, width: int, seed: int) -> Pixels:
    """Colored surfaces, edges and noise, as a photo has them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(rng.uniform(3, 40) * (x * np.cos(a) + y * np.sin(a))) for a in rng.uniform(0, 6.3, 3)]
    noise = rng.normal(0, 8, (height, width, 3))
    pixels = 128 + 100 * np.stack(waves, axis=2) * (1 - 0.5 * (x > rng.uniform(0.2, 0.8)))[..., None] + noise
    return pixels.clip(0, 255).astype(np.uint8)


def files() -> Iterator[tuple[str, bytes]]:
    """(name, encoded) images of many sizes, modes, formats and orientations."""

    def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    sizes = ((64, 64), (75, 500), (481, 77), (333, 500), (500, 333), (71, 71), (9, 13), (768, 1024))
    for number, (height, width) in enumerate(sizes):
        image = Image.fromarray(scene(height, width, number))
        yield f"{width}x{height}.jpg", encoded(image, "JPEG", quality=60 + 5 * number, subsampling=number % 3)
        yield f"{width}x{height}.png", encoded(image, "PNG")
        yield f"{width}x{height}.webp", encoded(image, "WEBP", lossless=bool(number % 2))
    image, alpha = Image.fromarray(scene(300, 420, 20)), Image.fromarray(scene(300, 420, 21)[..., 0])
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation {orientation}.jpg", encoded(image, "JPEG", exif=exif)
        yield f"orientation {orientation}.png", encoded(image, "PNG", exif=exif)
    clear = image.copy()
    clear.putalpha(alpha)
    gray = image.convert("L")
    for name, given, format in (
        ("alpha.png", clear, "PNG"),
        ("alpha.webp", clear, "WEBP"),
        ("gray.jpg", gray, "JPEG"),
        ("gray.png", gray, "PNG"),
        ("gray with alpha.png", clear.convert("LA"), "PNG"),
        ("palette.png", image.quantize(50), "PNG"),
        ("palette.gif", image.quantize(200), "GIF"),
        ("two colors.png", gray.convert("1"), "PNG"),
        ("cmyk.jpg", image.convert("CMYK"), "JPEG"),
        ("16 bits.png", Image.fromarray(scene(200, 300, 5)[..., 0].astype(np.uint16) * 257 + 3), "PNG"),
        ("12 bits.png", Image.fromarray(scene(200, 300, 6)[..., 0].astype(np.uint16) * 16 + 7), "PNG"),
        ("colors.tif", image, "TIFF"),
        ("colors.bmp", image, "BMP"),
    ):
        yield name, encoded(given, format)
    yield "palette with a clear color.png", encoded(image.quantize(50), "PNG", transparency=7)
    yield "progressive.jpg", encoded(image, "JPEG", progressive=True)


@pytest.mark.slow
@pytest.mark.parametrize("preprocessing", CASES, ids=lambda each: f"{each.image_size}x{each.channels}-{each.resize}")
def test_the_lines_of_the_tutorial_give_the_same_bits(
    prepare: Callable[[Any, dict[str, Any]], np.ndarray], preprocessing: Preprocessing
) -> None:
    for name, content in files():
        ours = np.ascontiguousarray(preprocessing.normalize(np.stack([preprocessing.pixels(content)])).numpy())
        theirs = prepare(io.BytesIO(content), preprocessing.to_dict())
        assert (theirs.dtype, theirs.shape) == (ours.dtype, ours.shape), name
        assert theirs.tobytes() == ours.tobytes(), name
