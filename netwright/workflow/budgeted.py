"""A space for images of one size, within limits on its networks' costs: those given, its own, or those of DDS."""

from __future__ import annotations

from netwright.space import DesignSpace
from netwright.space.limits_at import scaled_limits, without_limits
from netwright.workflow.config import LIMITS, DesignConfig

__all__ = ["BATCHES", "budgeted", "default_flops", "has_costs"]

_IMAGENET = (224, 400e6)  # the regime that DDS designs in: pixels, flops
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
    space = scaled_limits(without_limits(space, given), resolution)
    space = space.for_images(resolution, num_classes, channels)
    if not given and not has_costs(space):
        low, high = default_flops(resolution)
        # a limit on latency is one on costs too, which may need far fewer flops than DDS spends
        given = {"flops": (low if config.latency is None else 0.0, high)}
    return space.refine(**given)


def default_flops(resolution: int) -> tuple[float, float]:
    """90% to 100% of the budget of DDS, scaled by pixels."""
    pixels, flops = _IMAGENET
    most = flops * (resolution / pixels) ** 2
    return 0.9 * most, most


def has_costs(space: DesignSpace) -> bool:
    """Whether the space limits what its networks cost."""
    return bool(set(space.limits) & set(LIMITS))
