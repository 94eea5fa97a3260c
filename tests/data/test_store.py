import os
import shutil
import time

import numpy as np
import pytest

from netwright.data import store
from netwright.data.store import FileSink, MemorySink
from netwright.errors import DataError, OutputError

SHAPE = (10, 4, 4, 3)
BLOCK = np.arange(7 * 48, dtype=np.uint8).reshape(7, 4, 4, 3)


@pytest.fixture(params=["memory", "file"])
def sink(request, tmp_path):
    return MemorySink(SHAPE) if request.param == "memory" else FileSink(tmp_path / "cache" / "x.npy", SHAPE)


def test_a_sink_gives_back_what_came_and_no_more(sink):
    sink.append(BLOCK[:4])
    sink.append(BLOCK[4:])
    images = sink.finish()
    sink.discard()
    assert np.array_equal(images, BLOCK)
    assert not images.flags.writeable


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    sink = FileSink(tmp_path / "x.npy", SHAPE)
    sink.append(BLOCK)
    assert not (tmp_path / "x.npy").exists()
    sink.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
    assert np.array_equal(np.load(tmp_path / "x.npy"), BLOCK)


def test_a_discarded_file_leaves_nothing(tmp_path):
    sink = FileSink(tmp_path / "x.npy", SHAPE)
    sink.append(BLOCK)
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_refused_before_writing(tmp_path, monkeypatch):
    usage = type(shutil.disk_usage(tmp_path))(1000, 900, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    says = (
        rf"^the image cache cannot be written to {tmp_path / 'x.npy'}: .* \(about 504 bytes are needed and 100 bytes "
        r"are free there\)\. Free some space, lower --resolution or --train_images, or choose another --out\.$"
    )
    with pytest.raises(OutputError, match=says):
        FileSink(tmp_path / "x.npy", SHAPE)
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_refused(monkeypatch):
    monkeypatch.setattr(store, "available_memory", lambda: 100)
    with pytest.raises(
        DataError, match=r"10 decoded images of 4 x 4 x 3 need 480 bytes, and 100 bytes.*--train_images"
    ):
        MemorySink(SHAPE)


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    says = r"^the image cache cannot be written to .*x\.npy: .* in the way\)\. Choose another --out\.$"
    with pytest.raises(OutputError, match=says):
        FileSink(tmp_path / "file" / "x.npy", SHAPE)


def test_partial_files_are_removed_when_their_writer_is_long_gone(tmp_path):
    old, young = tmp_path / ".x.npy.1.partial", tmp_path / ".x.npy.2.partial"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 10_000,) * 2)
    FileSink(tmp_path / "x.npy", SHAPE).discard()
    assert list(tmp_path.iterdir()) == [young]
