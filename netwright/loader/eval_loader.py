"""Load validation batches: every image once, over all ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray
from netwright.loader.batch import Batch, to_device
from netwright.loader.batch_memory import COPIED_AT_ONCE, BatchMemory
from netwright.loader.memory import decode_split, fits_in_memory
from netwright.loader.read import EvalReader
from netwright.loader.sampler import BatchIndex
from netwright.loader.split import Split
from netwright.loader.worker_pool import WorkerPool, usable_workers

__all__ = ["EvalLoader"]


class EvalLoader:
    """Preprocessed images of a split, in order; rank r of w ranks gets images r, r + w, ...

    Images that cannot be read are left out and listed in `skipped`. Small images are decoded once and kept in memory.

    Args:
        split: The images.
        preprocessing: Of the network.
        batch_size: Images per batch.
        workers: Processes that read images; at most this rank's share of the processors is used.
        device: Of the batches.
        channels_last: Whether batches are in channels_last memory.
        rank: Of this process.
        world: Number of ranks.
    """

    def __init__(
        self,
        split: Split,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
        workers: int,
        device: torch.device,
        channels_last: bool = True,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        positions = np.arange(rank, len(split), world, dtype=np.int64)
        repeats = np.zeros_like(positions)
        self._batch_indices = [
            BatchIndex(0, positions[first : first + batch_size], repeats[first : first + batch_size])
            for first in range(0, len(positions), batch_size)
        ]
        self._split, self._positions = split, positions
        self._preprocessing, self._device, self._channels_last = preprocessing, device, channels_last
        self._skipped: dict[str, Skipped] = {}
        self._in_memory = fits_in_memory(split, preprocessing.image_size, preprocessing.channels)
        self._kept: list[Batch] | None = None
        memory = BatchMemory(is_reused=device.type in COPIED_AT_ONCE)
        read = EvalReader(split, split.labels, preprocessing, memory)
        self._pool = WorkerPool(read, usable_workers(workers, world), device)

    @property
    def skipped(self) -> list[Skipped]:
        """Bad images found so far, each once."""
        return list(self._skipped.values())

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, IntArray]]:
        """Batches of x (B, C, H, W) float32, normalized, target (B,) int64, and positions (B,) int64 in split.index."""
        for batch in self._batches():
            for bad in batch.skipped:
                self._skipped.setdefault(bad.name, bad)
            if len(batch.labels):
                x, target = to_device(batch, self._preprocessing, self._device, channels_last=self._channels_last)
                yield x, target, batch.positions.numpy()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    def _batches(self) -> Iterable[Batch]:
        if not self._in_memory:
            return self._pool.batches(self._batch_indices)
        if self._kept is None:
            self._kept = self._decode()
        return self._kept

    def _decode(self) -> list[Batch]:
        index, labels = self._split.index[self._positions], self._split.labels
        decoded = decode_split(Split(self._split.source, index, self._split.name), self._preprocessing)
        self._skipped |= {bad.name: bad for bad in decoded.skipped}
        batches, start = [], 0
        for batch_index in self._batch_indices:
            part = slice(start, start + len(batch_index.positions))
            readable = decoded.readable[part]
            kept = batch_index.positions[readable]
            pixels = torch.from_numpy(decoded.pixels[part][readable])
            batches.append(Batch(pixels, torch.from_numpy(labels[kept]), torch.from_numpy(kept)))
            start = part.stop
        return batches
