"""Random erasing (arXiv 1708.04896): draws rectangles here; `to_device` fills them after normalization."""

from __future__ import annotations

import math

import numpy as np
import torch

from netwright.data.source import IntArray
from netwright.recipe.augmentation import Augmentation

__all__ = ["NO_BOX", "draw_box", "draw_boxes"]

# top, left, height, width
Box = tuple[int, int, int, int]
NO_BOX: Box = (0, 0, 0, 0)


def draw_box(augmentation: Augmentation, side: int) -> Box:
    """Draw a rectangle of a square image from torch's global generator, as torchvision does; or NO_BOX."""
    if not augmentation.re_prob or torch.rand(1).item() >= augmentation.re_prob:
        return NO_BOX
    low, high = (math.log(value) for value in augmentation.re_ratio)
    for _ in range(augmentation.re_max_attempts):
        area = side * side * torch.empty(1).uniform_(*augmentation.re_scale).item()
        aspect = torch.exp(torch.empty(1).uniform_(low, high)).item()
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height < side and width < side:
            top = int(torch.randint(0, side - height + 1, (1,)).item())
            left = int(torch.randint(0, side - width + 1, (1,)).item())
            return top, left, height, width
    return NO_BOX


def draw_boxes(augmentation: Augmentation, side: int, n: int, rng: np.random.Generator) -> IntArray:
    """Draw rectangles as `draw_box` does, for many images at once.

    Args:
        augmentation: Has the probability, areas and aspect ratios.
        side: Height and width of the images, in pixels.
        n: Number of images.
        rng: Draws them.

    Returns:
        (n, 4) int64; rows of zeros are NO_BOX.
    """
    boxes = np.zeros((n, 4), dtype=np.int64)
    waiting = rng.random(n) < augmentation.re_prob
    low, high = (math.log(value) for value in augmentation.re_ratio)
    for _ in range(augmentation.re_max_attempts):
        area = side * side * rng.uniform(*augmentation.re_scale, n)
        aspect = np.exp(rng.uniform(low, high, n))
        height, width = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
        top = np.floor(rng.random(n) * (side - height + 1))
        left = np.floor(rng.random(n) * (side - width + 1))
        fits = waiting & (height < side) & (width < side)
        boxes[fits] = np.stack([top, left, height, width], axis=1)[fits]
        waiting &= ~fits
    return boxes
