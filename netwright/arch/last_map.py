"""The maps of the last stage: where they are 1x1, batch norm cannot learn from a batch of one image."""

from __future__ import annotations

import math

from netwright.arch.spec import Arch
from netwright.errors import RecipeError

__all__ = ["last_map", "refuse_single_image"]


def last_map(arch: Arch) -> int:
    """Pixels a side of the last stage's maps."""
    side = math.ceil(arch.resolution / arch.stem.stride)
    for stage in arch.stages:
        side = math.ceil(side / stage.stride)
    return side


def refuse_single_image(arch: Arch, images: int, batch_size: int) -> None:
    """Raise RecipeError: a batch of one image is left. images: of an epoch on each process."""
    more = "Raise batch_size to 2 or more" if batch_size == 1 else f"There are {images} images to train on: add some"
    raise RecipeError(
        f"batch norm needs more than one value a channel, and at {arch.resolution} pixels the last maps of "
        f"{arch.name or 'the network'} are 1x1, so that a batch of one image has one. {more}, or raise image_size."
    )
