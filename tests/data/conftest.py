"""Small synthetic data sets in every layout, drawn by Pillow."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

CLASSES = ("ant", "bee", "cow")
COLORS = {"ant": (200, 40, 40), "bee": (40, 200, 40), "cow": (40, 40, 200)}


def picture(color: tuple[int, int, int], number: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    """A noisy patch of a color, other for each number."""
    rng = np.random.default_rng(number)
    pixels = np.array(color) + rng.integers(-20, 21, size=(size[1], size[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def fill(
    folder: Path,
    counts: Mapping[str, int],
    suffix: str = "png",
    size: tuple[int, int] = (16, 16),
    color: tuple[int, int, int] = (90, 90, 90),
) -> Path:
    """One folder per class below `folder`, with so many images; color: of classes without one of their own."""
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(COLORS.get(name, color), 1000 * label + number, size).save(folder / name / f"{number:03d}.{suffix}")
    return folder


def rows(counts: Mapping[str, int], start: int = 0) -> tuple[list[dict[str, object]], list[int]]:
    """Image structs and integer labels, the classes by turns."""
    images, labels = [], []
    for label, (name, count) in enumerate(counts.items()):
        for number in range(count):
            images.append({"bytes": encode(picture(COLORS[name], start + 1000 * label + number)), "path": None})
            labels.append(label)
    order = np.random.default_rng(0).permutation(len(labels))
    return [images[i] for i in order], [labels[i] for i in order]


def published(names: list[str]) -> dict[bytes, bytes]:
    """The schema metadata that Hugging Face's datasets library writes."""
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def write_parquet(path: Path, columns: dict[str, object], names: list[str] | None = None) -> Path:
    table = pa.table(columns)
    if names is not None:
        table = table.replace_schema_metadata(published(names))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=7)
    return path


def _flat(root: Path) -> Path:
    return fill(root / "flat", dict.fromkeys(CLASSES, 10))


def _split(root: Path) -> Path:
    fill(root / "split" / "train", dict.fromkeys(CLASSES, 10), "jpg")
    fill(root / "split" / "val", dict.fromkeys(CLASSES, 4), "jpg")
    fill(root / "split" / "test", dict.fromkeys(CLASSES, 5), "jpg")
    return root / "split"


def _deep(root: Path) -> Path:
    fill(root / "deep" / "Train" / "ant" / "a" / "b", {"c": 6}, color=COLORS["ant"])
    fill(root / "deep" / "Train" / "bee", {"d": 6}, "webp", color=COLORS["bee"])
    fill(root / "deep" / "Test", {"ant": 3, "bee": 3}, "bmp")
    return root / "deep"


def _parquet_named(root: Path) -> Path:
    for split, count in (("train", 10), ("test", 4)):
        images, labels = rows(dict.fromkeys(CLASSES, count), start=len(split))
        write_parquet(
            root / "named" / "data" / f"{split}-00000-of-00001.parquet",
            {"image": images, "label": labels},
            list(CLASSES),
        )
    return root / "named"


def _parquet_plain(root: Path) -> Path:
    images, labels = rows(dict.fromkeys(CLASSES, 10))
    half = len(labels) // 2
    for number, part in enumerate((slice(0, half), slice(half, None))):
        write_parquet(
            root / "plain" / f"part-{number}.parquet",
            {"picture": [image["bytes"] for image in images[part]], "y": [CLASSES[label] for label in labels[part]]},
        )
    return root / "plain"


LAYOUTS: dict[str, Callable[[Path], Path | str]] = {
    "digits": lambda root: "digits",
    "flat folder": _flat,
    "split folders": _split,
    "deep folders": _deep,
    "parquet with class names": _parquet_named,
    "parquet with strings": _parquet_plain,
}


@pytest.fixture(params=sorted(LAYOUTS), ids=lambda name: name.replace(" ", "-"))
def any_data(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A data_dir of each layout in turn."""
    return LAYOUTS[request.param](tmp_path)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return _flat(tmp_path)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    return _split(tmp_path)


@pytest.fixture
def make() -> SimpleNamespace:
    """The functions above, for tests that draw their own images."""
    return SimpleNamespace(picture=picture, encode=encode, fill=fill, rows=rows, write_parquet=write_parquet)
