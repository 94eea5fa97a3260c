import os
import tracemalloc

import pytest

from netwright.data import open_source
from netwright.data.folder import scan_files
from netwright.errors import DataError


def test_suffixes_count_in_either_case_and_hidden_files_do_not(tmp_path, make):
    make.fill(tmp_path, {"ant": 2, "bee": 2})
    (tmp_path / "ant" / "000.png").rename(tmp_path / "ant" / "000.PNG")
    (tmp_path / "ant" / "._001.png").write_bytes(b"resource fork")
    (tmp_path / "ant" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "__MACOSX" / "ant").mkdir(parents=True)
    (tmp_path / "loose.png").write_bytes(b"an image without a class")
    assert open_source(tmp_path).paths == ("ant/000.PNG", "ant/001.png", "bee/000.png", "bee/001.png")


def test_the_order_is_that_of_names_and_not_of_the_file_system(flat, monkeypatch):
    expected = open_source(flat)
    real = os.scandir

    class Backwards:
        def __init__(self, path):
            with real(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

        def __iter__(self):
            return iter(self.entries)

    monkeypatch.setattr(os, "scandir", Backwards)
    found = open_source(flat)
    assert found.paths == expected.paths
    assert found.signature == expected.signature


def test_the_signature_knows_names_and_sizes(flat):
    before = open_source(flat).signature
    image = flat / "ant" / "000.png"
    image.write_bytes(image.read_bytes() + b"\0")
    grown = open_source(flat).signature
    image.rename(image.with_name("renamed.png"))
    assert len({before, grown, open_source(flat).signature}) == 3


def test_a_class_may_have_the_name_of_a_split(tmp_path, make):
    make.fill(tmp_path, {"car": 2, "plane": 2, "train": 2})
    source = open_source(tmp_path)
    assert source.class_names == ("car", "plane", "train")
    assert set(source.splits) == {"all"}


def test_splits_beside_classes_are_refused(tmp_path, make):
    make.fill(tmp_path / "train", {"ant": 2, "bee": 2})
    make.fill(tmp_path, {"extra": 2})
    with pytest.raises(DataError, match=r"split folders 'train' beside 'extra'"):
        open_source(tmp_path)


def test_two_folders_for_one_split_are_refused(tmp_path, make):
    for name in ("train", "val", "valid"):
        make.fill(tmp_path / name, {"ant": 2, "bee": 2})
    with pytest.raises(DataError, match="'val', 'valid' for the validation split"):
        open_source(tmp_path)


def test_images_outside_class_folders_are_refused(tmp_path, make):
    make.fill(tmp_path, {"ant": 3})
    with pytest.raises(DataError, match=r"3 images .* in no class folder"):
        open_source(tmp_path / "ant")


def test_a_class_of_unknown_formats_is_not_lost_silently(tmp_path, make):
    make.fill(tmp_path, {"ant": 2, "bee": 2})
    (tmp_path / "cow").mkdir()
    (tmp_path / "cow" / "1.heic").write_bytes(b"x")
    with pytest.raises(DataError, match="none in 'cow'"):
        open_source(tmp_path)


def test_links_are_followed_but_not_in_circles(tmp_path, make):
    make.fill(tmp_path / "elsewhere", {"ant": 2, "bee": 2})
    root = tmp_path / "root"
    root.mkdir()
    (root / "ant").symlink_to(tmp_path / "elsewhere" / "ant")
    (root / "bee").symlink_to(tmp_path / "elsewhere" / "bee")
    (tmp_path / "elsewhere" / "ant" / "up").symlink_to(root)
    assert len(scan_files(root, frozenset({".png"}))) == 4


def test_many_images_take_a_kilobyte_each_to_know(tmp_path):
    """A million is opened in benchmarks/data_scale.py."""
    for label in ("ant", "bee"):
        (tmp_path / label).mkdir()
        for number in range(2000):
            (tmp_path / label / f"ILSVRC2012_val_{number:08d}.JPEG").touch()
    tracemalloc.start()
    source = open_source(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(source.labels) == 4000
    assert peak < 1500 * 4000
