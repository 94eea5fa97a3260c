"""Sample the batches of an epoch on a rank: which images, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from netwright.data.source import IntArray
from netwright.errors import DataError

__all__ = ["BatchIndex", "BatchSampler", "balanced_order"]


class BatchIndex(NamedTuple):
    """A batch before it is read.

    Attributes:
        epoch: 1, 2, ...
        positions: (B,) in the split.
        repeats: (B,) the number of the repeat of each image, from 0.
    """

    epoch: int
    positions: IntArray
    repeats: IntArray


def balanced_order(labels: IntArray, rng: np.random.Generator) -> IntArray:
    """As many positions as there are labels, each class equally often or once more, in a random order.

    All images of a class come before one of them comes again.
    """
    classes = rng.permutation(np.unique(labels))
    parts = []
    for place, label in enumerate(classes):
        own = np.flatnonzero(labels == label)
        count = len(labels) // len(classes) + (place < len(labels) % len(classes))
        rounds = [rng.permutation(own) for _ in range(-(-count // len(own)))]
        parts.append(np.concatenate([*rounds, own[:0]])[:count])
    order: IntArray = rng.permutation(np.concatenate(parts)).astype(np.int64)
    return order


@dataclass(frozen=True, slots=True)
class BatchSampler:
    """The batches of every epoch on one rank, as torch's DistributedSampler with a BatchSampler.

    Rank r of w takes images r, r + w, ... of the epoch's permutation, so that batch i of all ranks together is batch i
    of one rank with a batch w times as large. Each rank has the same number of batches.

    Attributes:
        images: Number of images in the split.
        batch_size: Images per batch on this rank.
        seed: Of the permutations.
        shuffle: Whether images are permuted.
        drop_last: Leave out images that do not fill a batch, but keep at least one batch. Without it the last batch is
            smaller, and the permutation starts again so that the last ranks have as many images as the others.
        repeats: k > 1: each image comes k times in a row, once to each of k neighboring ranks, and the first
            ceil(images / w) of each rank are kept (arXiv 1902.05509, as in DeiT's sampler).
        rank: Of this process.
        world: Number of ranks.
        joins_single: A last batch of one image is no batch of its own: it joins the one before. Batch norm cannot learn
            from one value a channel.
        labels: (images,) int64; an epoch then has as many images of each class.

    Raises:
        DataError: There are fewer images than ranks.
    """

    images: int
    batch_size: int
    seed: int
    shuffle: bool = True
    drop_last: bool = True
    repeats: int = 1
    rank: int = 0
    world: int = 1
    joins_single: bool = False
    labels: IntArray | None = None

    def __post_init__(self) -> None:
        if self.images < self.world:
            raise DataError(
                f"each of {self.world} processes needs an image to train on, and there are {self.images}. Start fewer."
            )

    @property
    def per_rank(self) -> int:
        """Images per epoch on each rank, before drop_last."""
        if self.repeats == 1 and self.drop_last:
            return self.images // self.world
        return -(-self.images // self.world)

    @property
    def steps(self) -> int:
        """Batches per epoch, the same on every rank."""
        if self.drop_last:
            return max(1, self.per_rank // self.batch_size)
        return -(-self.per_rank // self.batch_size) - self.has_joined

    @property
    def has_joined(self) -> bool:
        """Whether the last batch has an image more than the others, which would be alone."""
        is_single = self.per_rank > self.batch_size > 1 and self.per_rank % self.batch_size == 1
        return self.joins_single and is_single and not self.drop_last

    @property
    def smallest(self) -> int:
        """Images of the smallest batch."""
        if self.has_joined:
            return self.batch_size + (self.steps == 1)
        if self.drop_last:
            return min(self.batch_size, self.per_rank)
        return self.per_rank % self.batch_size or self.batch_size

    def batches(self, epoch: int, start: int = 0) -> list[BatchIndex]:
        """The batches of an epoch from number `start` on."""
        order = np.arange(self.images, dtype=np.int64)
        rng = np.random.default_rng([self.seed, epoch])
        if self.labels is not None:
            order = balanced_order(self.labels, rng)
        elif self.shuffle:
            order = rng.permutation(self.images).astype(np.int64)
        # index into the epoch's order with repeats, over all ranks; it wraps around at the end
        place = (self.rank + self.world * np.arange(self.per_rank, dtype=np.int64)) % (self.images * self.repeats)
        positions, versions = order[place // self.repeats], place % self.repeats
        ends = [self.batch_size * (step + 1) for step in range(self.steps)]
        ends[-1] += self.has_joined
        return [
            BatchIndex(epoch, positions[step * self.batch_size : end], versions[step * self.batch_size : end])
            for step, end in enumerate(ends)
            if step >= start
        ]
