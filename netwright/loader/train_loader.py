"""Load training batches: the same for a seed, epoch and step on any number of workers, starting at any batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch, to_device
from netwright.loader.batch_memory import COPIED_AT_ONCE, BatchMemory
from netwright.loader.gpu_jpeg import check_gpu_jpeg
from netwright.loader.gpu_reader import GpuTrainReader
from netwright.loader.memory import InMemoryTrainReader, fits_in_memory, has_cheap_augmentation, prefetch
from netwright.loader.mixup import Mixup
from netwright.loader.read import TrainReader
from netwright.loader.sampler import BatchIndex, BatchSampler
from netwright.loader.seeds import seed_from
from netwright.loader.split import Split
from netwright.loader.worker_pool import WorkerPool, usable_workers
from netwright.recipe import TrainConfig

__all__ = ["TrainLoader"]

_MIX = 3  # stream of random numbers


class TrainLoader:
    """Shuffled, augmented and mixed batches of a split on a device.

    Small images with cheap augmentation are decoded once and kept in memory; others are read by worker processes.

    Args:
        split: The images.
        training: Batch size, workers, augmentation and seed.
        device: Of the batches.
        rank: Of this process.
        world: Number of ranks.
        joins_single: A last batch of one image joins the one before.

    Attributes:
        batch_size: Images per step on this rank.

    Raises:
        RecipeError: An augmentation is impossible.
        DataError: No image can be read, or there are fewer images than ranks.
    """

    def __init__(
        self,
        split: Split,
        training: TrainConfig,
        *,
        device: torch.device,
        rank: int = 0,
        world: int = 1,
        joins_single: bool = False,
    ) -> None:
        images, augmentation, seed = training.images, training.augmentation, training.machine.seed
        self.batch_size = images.batch_size
        self._sampler = BatchSampler(
            len(split),
            images.batch_size,
            seed,
            shuffle=images.shuffle,
            drop_last=images.drop_last,
            repeats=max(1, augmentation.aug_repeats),
            rank=rank,
            world=world,
            joins_single=joins_single,
            labels=split.labels if images.is_balanced else None,
        )
        self._training, self._device, self._rank = training, device, rank
        self._preprocessing = Preprocessing.from_training(training)
        classes = training.network.num_classes or len(split.class_names)
        self._mixup = Mixup(augmentation.mixup, augmentation.cutmix, augmentation.cutmix_prob, classes)
        augment = Augment(augmentation, self._preprocessing)
        self._skipped: dict[str, Skipped] = {}
        self._pool: WorkerPool | None = None
        self._memory: InMemoryTrainReader | None = None
        channels = self._preprocessing.channels
        if images.decode == "gpu":
            check_gpu_jpeg(augmentation, channels, device)
            encoded = GpuTrainReader(split, split.labels, augment, augmentation, seed)
            self._pool = WorkerPool(encoded, usable_workers(images.workers, world), device)
        elif has_cheap_augmentation(augmentation) and fits_in_memory(split, augmentation.image_size, channels):
            self._memory = InMemoryTrainReader(split, split.labels, augmentation, self._preprocessing, seed)
            self._note(self._memory.skipped)
        else:
            memory = BatchMemory(is_reused=device.type in COPIED_AT_ONCE)
            read = TrainReader(split, split.labels, augment, augmentation, channels, seed, memory)
            self._pool = WorkerPool(read, usable_workers(images.workers, world), device)

    @property
    def steps(self) -> int:
        """Batches per epoch, the same on every rank."""
        return self._sampler.steps

    @property
    def smallest(self) -> int:
        """Images of the smallest batch."""
        return self._sampler.smallest

    @property
    def has_joined(self) -> bool:
        """Whether the last batch has an image more than the others, which would be alone."""
        return self._sampler.has_joined

    @property
    def skipped(self) -> list[Skipped]:
        """Bad images found so far, each once; other images of the split replaced them."""
        return list(self._skipped.values())

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch.

        Args:
            epoch: 1, 2, ...
            start: Number of the first batch.

        Yields:
            x (B, C, H, W) float32, normalized, and target (B,) int64. With mixup or CutMix the target is (B, classes)
            float32. With aug_splits n, x is (n * B, C, H, W), with the clean images first.
        """
        for step, batch in enumerate(self._batches(self._sampler.batches(epoch, start)), start):
            self._note(batch.skipped)
            x, target = to_device(
                batch,
                self._preprocessing,
                self._device,
                channels_last=self._training.network.channels_last,
                erase_with=self._training.augmentation.re_value,
            )
            if self._mixup.is_enabled:
                seed = seed_from(_MIX, self._training.machine.seed, epoch, step, self._rank)
                x, target = self._mixup(x, target, seed)
            yield x, target

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.close()

    def _batches(self, batch_indices: list[BatchIndex]) -> Iterator[Batch]:
        if self._pool is not None:
            return self._pool.batches(batch_indices)
        assert self._memory is not None
        return prefetch(self._memory, batch_indices)

    def _note(self, skipped: Iterable[Skipped]) -> None:
        for bad in skipped:
            self._skipped.setdefault(bad.name, bad)
