from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data import cut_splits
from netwright.errors import DataError


@dataclass
class Fake:
    """A source of labels only; shares: split -> images per class."""

    shares: Mapping[str, list[int]]
    name: str = "fake"
    signature: str = ""

    def __post_init__(self):
        parts = {split: np.repeat(np.arange(len(counts)), counts) for split, counts in self.shares.items()}
        self.labels = np.concatenate(list(parts.values())).astype(np.int64)
        bounds = np.cumsum([0] + [len(part) for part in parts.values()])
        self.splits = {split: np.arange(bounds[i], bounds[i + 1]) for i, split in enumerate(parts)}
        self.class_names = tuple(f"class{label}" for label in range(len(next(iter(self.shares.values())))))

    def counts(self, indices):
        return np.bincount(self.labels[indices], minlength=len(self.class_names)).tolist()


def check_disjoint(source, splits):
    parts = (splits.train, splits.validation, splits.test)
    for part in parts:
        assert (np.diff(part) > 0).all()
        assert min(source.counts(part)) >= 1
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(3, 40), min_size=2, max_size=6), st.integers(0, 2**32), st.floats(0.01, 0.99))
def test_any_unsplit_source_is_cut_in_three(counts, seed, fraction):
    source = Fake({"all": counts})
    splits = cut_splits(source, seed, fraction, fraction)
    check_disjoint(source, splits)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == sum(counts)


def test_the_cut_is_stratified():
    source = Fake({"all": [100, 50]})
    splits = cut_splits(source, 0)
    assert source.counts(splits.test) == [20, 10]
    assert source.counts(splits.validation) == [16, 8]
    assert source.counts(splits.train) == [64, 32]
    assert splits.provenance == (
        "fake: test: 30 images cut from all (20% of each class, seed 0); validation: 24 images cut from the training "
        "images (20% of each class, seed 0); train: 96 images."
    )


def test_the_seed_alone_decides():
    source = Fake({"all": [50, 50]})
    first, again, other = cut_splits(source, 3), cut_splits(source, 3), cut_splits(source, 4)
    assert np.array_equal(first.validation, again.validation)
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.validation, other.validation)
    assert not np.array_equal(first.test, other.test)


def test_the_test_split_does_not_move_with_the_other_choices():
    source = Fake({"all": [50, 50]})
    tests = [cut_splits(source, 1, f, train_images=n).test for f in (0.2, 0.4) for n in (None, 20)]
    assert all(np.array_equal(tests[0], other) for other in tests)


def test_the_own_test_split_is_the_test_split():
    source = Fake({"train": [20, 20], "test": [5, 5]})
    splits = cut_splits(source, 0)
    assert np.array_equal(splits.test, source.splits["test"])
    assert source.counts(splits.validation) == [4, 4]
    assert set(splits.train) | set(splits.validation) == set(source.splits["train"])
    assert "test: the 10 images of the source's own test split" in splits.provenance


def test_a_lone_validation_split_judges_and_never_selects():
    source = Fake({"train": [20, 20], "validation": [5, 5]})
    splits = cut_splits(source, 0)
    assert np.array_equal(splits.test, source.splits["validation"])
    assert set(splits.validation) <= set(source.splits["train"])
    assert "the source's own validation split" in splits.provenance


def test_three_own_splits_are_kept():
    source = Fake({"train": [20, 20], "validation": [5, 5], "test": [6, 6]})
    splits = cut_splits(source, 0)
    for name in source.splits:
        assert np.array_equal(getattr(splits, name), source.splits[name])


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_a_source_of_one_split_is_cut_whatever_it_is_called(name):
    source = Fake({name: [10, 10]})
    check_disjoint(source, cut_splits(source, 0))


def test_splits_without_a_train_split_are_refused():
    with pytest.raises(DataError, match="'test', 'validation'"):
        cut_splits(Fake({"validation": [5, 5], "test": [5, 5]}), 0)


@pytest.mark.parametrize(
    ("shares", "least"),
    [({"all": [5, 2]}, 3), ({"train": [5, 1], "test": [3, 3]}, 2)],
)
def test_classes_too_small_to_split_are_named(shares, least):
    with pytest.raises(DataError, match=rf"at least {least} images.*1 of 2 classes.*'class1: {least - 1}'"):
        cut_splits(Fake(shares), 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, float("nan")])
def test_impossible_fractions_are_refused(fraction):
    with pytest.raises(DataError, match="between 0 and 1"):
        cut_splits(Fake({"all": [5, 5]}), 0, fraction)
    with pytest.raises(DataError, match="between 0 and 1"):
        cut_splits(Fake({"all": [5, 5]}), 0, 0.2, fraction)


def test_a_negative_seed_is_refused():
    with pytest.raises(DataError, match="a seed is 0 or more, not -1"):
        cut_splits(Fake({"all": [5, 5]}), -1)


def test_train_images_keeps_the_proportions_and_the_test_split():
    source = Fake({"train": [60, 40], "test": [9, 9]})
    splits = cut_splits(source, 0, train_images=20)
    assert source.counts(np.concatenate([splits.train, splits.validation])) == [12, 8]
    assert len(splits.validation) == 4
    assert len(splits.test) == 18
    assert "only 20 of 100 images for train and validation (seed 0)" in splits.provenance


def test_train_images_shrinks_an_own_validation_split_as_well():
    source = Fake({"train": [60, 60], "validation": [20, 20], "test": [6, 6]})
    splits = cut_splits(source, 0, train_images=40)
    assert source.counts(splits.train) == [15, 15]
    assert source.counts(splits.validation) == [5, 5]
    check_disjoint(source, splits)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(3, 60), min_size=2, max_size=8), st.integers(0, 400))
def test_train_images_is_exact_or_refused(counts, images):
    source = Fake({"train": counts, "test": counts})
    if images < 2 * len(counts):
        with pytest.raises(DataError, match="train_images"):
            cut_splits(source, 0, train_images=images)
        return
    splits = cut_splits(source, 0, train_images=images)
    check_disjoint(source, splits)
    assert len(splits.train) + len(splits.validation) == min(images, sum(counts))
