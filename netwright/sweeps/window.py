"""The part of each image that a network sees: a random crop of the padded image, mirrored half of the time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Window"]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Which part of each padded image is seen, and whether it is mirrored: drawn on the processor, so that a seed draws
    the same on every device.

    Attributes:
        padding: Pixels of zeros on each side.
        shift: (2, B) int64, down and right, 0 ... 2 * padding; None without padding.
        flipped: (B,) bool, left to right; None where no image is.
    """

    padding: int
    shift: npt.NDArray[np.int64] | None
    flipped: npt.NDArray[np.bool_] | None

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int, *, flip: bool, padding: int) -> Window:
        """Of n images."""
        shift = rng.integers(0, 2 * padding + 1, (2, n)) if padding else None
        return cls(padding, shift, np.asarray(rng.random(n) < 0.5) if flip else None)

    def cut(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """(B, H, W, C) -> (B, C, H, W), contiguous."""
        n, height, width = pixels.shape[:3]
        cropped = pixels.transpose(0, 3, 1, 2)
        if self.shift is not None:
            around = (self.padding, self.padding)
            padded = np.pad(pixels, ((0, 0), around, around, (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
            cropped = windows[np.arange(n), *self.shift]
        if self.flipped is not None:
            cropped = np.where(self.flipped[:, None, None, None], cropped[..., ::-1], cropped)
        return np.ascontiguousarray(cropped)

    def cut_there(self, images: Tensor, chosen: npt.NDArray[np.int64]) -> Tensor:
        """The same pixels as `cut(images[chosen])`, of images on a device: (N, H, W, C) -> (B, C, H, W)."""
        n, (height, width) = len(chosen), images.shape[1:3]
        none = np.zeros(n, np.int64)
        down, right = (none, none) if self.shift is None else self.shift
        flipped = none if self.flipped is None else self.flipped
        drawn = torch.from_numpy(np.stack([chosen, down, right, flipped])).to(images.device, non_blocking=True)
        number, down_there, right_there, flipped_there = drawn[:, :, None]  # (B, 1) each
        y, x = (torch.arange(side, device=images.device) for side in (height, width))
        rows = down_there + y - self.padding  # (B, H)
        columns = right_there + torch.where(flipped_there > 0, width - 1 - x, x) - self.padding  # (B, W)
        picked = images[
            number[:, :, None], rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
        ]
        if self.padding:
            is_inside = [(places >= 0) & (places < side) for places, side in ((rows, height), (columns, width))]
            picked = picked * (is_inside[0][:, :, None] & is_inside[1][:, None, :])[..., None]
        return picked.permute(0, 3, 1, 2)
