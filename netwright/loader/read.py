"""Read the images of a batch and augment or preprocess them, in any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch
from netwright.loader.batch_memory import BatchMemory
from netwright.loader.erase import NO_BOX, draw_box
from netwright.loader.sampler import BatchIndex
from netwright.loader.seeds import seed_from, seed_global_rngs
from netwright.loader.split import Split
from netwright.recipe.augmentation import Augmentation

__all__ = ["EvalReader", "TrainReader", "lighting_shift", "read_or_substitute", "substitute"]

T = TypeVar("T")

# streams of random numbers
_IMAGE, _SUBSTITUTE = 0, 1
_MOST_SUBSTITUTES = 1000

# PCA of ImageNet's RGB pixels 0 ... 1 (AlexNet; constants as in fb.resnet.torch)
_EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
_EIGENVECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
)


def lighting_shift(
    normal: np.ndarray[tuple[int, ...], np.dtype[np.float64]], channels: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """AlexNet's lighting noise, to be added to pixels 0 to 255.

    Args:
        normal: (..., 3) normal numbers.
        channels: 1 or 3.

    Returns:
        (..., channels) float32.
    """
    shift = 255 * (normal * _EIGENVALUES) @ _EIGENVECTORS.T
    if channels == 1:
        shift = shift.mean(axis=-1, keepdims=True)
    return np.asarray(shift, dtype=np.float32)


def substitute(seed: int, images: int, position: int, attempt: int) -> int:
    """The position of an image that replaces a bad one; the same in every epoch and process.

    Args:
        seed: Of the training.
        images: Number of images of the split.
        position: Of the bad image.
        attempt: 0, 1, ...: the substitute may be bad too.
    """
    return seed_from(_SUBSTITUTE, seed, position, attempt) % images


def read_or_substitute(
    split: Split, seed: int, position: int, skipped: list[Skipped], make: Callable[[bytes | Pixels], T]
) -> tuple[T, int]:
    """What is made of an image, or where it is bad of another one.

    Args:
        split: The images.
        seed: Of the training.
        position: Of the image.
        skipped: Bad images are added to it.
        make: Takes the file, or its pixels; DataError or OSError where it is bad.

    Returns:
        What `make` returned, and the position of the image.

    Raises:
        DataError: Too many in a row are bad.
    """
    at = position
    for attempt in range(_MOST_SUBSTITUTES):
        try:
            return make(split.read(at).data), at
        except (DataError, OSError) as error:
            skipped.append(split.skipped(at, error))
        at = substitute(seed, len(split), position, attempt)
    raise DataError(
        f"a training needs readable images, and {_MOST_SUBSTITUTES:,} of the {split.name} split of "
        f"{split.source.name!r} are not, {skipped[0].name!r} first: {skipped[0].reason}. Repair or remove "
        "them."
    )


@dataclass(frozen=True, slots=True, eq=False)
class TrainReader:
    """Reads training batches (BatchIndex -> Batch). Seeds the global generators.

    All randomness comes from seed, epoch, position and repeat.
    """

    split: Split
    labels: IntArray
    augment: Augment
    augmentation: Augmentation
    channels: int
    seed: int
    memory: BatchMemory = field(default_factory=BatchMemory)

    def __call__(self, batch_index: BatchIndex) -> Batch:
        count, versions, side = len(batch_index.positions), self.augment.versions, self.augmentation.image_size
        pixels = self.memory.pixels(versions, count, side, side, self.channels)
        into, labels = pixels.numpy(), np.empty(count, dtype=np.int64)
        boxes = np.zeros((versions, count, 4), dtype=np.int64)
        seeds = np.zeros((versions, count), dtype=np.int64)
        shifts = np.zeros((versions, count, self.channels), dtype=np.float32)
        skipped: list[Skipped] = []
        for i, (position, repeat) in enumerate(
            zip(batch_index.positions.tolist(), batch_index.repeats.tolist(), strict=True)
        ):
            seed = seed_from(_IMAGE, self.seed, batch_index.epoch, position, repeat)
            made, labels[i] = self._read(position, seed, skipped)
            for version, augmented in enumerate(made):
                into[version, i] = augmented
                if self.augmentation.lighting:
                    normal = self.augmentation.lighting * torch.randn(3, dtype=torch.float64).numpy()
                    shifts[version, i] = lighting_shift(normal, self.channels)
                # the first of several versions is not erased
                boxes[version, i] = NO_BOX if versions > 1 and not version else draw_box(self.augmentation, side)
                seeds[version, i] = seed_from(seed, version)
        has_boxes, has_shifts = self.augmentation.re_prob > 0, self.augmentation.lighting > 0
        return Batch(
            pixels.view(-1, side, side, self.channels),
            torch.from_numpy(labels),
            torch.from_numpy(batch_index.positions),
            torch.from_numpy(shifts.reshape(-1, self.channels)) if has_shifts else None,
            torch.from_numpy(boxes.reshape(-1, 4)) if has_boxes else None,
            torch.from_numpy(seeds.reshape(-1)) if has_boxes else None,
            skipped,
        )

    def _read(self, position: int, seed: int, skipped: list[Skipped]) -> tuple[list[Pixels], int]:
        """The versions of an image, and its label; where it is bad, those of another one, by the same seed."""

        def make(data: bytes | Pixels) -> list[Pixels]:
            seed_global_rngs(seed)
            return self.augment.of_file(data)

        made, at = read_or_substitute(self.split, self.seed, position, skipped, make)
        return made, int(self.labels[at])


@dataclass(frozen=True, slots=True, eq=False)
class EvalReader:
    """Reads validation batches (BatchIndex -> Batch) of the images that can be read, preprocessed."""

    split: Split
    labels: IntArray
    preprocessing: Preprocessing
    memory: BatchMemory = field(default_factory=BatchMemory)

    def __call__(self, batch_index: BatchIndex) -> Batch:
        side = self.preprocessing.image_size
        pixels = self.memory.pixels(len(batch_index.positions), side, side, self.preprocessing.channels)
        into = pixels.numpy()
        kept: list[int] = []
        skipped: list[Skipped] = []
        for position in batch_index.positions.tolist():
            try:
                into[len(kept)] = self.preprocessing.pixels(self.split.read(position).data)
                kept.append(position)
            except (DataError, OSError) as error:
                skipped.append(self.split.skipped(position, error))
        positions = np.array(kept, dtype=np.int64)
        return Batch(
            pixels[: len(kept)],
            torch.from_numpy(self.labels[positions]),
            torch.from_numpy(positions),
            skipped=skipped,
        )
