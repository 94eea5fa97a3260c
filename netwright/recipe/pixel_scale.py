"""Mean and standard deviation for pixels 0 to 1, as timm and torchvision have them, on our scale of 0 to 255."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netwright.errors import RecipeError

__all__ = ["to_pixel_scale"]

_FULL = 255.0


def to_pixel_scale(given: Mapping[str, Sequence[float]]) -> tuple[dict[str, tuple[float, ...]], str]:
    """Find the scale of the mean and the standard deviation that somebody gave, and change them to 0 to 255.

    No images have a standard deviation below 1 on the scale of 0 to 255, so such numbers are for pixels 0 to 1. A mean
    that stands alone tells it too: above 0 and at most 1.

    Args:
        given: `mean`, `std`, both or none of them; a number a channel.

    Returns:
        (what changes, notice). Nothing changes where they are for pixels 0 to 255 already; the notice is to be shown.

    Raises:
        RecipeError: Some of the numbers are on one scale, and some on the other.
    """
    mean, std = tuple(given.get("mean", ())), tuple(given.get("std", ()))
    small_mean = bool(mean) and 0 < max(mean) <= 1
    small_std = bool(std) and (max(std) < 1 or (small_mean and max(std) == 1))
    if (std and small_mean != small_std and (small_mean or (mean and max(mean) > 1))) or (
        std and not small_std and min(std) < 1
    ):
        raise RecipeError(
            f"mean and std are both for pixels 0 to 255, or both for pixels 0 to 1, and here mean is {_text(mean)} and "
            f"std is {_text(std)}. Multiply those for 0 to 1 by 255."
        )
    if small_std or (small_mean and not std):
        values = {name: tuple(round(each * _FULL, 6) for each in numbers) for name, numbers in given.items() if numbers}
        written = " and ".join(f"{name} {_text(given[name])}" for name in values)
        now = " and ".join(f"{name} {_text(numbers)}" for name, numbers in values.items())
        return (
            values,
            f"{written} {'are' if len(values) > 1 else 'is'} for pixels 0 to 1; for 0 to 255, as used here: {now}.",
        )
    if std and set(std) == {1.0} and set(mean) <= {0.0}:
        return {}, "std 1 leaves pixels as they are, 0 to 255. For pixels 0 to 1 give --mean 0 --std 255."
    return {}, ""


def _text(values: Sequence[float]) -> str:
    return " ".join(f"{each:.6g}" for each in values) or "not given"
