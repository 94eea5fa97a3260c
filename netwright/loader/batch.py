"""A batch of images in CPU memory, and its transfer to the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing, channel_values
from netwright.loader.gpu_jpeg import Encoded, decode_into

__all__ = ["Batch", "to_device"]


class Batch(NamedTuple):
    """V versions of B images, in CPU memory.

    Attributes:
        pixels: (V * B, H, W, C) uint8, version by version.
        labels: (B,) int64.
        positions: (B,) int64 positions in the split.
        shifts: (V * B, C) float32 to add to the pixels, or None.
        boxes: (V * B, 4) int64 top, left, height, width of erased rectangles, or None.
        seeds: (V * B,) int64 seeds of the noise in these rectangles, or None.
        skipped: Bad images that were found while reading.
        encoded: Images whose pixels are made on the device; their rows of `pixels` are zeros.
    """

    pixels: Tensor
    labels: Tensor
    positions: Tensor
    shifts: Tensor | None = None
    boxes: Tensor | None = None
    seeds: Tensor | None = None
    skipped: Sequence[Skipped] = ()
    encoded: Sequence[Encoded] = ()


def to_device(
    batch: Batch,
    preprocessing: Preprocessing,
    device: torch.device,
    *,
    channels_last: bool,
    erase_with: float | str = 0.0,
) -> tuple[Tensor, Tensor]:
    """Move a batch to the device, normalize it, and fill its erased rectangles.

    Args:
        batch: The batch.
        preprocessing: Has mean and std.
        device: The target.
        channels_last: Whether the memory format is channels_last.
        erase_with: A number (of normalized pixels), or 'random' for normal noise.

    Returns:
        x (V * B, C, H, W) float32, and labels (B,) int64.
    """
    pixels = batch.pixels.to(device, non_blocking=True)
    if batch.encoded:
        decode_into(pixels, batch.encoded, preprocessing)
    x = preprocessing.normalize(pixels)
    if batch.shifts is not None:
        x += (batch.shifts.to(device) / channel_values(preprocessing.std, device))[:, :, None, None]
    if batch.boxes is not None and batch.seeds is not None:
        _erase(x, batch.boxes, batch.seeds, erase_with)
    if not channels_last:
        x = x.contiguous()
    return x, batch.labels.to(device, non_blocking=True)


def _erase(x: Tensor, boxes: Tensor, seeds: Tensor, value: float | str) -> None:
    """Fill rectangles with a number, or with 'random' normal noise, which is the same on every device."""
    for i in boxes[:, 2].nonzero()[:, 0].tolist():
        top, left, height, width = boxes[i].tolist()
        part = x[i, :, top : top + height, left : left + width]
        if value == "random":
            generator = torch.Generator().manual_seed(int(seeds[i]))
            part.copy_(torch.randn(part.shape, generator=generator))
        else:
            part.fill_(float(value))
