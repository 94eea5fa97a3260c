"""A folder of images in which everything is wrong once."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def photo(seed: int, side: int = 96) -> Image.Image:
    """Smooth random colors, other for each seed: near to a photo for a perceptual hash."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sound(root: Path, classes: tuple[str, ...] = ("ant", "bee"), each: int = 4) -> Path:
    """train/ and val/ of photos with nothing wrong."""
    for split, first in (("train", 0), ("val", 500)):
        for label, name in enumerate(classes):
            (root / split / name).mkdir(parents=True)
            for number in range(each):
                (root / split / name / f"{number}.jpg").write_bytes(encoded(photo(first + 100 * label + number)))
    return root


@pytest.fixture
def sound_data(tmp_path: Path) -> Path:
    return sound(tmp_path / "sound")


@pytest.fixture
def bad_data(tmp_path: Path) -> Path:
    """The same, with a fault of each kind."""
    root = sound(tmp_path / "bad")
    whole = encoded(photo(1000), quality=95)
    ant, bee = root / "train" / "ant", root / "train" / "bee"
    (ant / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (ant / "text.png").write_bytes(b"this is no image at all")
    (ant / "is_png.jpg").write_bytes(encoded(photo(1001), "PNG"))
    Image.new("RGB", (96, 96), (80, 80, 80)).save(bee / "blank.png")
    photo(1002).resize((8, 8)).save(bee / "tiny.png")
    photo(1003).resize((600, 40)).save(bee / "sliver.png")
    photo(1004).convert("L").save(bee / "gray.png")
    (root / "val" / "ant" / "learned.jpg").write_bytes((ant / "0.jpg").read_bytes())
    (ant / "also_bee.jpg").write_bytes((bee / "0.jpg").read_bytes())
    photo(1).resize((80, 80)).save(root / "val" / "ant" / "again.webp", quality=90)  # train/ant/1.jpg
    (root / "labels.txt").write_text("none")
    return root
