"""Decode all images of a source once into an ImageSet, for any number of networks that train on them."""

from __future__ import annotations

import errno
import hashlib
import os
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.data.blocks import DecodedBlock, decoded_blocks
from netwright.data.cut import Cut
from netwright.data.decode import decode, ignore_pillow_warnings
from netwright.data.direct_set import direct_fingerprint, direct_set, is_too_large
from netwright.data.elongated import elongated_warning
from netwright.data.images import ImageSet, Skipped, manifest_name
from netwright.data.preparation import Preparation, prepare_decoding
from netwright.data.shape import ImageShape, choose_shape
from netwright.data.signal import SignalMeter
from netwright.data.source import ImageSource, IntArray, listed
from netwright.data.sources import open_source
from netwright.data.splits import Splits
from netwright.data.store import FileSink, MemorySink, Sink
from netwright.data.summarize import summarize
from netwright.data.summary import DataSummary
from netwright.errors import DataError
from netwright.system.atomic import explain_errors

__all__ = ["load_images"]

# increase it when the same file decodes to other pixels, so that older caches are not used
_DECODER = 1
# a constant channel is divided by this
_LEAST_STD = 1 / 255


def load_images(
    data_dir: str | Path,
    *,
    resolution: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
    train_images: int | None = None,
    validation_fraction: float = 0.2,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    announce: Callable[[DataSummary], None] | None = None,
    in_channels: int | None = None,
    resize: str = "crop",
    background: str | None = None,
    full_scale: float | str | None = None,
    direct: bool | None = None,
) -> ImageSet:
    """Decode the images of a folder, of parquet files or of 'digits' to one uint8 array, and split them.

    Images that cannot be decoded are skipped and named in the result.

    Args:
        data_dir: A folder of class folders, with or without split folders; a folder of parquet files; or 'digits'.
        resolution: Side in pixels; by default the images' own if small, square and equal, else at most 224.
        seed: See `cut_splits`.
        cache: A folder for the decoded pixels, which are mapped from there, now and the next time.
        train_images: See `cut_splits`.
        validation_fraction: See `cut_splits`.
        threads: That decode; by default one per processor, at most 16.
        progress: Called with (images done, all images).
        announce: Called with what was found, before anything is decoded.
        in_channels: Channels; by default 1 where all images of a sample are gray, else 3. See `decode`.
        resize: How images become square: crop, squash or letterbox.
        background: What transparent images are laid on; by default white, or as in a cache of version 0.1.
        full_scale: What is white in images of more than 8 bits that do not declare it; by default found in a sample.
        direct: Of a set with a cache: images are not decoded to it, but each time they are used, from where they are
            (`DirectImages`). By default only where they would be more than memory or the cache's disk holds.

    Raises:
        DataError: The source cannot be read or split, too many images are bad, or memory is short.
        OutputError: The cache cannot be written.
    """
    source = open_source(data_dir)
    cut = Cut(seed, validation_fraction, train_images=train_images)
    splits = cut.again(source)
    cut = cut.of(source, splits)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    summary = summarize(source, parts, splits.provenance, to_train=True)
    if announce is not None:
        announce(summary)
    with _pillow_warnings_ignored():
        shape = choose_shape(source, splits.train, resolution, in_channels)
        plain = _fingerprint(source, splits, shape, seed)
        if resize == "crop" and background is None and full_scale is None and cache is not None:
            # decoded by version 0.1: a design of it goes on with what it has
            earlier = _open_cached(Path(cache) / manifest_name(plain), plain, cut)
            if earlier is not None:
                return _described(earlier, summary)
        preparation = prepare_decoding(source, splits.train, resize, background or "white", full_scale)
    fingerprint = preparation.extend(plain)
    manifest = None if cache is None else Path(cache) / manifest_name(fingerprint)
    if manifest is not None and (cached := _open_cached(manifest, fingerprint, cut)) is not None:
        return _described(cached, summary)
    if manifest is not None and direct is not False:
        own = direct_fingerprint(fingerprint)
        there = manifest.with_name(manifest_name(own))
        if (earlier := _open_cached(there, own, cut)) is not None:
            return _described(earlier, summary)
        if direct or is_too_large(sum(map(len, parts.values())), shape, manifest.parent):
            made = direct_set(data_dir, source, splits, shape, preparation, own)
            return _described(replace(made, cut=cut).stored_at(there), summary)
    image_set = replace(
        _decode_set(source, splits, shape, preparation, fingerprint, manifest, threads, progress), cut=cut
    )
    return _described(image_set if manifest is None else image_set.stored_at(manifest), summary)


