"""Means and standard deviations of channels on a device, copied there once and not with every batch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["on_device"]


@lru_cache(maxsize=64)
def on_device(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """(channels,) float32; not to be changed."""
    import torch

    with torch.inference_mode(False):  # of the first caller; training needs it too
        return torch.tensor(values, dtype=torch.float32, device=device)
