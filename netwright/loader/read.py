"""From keys to batches, in whatever process: images are read, augmented or preprocessed, and put side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from netwright.data.decode import decode_full
from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch
from netwright.loader.erase import NOTHING, draw_box
from netwright.loader.sampler import Key
from netwright.loader.seeds import seed_from, seed_global
from netwright.loader.split import Split
from netwright.recipe.training import Augmentation

__all__ = ["ReadEval", "ReadTrain", "draw_shift", "skipped_item", "substitute"]

# streams of random numbers
_IMAGE, _SUBSTITUTE = 0, 1
_MOST_SUBSTITUTES = 1000

# PCA of ImageNet's RGB pixels 0 ... 1 (AlexNet; constants as in fb.resnet.torch)
_EIGENVALUES = np.array([0.2175, 0.0188, 0.0045])
_EIGENVECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
)


def draw_shift(
    normal: np.ndarray[tuple[int, ...], np.dtype[np.float64]], channels: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """AlexNet's lighting noise, to be added to pixels 0 ... 255. normal: (..., 3) -> (..., channels) float32."""
    shift = 255 * (normal * _EIGENVALUES) @ _EIGENVECTORS.T
    if channels == 1:
        shift = shift.mean(axis=-1, keepdims=True)
    return np.asarray(shift, dtype=np.float32)


def skipped_item(split: Split, position: int, error: Exception) -> Skipped:
    """An OSError's text has the whole path, which is another one elsewhere."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Skipped(split.source.item_name(int(split.index[position])), reason)


def substitute(seed: int, images: int, position: int, attempt: int) -> int:
    """The position of an image in place of a bad one, in every epoch and process the same."""
    return seed_from(_SUBSTITUTE, seed, position, attempt) % images


@dataclass(frozen=True, slots=True, eq=False)
class ReadTrain:
    """Key -> Batch: all that is random comes from seed, epoch, position and repeat. Seeds the global generators."""

    split: Split
    labels: IntArray
    augment: Augment
    augmentation: Augmentation
    channels: int
    seed: int

    def __call__(self, key: Key) -> Batch:
        count, versions, side = len(key.positions), self.augment.versions, self.augmentation.image_size
        pixels = np.empty((versions, count, side, side, self.channels), dtype=np.uint8)
        labels = np.empty(count, dtype=np.int64)
        boxes = np.zeros((versions, count, 4), dtype=np.int64)
        seeds = np.zeros((versions, count), dtype=np.int64)
        shifts = np.zeros((versions, count, self.channels), dtype=np.float32)
        skipped: list[Skipped] = []
        for i, (position, repeat) in enumerate(zip(key.positions.tolist(), key.repeats.tolist(), strict=True)):
            whole, labels[i] = self._read(position, skipped)
            seed = seed_from(_IMAGE, self.seed, key.epoch, position, repeat)
            seed_global(seed)
            for version, augmented in enumerate(self.augment(whole)):
                pixels[version, i] = augmented
                if self.augmentation.lighting:
                    normal = self.augmentation.lighting * torch.randn(3, dtype=torch.float64).numpy()
                    shifts[version, i] = draw_shift(normal, self.channels)
                # of several versions the first stays clean
                boxes[version, i] = NOTHING if versions > 1 and not version else draw_box(self.augmentation, side)
                seeds[version, i] = seed_from(seed, version)
        has_boxes, has_shifts = self.augmentation.re_prob > 0, self.augmentation.lighting > 0
        return Batch(
            torch.from_numpy(pixels.reshape(-1, side, side, self.channels)),
            torch.from_numpy(labels),
            torch.from_numpy(key.positions),
            torch.from_numpy(shifts.reshape(-1, self.channels)) if has_shifts else None,
            torch.from_numpy(boxes.reshape(-1, 4)) if has_boxes else None,
            torch.from_numpy(seeds.reshape(-1)) if has_boxes else None,
            skipped,
        )

    def _read(self, position: int, skipped: list[Skipped]) -> tuple[Pixels, int]:
        """An image, or where it is bad another one, with that one's label."""
        at = position
        for attempt in range(_MOST_SUBSTITUTES):
            try:
                data = self.split.source.read(int(self.split.index[at])).data
                return decode_full(data, self.channels), int(self.labels[at])
            except (DataError, OSError) as error:
                skipped.append(skipped_item(self.split, at, error))
            at = substitute(self.seed, len(self.split), position, attempt)
        raise DataError(
            f"images can be read, and {_MOST_SUBSTITUTES:,} tries in the {self.split.name} split of "
            f"{self.split.source.name!r} failed, {skipped[0].name!r} first: {skipped[0].reason}. Mend or remove them."
        )


@dataclass(frozen=True, slots=True, eq=False)
class ReadEval:
    """Key -> Batch of the images that can be read, preprocessed."""

    split: Split
    labels: IntArray
    preprocessing: Preprocessing

    def __call__(self, key: Key) -> Batch:
        side = self.preprocessing.image_size
        pixels = np.empty((len(key.positions), side, side, self.preprocessing.channels), dtype=np.uint8)
        kept: list[int] = []
        skipped: list[Skipped] = []
        for position in key.positions.tolist():
            try:
                data = self.split.source.read(int(self.split.index[position])).data
                pixels[len(kept)] = self.preprocessing.pixels(data)
                kept.append(position)
            except (DataError, OSError) as error:
                skipped.append(skipped_item(self.split, position, error))
        positions = np.array(kept, dtype=np.int64)
        return Batch(
            torch.from_numpy(pixels[: len(kept)]),
            torch.from_numpy(self.labels[positions]),
            torch.from_numpy(positions),
            skipped=skipped,
        )
