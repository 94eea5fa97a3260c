"""A space for images of one size, within limits on its networks' costs: those given, its own, or those of DDS."""

from __future__ import annotations

import logging
from dataclasses import replace

from netwright.space import DesignSpace, Setting
from netwright.workflow.config import LIMITS, DesignConfig

__all__ = ["BATCHES", "budgeted", "default_flops", "has_costs"]

_LOG = logging.getLogger(__name__)

_IMAGENET = (224, 400e6)  # the regime that DDS designs in: pixels, flops
_BY_PIXELS = ("flops", "acts")  # what grows with the area of an image; parameters do not
# (training images, batch size from so many on): a short training needs some hundred steps
BATCHES = ((5000, 128), (2000, 64), (0, 32))


def budgeted(space: DesignSpace, resolution: int, num_classes: int, channels: int, config: DesignConfig) -> DesignSpace:
    """The space for these images, within its limits.

    Limits that are given replace those of the space. Its own limits on flops and activations belong to images of the
    size that the space was fitted to, and grow with the pixels; a space that was never fitted keeps them as they are.

    Raises:
        SpaceError: Nothing is left.
    """
    given = {name: window for name in LIMITS if (window := getattr(config, name)) is not None}
    limits = {name: ends for name, ends in space.limits.items() if name not in given}
    before = space.setting.resolution
    if _is_fitted(space.setting) and before != resolution:
        scale = (resolution / before) ** 2
        scaled = {name: (limits[name][0] * scale, limits[name][1] * scale) for name in _BY_PIXELS if name in limits}
        limits |= scaled
        for name, (low, high) in scaled.items():
            _LOG.debug("%s of %s: %.3g to %.3g at %d pixels", name, space.name, low, high, resolution)
    space = replace(space, limits=limits).for_images(resolution, num_classes, channels)
    if not given and not has_costs(space):
        given = {"flops": default_flops(resolution)}
    return space.refine(**given)


def default_flops(resolution: int) -> tuple[float, float]:
    """90% to 100% of the budget of DDS, scaled by pixels."""
    pixels, flops = _IMAGENET
    most = flops * (resolution / pixels) ** 2
    return 0.9 * most, most


def has_costs(space: DesignSpace) -> bool:
    """Whether the space limits what its networks cost."""
    return bool(set(space.limits) & set(LIMITS))


def _is_fitted(setting: Setting) -> bool:
    """Whether a space is for certain images: its size, classes or channels are not those of ImageNet."""
    usual = Setting()
    names = ("resolution", "num_classes", "in_channels")
    return any(getattr(setting, name) != getattr(usual, name) for name in names)
