"""Validation batches: every image once, over all ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray
from netwright.loader.batch import Batch, finish
from netwright.loader.memory import decode_split, suits_memory
from netwright.loader.read import ReadEval
from netwright.loader.sampler import Key
from netwright.loader.split import Split
from netwright.loader.worker_pool import Feed, usable_workers

__all__ = ["EvalLoader"]


class EvalLoader:
    """The images of a split as they are, preprocessed, in order: those at rank, rank + world, ... of it.

    Images that cannot be read are left out and are in `skipped`. Small images are decoded once and kept.
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
        self._keys = [
            Key(0, positions[first : first + batch_size], repeats[first : first + batch_size])
            for first in range(0, len(positions), batch_size)
        ]
        self._split, self._positions = split, positions
        self._preprocessing, self._device, self._channels_last = preprocessing, device, channels_last
        self._skipped: dict[str, Skipped] = {}
        self._in_memory = suits_memory(split, preprocessing.image_size, preprocessing.channels)
        self._kept: list[Batch] | None = None
        self._feed = Feed(ReadEval(split, split.labels, preprocessing), usable_workers(workers, world), device)

    @property
    def skipped(self) -> list[Skipped]:
        """Bad images met so far, each once."""
        return list(self._skipped.values())

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, IntArray]]:
        """x (B, C, H, W) float32, normalized, target (B,) int64, and (B,) int64 positions in split.index."""
        for batch in self._batches():
            for bad in batch.skipped:
                self._skipped.setdefault(bad.name, bad)
            if len(batch.labels):
                x, target = finish(batch, self._preprocessing, self._device, channels_last=self._channels_last)
                yield x, target, batch.positions.numpy()

    def close(self) -> None:
        """End the worker processes."""
        self._feed.close()

    def _batches(self) -> Iterable[Batch]:
        if not self._in_memory:
            return self._feed.batches(self._keys)
        if self._kept is None:
            self._kept = self._decode()
        return self._kept

    def _decode(self) -> list[Batch]:
        index, labels = self._split.index[self._positions], self._split.labels
        decoded = decode_split(Split(self._split.source, index, self._split.name), self._preprocessing)
        self._skipped |= {bad.name: bad for bad in decoded.skipped}
        batches, start = [], 0
        for key in self._keys:
            part = slice(start, start + len(key.positions))
            readable = decoded.readable[part]
            kept = key.positions[readable]
            pixels = torch.from_numpy(decoded.pixels[part][readable])
            batches.append(Batch(pixels, torch.from_numpy(labels[kept]), torch.from_numpy(kept)))
            start = part.stop
        return batches
