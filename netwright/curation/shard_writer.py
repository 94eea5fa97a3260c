"""Write one shard of prepared images: made smaller once, and then read quickly ever after."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from netwright.data.decode import (
    PIXEL_LIMIT,
    decode_full,
    decode_reduced,
    ignore_pillow_warnings,
    pillow_limit,
    plain_jpeg_size,
)
from netwright.data.decode_rules import DecodeRules
from netwright.data.resize import resize_shorter
from netwright.data.skipped import Skipped, skipped_image
from netwright.data.source import ImageSource, Pixels
from netwright.errors import DataError
from netwright.system.atomic import explain_errors

__all__ = ["ShardPlan", "ShardRecord", "prepared_image", "read_record", "write_shard"]

_WHAT, _ELSEWHERE = "the prepared images", "another folder"
_UNIT = 16  # pixels a side of what is coded at once, with colors at half the resolution
_INTERVAL = 4  # units between restart markers, or fewer where these do not divide a row
_GAP = 2  # a JPEG is decoded to at least so many times the short side that is wanted


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """A shard that is to be written.

    Attributes:
        name: Of its file.
        split: Of its images.
        images: Their numbers in the source, in the order of the shard.
        first: Number of its first image among all: the names in the shard count on from it.
        short_side: Pixels of the shorter side; larger images are made smaller.
        quality: Of JPEGs that are written, 1 to 100.
        background: What transparent images are laid on.
        max_pixels: Of an image; of more it is left out.
    """

    name: str
    split: str
    images: tuple[int, ...]
    first: int
    short_side: int
    quality: int
    background: str
    max_pixels: int = PIXEL_LIMIT


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """A shard that is there: how many images of which split, the bytes and the SHA-256 of its file, what was left "
    "out."""

    name: str
    split: str
    images: int
    bytes: int
    sha256: str
    skipped: tuple[Skipped, ...] = ()


def write_shard(source: ImageSource, plan: ShardPlan, folder: Path) -> ShardRecord:
    """Write a shard and, last of all, its record: a killed program leaves none of the two, or both.

    Raises:
        OutputError: It cannot be written.
    """
    path, partial = folder / plan.name, folder / f".{plan.name}.partial"
    skipped: list[Skipped] = []
    kept = 0
    limit = pillow_limit(plan.max_pixels)
    with explain_errors(path, what=_WHAT, elsewhere=_ELSEWHERE), warnings.catch_warnings(), limit:
        ignore_pillow_warnings()
        with open(partial, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for index in plan.images:
                    try:
                        item = source.read(index)
                        rules = DecodeRules(plan.background, max_pixels=plan.max_pixels)
                        data = prepared_image(item.data, plan.short_side, plan.quality, rules)
                    except (DataError, OSError) as error:
                        skipped.append(skipped_image(source, index, error))
                        continue
                    key = f"{plan.first + kept:09d}"
                    _add(tar, f"{key}.jpg", data)
                    _add(tar, f"{key}.cls", str(item.label).encode())
                    _add(tar, f"{key}.json", json.dumps({"label": item.label, "name": item.name}).encode())
                    kept += 1
            file.flush()
            os.fsync(file.fileno())
        with open(partial, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        record = ShardRecord(plan.name, plan.split, kept, partial.stat().st_size, digest, tuple(skipped))
        os.replace(partial, path)
        temporary = folder / f".{plan.name}.json.partial"
        temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
        os.replace(temporary, folder / f".{plan.name}.json")
    return record


def read_record(folder: Path, name: str) -> ShardRecord | None:
    """The record of a shard that is complete; None where there is none, or its file has another size."""
    try:
        content = json.loads((folder / f".{name}.json").read_text(encoding="utf-8"))
        content["skipped"] = tuple(Skipped(**each) for each in content["skipped"])
        record = ShardRecord(**content)
        return record if (folder / name).stat().st_size == record.bytes else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def prepared_image(
    data: bytes | Pixels,
    short_side: int,
    quality: int,
    rules: DecodeRules = DecodeRules(),  # noqa: B008 (frozen)
) -> bytes:
    """A JPEG whose shorter side is at most `short_side`; a JPEG that is small enough stays as it is, to the last bit.

    Raises:
        DataError: It cannot be decoded.
    """
    size = plain_jpeg_size(data, rules.max_pixels)
    if size is not None and isinstance(data, bytes):
        if min(size) <= short_side:
            decode_reduced(data, 3, 8, rules=rules)  # DataError where it is damaged
            return data
        reduction = next(each for each in (8, 4, 2, 1) if each == 1 or min(size) >= each * _GAP * short_side)
        pixels = decode_reduced(data, 3, reduction, rules=rules)
    else:
        pixels = decode_full(data, 3, rules=rules)
    if min(pixels.shape[:2]) > short_side:
        pixels = resize_shorter(pixels, short_side, "bicubic", antialias=True)
    return _encoded(pixels, quality)


def _encoded(pixels: Pixels, quality: int) -> bytes:
    """A JPEG with restart markers, between which training decodes only what it needs (`netwright.data.jpeg_layout`)."""
    from PIL import Image

    columns = -(-pixels.shape[1] // _UNIT)
    interval = next((each for each in range(_INTERVAL, 1, -1) if columns % each == 0), 1)
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0", restart_marker_blocks=interval)
    return file.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
