"""A cut that is kept with weights finds the very same splits again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netwright.data import cut_splits, load_images, open_source
from netwright.data.cut import Cut, split_digest


@pytest.mark.parametrize(("seed", "train_images"), [(0, None), (3, 200)])
def test_the_same_splits_are_found_again(seed: int, train_images: int | None) -> None:
    source = open_source("digits")
    splits = cut_splits(source, seed, train_images=train_images)
    kept = Cut(seed, train_images=train_images).of(source, splits).to_dict()
    cut = Cut.from_facts({"images": kept, "splits": splits.provenance})
    assert cut is not None
    again = cut.again(source)
    assert np.array_equal(again.test, splits.test)
    assert np.array_equal(again.train, splits.train)
    assert cut.is_of(source, again)
    assert not Cut(seed + 1, train_images=train_images).of(source, splits).is_of(source, Cut(seed + 1).again(source))


@pytest.mark.parametrize(("seed", "train_images"), [(0, None), (7, 200)])
def test_weights_of_version_0_1_say_it_in_a_sentence(seed: int, train_images: int | None) -> None:
    source = open_source("digits")
    splits = cut_splits(source, seed, train_images=train_images)
    cut = Cut.from_facts({"splits": splits.provenance})
    assert cut is not None
    assert (cut.seed, cut.train_images) == (seed, train_images)
    assert cut.is_of(source, splits)
    assert not cut.is_of(source, cut_splits(source, seed, train_images=300))


def test_other_weights_say_nothing() -> None:
    assert Cut.from_facts({}) is None
    assert Cut.from_facts({"images": {"digests": {}}, "training": {}}) is None


def test_a_digest_is_of_names_and_classes() -> None:
    source = open_source("digits")
    index = np.arange(20)
    assert split_digest(source, index) == split_digest(source, index[::-1])
    assert split_digest(source, index) != split_digest(source, index[1:])


def test_a_set_on_disk_keeps_its_cut(tmp_path: Path) -> None:
    first = load_images("digits", seed=2, cache=tmp_path)
    again = load_images("digits", seed=2, cache=tmp_path)
    assert first.cut == again.cut
    assert first.cut is not None
    assert first.cut.seed == 2
    assert first.cut.counts == {"train": len(first.train), "validation": len(first.validation), "test": len(first.test)}
    manifest = next(tmp_path.glob("images-*.json"))
    manifest.write_text(manifest.read_text().replace('"cut":', '"uncut":'))  # as version 0.1 wrote it
    assert load_images("digits", seed=2, cache=tmp_path).cut == first.cut
