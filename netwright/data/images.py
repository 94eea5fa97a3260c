"""Decoded images with their labels and splits: what training reads, shared between processes as one mapped file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.data.source import IntArray, Pixels, listed
from netwright.data.store import FileSink
from netwright.errors import DataError, OutputError
from netwright.system.atomic import write_text

__all__ = ["ImageSet", "Skipped", "manifest_name"]

_FORMAT = 1
_INDEX_ARRAYS = ("labels", "train", "validation", "test")
_PLAIN = ("name", "resolution", "channels", "flip_suits", "fingerprint", "provenance")
_COPIED_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be decoded."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """images: (N, H, W, C) uint8, read-only; labels: (N,) int64; train, validation, test: (n,) int64 into these.

    mean, std: per channel, of the training images as values 0..1. flip_suits: mirroring keeps the class.
    skipped: images that could not be decoded; they are in no array. provenance: in words where the splits come from.
    path: the manifest, if the set is on disk; hand it to other processes, which share the pixels by
    `ImageSet.open(path)`.
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

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def save(self, folder: str | Path) -> Path:
        """Write the set to images-<fingerprint>.npy and .json in the folder; the .json's path opens it."""
        manifest = Path(folder) / manifest_name(self.fingerprint)
        sink = FileSink(manifest.with_suffix(".npy"), (len(self.images), *self.images.shape[1:]))
        try:
            for start in range(0, len(self.images), _COPIED_AT_ONCE):
                sink.append(self.images[start : start + _COPIED_AT_ONCE])
            sink.finish()
        finally:
            sink.discard()
        return self._write_manifest(manifest)

    def stored_at(self, manifest: Path) -> ImageSet:
        """This set, whose pixels are in the .npy beside the manifest already, with the manifest written."""
        return replace(self, path=self._write_manifest(manifest).resolve())

    def _write_manifest(self, manifest: Path) -> Path:
        """The manifest is written last: its presence means that the pixels are complete."""
        content: dict[str, Any] = {"format": _FORMAT, "shape": self.images.shape}
        content |= {key: getattr(self, key) for key in (*_PLAIN, "class_names", "mean", "std")}
        content |= {"skipped": [[bad.name, bad.reason] for bad in self.skipped]}
        content |= {key: getattr(self, key).tolist() for key in _INDEX_ARRAYS}
        try:
            write_text(manifest, json.dumps(content), what="the image cache", elsewhere="another --out")
        except OutputError:
            manifest.with_suffix(".npy").unlink(
                missing_ok=True
            )  # of no use without it, and perhaps what fills the disk
            raise
        return manifest

    @classmethod
    def open(cls, path: str | Path) -> ImageSet:
        """A saved set, its pixels mapped and not read; path: the manifest, or a folder with just one.

        Raises DataError when it is missing, incomplete or damaged.
        """
        manifest = _find_manifest(Path(path))
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise DataError(
                    f"{manifest} has format {content['format']}, and this version reads {_FORMAT}. Load anew."
                )
            images: Pixels = np.load(manifest.with_suffix(".npy"), mmap_mode="r")
            if images.dtype != np.uint8 or list(images.shape) != content["shape"]:
                raise ValueError(f"the pixels are {images.dtype} {images.shape}, not uint8 {content['shape']}")
            plain: dict[str, Any] = {key: content[key] for key in _PLAIN}
            plain |= {key: np.array(content[key], dtype=np.int64) for key in _INDEX_ARRAYS}
            if len(plain["labels"]) != len(images):
                raise ValueError(f"there are {len(images)} images and {len(plain['labels'])} labels")
            return cls(
                images=images,
                class_names=tuple(content["class_names"]),
                mean=tuple(content["mean"]),
                std=tuple(content["std"]),
                skipped=tuple(Skipped(*pair) for pair in content["skipped"]),
                path=manifest.resolve(),
                **plain,
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the saved images {manifest} are damaged: {error}. Load the images anew.") from error


def manifest_name(fingerprint: str) -> str:
    return f"images-{fingerprint[:16]}.json"


def _find_manifest(path: Path) -> Path:
    if path.suffix == ".json":
        return path
    manifests = sorted(path.glob("images-*.json"))
    if len(manifests) != 1:
        found = listed([manifest.name for manifest in manifests]) or "none"
        raise DataError(f"a folder of saved images has one images-*.json, and {path} has {found}. Give one's path.")
    return manifests[0]
