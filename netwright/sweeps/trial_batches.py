"""Batches of a trial, from images that are decoded already: order and augmentation depend on seed and epoch only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from netwright.recipe import Recipe

__all__ = ["Batches"]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """One split of an image set, as batches on a device.

    Attributes:
        images: (N, H, W, C) uint8, all images of the set.
        labels: (N,) int64.
        index: (n,) int64, which of them are in the split.
        mean: One number a channel, of pixels 0 ... 1.
        std: Likewise.
        device: Where batches go.
        channels_last: The memory format of batches.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device
    channels_last: bool = True

    def __len__(self) -> int:
        return len(self.index)

    def steps(self, batch_size: int) -> int:
        """Steps of a training epoch: the last batch is left out where it is not full, unless it is the only one."""
        return max(1, len(self.index) // batch_size)

    def train(self, recipe: Recipe, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled and augmented batches of one epoch: (B, C, H, W) normalized float32, (B,) int64."""
        rng = np.random.default_rng([seed, epoch])
        order = self.index[rng.permutation(len(self.index))]
        for step in range(self.steps(recipe.batch_size)):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            pixels = _augment(self.images[chosen], rng, flip=recipe.flip is True, padding=int(recipe.crop_padding))
            yield self._to_device(pixels, self.labels[chosen])

    def evaluate(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in order, not augmented; shapes as in `train`."""
        for start in range(0, len(self.index), batch_size):
            chosen = self.index[start : start + batch_size]
            yield self._to_device(self.images[chosen].transpose(0, 3, 1, 2), self.labels[chosen])

    def _to_device(self, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        x = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device, non_blocking=True)
        mean, std = (
            torch.tensor(value, device=self.device, dtype=torch.float32).view(1, -1, 1, 1) * 255
            for value in (self.mean, self.std)
        )
        x = ((x.float() - mean) / std).contiguous(memory_format=layout)
        return x, torch.from_numpy(labels).to(self.device, non_blocking=True)


def _augment(
    pixels: npt.NDArray[np.uint8], rng: np.random.Generator, *, flip: bool, padding: int
) -> npt.NDArray[np.uint8]:
    """(B, H, W, C) -> (B, C, H, W): a random crop from the padded image, mirrored half of the time."""
    n, height, width = pixels.shape[:3]
    if padding:
        padded = np.pad(pixels, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
        down, right = rng.integers(0, 2 * padding + 1, (2, n))
        cropped: npt.NDArray[np.uint8] = windows[np.arange(n), down, right]
    else:
        cropped = pixels.transpose(0, 3, 1, 2)
    if flip:
        mirrored = np.asarray(rng.random(n) < 0.5)
        cropped = np.where(mirrored[:, None, None, None], cropped[..., ::-1], cropped)
    return cropped
