"""The contract that every source keeps, whatever its files look like."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from netwright.data import decode, open_source
from netwright.data.source import check_source, listed
from netwright.errors import DataError


def test_labels_index_the_class_names(any_data):
    source = open_source(any_data)
    assert source.name
    assert source.labels.dtype == np.int64
    assert set(source.labels.tolist()) == set(range(len(source.class_names)))
    assert source.class_names == tuple(sorted(source.class_names))


def test_splits_part_the_items(any_data):
    source = open_source(any_data)
    assert set(source.splits) <= {"train", "validation", "test"} or set(source.splits) == {"all"}
    together = np.concatenate(list(source.splits.values()))
    assert np.array_equal(np.sort(together), np.arange(len(source.labels)))
    for indices in source.splits.values():
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()


def test_items_decode_and_agree_with_the_labels(any_data):
    source = open_source(any_data)
    items = [source.read(index) for index in range(0, len(source.labels), 7)]
    assert [item.label for item in items] == source.labels[::7].tolist()
    assert len({item.name for item in items}) == len(items)
    assert [item.name for item in items] == [source.item_name(index) for index in range(0, len(source.labels), 7)]
    for item in items:
        assert decode(item.data, 8, 3).shape == (8, 8, 3)


def test_items_of_a_class_look_like_it(any_data):
    source = open_source(any_data)
    if source.name == "digits":
        pytest.skip("digits have no colors")
    for index, label in enumerate(source.labels):
        colors = decode(source.read(index).data, 8, 3).mean(axis=(0, 1))
        assert int(colors.argmax()) == {"ant": 0, "bee": 1, "cow": 2}[source.class_names[label]]


def test_opening_twice_gives_the_same(any_data):
    first, second = open_source(any_data), open_source(any_data)
    assert first.signature == second.signature
    assert np.array_equal(first.labels, second.labels)
    assert [first.read(i).name for i in (0, 5, 11)] == [second.read(i).name for i in (0, 5, 11)]


def test_threads_read_what_one_thread_reads(any_data):
    source = open_source(any_data)
    numbers = list(range(len(source.labels)))[:60]
    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(lambda i: bytes(np.asarray(source.read(i).data).tobytes()), numbers[::-1]))
    assert shared == [bytes(np.asarray(source.read(i).data).tobytes()) for i in numbers[::-1]]


def test_a_single_class_is_refused(tmp_path, make):
    make.fill(tmp_path, {"only": 3})
    with pytest.raises(DataError, match=r"at least 2 classes.*'only'.*Give the folder"):
        open_source(tmp_path)


def test_splits_of_other_classes_are_refused_by_name(tmp_path, make):
    make.fill(tmp_path / "train", {"ant": 3, "bee": 3, "cow": 3})
    make.fill(tmp_path / "test", {"ant": 3, "dog": 3})
    with pytest.raises(DataError, match=r"split 'test'.* has none of 'bee', 'cow'"):
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
