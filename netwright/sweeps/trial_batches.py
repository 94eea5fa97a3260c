"""Batches of a trial, from images that are decoded already: order and augmentation depend on seed and epoch only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from netwright.recipe import Recipe
from netwright.sweeps.window import Window

__all__ = ["Batches", "crop_side", "jittered", "mixed", "on_device", "resized_crop"]

_MOST_RATIO = math.log(4 / 3)
_RESIDENT_SHARE = 8  # images may take one part in so many of a device's free memory
_STEP, _LEAST_SIDE = 8, 32


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
        resident: The images on the device (`on_device`): batches are then chosen, cropped and mirrored there, to the
            same pixels. None where they are too many, or the device is a processor.
        side: Pixels of a batch, where that is less than the images have: they are resized (bilinear, antialiased) after
            they are cropped and mirrored. None leaves them as they are.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device
    channels_last: bool = True
    resident: Tensor | None = None
    side: int | None = None
    _norm: tuple[Tensor, Tensor] = field(init=False)
    _classes: int = field(init=False)

    def __post_init__(self) -> None:
        norm = tuple(
            torch.tensor(value, device=self.device, dtype=torch.float32).view(1, -1, 1, 1) * 255
            for value in (self.mean, self.std)
        )
        object.__setattr__(self, "_norm", norm)
        object.__setattr__(self, "_classes", int(self.labels.max(initial=0)) + 1)

    def __len__(self) -> int:
        return len(self.index)

    def steps(self, batch_size: int) -> int:
        """Steps of a training epoch: the last batch is left out where it is not full, unless it is the only one."""
        return max(1, len(self.index) // batch_size)

    def train(self, recipe: Recipe, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled and augmented batches of one epoch: (B, C, H, W) normalized float32, (B,) int64.

        With mixup, the targets are (B, classes) float32.
        """
        rng = np.random.default_rng([seed, epoch])
        order = self.index[rng.permutation(len(self.index))]
        for step in range(self.steps(recipe.batch_size)):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            padding = 0 if recipe.crop_scale else int(recipe.crop_padding)
            window = Window.draw(rng, len(chosen), flip=recipe.flip is True, padding=padding)
            if self.resident is None:
                pixels = torch.from_numpy(window.cut(self.images[chosen])).to(self.device, non_blocking=True)
            else:
                pixels = window.cut_there(self.resident, chosen)
            x, target = self._normalized(pixels), self._targets(chosen)
            if recipe.crop_scale:
                x = resized_crop(x, rng, recipe.crop_scale, crop_side(self.side or x.shape[-1], recipe.crop_size))
            else:
                x = self._sized(x)
            if recipe.color_jitter:
                x = jittered(x, rng, recipe.color_jitter)
            if recipe.mixup:
                x, target = mixed(x, target, rng, recipe.mixup, self._classes)
            yield x, target

    def evaluate(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in order, not augmented; shapes as in `train`."""
        for start in range(0, len(self.index), batch_size):
            chosen = self.index[start : start + batch_size]
            if self.resident is None:
                pixels = torch.from_numpy(np.ascontiguousarray(self.images[chosen].transpose(0, 3, 1, 2)))
            else:
                pixels = self.resident[torch.from_numpy(chosen).to(self.device)].permute(0, 3, 1, 2)
            yield self._sized(self._normalized(pixels.to(self.device, non_blocking=True))), self._targets(chosen)

    def _sized(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, side, side)."""
        if self.side is None or self.side >= x.shape[-1]:
            return x
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        sized = functional.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True, align_corners=False)
        return sized.contiguous(memory_format=layout)

    def _normalized(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) uint8 on the device -> float32."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        mean, std = self._norm
        return ((pixels.float() - mean) / std).contiguous(memory_format=layout)

    def _targets(self, chosen: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.labels[chosen]).to(self.device, non_blocking=True)


def on_device(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor | None:
    """All images of a set on an accelerator, for `Batches.resident`.

    Args:
        images: (N, H, W, C) uint8.
        device: Where to.

    Returns:
        (N, H, W, C) uint8; None on a processor, and where they would take more than an eighth of the free memory: other
        trials on the device have theirs too.
    """
    if device.type != "cuda" or images.nbytes * _RESIDENT_SHARE > torch.cuda.mem_get_info(device)[0]:
        return None
    there = torch.empty(images.shape, dtype=torch.uint8, device=device)
    at_once = max(1, 2**26 // max(1, images[:1].nbytes))
    for start in range(0, len(images), at_once):
        there[start : start + at_once] = torch.from_numpy(np.array(images[start : start + at_once]))
    return there


def crop_side(side: int, share: float) -> int:
    """Pixels of an image in training: a share of the side, as a multiple of 8 and at least 32, or the side itself.

    Objects in random parts look larger than in whole images, so a network that is trained on somewhat smaller images
    than it is judged on loses nothing (arXiv 1906.06423), and each costs less.
    """
    return side if share >= 1 else min(side, max(_LEAST_SIDE, round(share * side / _STEP) * _STEP))


def resized_crop(x: Tensor, rng: np.random.Generator, scale: float, side: int) -> Tensor:
    """A random part of each image, resized, as Inception was trained: arXiv 1409.4842.

    Args:
        x: (B, C, H, W), float.
        rng: Draws on the processor, so that a seed draws the same on every device.
        scale: Least share of the area; the sides' ratio is within 3:4 and 4:3.
        side: Of what is returned, (B, C, side, side).
    """
    n = len(x)
    area, ratio = rng.uniform(scale, 1.0, n), np.exp(rng.uniform(-_MOST_RATIO, _MOST_RATIO, n))
    sides = np.minimum(np.sqrt(np.stack([area * ratio, area / ratio])), 1.0)  # (2, B): width and height
    centers = rng.uniform(-1.0, 1.0, (2, n)) * (1.0 - sides)
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, [0, 1], [0, 1]] = sides.T
    theta[:, :, 2] = centers.T
    shape = [n, x.shape[1], side, side]
    grid = functional.affine_grid(torch.from_numpy(theta).to(x.device), shape, align_corners=False)
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    cropped = functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    return cropped.contiguous(memory_format=layout)


def jittered(x: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """Brightness, contrast and saturation of each image, changed. x: (B, C, H, W), normalized."""

    def draws(around: float) -> Tensor:
        values = rng.uniform(around - strength, around + strength, (len(x), 1, 1, 1))
        return torch.from_numpy(values.astype(np.float32)).to(x.device)

    gray = x.mean(1, keepdim=True)
    return (gray + (x - gray) * draws(1.0)) * draws(1.0) + draws(0.0)


def mixed(x: Tensor, target: Tensor, rng: np.random.Generator, alpha: float, classes: int) -> tuple[Tensor, Tensor]:
    """Each image mixed with another one of the batch, and so its label: arXiv 1710.09412.

    Args:
        x: (B, C, H, W).
        target: (B,) int64.
        rng: Draws one share for the batch.
        alpha: Of the Beta distribution of the share.
        classes: Number of classes.

    Returns:
        Images as before, and (B, classes) float32.
    """
    share, order = float(rng.beta(alpha, alpha)), torch.from_numpy(rng.permutation(len(x))).to(x.device)
    labels = functional.one_hot(target, classes).float()
    return share * x + (1 - share) * x[order], share * labels + (1 - share) * labels[order]
