"""Cut images into training, validation (selects a network) and test (judges the selected one)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from netwright.data.duplicates import find_duplicates
from netwright.data.source import ImageSource, IntArray, listed
from netwright.errors import DataError

__all__ = ["Splits", "cut_fraction", "cut_splits"]

# one stream of random numbers per cut, so that no cut moves another
_TEST, _SUBSET, _VALIDATION = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Disjoint splits.

    Attributes:
        train: Ascending image numbers; validation and test likewise.
        provenance: A sentence about where the splits come from.
    """

    train: IntArray
    validation: IntArray
    test: IntArray
    provenance: str


def cut_splits(
    source: ImageSource,
    seed: int,
    validation_fraction: float = 0.2,
    test_fraction: float = 0.2,
    *,
    train_images: int | None = None,
) -> Splits:
    """Cut a source into train, validation and test, stratified by class; the seed alone decides.

    Identical files are not parted by a cut, so that no image is learned and measured, except where a class has too few
    different ones.

    Test is the source's own test split, else its validation split, else cut from all images. Validation is the source's
    own if it has a test split too, else cut from the training images.

    Args:
        source: The images.
        seed: 0 or more.
        validation_fraction: Of each class; above 0, below 1.
        test_fraction: Of each class; above 0, below 1.
        train_images: Keep only this number of training and validation images together, before validation is cut.

    Raises:
        DataError: A class has too few images, or an argument is impossible.
    """
    for name, fraction in (("validation", validation_fraction), ("test", test_fraction)):
        if not 0 < fraction < 1:
            raise DataError(f"the {name} fraction lies between 0 and 1, not {fraction}. Give a value such as 0.2.")
    if seed < 0:
        raise DataError(f"a seed is 0 or more, not {seed}. Give another --seed.")
    own, notes = source.splits, []
    group = find_duplicates(source).group
    if len(own) > 1 and "train" not in own:
        raise DataError(
            f"a source has a train split or no splits at all, and {source.name!r} has {listed(sorted(own))}. "
            "Add a train split."
        )
    pool = own["train"] if len(own) > 1 else next(iter(own.values()))
    own_validation = own["validation"] if "validation" in own and "test" in own else None
    _refuse_small_classes(source, pool, 1 + (len(own) == 1) + (own_validation is None))
    if len(own) == 1:
        test, pool = _cut(pool, source.labels, group, test_fraction, 2, np.random.default_rng([seed, _TEST]))
        notes.append(f"test: {len(test):,} images cut from all ({test_fraction:.0%} of each class, seed {seed})")
    else:
        name = "test" if "test" in own else "validation"
        test = own[name]
        notes.append(f"test: the {len(test):,} images of the source's own {name} split")
    if train_images is not None:
        pool, own_validation, note = _subset(source, pool, own_validation, train_images, seed)
        notes += note
    if own_validation is None:
        rng = np.random.default_rng([seed, _VALIDATION])
        validation, train = _cut(pool, source.labels, group, validation_fraction, 1, rng)
        notes.append(
            f"validation: {len(validation):,} images cut from the training images "
            f"({validation_fraction:.0%} of each class, seed {seed})"
        )
    else:
        validation, train = own_validation, pool
        notes.append(f"validation: {len(validation):,} images of the source's own validation split")
    notes.append(f"train: {len(train):,} images")
    return Splits(train, validation, test, f"{source.name}: {'; '.join(notes)}.")


