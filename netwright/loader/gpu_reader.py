"""Read training batches whose JPEGs stay encoded, for a GPU to decode; in any process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from netwright.data.images import Skipped
from netwright.data.source import IntArray, Pixels
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch
from netwright.loader.erase import draw_box
from netwright.loader.gpu_jpeg import Encoded, draw_encoded
from netwright.loader.read import read_or_substitute
from netwright.loader.sampler import BatchIndex
from netwright.loader.seeds import seed_from, seed_global_rngs
from netwright.loader.split import Split
from netwright.recipe.augmentation import Augmentation

__all__ = ["GpuTrainReader"]

_IMAGE = 0  # stream of random numbers, as of `TrainReader`


@dataclass(frozen=True, slots=True, eq=False)
class GpuTrainReader:
    """As `TrainReader` (BatchIndex -> Batch), by the same random numbers: the same parts of the same images."""

    split: Split
    labels: IntArray
    augment: Augment
    augmentation: Augmentation
    seed: int

    def __call__(self, batch_index: BatchIndex) -> Batch:
        count, side = len(batch_index.positions), self.augmentation.image_size
        pixels = np.zeros((count, side, side, 3), dtype=np.uint8)
        labels, seeds = np.empty(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        boxes = np.zeros((count, 4), dtype=np.int64)
        encoded: list[Encoded] = []
        skipped: list[Skipped] = []
        drawn = zip(batch_index.positions.tolist(), batch_index.repeats.tolist(), strict=True)
        for row, (position, repeat) in enumerate(drawn):
            seed = seed_from(_IMAGE, self.seed, batch_index.epoch, position, repeat)
            made, labels[row] = self._read(row, position, seed, skipped)
            if isinstance(made, Encoded):
                encoded.append(made)
            else:
                pixels[row] = made
            boxes[row], seeds[row] = draw_box(self.augmentation, side), seed_from(seed, 0)
        has_boxes = self.augmentation.re_prob > 0
        return Batch(
            torch.from_numpy(pixels),
            torch.from_numpy(labels),
            torch.from_numpy(batch_index.positions),
            boxes=torch.from_numpy(boxes) if has_boxes else None,
            seeds=torch.from_numpy(seeds) if has_boxes else None,
            skipped=skipped,
            encoded=encoded,
        )

    def _read(self, row: int, position: int, seed: int, skipped: list[Skipped]) -> tuple[Encoded | Pixels, int]:
        """An image and its label; where it cannot be read, another one and that one's label."""

        def make(data: bytes | Pixels) -> Encoded | Pixels:
            seed_global_rngs(seed)
            made = draw_encoded(row, data, self.augmentation)
            return self.augment.of_file(data)[0] if made is None else made

        made, at = read_or_substitute(self.split, self.seed, position, skipped, make)
        return made, int(self.labels[at])
