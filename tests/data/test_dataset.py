import pickle

import numpy as np
import pytest

from netwright.data.dataset import open_dataset
from netwright.data.folder import FolderSource
from netwright.data.parquet import ParquetSource
from netwright.errors import DataError


def test_parquet_splits_by_name(tmp_path, make):
    for split, count in (("train", 4), ("test", 2)):
        images, labels = make.rows({"ant": count, "bee": count})
        make.write_parquet(tmp_path / f"{split}-0.parquet", {"img": images, "label": labels}, ["ant", "bee"])
    opened = open_dataset("cifar10", tmp_path, ["train", "test"])
    assert isinstance(opened.source, ParquetSource)
    assert [len(opened.source.splits[opened.split_names[name]]) for name in ("train", "test")] == [8, 4]
    with pytest.raises(DataError, match=r"no split 'val' in .*, which has 'test', 'train'\. Cut some\."):
        open_dataset("cifar10", tmp_path, ["train", "val"], cure="Cut some.")


def test_an_unlabeled_split_that_nobody_asks_for_does_not_matter(tmp_path, make):
    images, labels = make.rows({"ant": 3, "bee": 3})
    make.write_parquet(tmp_path / "train.parquet", {"image": images, "label": labels}, ["ant", "bee"])
    make.write_parquet(tmp_path / "validation.parquet", {"image": images, "label": labels}, ["ant", "bee"])
    make.write_parquet(tmp_path / "test.parquet", {"image": images, "label": [-1] * 6}, ["ant", "bee"])
    opened = open_dataset("", tmp_path, ["train", "val"])
    assert opened.split_names == {"train": "train", "val": "validation"}
    assert len(opened.source.labels) == 12


def test_parquet_in_folders_of_splits(tmp_path, make):
    for split in ("train", "test"):
        images, labels = make.rows({"ant": 3, "bee": 3})
        make.write_parquet(tmp_path / split / "0000.parquet", {"image": images, "label": labels}, ["ant", "bee"])
    assert isinstance(open_dataset("imagenet", tmp_path, ["train", "test"]).source, ParquetSource)


def test_a_parquet_source_survives_pickling(tmp_path, make):
    images, labels = make.rows({"ant": 3, "bee": 3})
    make.write_parquet(tmp_path / "a.parquet", {"image": images, "label": labels}, ["ant", "bee"])
    source = open_dataset("", tmp_path, ["train"]).source
    source.read(0)
    again = pickle.loads(pickle.dumps(source))
    assert [again.read(i) for i in range(6)] == [source.read(i) for i in range(6)]


def test_a_data_set_of_its_own_name_may_be_image_folders(split):
    for dataset in ("mnist", "cifar10", ""):
        assert isinstance(open_dataset(dataset, split, ["train", "val"]).source, FolderSource)


def test_two_folders_that_may_be_meant_are_named(tmp_path, make):
    for name in ("train", "valid", "validation"):
        make.fill(tmp_path / name, {"ant": 2, "bee": 2})
    with pytest.raises(DataError, match=r"'val' may be any of 'valid', 'validation' in .*exact name"):
        open_dataset("", tmp_path, ["train", "val"])
    assert open_dataset("", tmp_path, ["train", "valid"]).split_names == {"train": "train", "valid": "valid"}


def test_a_class_called_train_is_a_class(tmp_path, make):
    make.fill(tmp_path, {"car": 2, "plane": 2, "train": 2})
    opened = open_dataset("", tmp_path, ["all"])
    assert opened.source.class_names == ("car", "plane", "train")
    assert opened.split_names == {"all": "all"}


def test_digits_by_their_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_dataset("", "digits", ["train"]).source.name == "digits"
    assert open_dataset("digits", ".", ["train"], optional=["val"]).split_names == {"train": "all"}


def test_nothing_is_explained(tmp_path):
    with pytest.raises(DataError, match=r"no images below .*train/<class>/.*Correct --data_dir"):
        open_dataset("", tmp_path, ["train"])
    with pytest.raises(DataError, match=r"holds none of these.*--download True to download it \(170 MB\)"):
        open_dataset("cifar10", tmp_path / "none", ["train"])


def test_validation_of_published_data_sets_is_their_test_split(tmp_path):
    rng = np.random.default_rng(0)
    for stem, n in (("train", 6), ("t10k", 4)):
        header = b"\0\0\x08\x03" + np.array([n, 28, 28], ">u4").tobytes()
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes(header + rng.bytes(n * 784))
        labels = b"\0\0\x08\x01" + np.array([n], ">u4").tobytes() + bytes(i % 2 for i in range(n))
        (tmp_path / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    for dataset in ("mnist", "imagenet"):
        opened = open_dataset(dataset, tmp_path, ["train", "test"])
        assert opened.source.name == "mnist"
    assert open_dataset("mnist", tmp_path, ["train", "val"]).split_names == {"train": "train", "val": "test"}