def cut_fraction(source: ImageSource, index: IntArray, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Cut a fraction of each class from some images, identical files together; the seed alone decides.

    Args:
        source: Has the labels.
        index: (n,) image numbers of the source.
        fraction: Between 0 and 1; at least one image of each class is cut, and at least one is left.
        seed: Of the choice.

    Returns:
        (image numbers that are cut, the rest), both ascending.
    """
    group = find_duplicates(source).group
    return _cut(index, source.labels, group, fraction, 1, np.random.default_rng([seed, _VALIDATION]))


def _refuse_small_classes(source: ImageSource, pool: IntArray, least: int) -> None:
    counts = np.bincount(source.labels[pool], minlength=len(source.class_names))
    small = [f"{source.class_names[label]}: {counts[label]}" for label in np.flatnonzero(counts < least)]
    if small:
        parts = {1: "train", 2: "train and validation", 3: "train, validation and test"}[least]
        raise DataError(
            f"a class needs at least {least} images to be split into {parts}, and {len(small):,} of {len(counts):,} "
            f"classes of {source.name!r} have fewer: {listed(small)}. Add images, or leave these classes out."
        )


def _subset(
    source: ImageSource, pool: IntArray, validation: IntArray | None, images: int, seed: int
) -> tuple[IntArray, IntArray | None, list[str]]:
    """Keep a number of images of the pool and the source's own validation split together, each class in proportion."""
    everything = pool if validation is None else np.concatenate([pool, validation])
    if images >= len(everything):
        return pool, validation, []
    strata = source.labels[everything]
    if validation is not None:
        strata = 2 * strata + np.isin(everything, validation)
    # a class keeps two images where validation is cut from it
    least = 2 if validation is None else 1
    sizes = np.unique(strata, return_counts=True)[1]
    if images < least * len(sizes):
        raise DataError(
            f"--train_images keeps images of every class for training and validation: at least {2 * len(sizes)} "
            f"here, not {images}. Raise it."
            if validation is None
            else f"--train_images is at least {len(sizes)} here, one of each class and split, not {images}. Raise it."
        )
    shares = iter(_shares(sizes, images, least))
    kept, _ = _draw(everything, strata, lambda _: next(shares), np.random.default_rng([seed, _SUBSET]))
    note = [f"only {images:,} of {len(everything):,} images for train and validation (seed {seed})"]
    if validation is None:
        return kept, None, note
    return np.intersect1d(kept, pool), np.intersect1d(kept, validation), note


def _shares(sizes: IntArray, total: int, least: int) -> list[int]:
    """`total` divided in proportion to the sizes by largest remainders, each at least `least`."""
    quota = sizes * (total / sizes.sum())
    shares = np.maximum(np.floor(quota).astype(np.int64), least)
    while shares.sum() < total:
        shares[np.argmax(np.where(shares < sizes, quota - shares, -np.inf))] += 1
    while shares.sum() > total:
        shares[np.argmax(np.where(shares > least, shares - quota, -np.inf))] -= 1
    return [int(share) for share in shares]


def _cut(
    indices: IntArray, labels: IntArray, group: IntArray, fraction: float, leave: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Cut a fraction of each class, at least one image, and leave at least `leave`: (what is cut, the rest).

    Of identical images one is drawn, and the others go with it. A class that has too few different images for that is
    cut image by image.
    """
    units = _representatives(indices, group)
    different = np.bincount(labels[units], minlength=int(labels.max()) + 1)
    few = indices[different[labels[indices]] < leave + 1]
    group = group.copy()
    group[few] = few
    units = _representatives(indices, group)
    drawn, _ = _draw(units, labels[units], lambda n: min(max(round(n * fraction), 1), n - leave), rng)
    is_cut = np.isin(group[indices], group[drawn])
    return indices[is_cut], indices[~is_cut]


def _representatives(indices: IntArray, group: IntArray) -> IntArray:
    """The first of each group of identical images, ascending."""
    return indices[np.sort(np.unique(group[indices], return_index=True)[1])]


def _draw(
    indices: IntArray, strata: IntArray, count: Callable[[int], int], rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Draw count(n) of the n indices of each stratum, in the order of the strata: (drawn, rest), both ascending."""
    order = np.argsort(strata, kind="stable")
    bounds = np.flatnonzero(np.diff(strata[order])) + 1
    drawn, rest = [], []
    for members in np.split(indices[order], bounds):
        shuffled = rng.permutation(members)
        n = count(len(members))
        drawn.append(shuffled[:n])
        rest.append(shuffled[n:])
    return np.sort(np.concatenate(drawn)), np.sort(np.concatenate(rest))
