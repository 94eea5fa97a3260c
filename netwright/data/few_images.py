"""So few images that little can be concluded: how many a class, how uncertain an accuracy is, and what helps."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["few_images", "half_width"]

_LEAST_TO_TRAIN = 20  # images of a class
_LEAST_TO_VALIDATE = 50  # images: an accuracy is then uncertain by up to 13 points either way
_Z = 1.96  # 95%, two-sided
_MOST_NAMED = 3


def half_width(images: int) -> float:
    """Half the width, in points, of the 95% interval of an accuracy of 50%, which is the widest (Wilson's interval).

    images: that it is measured on, 1 or more.
    """
    return 100 * _Z / (2 * math.sqrt(images + _Z**2))


def few_images(
    train: Sequence[int], validation: Sequence[int] | None, class_names: Sequence[str], *, is_cut: bool
) -> str:
    """A warning for a run that is about to train on few images; empty where there are enough.

    Args:
        train: Training images of each class.
        validation: Validation images of each class; None where there are none.
        class_names: In the order of the classes.
        is_cut: Whether the validation images are cut from the training images, so that another seed cuts others.
    """
    measured = sum(validation or ())
    is_vague = 0 < measured < _LEAST_TO_VALIDATE
    if min(train) >= _LEAST_TO_TRAIN and not is_vague:
        return ""
    text = f"few images: {_a_class(train, class_names)} to train on"
    if measured:
        each = _range(validation or ())
        text += (
            f", {each} a class ({measured:,} in all) to validate on. An accuracy of {measured:,} images is uncertain "
            f"by up to {half_width(measured):.0f} points either way (95%): smaller differences between networks are no "
            "evidence"
        )
    seeds = "" if is_cut else " of one folder without splits"
    cross = (
        f"; cross-validation{seeds}: the same command with --seed 1, 2, 3, ... keeps other images for validation; take "
        "the mean of the accuracies"
        if measured or not is_cut
        else ""
    )
    return (
        f"{text}. What helps: more images, hundreds a class; published weights, with which `netwright train` begins "
        f"where they can be had{cross}."
    )


def _a_class(counts: Sequence[int], class_names: Sequence[str]) -> str:
    """The images of a class, and which classes have few where others have enough."""
    few = [name for name, count in zip(class_names, counts, strict=True) if count < _LEAST_TO_TRAIN]
    named = ""
    if 0 < len(few) < len(counts):
        more = f" and {len(few) - _MOST_NAMED:,} more" if len(few) > _MOST_NAMED else ""
        named = f" (few in {', '.join(map(repr, few[:_MOST_NAMED]))}{more})"
    return f"{_range(counts)} a class{named}"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
