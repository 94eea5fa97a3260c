from pathlib import Path

import numpy as np

from netwright.data.array import find_files, join_parts
from netwright.data.source import ImageSource
from netwright.testing import SourceContract


def parts(fill=0):
    return {
        "train": (np.full((3, 2, 2, 1), fill, np.uint8), np.array([0, 1, 1])),
        "test": (np.ones((2, 2, 2, 1), np.uint8), np.array([1, 0])),
    }


class TestArraySource(SourceContract):
    def open_source(self, folder: Path) -> ImageSource:
        return join_parts("tiny", ["a", "b"], parts())


def test_parts_become_splits():
    source = join_parts("tiny", ["a", "b"], parts())
    assert {name: items.tolist() for name, items in source.splits.items()} == {"train": [0, 1, 2], "test": [3, 4]}
    assert source.labels.tolist() == [0, 1, 1, 1, 0]
    assert [source.item_name(index) for index in (0, 2, 3, 4)] == ["train:0", "train:2", "test:0", "test:1"]
    assert source.read(3).label == 1


def test_the_signature_knows_pixels_and_names():
    sources = (
        join_parts("t", ["a", "b"], parts()),
        join_parts("t", ["a", "b"], parts(1)),
        join_parts("t", "xy", parts()),
    )
    assert len({source.signature for source in sources}) == 3
    assert join_parts("t", ["a", "b"], parts()).signature == sources[0].signature


def test_the_nearest_folder_with_any_of_the_files_counts(tmp_path):
    for folder in ("deep/er", "near", "a/b/c/d/e"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.bin").write_bytes(b"x")
    assert find_files(tmp_path, ["x.bin", "y.bin"]) == {"x.bin": tmp_path / "near" / "x.bin"}
    assert find_files(tmp_path / "a" / "b", ["x.bin"]) == {"x.bin": tmp_path / "a/b/c/d/e/x.bin"}
    assert find_files(tmp_path / "a", ["x.bin"]) == {}
