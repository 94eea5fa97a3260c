import shutil

import numpy as np
import pytest

from netwright.data import cut_splits, open_source, summarize
from netwright.data.duplicates import find_duplicates, in_two_splits, with_two_labels
from netwright.data.splits import cut_fraction


@pytest.fixture
def copied(flat):
    """Copies: one of 'ant' in its class five times, one of 'bee' in 'cow' too."""
    for number in range(5):
        shutil.copy(flat / "ant" / "003.png", flat / "ant" / f"copy-{number}.png")
    shutil.copy(flat / "bee" / "001.png", flat / "cow" / "mine.png")
    return open_source(flat)


def _named(source, groups):
    return [[source.item_name(index) for index in group] for group in groups]


def test_copies_are_found_by_their_bytes(copied):
    found = find_duplicates(copied)
    copies = [f"ant/copy-{number}.png" for number in range(5)]
    assert _named(copied, found.groups) == [["ant/003.png", *copies], ["bee/001.png", "cow/mine.png"]]
    assert _named(copied, with_two_labels(found.groups, copied.labels)) == [["bee/001.png", "cow/mine.png"]]


def test_copies_in_parquet_files_are_found(tmp_path, make):
    images, labels = make.rows({"ant": 4, "bee": 4})
    make.write_parquet(tmp_path / "a.parquet", {"image": [*images, images[2]], "label": [*labels, labels[2]]})
    source = open_source(tmp_path)
    assert [group.tolist() for group in find_duplicates(source).groups] == [[2, 8]]
    assert "a.parquet:2 = a.parquet:8" in summarize(source).warnings[0]


def test_files_of_one_size_that_differ_in_one_byte_are_none(tmp_path, make):
    make.fill(tmp_path, {"ant": 3, "bee": 3})
    content = bytearray(100_000)
    for number in range(3):
        content[-1] = number  # far from the piece that is looked at first
        (tmp_path / "ant" / f"{number:03d}.png").write_bytes(content)
    assert find_duplicates(open_source(tmp_path)).groups == []


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_keeps_copies_together(copied, seed):
    group = find_duplicates(copied).group
    splits = cut_splits(copied, seed)
    parts = (splits.train, splits.validation, splits.test)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(copied.labels)))
    for cut in (parts, cut_fraction(copied, copied.splits["all"], 0.3, seed)):
        held = [set(group[part].tolist()) for part in cut]
        assert sum(map(len, held)) == len(set.union(*held))


def test_without_copies_a_cut_is_what_it_was(flat):
    source = open_source(flat)
    assert cut_splits(source, 7).test.tolist() == [0, 8, 12, 14, 24, 26]  # as version 0.1 cut them


def test_a_class_of_one_picture_is_cut_all_the_same(tmp_path, make):
    make.fill(tmp_path, {"ant": 6, "bee": 1})
    for number in range(5):
        shutil.copy(tmp_path / "bee" / "000.png", tmp_path / "bee" / f"copy-{number}.png")
    source = open_source(tmp_path)
    splits = cut_splits(source, 0)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    for part in parts.values():
        assert set(source.labels[part].tolist()) == {0, 1}
    (text,) = summarize(source, parts).warnings
    assert text == (
        "1 image is in more than one of the splits that were cut here (train, validation, test), which flatters what "
        "is measured: bee/000.png = bee/copy-0.png = bee/copy-1.png. 'bee' has too few different images to keep its "
        "copies together. Add other images of this class."
    )


def test_copies_that_the_owner_and_those_that_a_cut_parted_have_their_own_cures(split):
    for number in range(3):
        shutil.copy(split / "train" / "ant" / "009.jpg", split / "train" / "bee" / f"mine-{number}.jpg")
    source = open_source(split)
    train = source.splits["train"]
    copies = next(group for group in find_duplicates(source).groups if len(group) == 4)
    parts = source.splits | {"train": train[~np.isin(train, copies[:2])], "validation": copies[:2]}
    _, theirs, ours = summarize(source, parts).warnings
    assert theirs.endswith("Remove them from one.")
    assert ours.startswith("1 image is in more than one of the splits that were cut here (train, validation)")


def test_copies_are_said_with_their_names(copied):
    splits = cut_splits(copied, 0)
    parts = {"train": splits.train, "test": splits.test}
    two, rest = summarize(copied, parts).warnings
    assert two.startswith("1 image is there under two labels, so that no network can be right about it: bee/001.png =")
    assert rest.startswith("1 image is there more than once: ant/003.png = ant/copy-0.png = ant/copy-1.png.")


def test_copies_between_splits_that_are_there_are_counted(split):
    source = open_source(split)  # val and test have the first of the images to train on
    across = in_two_splits(find_duplicates(source).groups, source.splits)
    assert len(across) == 15
    assert _named(source, across)[0] == ["test/ant/000.jpg", "train/ant/000.jpg", "val/ant/000.jpg"]
    (text,) = summarize(source).warnings
    assert text.startswith("15 images are in more than one split (test, train, validation), which flatters what is")
