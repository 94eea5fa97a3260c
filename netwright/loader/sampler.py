"""Which images make up an epoch on a rank, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from netwright.data.source import IntArray
from netwright.errors import DataError

__all__ = ["Key", "Order"]


class Key(NamedTuple):
    """A batch before it is read. positions: (B,) in the split; repeats: (B,) which version of the image it is."""

    epoch: int
    positions: IntArray
    repeats: IntArray


@dataclass(frozen=True, slots=True)
class Order:
    """The batches of every epoch, on one rank.

    Rank r of w takes images r, r + w, ... of the epoch's permutation, so that batch i of all ranks together is batch i
    of one rank with a batch w times as large. Each rank has the same number of batches: with drop_last what does not
    fill one is left out (but there is always one batch); without it the permutation begins again for the last ranks to
    have as many images, and the last batch is smaller. repeats k: each image comes k times in a row, once to each of k
    neighboring ranks, and the first ceil(images / w) of each rank are kept (arXiv 1902.05509, as in DeiT's sampler).
    """

    images: int
    batch_size: int
    seed: int
    shuffle: bool = True
    drop_last: bool = True
    repeats: int = 1
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.images < self.world:
            raise DataError(
                f"each of {self.world} processes needs an image to train on, and there are {self.images}. Start fewer."
            )

    @property
    def per_rank(self) -> int:
        """Images of an epoch on each rank, before what does not fill a batch is left out."""
        if self.repeats == 1 and self.drop_last:
            return self.images // self.world
        return -(-self.images // self.world)

    @property
    def steps(self) -> int:
        """Batches of an epoch, the same on every rank."""
        if self.drop_last:
            return max(1, self.per_rank // self.batch_size)
        return -(-self.per_rank // self.batch_size)

    def batches(self, epoch: int, start: int = 0) -> list[Key]:
        """Those of an epoch from number `start` on."""
        order = np.arange(self.images, dtype=np.int64)
        if self.shuffle:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.images).astype(np.int64)
        # place in the epoch's order with repeats, over all ranks; it begins again where it ends
        place = (self.rank + self.world * np.arange(self.per_rank, dtype=np.int64)) % (self.images * self.repeats)
        positions, versions = order[place // self.repeats], place % self.repeats
        return [
            Key(epoch, positions[first : first + self.batch_size], versions[first : first + self.batch_size])
            for first in range(start * self.batch_size, self.steps * self.batch_size, self.batch_size)
        ]
