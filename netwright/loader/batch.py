"""A batch as it leaves the processor's memory, and what becomes of it on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing

__all__ = ["Batch", "finish"]


class Batch(NamedTuple):
    """V versions of B images.

    pixels: (V * B, H, W, C) uint8, version by version; labels, positions: (B,) int64, positions in the split.
    shifts: (V * B, C) float32 to be added to the pixels; boxes: (V * B, 4) int64, top, left, height, width of what is
    erased; seeds: (V * B,) int64 of the noise that is put there. None: nothing of the kind.
    skipped: bad images met on the way.
    """

    pixels: Tensor
    labels: Tensor
    positions: Tensor
    shifts: Tensor | None = None
    boxes: Tensor | None = None
    seeds: Tensor | None = None
    skipped: Sequence[Skipped] = ()


def finish(
    batch: Batch,
    preprocessing: Preprocessing,
    device: torch.device,
    *,
    channels_last: bool,
    erase_with: float | str = 0.0,
) -> tuple[Tensor, Tensor]:
    """(V * B, C, H, W) float32, normalized and then erased, and labels (B,), on the device. erase_with: or 'random'."""
    x = preprocessing.normalize(batch.pixels.to(device, non_blocking=True))
    if batch.shifts is not None:
        std = torch.tensor(preprocessing.std, device=device)
        x += (batch.shifts.to(device) / std)[:, :, None, None]
    if batch.boxes is not None and batch.seeds is not None:
        _erase(x, batch.boxes, batch.seeds, erase_with)
    if not channels_last:
        x = x.contiguous()
    return x, batch.labels.to(device, non_blocking=True)


def _erase(x: Tensor, boxes: Tensor, seeds: Tensor, value: float | str) -> None:
    """value: a number, or 'random' for a normal one a pixel and channel; the same on every device."""
    for i in boxes[:, 2].nonzero()[:, 0].tolist():
        top, left, height, width = boxes[i].tolist()
        part = x[i, :, top : top + height, left : left + width]
        if value == "random":
            generator = torch.Generator().manual_seed(int(seeds[i]))
            part.copy_(torch.randn(part.shape, generator=generator))
        else:
            part.fill_(float(value))