def _described(images: ImageSet, summary: DataSummary) -> ImageSet:
    """The set with its summary, which counts only what could be decoded."""
    parts = {"train": images.train, "validation": images.validation, "test": images.test}
    return replace(images, summary=summary.decoded(images.labels, parts, images.skipped))


def _open_cached(manifest: Path, fingerprint: str, cut: Cut) -> ImageSet | None:
    if not manifest.exists():
        return None
    try:
        cached = _checked(ImageSet.open(manifest), fingerprint)
        return cached if cached.cut is not None else replace(cached, cut=cut).stored_at(manifest)
    except DataError:  # damaged or of another version: its images are there, so decode them again
        with explain_errors(manifest, what="the image cache", elsewhere="another --out"):
            manifest.unlink(missing_ok=True)
        return None


def _decode_set(
    source: ImageSource,
    splits: Splits,
    shape: ImageShape,
    preparation: Preparation,
    fingerprint: str,
    manifest: Path | None,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> ImageSet:
    """All images of the splits, decoded to memory, or to the .npy beside the manifest."""
    wanted = np.sort(np.concatenate([splits.train, splits.validation, splits.test]))
    full = (len(wanted), shape.resolution, shape.resolution, shape.channels)
    sink: Sink = MemorySink(full) if manifest is None else FileSink(manifest.with_suffix(".npy"), full)
    decode_one = partial(
        decode,
        resolution=shape.resolution,
        channels=shape.channels,
        resize=preparation.resize,
        rules=preparation.rules,
    )
    meter = SignalMeter()
    try:
        with _pillow_warnings_ignored():
            blocks = decoded_blocks(source, wanted, shape, decode_one, threads)
            kept, skipped, mean, std = _decode_all(blocks, wanted, splits.train, shape, sink, meter, progress)
        _refuse_bad(source, splits, wanted[kept], skipped)
        images = sink.finish()
    finally:
        sink.discard()
    row = np.full(len(source.labels), -1, dtype=np.int64)
    row[wanted[kept]] = np.arange(len(images))
    parts = [_rows(row, part) for part in (splits.train, splits.validation, splits.test)]
    left = f" {_left(len(skipped), parts)}" if skipped else ""
    long = elongated_warning(lambda number: source.read(int(wanted[number])).data, len(wanted), preparation.resize)
    return ImageSet(
        name=source.name,
        images=images,
        labels=source.labels[wanted[kept]],
        class_names=source.class_names,
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        mean=mean,
        std=std,
        flip_suits=shape.flip_suits,
        resolution=shape.resolution,
        channels=shape.channels,
        skipped=tuple(skipped),
        fingerprint=fingerprint,
        provenance=splits.provenance + left,
        background=preparation.rules.background,
        resize=preparation.resize,
        full_scale=preparation.rules.full_scale,
        notices=(*filter(None, [preparation.notice, long]), *meter.warnings(preparation.rules.background)),
    )


def _left(skipped: int, parts: list[IntArray]) -> str:
    """What is left of train, validation and test."""
    train, validation, test = (f"{len(part):,}" for part in parts)
    return (
        f"{skipped:,} of these could not be decoded, which leaves {train} to train, {validation} to validate and "
        f"{test} to test."
    )


@contextmanager
def _pillow_warnings_ignored() -> Iterator[None]:
    with warnings.catch_warnings():
        ignore_pillow_warnings()
        yield


def _fingerprint(source: ImageSource, splits: Splits, shape: ImageShape, seed: int) -> str:
    # "Shape" is part of the hash, which names caches and identifies populations: it must stay
    facts = f"Shape(resolution={shape.resolution}, channels={shape.channels}, flip_suits={shape.flip_suits})"
    digest = hashlib.sha256(
        f"{_DECODER} {source.name} {source.signature} {facts} {seed}".encode(errors="surrogateescape")
    )
    digest.update(repr(source.class_names).encode(errors="backslashreplace"))
    for numbers in (source.labels, splits.train, splits.validation, splits.test):
        digest.update(f"{len(numbers)} ".encode() + numbers.astype("<i8").tobytes())
    return digest.hexdigest()


def _checked(image_set: ImageSet, fingerprint: str) -> ImageSet:
    if image_set.fingerprint != fingerprint:
        raise DataError(f"{image_set.path} has fingerprint {image_set.fingerprint}, not {fingerprint}")
    return image_set


def _rows(row: IntArray, indices: IntArray) -> IntArray:
    rows = row[indices]
    return rows[rows >= 0]


def _decode_all(
    decoded: Generator[DecodedBlock, None, None],
    wanted: IntArray,
    train: IntArray,
    shape: ImageShape,
    sink: Sink,
    meter: SignalMeter,
    progress: Callable[[int, int], None] | None,
) -> tuple[IntArray, list[Skipped], tuple[float, ...], tuple[float, ...]]:
    """Decode into the sink: positions in `wanted` that could be decoded, skipped images, mean and std for training."""
    is_train = np.isin(wanted, train, assume_unique=True)
    kept: list[IntArray] = []
    skipped: list[Skipped] = []
    # sums of whole numbers below 2^53 are exact in float64, in any order
    total, squares, pixels = np.zeros(shape.channels), np.zeros(shape.channels), 0
    done = 0
    with closing(decoded) as blocks:
        for block in blocks:
            sink.append(block.images)
            meter.add(block.images)
            kept.append(block.positions)
            skipped += block.skipped
            values = block.images[is_train[block.positions]].reshape(-1, shape.channels).astype(np.float64)
            total += values.sum(axis=0)
            squares += np.einsum("pc,pc->c", values, values)
            pixels += len(values)
            done += len(block.positions) + len(block.skipped)
            if progress is not None:
                progress(done, len(wanted))
    mean = total / max(pixels, 1)
    std = np.maximum(np.sqrt(np.maximum(squares / max(pixels, 1) - mean**2, 0)), 255 * _LEAST_STD)
    return np.concatenate(kept), skipped, _unit(mean), _unit(std)


def _unit(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) / 255 for value in values)


def _refuse_bad(source: ImageSource, splits: Splits, kept: IntArray, skipped: list[Skipped]) -> None:
    """Raise DataError where so many images are bad that the rest would be another data set."""
    examples = "; ".join(f"{bad.name} ({bad.reason})" for bad in skipped[:3])
    deleted = sum(bad.reason == os.strerror(errno.ENOENT) for bad in skipped)
    if deleted > len(kept):
        raise DataError(
            f"images stay where they are while they are read, and {deleted:,} of {source.name!r} are gone since "
            f"the folder was listed: {examples}. Put them back, or give another folder."
        )
    if len(skipped) > len(kept):
        raise DataError(
            f"at least half of the images must be readable, and {len(skipped):,} of {len(skipped) + len(kept):,} of "
            f"{source.name!r} are not: {examples}. Repair, convert or remove them."
        )
    train = np.intersect1d(splits.train, kept)
    counts = np.bincount(source.labels[train], minlength=len(source.class_names))
    gone = [source.class_names[label] for label in np.flatnonzero(counts == 0)]
    if gone:
        raise DataError(
            f"each class needs a readable training image, and {source.name!r} has none of {listed(gone)}: {examples}. "
            "Repair or remove the bad images."
        )
