"""Decoded images with labels and splits, shared between processes as one memory-mapped file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from netwright.data.cut import Cut
from netwright.data.decode_rules import HIGH_BYTE, DecodeRules
from netwright.data.direct import DirectImages, open_direct
from netwright.data.skipped import Skipped, skipped_image
from netwright.data.source import IntArray, Pixels, listed
from netwright.data.store import FileSink
from netwright.data.summary import DataSummary
from netwright.errors import DataError, OutputError
from netwright.system.atomic import write_text

__all__ = ["ImageSet", "Skipped", "manifest_name", "skipped_image"]

_FORMAT = 1
_INDEX_ARRAYS = ("labels", "train", "validation", "test")
_FACTS = ("name", "resolution", "channels", "flip_suits", "fingerprint", "provenance")
# a manifest without them is of version 0.1, which decoded as the defaults of `ImageSet` say
_PREPARED = ("background", "resize", "full_scale")
_COPIED_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Decoded images of one size, with labels and splits.

    Attributes:
        name: Of the data set.
        images: (N, H, W, C) uint8, read-only; a `DirectImages`, which reads like it, where that would be too large.
        labels: (N,) int64.
        class_names: In the order of the labels.
        train: (n,) int64 image numbers of the split; validation and test likewise.
        mean: Per channel, of the training images as values 0 to 1; std likewise.
        flip_suits: Whether mirrored images keep their class.
        resolution: Side of the images in pixels.
        channels: 1 (gray) or 3 (RGB).
        skipped: Images that could not be decoded; they are in no array.
        fingerprint: A hash of everything that decides the pixels and splits.
        provenance: A sentence about where the splits come from.
        path: The manifest if the set is on disk. Other processes share the pixels by `ImageSet.open(path)`.
        summary: What was read of the source, and what was not; None where the set was opened by its path.
        cut: How the splits were cut (`Cut`); None in a set of version 0.1.
        background, resize, full_scale: How they were decoded, as in `Preprocessing`.
        notices: What the user should know of the images.
    """

    name: str
    images: Pixels
    labels: IntArray
    class_names: tuple[str, ...]
    train: IntArray
    validation: IntArray
    test: IntArray
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip_suits: bool
    resolution: int
    channels: int
    skipped: tuple[Skipped, ...]
    fingerprint: str
    provenance: str
    path: Path | None = None
    summary: DataSummary | None = None
    cut: Cut | None = None
    background: str = "black"
    resize: str = "crop"
    full_scale: float | str = HIGH_BYTE
    notices: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def direct(self) -> DirectImages | None:
        """The images, where they are decoded each time; None where they are decoded already."""
        images: object = self.images
        return images if isinstance(images, DirectImages) else None

    def save(self, folder: str | Path) -> Path:
        """Write the set to images-<fingerprint>.npy and .json in a folder.

        Returns:
            The path of the .json, the manifest, which `open` takes.

        Raises:
            OutputError: The folder cannot be written.
        """
        manifest = Path(folder) / manifest_name(self.fingerprint)
        if self.direct is not None:
            return self._write_manifest(manifest)
        sink = FileSink(manifest.with_suffix(".npy"), (len(self.images), *self.images.shape[1:]))
        try:
            for start in range(0, len(self.images), _COPIED_AT_ONCE):
                sink.append(self.images[start : start + _COPIED_AT_ONCE])
            sink.finish()
        finally:
            sink.discard()
        return self._write_manifest(manifest)

    def stored_at(self, manifest: Path) -> ImageSet:
        """Write the manifest of a set whose pixels are in the .npy beside it already; returns the set with its path."""
        return replace(self, path=self._write_manifest(manifest).resolve())

    def _write_manifest(self, manifest: Path) -> Path:
        """Write the manifest, last of all: its presence means that the pixels are complete."""
        content: dict[str, Any] = {"format": _FORMAT, "shape": self.images.shape}
        content |= {key: getattr(self, key) for key in (*_FACTS, *_PREPARED, "class_names", "mean", "std", "notices")}
        content |= {"skipped": [[bad.name, bad.reason] for bad in self.skipped]}
        content |= {key: getattr(self, key).tolist() for key in _INDEX_ARRAYS}
        content |= {} if self.cut is None else {"cut": self.cut.to_dict()}
        content |= {} if self.direct is None else {"direct": self.direct.to_dict()}
        try:
            write_text(manifest, json.dumps(content), what="the image cache", elsewhere="another --out")
        except OutputError:
            # useless without the manifest, and perhaps what fills the disk
            manifest.with_suffix(".npy").unlink(missing_ok=True)
            raise
        return manifest

    @classmethod
    def open(cls, path: str | Path) -> ImageSet:
        """Open a saved set; its pixels are mapped, not read.

        Args:
            path: The manifest, or a folder with exactly one.

        Raises:
            DataError: It is missing, incomplete or damaged.
        """
        manifest = _find_manifest(Path(path))
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise DataError(
                    f"{manifest} has format {content['format']}, and this version reads {_FORMAT}. Load the images "
                    "again."
                )
            images = _open_pixels(manifest, content)
            if images.dtype != np.uint8 or list(images.shape) != content["shape"]:
                raise ValueError(f"the pixels are {images.dtype} {images.shape}, not uint8 {content['shape']}")
            fields: dict[str, Any] = {key: content[key] for key in _FACTS}
            fields |= {key: content[key] for key in _PREPARED if key in content}
            fields |= {key: np.array(content[key], dtype=np.int64) for key in _INDEX_ARRAYS}
            if len(fields["labels"]) != len(images):
                raise ValueError(f"there are {len(images)} images and {len(fields['labels'])} labels")
            return cls(
                images=images,
                class_names=tuple(content["class_names"]),
                mean=tuple(content["mean"]),
                std=tuple(content["std"]),
                skipped=tuple(Skipped(*pair) for pair in content["skipped"]),
                path=manifest.resolve(),
                cut=Cut(**content["cut"]) if "cut" in content else None,
                notices=tuple(content.get("notices", ())),
                **fields,
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the saved images {manifest} are damaged: {error}. Load the images again.") from error


def manifest_name(fingerprint: str) -> str:
    """The file name of the manifest of a set."""
    return f"images-{fingerprint[:16]}.json"


def _open_pixels(manifest: Path, content: dict[str, Any]) -> Pixels:
    """Mapped from the .npy beside the manifest, or read from where they are."""
    if "direct" not in content:
        mapped: Pixels = np.load(manifest.with_suffix(".npy"), mmap_mode="r")
        return mapped
    rules = DecodeRules(content["background"], content["full_scale"])
    size = {key: content[key] for key in ("resolution", "channels", "resize")}
    return cast(Pixels, open_direct(content["direct"], rules=rules, **size))


def _find_manifest(path: Path) -> Path:
    if path.suffix == ".json":
        return path
    manifests = sorted(path.glob("images-*.json"))
    if len(manifests) != 1:
        found = listed([manifest.name for manifest in manifests]) or "none"
        raise DataError(
            f"a folder of saved images has one images-*.json, and {path} has {found}. Give the path of one."
        )
    return manifests[0]
