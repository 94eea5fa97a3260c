"""Resizing without smoothing, against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate
from torchvision.transforms.v2.functional import InterpolationMode
from torchvision.transforms.v2.functional import resize as torchvision_resize

from netwright.data.resize import INTERPOLATIONS, resize
from netwright.data.source import Pixels
from netwright.data.unsmoothed import resize_unsmoothed


def _by_torch(pixels: Pixels, height: int, width: int, interpolation: str) -> np.ndarray:
    """(height, width, C) before it is rounded."""
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    corners = {} if interpolation == "nearest" else {"align_corners": False}
    return interpolate(x, (height, width), mode=interpolation, **corners)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_it_is_what_torch_computes_but_for_rounding(interpolation: str, channels: int) -> None:
    rng = np.random.default_rng(0)
    for height, width, to_height, to_width in [*rng.integers(1, 40, (40, 4)), (300, 400, 64, 85), (9, 9, 300, 1)]:
        pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        found = resize_unsmoothed(pixels, to_height, to_width, interpolation)
        exact = _by_torch(pixels, int(to_height), int(to_width), interpolation).clip(0, 255)
        assert (found.dtype, found.shape) == (np.uint8, exact.shape)
        # centers are float32, as in torch for floats: near pixel 400 that is 3e-5 of a pixel, of up to 255 levels
        assert np.abs(found - exact).max() < 0.5 + 0.02, (height, width, to_height, to_width)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_it_is_what_torchvision_makes_of_floats(interpolation: str) -> None:
    rng = np.random.default_rng(1)
    smooth = np.cumsum(rng.integers(-3, 4, (120, 90, 3)), axis=0) + 128
    pixels = smooth.clip(0, 255).astype(np.uint8)
    x = torch.from_numpy(pixels).permute(2, 0, 1).float()
    mode = InterpolationMode(interpolation)
    theirs = torchvision_resize(x, [48, 36], mode, antialias=False).round().clamp(0, 255).permute(1, 2, 0).numpy()
    ours = resize(pixels, 48, 36, interpolation, antialias=False)
    apart = np.abs(ours.astype(int) - theirs.astype(int))
    assert apart.max() <= 1, "where a float is halfway between two numbers"
    assert np.mean(apart > 0) < 1e-3


def test_a_large_image_takes_no_more_than_is_read_of_it() -> None:
    import tracemalloc

    pixels = np.zeros((4000, 5000, 3), dtype=np.uint8)  # 60 MB, 240 MB as floats
    tracemalloc.start()
    resize_unsmoothed(pixels, 64, 80, "bicubic")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
