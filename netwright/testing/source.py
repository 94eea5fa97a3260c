"""What every source of labeled images promises, whatever its files look like."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from netwright.data import decode
from netwright.data.source import ImageSource, LabeledImage, check_source

__all__ = ["SourceContract"]

_SPLITS = {"train", "validation", "test"}
_STEP = 7  # of every seventh item the pixels are looked at
_MOST = 60  # items that threads read


def _content(item: LabeledImage) -> tuple[bytes, int, str]:
    return np.asarray(item.data).tobytes(), item.label, item.name


class SourceContract:
    """The tests of a `netwright.data.source.ImageSource`.

    A subclass gives `open_source`, and `write_images` where it reads files:

        class TestMySource(SourceContract):
            def write_images(self, folder):
                write_some_images(folder, classes=("ant", "bee"), each=20)

            def open_source(self, folder):
                return MySource(folder)

    The images are of two classes or more, with several of each class in each split.
    """

    def write_images(self, folder: Path) -> None:
        """Write the images that `open_source` finds in an empty folder. The default writes none."""

    def open_source(self, folder: Path) -> ImageSource:
        """A new source. folder: where `write_images` wrote."""
        raise NotImplementedError

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], ImageSource]:
        """Opens a new source of the same images."""
        self.write_images(tmp_path)
        return lambda: self.open_source(tmp_path)

    @pytest.fixture
    def source(self, reopen: Callable[[], ImageSource]) -> ImageSource:
        return reopen()

    def test_labels_index_the_class_names(self, source: ImageSource) -> None:
        assert source.name
        assert source.labels.dtype == np.int64
        assert source.labels.ndim == 1
        assert isinstance(source.class_names, tuple)
        assert len(set(source.class_names)) == len(source.class_names)
        assert set(source.labels.tolist()) <= set(range(len(source.class_names)))

    def test_every_split_has_images_of_every_class(self, source: ImageSource) -> None:
        check_source(source)

    def test_splits_part_the_items(self, source: ImageSource) -> None:
        assert set(source.splits) <= _SPLITS or set(source.splits) == {"all"}
        together = np.concatenate(list(source.splits.values()))
        assert np.array_equal(np.sort(together), np.arange(len(source.labels)))
        for indices in source.splits.values():
            assert indices.dtype == np.int64
            assert (np.diff(indices) > 0).all()

    def test_items_decode_and_agree_with_the_labels(self, source: ImageSource) -> None:
        numbers = range(0, len(source.labels), _STEP)
        items = [source.read(index) for index in numbers]
        assert [item.label for item in items] == source.labels[::_STEP].tolist()
        assert len({item.name for item in items}) == len(items)
        assert [item.name for item in items] == [source.item_name(index) for index in numbers]
        for item in items:
            assert decode(item.data, 8, 3).shape == (8, 8, 3)

    def test_opening_twice_gives_the_same(self, reopen: Callable[[], ImageSource]) -> None:
        first, second = reopen(), reopen()
        assert (first.name, first.class_names) == (second.name, second.class_names)
        assert first.signature == second.signature
        assert np.array_equal(first.labels, second.labels)
        assert {name: items.tolist() for name, items in first.splits.items()} == {
            name: items.tolist() for name, items in second.splits.items()
        }
        for index in range(0, len(first.labels), _STEP):
            assert _content(first.read(index)) == _content(second.read(index))

    def test_threads_read_what_one_thread_reads(self, source: ImageSource) -> None:
        numbers = list(range(len(source.labels)))[:_MOST][::-1]
        with ThreadPoolExecutor(8) as pool:
            shared = list(pool.map(lambda i: _content(source.read(i)), numbers))
        assert shared == [_content(source.read(i)) for i in numbers]

    def test_it_goes_to_other_processes(self, source: ImageSource) -> None:
        """Workers of a training get it by pickle where processes are not forked."""
        source.read(0)
        copy = pickle.loads(pickle.dumps(source))
        assert copy.signature == source.signature
        for index in range(0, len(source.labels), _STEP):
            assert _content(copy.read(index)) == _content(source.read(index))
