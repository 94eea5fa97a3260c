"""Limits on what networks cost, for images of another size, or in place of those that a space has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netwright.space.setting import Setting
from netwright.space.space import DesignSpace

__all__ = ["scaled_limits", "without_limits"]

_BY_PIXELS = ("flops", "acts")  # what grows with the area of an image; parameters do not


def scaled_limits(space: DesignSpace, resolution: int) -> DesignSpace:
    """The space with its limits on flops and activations as they are for images of another size.

    Those of a space that was fitted to images, as refined_space.yaml is, belong to the size of these and grow with the
    pixels. A space that was never fitted has limits of no certain size: they stay as they are.
    """
    before = space.setting.resolution
    if before == resolution or not _is_fitted(space.setting):
        return space
    scale = (resolution / before) ** 2
    scaled = {name: (ends[0] * scale, ends[1] * scale) for name, ends in space.limits.items() if name in _BY_PIXELS}
    return replace(space, limits=dict(space.limits) | scaled)


def without_limits(space: DesignSpace, given: Mapping[str, object]) -> DesignSpace:
    """The space without its own limits on what is given: `refine` cuts a new limit to the old one otherwise."""
    return replace(space, limits={name: ends for name, ends in space.limits.items() if name not in given})


def _is_fitted(setting: Setting) -> bool:
    """Whether a space is for certain images: its size, classes or channels are not those of ImageNet."""
    usual = Setting()
    names = ("resolution", "num_classes", "in_channels")
    return any(getattr(setting, name) != getattr(usual, name) for name in names)
