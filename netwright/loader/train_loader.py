"""Training batches: a function of seed, epoch and step, on any number of workers and from any batch on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch, finish
from netwright.loader.memory import MemoryTrain, in_order, is_cheap, suits_memory
from netwright.loader.mix import Mixing
from netwright.loader.read import ReadTrain
from netwright.loader.sampler import Key, Order
from netwright.loader.seeds import seed_from
from netwright.loader.split import Split
from netwright.loader.worker_pool import Feed, usable_workers
from netwright.recipe import TrainConfig

__all__ = ["TrainLoader"]

# stream of random numbers
_MIX = 3


class TrainLoader:
    """Shuffled, augmented and mixed batches of a split on a device.

    steps: batches an epoch, the same on every rank; batch_size: images a step on this rank. Small images with a cheap
    recipe are decoded here, once; others are read by worker processes. Raises RecipeError for an augmentation that is
    none, DataError where no image can be read.
    """

    def __init__(
        self, split: Split, training: TrainConfig, *, device: torch.device, rank: int = 0, world: int = 1
    ) -> None:
        images, augmentation, seed = training.images, training.augmentation, training.machine.seed
        self.batch_size = images.batch_size
        self._order = Order(
            len(split),
            images.batch_size,
            seed,
            shuffle=images.shuffle,
            drop_last=images.drop_last,
            repeats=max(1, augmentation.aug_repeats),
            rank=rank,
            world=world,
        )
        self._training, self._device, self._rank = training, device, rank
        self._preprocessing = Preprocessing.from_training(training)
        classes = training.network.num_classes or len(split.class_names)
        self._mixing = Mixing(augmentation.mixup, augmentation.cutmix, augmentation.cutmix_prob, classes)
        augment = Augment(augmentation, self._preprocessing)
        self._skipped: dict[str, Skipped] = {}
        self._feed: Feed | None = None
        self._memory: MemoryTrain | None = None
        channels = self._preprocessing.channels
        if is_cheap(augmentation) and suits_memory(split, augmentation.image_size, channels):
            self._memory = MemoryTrain(split, split.labels, augmentation, self._preprocessing, seed)
            self._note(self._memory.skipped)
        else:
            read = ReadTrain(split, split.labels, augment, augmentation, channels, seed)
            self._feed = Feed(read, usable_workers(images.workers, world), device)

    @property
    def steps(self) -> int:
        """Batches an epoch, the same on every rank."""
        return self._order.steps

    @property
    def skipped(self) -> list[Skipped]:
        """Bad images met so far, each once; others of the split took their places."""
        return list(self._skipped.values())

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches `start`, start + 1, ... of an epoch 1, 2, ...: x (B, C, H, W) float32, normalized, and target.

        target: (B,) int64, or (B, classes) float32 where batches are mixed. With aug_splits n, x is (n * B, C, H, W),
        the clean images first.
        """
        for step, batch in enumerate(self._batches(self._order.batches(epoch, start)), start):
            self._note(batch.skipped)
            x, target = finish(
                batch,
                self._preprocessing,
                self._device,
                channels_last=self._training.network.channels_last,
                erase_with=self._training.augmentation.re_value,
            )
            if self._mixing.is_on:
                seed = seed_from(_MIX, self._training.machine.seed, epoch, step, self._rank)
                x, target = self._mixing(x, target, seed)
            yield x, target

    def close(self) -> None:
        """End the worker processes."""
        if self._feed is not None:
            self._feed.close()

    def _batches(self, keys: list[Key]) -> Iterator[Batch]:
        if self._feed is not None:
            return self._feed.batches(keys)
        assert self._memory is not None
        return in_order(self._memory, keys)

    def _note(self, skipped: Iterable[Skipped]) -> None:
        for bad in skipped:
            self._skipped.setdefault(bad.name, bad)
