import shutil

import numpy as np
import pytest

from netwright.errors import DataError
from netwright.loader import open_split, open_splits
from netwright.recipe.training import DataConfig


def test_folders_of_splits(training):
    train, validation = open_splits(training())
    assert (len(train), len(validation)) == (33, 15)
    assert train.class_names == validation.class_names == ("ant", "bee", "cow")
    assert train.labels.tolist() == [0] * 11 + [1] * 11 + [2] * 11
    assert validation.source.item_name(int(validation.index[0])) == "val/ant/000.jpg"
    assert not set(train.index.tolist()) & set(validation.index.tolist())


@pytest.mark.parametrize("folder", ["validation", "Val", "valid", "dev"])
def test_other_spellings_are_found(training, data_dir, folder):
    (data_dir / "val").rename(data_dir / folder)
    assert open_splits(training())[1].name == folder


def test_folders_of_any_name_are_splits_when_asked_for(training, data_dir):
    (data_dir / "train").rename(data_dir / "ILSVRC2012_img_train")
    (data_dir / "devkit").mkdir()
    train, validation = open_splits(training(train_split="ILSVRC2012_img_train"))
    assert (train.name, len(train), validation.name) == ("ILSVRC2012_img_train", 33, "val")


def test_what_is_not_asked_for_is_not_looked_at(training, data_dir):
    (data_dir / "test").mkdir()
    for path in (data_dir / "val" / "ant").iterdir():
        shutil.copy(path, data_dir / "test" / path.name)
    assert len(open_splits(training())[0]) == 33


def test_validation_may_be_missing_where_none_is_asked_for(training, data_dir):
    shutil.rmtree(data_dir / "val")
    assert open_splits(training(validate=False))[1] is None
    with pytest.raises(DataError, match=r"no split 'val' in .*, which has 'train'\. Give .*--val_fraction 0\.1"):
        open_splits(training())


def test_a_missing_train_split_is_named(training, data_dir):
    shutil.rmtree(data_dir / "train")
    with pytest.raises(DataError, match=r"no split 'train' in .*, which has 'val'"):
        open_splits(training())


def test_a_missing_folder_is_named(training):
    with pytest.raises(DataError, match=r"'nowhere' does not exist\. Correct --data_dir"):
        open_splits(training(data_dir="nowhere"))


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_flat_folder_is_explained(training, data_dir, split):
    for path in list((data_dir / split).rglob("*.jpg")):
        path.rename(data_dir / split / f"{path.parent.name}-{path.name}")
    for name in ("ant", "bee", "cow"):
        (data_dir / split / name).rmdir()
    with pytest.raises(DataError, match=rf"images of the {split} split are directly in .*{split}\. Sort them"):
        open_splits(training())


def test_other_class_folders_are_listed(training, data_dir):
    (data_dir / "val" / "bee").rename(data_dir / "val" / "dog")
    with pytest.raises(DataError, match=r"val lacks 'bee' and also has 'dog', unlike .*train, which has 3"):
        open_splits(training())


def test_a_class_without_validation_images_has_an_empty_folder(training, data_dir):
    shutil.rmtree(data_dir / "val" / "bee")
    with pytest.raises(DataError, match=r"val lacks 'bee', unlike .*may be empty"):
        open_splits(training())
    (data_dir / "val" / "bee").mkdir()
    assert set(open_splits(training())[1].labels.tolist()) == {0, 2}
    (data_dir / "val" / "bee" / "x.heic").write_bytes(b"x")
    with pytest.raises(DataError, match=r"there are none in 'bee'"):
        open_splits(training())


def test_a_class_to_train_on_has_images(training, data_dir):
    for folder in ("train", "val"):
        (data_dir / folder / "dog").mkdir()
    with pytest.raises(DataError, match=r"in .*train there are none in 'dog'"):
        open_splits(training())


def test_another_number_of_classes_is_refused(training):
    with pytest.raises(DataError, match=r"has 3 \('ant', 'bee', 'cow'\), not 1,000\. Give --num_classes 3"):
        open_splits(training(num_classes=1000))
    assert len(open_splits(training(num_classes=3))[0]) == 33


def test_one_class_is_refused(training, data_dir):
    for split in ("train", "val"):
        for name in ("bee", "cow"):
            shutil.rmtree(data_dir / split / name)
    with pytest.raises(DataError, match=r"at least 2 classes.*only 'ant'"):
        open_splits(training())


def test_a_fraction_is_cut_from_each_class_by_the_seed(training, data_dir):
    shutil.rmtree(data_dir / "val")
    train, validation = open_splits(training(val_fraction=0.2))
    assert np.bincount(validation.labels).tolist() == [2, 2, 2]
    assert sorted([*train.index.tolist(), *validation.index.tolist()]) == list(range(33))
    again, other = (open_splits(training(val_fraction=0.2, seed=seed))[1] for seed in (3, 4))
    assert again.index.tolist() == validation.index.tolist() != other.index.tolist()
    made = training(val_fraction=0.2)
    assert open_split(made.images, "val", seed=3).index.tolist() == validation.index.tolist()


def test_classes_alone_are_cut_or_refused(training, data_dir):
    flat = str(data_dir / "train")
    with pytest.raises(DataError, match=r"has no splits, and 'train', 'val' are wanted.*--val_fraction 0\.1"):
        open_splits(training(data_dir=flat))
    train, validation = open_splits(training(data_dir=flat, val_fraction=0.1))
    assert (len(train), len(validation)) == (30, 3)
    assert len(open_splits(training(data_dir=flat, validate=False))[0]) == 33


def test_so_many_samples(training):
    first, second = (open_splits(training(num_samples=number))[0] for number in (10, 20))
    assert len(first) == 10
    assert set(first.index.tolist()) < set(second.index.tolist())
    assert len(open_splits(training(num_samples=1000))[0]) == 33


def test_one_split_alone(data_dir):
    shutil.rmtree(data_dir / "train")
    split = open_split(DataConfig(data_dir=str(data_dir)), "val")
    assert (len(split), split.name, split.class_names) == (15, "val", ("ant", "bee", "cow"))
    assert len(open_split(DataConfig(data_dir=str(data_dir / "val")), "val")) == 15
    with pytest.raises(DataError, match=r"no split 'test' .* has 'val'"):
        open_split(DataConfig(data_dir=str(data_dir)), "test")


def test_digits_need_a_fraction(training):
    with pytest.raises(DataError, match=r"'digits' has no splits"):
        open_splits(training(dataset="digits"))
    train, validation = open_splits(training(dataset="digits", val_fraction=0.1))
    assert len(train) + len(validation) == 1797
