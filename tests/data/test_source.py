"""The contract of sources, for each layout of folders and parquet files; and what they refuse."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.data import decode, open_source
from netwright.data.source import ImageSource, check_source, listed
from netwright.errors import DataError
from netwright.testing import SourceContract


class TestSources(SourceContract):
    @pytest.fixture
    def reopen(self, any_data: Path | str) -> Callable[[], ImageSource]:
        return lambda: open_source(any_data)

    def test_classes_are_sorted_and_each_has_images(self, source: ImageSource) -> None:
        assert set(source.labels.tolist()) == set(range(len(source.class_names)))
        assert source.class_names == tuple(sorted(source.class_names))

    def test_items_of_a_class_look_like_it(self, source: ImageSource) -> None:
        if source.name == "digits":
            pytest.skip("digits have no colors")
        for index, label in enumerate(source.labels):
            colors = decode(source.read(index).data, 8, 3).mean(axis=(0, 1))
            assert int(colors.argmax()) == {"ant": 0, "bee": 1, "cow": 2}[source.class_names[label]]


def test_a_single_class_is_refused(tmp_path, make):
    make.fill(tmp_path, {"only": 3})
    with pytest.raises(DataError, match=r"at least 2 classes.*'only'.*Give the folder"):
        open_source(tmp_path)


def test_splits_of_other_classes_are_refused_by_name(tmp_path, make):
    make.fill(tmp_path / "train", {"ant": 3, "bee": 3, "cow": 3})
    make.fill(tmp_path / "test", {"ant": 3, "dog": 3})
    found = r"test lacks 'bee', 'cow' and also has 'dog', unlike .*train, which has 3\. Rename"
    with pytest.raises(DataError, match=found):
        open_source(tmp_path)


def test_check_source_accepts_digits():
    check_source(open_source("digits"))


def test_long_lists_are_cut():
    assert listed([str(n) for n in range(20)], most=2) == "'0', '1' and 18 more"


def test_importing_the_package_imports_no_heavy_library():
    heavy = "torch sklearn pyarrow PIL simplejpeg pandas scipy"
    code = f"import sys, netwright.data; print([name for name in {heavy.split()!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
