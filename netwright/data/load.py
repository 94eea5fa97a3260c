"""Source -> ImageSet: every image is decoded once, whatever number of networks will be trained on it."""

from __future__ import annotations

import hashlib
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from netwright.data.decode import decode
from netwright.data.images import ImageSet, Skipped, manifest_name
from netwright.data.shape import Shape, choose_shape
from netwright.data.source import IntArray, Pixels, Source, listed
from netwright.data.sources import open_source
from netwright.data.splits import Splits, cut_splits
from netwright.data.store import FileSink, MemorySink, Sink
from netwright.errors import DataError
from netwright.system.atomic import explain_errors
from netwright.system.machine import processors

__all__ = ["load_images"]

# raised when the same file would decode to other pixels, so that older caches are not used
_DECODER = 1
_BLOCK = 64
_MOST_THREADS = 16
# a channel that never changes is still divided by something
_LEAST_STD = 1 / 255


class _Block(NamedTuple):
    """positions: (n,) into the wanted items; images: (n, H, W, C)."""

    positions: IntArray
    images: Pixels
    skipped: list[Skipped]


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
) -> ImageSet:
    """The images of a folder, of parquet files or of 'digits', decoded to one uint8 array and split.

    resolution: the side in pixels; without it the images' own if small, square and equal, else at most 224.
    seed, validation_fraction, train_images: as in `cut_splits`. cache: a folder for the decoded pixels, which are
    mapped from there, now and the next time. progress: called with (images done, images in all).
    Images that cannot be decoded are skipped and named in the result. Raises DataError when the source cannot be
    read or split, too many images are bad, or memory is short; OutputError when the cache cannot be written.
    """
    source = open_source(data_dir)
    splits = cut_splits(source, seed, validation_fraction, train_images=train_images)
    with _quiet_pillow():
        shape = choose_shape(source, splits.train, resolution)
    fingerprint = _fingerprint(source, splits, shape, seed)
    manifest = None if cache is None else Path(cache) / manifest_name(fingerprint)
    if manifest is not None and manifest.exists():
        try:
            return _checked(ImageSet.open(manifest), fingerprint)
        except DataError:  # damaged or of another version: what it was made from is there, so make it again
            with explain_errors(manifest, what="the image cache", elsewhere="another --out"):
                manifest.unlink(missing_ok=True)
    wanted = np.sort(np.concatenate([splits.train, splits.validation, splits.test]))
    full = (len(wanted), shape.resolution, shape.resolution, shape.channels)
    sink: Sink = MemorySink(full) if manifest is None else FileSink(manifest.with_suffix(".npy"), full)
    try:
        with _quiet_pillow():
            kept, skipped, mean, std = _decode_all(source, wanted, splits.train, shape, sink, threads, progress)
        _refuse_bad(source, splits, wanted[kept], skipped)
        images = sink.finish()
    finally:
        sink.discard()
    row = np.full(len(source.labels), -1, dtype=np.int64)
    row[wanted[kept]] = np.arange(len(images))
    image_set = ImageSet(
        name=source.name,
        images=images,
        labels=source.labels[wanted[kept]],
        class_names=source.class_names,
        train=_rows(row, splits.train),
        validation=_rows(row, splits.validation),
        test=_rows(row, splits.test),
        mean=mean,
        std=std,
        flip_suits=shape.flip_suits,
        resolution=shape.resolution,
        channels=shape.channels,
        skipped=tuple(skipped),
        fingerprint=fingerprint,
        provenance=splits.provenance,
    )
    return image_set if manifest is None else image_set.stored_at(manifest)


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Without Pillow's warnings about damaged EXIF and the like: the images are read all the same, in any mode."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _fingerprint(source: Source, splits: Splits, shape: Shape, seed: int) -> str:
    digest = hashlib.sha256(
        f"{_DECODER} {source.name} {source.signature} {shape} {seed}".encode(errors="surrogateescape")
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
    source: Source,
    wanted: IntArray,
    train: IntArray,
    shape: Shape,
    sink: Sink,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[IntArray, list[Skipped], tuple[float, ...], tuple[float, ...]]:
    """The positions in `wanted` that could be decoded, the others, and mean and std of the training images."""
    is_train = np.isin(wanted, train, assume_unique=True)
    kept: list[IntArray] = []
    skipped: list[Skipped] = []
    # sums of whole numbers below 2^53 are exact in float64, in any order
    total, squares, pixels = np.zeros(shape.channels), np.zeros(shape.channels), 0
    done = 0
    with closing(_blocks(source, wanted, shape, threads)) as blocks:
        for block in blocks:
            sink.append(block.images)
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


def _blocks(source: Source, wanted: IntArray, shape: Shape, threads: int | None) -> Generator[_Block, None, None]:
    """Decoded blocks in the order of `wanted`, with a few in the making and none waiting in heaps."""
    workers = threads or min(_MOST_THREADS, processors())
    starts = iter(range(0, len(wanted), _BLOCK))
    running: deque[Future[_Block]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        while True:
            while len(running) < 2 * workers and (start := next(starts, None)) is not None:
                running.append(pool.submit(_decode_block, source, wanted, start, shape))
            if not running:
                return
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_block(source: Source, wanted: IntArray, start: int, shape: Shape) -> _Block:
    indices = wanted[start : start + _BLOCK]
    images = np.empty((len(indices), shape.resolution, shape.resolution, shape.channels), dtype=np.uint8)
    positions: list[int] = []
    skipped: list[Skipped] = []
    for position, index in enumerate(indices.tolist(), start):
        try:
            images[len(positions)] = decode(source.read(index).data, shape.resolution, shape.channels)
            positions.append(position)
        except (DataError, OSError) as error:
            # an OSError's text has the whole path, which is another one elsewhere
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            skipped.append(Skipped(source.item_name(index), reason))
    return _Block(np.array(positions, dtype=np.int64), images[: len(positions)], skipped)


def _refuse_bad(source: Source, splits: Splits, kept: IntArray, skipped: list[Skipped]) -> None:
    """DataError when so many images are bad that the rest would be another data set."""
    examples = "; ".join(f"{bad.name} ({bad.reason})" for bad in skipped[:3])
    if len(skipped) > len(kept):
        raise DataError(
            f"at least half of the images must be readable, and {len(skipped):,} of {len(skipped) + len(kept):,} of "
            f"{source.name!r} are not: {examples}. Mend, convert or remove them."
        )
    train = np.intersect1d(splits.train, kept)
    counts = np.bincount(source.labels[train], minlength=len(source.class_names))
    gone = [source.class_names[label] for label in np.flatnonzero(counts == 0)]
    if gone:
        raise DataError(
            f"each class needs a readable training image, and {source.name!r} has none of {listed(gone)}: {examples}. "
            "Mend or remove the bad images."
        )
