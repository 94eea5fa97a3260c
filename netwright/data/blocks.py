"""Decode the images of a source in threads, block by block and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from netwright.data.shape import ImageShape
from netwright.data.skipped import Skipped, skipped_image
from netwright.data.source import ImageSource, IntArray, Pixels
from netwright.errors import DataError
from netwright.system.machine import processors

__all__ = ["DecodedBlock", "decoded_blocks"]

_BLOCK = 64
_MOST_THREADS = 16
_Decode = Callable[[bytes | Pixels], Pixels]


class DecodedBlock(NamedTuple):
    """Decoded images. positions: (n,) into the wanted image numbers; images: (n, H, W, C)."""

    positions: IntArray
    images: Pixels
    skipped: list[Skipped]


def decoded_blocks(
    source: ImageSource, wanted: IntArray, shape: ImageShape, decode_one: _Decode, threads: int | None
) -> Generator[DecodedBlock, None, None]:
    """Decoded blocks in the order of `wanted`; only a few are decoded ahead."""
    workers = threads or min(_MOST_THREADS, processors())
    starts = iter(range(0, len(wanted), _BLOCK))
    running: deque[Future[DecodedBlock]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        while True:
            while len(running) < 2 * workers and (start := next(starts, None)) is not None:
                running.append(pool.submit(_decode, source, wanted, start, shape, decode_one))
            if not running:
                return
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(source: ImageSource, wanted: IntArray, start: int, shape: ImageShape, decode_one: _Decode) -> DecodedBlock:
    indices = wanted[start : start + _BLOCK]
    images = np.empty((len(indices), shape.resolution, shape.resolution, shape.channels), dtype=np.uint8)
    positions: list[int] = []
    skipped: list[Skipped] = []
    for position, index in enumerate(indices.tolist(), start):
        try:
            images[len(positions)] = decode_one(source.read(index).data)
            positions.append(position)
        except (DataError, OSError) as error:
            skipped.append(skipped_image(source, index, error))
    return DecodedBlock(np.array(positions, dtype=np.int64), images[: len(positions)], skipped)
