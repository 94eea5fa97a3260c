"""Whether a network is better than always answering the commonest class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import BoolArray

__all__ = [
    "beats_guessing",
    "commonest_class",
    "doubt_of_guessing",
    "guessing_sentence",
    "is_uneven",
    "no_better_than_guessing",
    "shows_top5",
]

_LEVEL = 0.05
_MANY = 0.1  # share of the networks from which they were trained too shortly: a few bad ones are in every space
_UNEVEN = 1.5  # times as many images as its equal share has the commonest class: then accuracy hides the rare ones
_LEAST_FOR_TOP5 = 11  # classes: of fewer, five are half or more, so that answers at random score 50% to 100%


def commonest_class(counts: Sequence[int] | npt.NDArray[np.int64]) -> tuple[int, float]:
    """The class of most images, the first of equals, and its share of all: what always answering it gets right.

    counts: (classes,) images of each class, not all 0.
    """
    values = np.asarray(counts)
    return int(values.argmax()), float(values.max() / values.sum())


def is_uneven(counts: Sequence[int] | npt.NDArray[np.int64]) -> bool:
    """Whether classes have so different numbers of images that accuracy hides the rare ones. counts: of each class."""
    seen = np.asarray(counts)[np.asarray(counts) > 0]
    return bool(len(seen) > 1 and seen.max() > _UNEVEN * seen.mean())


def shows_top5(classes: int) -> bool:
    """Whether people are shown a top-5 accuracy, which of ten classes or fewer is half right by chance."""
    return classes >= _LEAST_FOR_TOP5


def beats_guessing(right_of_others: int, wrong_of_commonest: int) -> bool:
    """Whether a network is right more often than the guess, beyond chance: an exact sign test of the images at odds.

    Args:
        right_of_others: Images of other classes that are right; the guess has them wrong.
        wrong_of_commonest: Images of the commonest class that are wrong; the guess has them right.
    """
    from scipy.stats import binomtest

    at_odds = right_of_others + wrong_of_commonest
    return at_odds > 0 and bool(binomtest(right_of_others, at_odds, 0.5, alternative="greater").pvalue < _LEVEL)


def doubt_of_guessing(accuracy: float, guess: float, images: int) -> str:
    """The words for a network that is not better than the guess beyond chance.

    Args:
        accuracy: Its own, in percent or as a share.
        guess: Of always answering the commonest class, likewise.
        images: That both were measured on.
    """
    if accuracy <= guess * (1 + 1e-9):  # the same share, computed in another way
        return "no better than guessing"
    return f"on {images:,} images this may be guessing"


def no_better_than_guessing(errors: npt.ArrayLike, images: int, guess: float) -> BoolArray:
    """Which networks are not better than the guess, beyond chance: an exact binomial test of each.

    Args:
        errors: (n,) in percent.
        images: Of the split that they are measured on, at least 1.
        guess: Error of the guess in percent.
    """
    from scipy.stats import binom

    values: Any = np.asarray(errors, dtype=np.float64)
    right = np.round(images * (1 - values / 100))
    return np.asarray(binom.sf(right - 1, images, 1 - guess / 100) >= _LEVEL)


def guessing_sentence(errors: npt.ArrayLike, images: int, guess: float) -> str:
    """How many networks are no better than the guess, where these are many; else ''.

    Args:
        errors: (n,) in percent, of networks that did not fail.
        images: Of the split that they are measured on.
        guess: Error of the guess in percent.
    """
    values = np.asarray(errors, dtype=np.float64)
    if not len(values) or images < 1:
        return ""
    many = int(no_better_than_guessing(values, images, guess).sum())
    if not many or many < _MANY * len(values):
        return ""
    networks = "1 network is" if len(values) == 1 else f"{many:,} of {len(values):,} networks are"
    if many == 1 < len(values):
        networks = f"1 of {len(values):,} networks is"
    return (
        f"{networks} no better than guessing (always the commonest class: an accuracy of {100 - guess:.2f}%): train "
        "longer, with more --epochs, or their order means little."
    )
