"""Parts of the images, to validate on each in turn."""

from dataclasses import replace

import numpy as np

from netwright.sweeps.folds import fold_of


def test_parts_are_disjoint_whole_and_even_in_every_class(digits):
    parts = [fold_of(digits, k, 5) for k in range(5)]
    whole = np.sort(np.concatenate([digits.train, digits.validation]))
    assert np.array_equal(np.sort(np.concatenate([judged for _, judged in parts])), whole)
    for learned, judged in parts:
        assert np.array_equal(np.sort(np.concatenate([learned, judged])), whole)
        of_all = np.bincount(digits.labels[whole], minlength=10)
        assert np.all(np.abs(np.bincount(digits.labels[judged], minlength=10) - of_all / 5) <= 1)
    sizes = [len(judged) for _, judged in parts]
    assert max(sizes) - min(sizes) <= 1


def test_equal_images_are_in_one_part(digits):
    images = np.array(digits.images)
    same = digits.train[digits.labels[digits.train] == 3][:7]
    images[same] = images[same[0]]
    doubled = replace(digits, images=images)
    held = [np.isin(same, fold_of(doubled, k, 4)[1]).sum() for k in range(4)]
    assert sorted(held) == [0, 0, 0, 7]
