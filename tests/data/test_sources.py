import pytest

from netwright.data import open_source
from netwright.data.array import ArraySource
from netwright.data.folder import FolderSource
from netwright.data.parquet import ParquetSource
from netwright.errors import DataError


def test_each_layout_is_recognized(any_data):
    source = open_source(any_data)
    kinds = {"digits": ArraySource, "named": ParquetSource, "plain": ParquetSource}
    assert type(source) is kinds.get(source.name, FolderSource)


def test_a_missing_path_is_named():
    with pytest.raises(DataError, match=r"'nowhere/at all' does not exist\. Give .* or the word 'digits'"):
        open_source("nowhere/at all")


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(DataError, match=r"no images .*webp"):
        open_source(tmp_path)


def test_parquet_beside_images_is_refused(flat, make):
    images, labels = make.rows({"ant": 2, "bee": 2})
    make.write_parquet(flat / "train.parquet", {"image": images, "label": labels})
    with pytest.raises(DataError, match=r"has both: 'train\.parquet', 'ant/000\.png'"):
        open_source(flat)


def test_one_parquet_file_is_a_source(tmp_path, make):
    images, labels = make.rows({"ant": 2, "bee": 2})
    path = make.write_parquet(tmp_path / "all.parquet", {"image": images, "label": labels})
    assert len(open_source(path).labels) == 4


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"PK")
    with pytest.raises(DataError, match="a folder or a parquet file"):
        open_source(tmp_path / "x.txt")


def test_a_folder_called_digits_is_reached_by_its_path(tmp_path, make, monkeypatch):
    make.fill(tmp_path / "digits", {"ant": 2, "bee": 2})
    monkeypatch.chdir(tmp_path)
    assert len(open_source("digits").labels) == 1797
    assert len(open_source("./digits").labels) == 4
