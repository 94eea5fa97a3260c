"""Layouts of public data sets, as people unpack them: read in one way by every command, or refused with the cure."""

import os
import shutil

import numpy as np
import pytest

from netwright.data import open_source, summarize
from netwright.data.dataset import open_dataset
from netwright.errors import DataError

_FEW = {"ant": 4, "bee": 4, "cow": 4}
_CLASSES = ("ant", "bee", "cow")


@pytest.fixture
def photos(tmp_path, make):
    """Fills folders below a root: classes, each time with other images, or images directly."""
    number = [0]

    def fill(*folders, counts=None):
        for folder in folders:
            number[0] += 1
            for label, (name, count) in enumerate((counts or _FEW).items()):
                (tmp_path / folder / name).mkdir(parents=True, exist_ok=True)
                for each in range(count):
                    seed = 10_000 * number[0] + 100 * label + each
                    make.picture((200, 40, 40), seed).save(tmp_path / folder / name / f"{each}.png")
        return tmp_path

    def flat(*folders, count=4):
        for folder in folders:
            number[0] += 1
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            for each in range(count):
                make.picture((40, 40, 200), 10_000 * number[0] + each).save(tmp_path / folder / f"{each}.png")
        return tmp_path

    fill.flat = flat
    return fill


def _splits(source):
    return {name: len(index) for name, index in source.splits.items()}


def _is_read(root, splits, classes=_CLASSES):
    """Every command reads these classes: those that cut splits themselves, and those that ask for a split."""
    source = open_source(root)
    assert (source.class_names, _splits(source)) == (classes, splits)
    wanted = [name for name in ("train", "validation", "test") if name in splits] or ["train"]
    opened = open_dataset("", root, wanted)
    assert opened.source.class_names == classes
    sizes = [len(opened.source.splits[opened.split_names[name]]) for name in wanted]
    assert sizes == [splits.get(name, splits.get("all")) for name in wanted]
    return summarize(source)


def _is_refused(root, message):
    for read in (open_source, lambda folder: open_dataset("", folder, ["train"])):
        with pytest.raises(DataError, match=message):
            read(root)


def test_a_folder_per_class(photos):
    summary = _is_read(photos("."), {"all": 12})
    assert (summary.notes, summary.ignored, summary.warnings) == ((), (), ())


def test_kaggles_intel_images(photos):
    root = photos("seg_train/seg_train", "seg_test/seg_test")
    photos.flat("seg_pred/seg_pred")
    summary = _is_read(root, {"test": 12, "train": 12})
    assert "the classes of seg_train/ are the folders of seg_train/seg_train/" in summary.notes
    assert "seg_test is the test split; seg_train is the train split" in summary.notes
    assert [str(each) for each in summary.ignored] == ["4 images in seg_pred/ (its images have no class folders)"]


def test_roboflows_export(photos):
    root = photos("train", "valid", "test")
    (root / "README.roboflow.txt").write_text("exported")
    summary = _is_read(root, {"test": 12, "train": 12, "validation": 12})
    assert summary.notes == ("valid is the validation split",)
    assert [str(each) for each in summary.ignored] == ["1 file that is no image (.txt 1)"]


@pytest.mark.parametrize("names", [("Train", "Val"), ("TRAINING", "VALIDATION"), ("train_images", "val_images")])
def test_splits_in_any_case(photos, names):
    _is_read(photos(*names), {"train": 12, "validation": 12})


def test_folders_in_folders(photos):
    summary = _is_read(photos("archive/dataset/dataset"), {"all": 12})
    assert summary.notes[0].startswith("read from archive/dataset/dataset/, the only folder in ")


def test_splits_in_folders(photos):
    _is_read(photos("archive/data/train", "archive/data/test"), {"test": 12, "train": 12})


def test_trashnets_repository(photos):
    root = photos("dataset-resized")
    photos.flat("docs", count=1)
    (root / "README.md").write_text("TrashNet")
    _is_refused(root, r"'dataset-resized' has a folder per class itself .*did you mean .*/dataset-resized\?")
    shutil.rmtree(root / "docs")
    summary = _is_read(root, {"all": 12})
    assert summary.notes[0].startswith("read from dataset-resized/")


def test_a_repository_whose_data_have_any_name(photos):
    root = photos("flowers", counts=dict.fromkeys(_CLASSES, 30))
    photos.flat("figures", count=2)
    (root / "train.py").write_text("")
    _is_refused(root, r"'flowers' has nearly all images, in a folder per class .*did you mean .*/flowers\?")


def test_a_second_copy_in_the_same_folder(photos):
    root = photos(".")
    shutil.copytree(root, root / "animals")
    summary = _is_read(root, {"all": 12})
    assert str(summary.ignored[0]) == "12 images in animals/ (a second copy of the folders beside it, file by file)"
    (root / "animals" / "ant" / "0.png").unlink()
    _is_refused(root, r"'animals' has folders of the same names as those beside it.*did you mean .*/animals\?")


def test_kaggles_chest_x_rays(photos):
    root = photos("train", "val", "test")
    shutil.copytree(root, root / "chest_xray")
    summary = _is_read(root, {"test": 12, "train": 12, "validation": 12})
    assert str(summary.ignored[0]).startswith("36 images in chest_xray/ (a second copy of the folders beside it")


def test_classes_beside_an_unlabeled_test_folder(photos):
    root = photos(".")
    photos.flat("test")
    summary = _is_read(root, {"all": 12})
    assert "4 images in test/ (images directly in it, beside class folders: taken as unlabeled)" in map(
        str, summary.ignored
    )
    with pytest.raises(DataError, match=r"images of the test split are directly in .*/test\. Sort them"):
        open_dataset("", root, ["test"])


def test_splits_beside_an_unlabeled_test_folder(photos):
    root = photos("train")
    photos.flat("test")
    summary = _is_read(root, {"train": 12})
    assert "4 of 16 images are not read: 4 images in test/ (its images have no class folders" in summary.warnings[0]


def test_splits_that_hold_images_directly(photos):
    root = photos.flat("train", "test")
    (root / "labels.csv").write_text("name,label")
    _is_refused(root, r"4 are directly in test/ and 4 are directly in train/\. Sort them .* as --labels labels\.csv")


def test_a_flat_folder_with_a_table_of_labels(photos):
    root = photos.flat(".")
    (root / "labels.csv").write_text("name,label")
    _is_refused(root, r"the 4 images of .* are in no class folder\. Sort them .* as --labels labels\.csv")


def test_a_data_set_for_object_detection(photos):
    root = photos.flat("train/images", "valid/images")
    for split in ("train", "valid"):
        (root / split / "labels").mkdir()
        (root / split / "labels" / "0.txt").write_text("0 0.5 0.5 1 1")
    _is_refused(
        root, r"folders 'images' and 'labels' of a data set for object detection\. Export it for classification"
    )


def test_a_class_with_the_name_of_a_split_is_warned_of(photos):
    summary = _is_read(photos(".", counts={"car": 4, "plane": 4, "train": 4}), {"all": 12}, ("car", "plane", "train"))
    assert summary.warnings[0].startswith("'train' looks like the name of a split and is taken for a class.")


def test_classes_of_several_folders_are_said(photos):
    summary = _is_read(photos("cat", "dog"), {"all": 24}, ("cat", "dog"))
    assert summary.notes[0] == "the class cat takes the images of 3 folders in it (ant, bee, cow)"


def test_a_typing_mistake_between_splits(photos):
    root = photos("train", counts={"rose": 4, "tulip": 4})
    photos("test", counts={"rose": 4, "tulips": 4})
    with pytest.raises(DataError, match=r"a typing mistake\? 'tulips' for 'tulip'"):
        open_source(root)
    with pytest.raises(DataError, match=r"a typing mistake\? 'tulips' for 'tulip'"):
        open_dataset("", root, ["train", "test"])


def test_images_by_their_content_and_files_that_are_ignored(photos, make):
    root = photos(".")
    for number, suffix in enumerate((".JFIF", ".GIF", ".avif", "")):
        kind = {".GIF": "GIF", ".avif": "AVIF"}.get(suffix, "JPEG")
        (root / "ant" / f"photo{number}{suffix}").write_bytes(make.encode(make.picture((9, 9, 9), number), kind))
    (root / "bee" / "notes.txt").write_text("x")
    (root / "bee" / "1.heic").write_bytes(b"x")
    photos.flat(".", count=1)
    summary = _is_read(root, {"all": 16})
    assert summary.splits == {"all": (8, 4, 4)}
    assert [str(each) for each in summary.ignored] == [
        "1 file that is no image (.txt 1)",
        "1 image of a format that is not read: convert it to JPEG or PNG, or read HEIC: "
        'pip install "netwright[heif]" (.heic 1)',
        "1 image in no class folder (0.png)",
    ]


def test_run_folders_among_the_photos_are_no_classes(photos):
    root = photos(".")
    for run in ("ckpt", "runs/design"):
        photos.flat(f"{run}/figures")
        (root / run / ".netwright-run").write_text("")
    photos.flat("old")
    (root / "old" / "training.yaml").write_text("")
    summary = _is_read(root, {"all": 12})
    assert [str(each) for each in summary.ignored] == ["3 folders of netwright's own results (ckpt/, old/, runs/)"]


def test_a_run_folder_alone_is_no_data(photos):
    root = photos.flat("figures")
    (root / "training.yaml").write_text("")
    _is_refused(root, "was made by netwright and holds results")


@pytest.mark.parametrize("name", [b"caf\xe9", "cafe\u0301".encode()])
def test_names_of_other_encodings(photos, name):
    root = photos(".")
    os.rename(root / "ant", os.path.join(os.fsencode(root), name))
    image = next((root / "bee").iterdir())
    os.rename(image, os.fsencode(image) + b"\xe9.png")
    _is_read(root, {"all": 12}, ("bee", "café", "cow"))
    source = open_source(root)
    names = [source.item_name(index) for index in range(12)]
    assert all(name.encode() for name in names)  # text that any file can hold
    assert np.sum([name.startswith("café/") for name in names]) == 4
    assert source.read(0).name == names[0]


def test_a_training_says_how_many_images_the_splits_have_that_it_does_not_read(photos):
    root = photos("seg_train/seg_train", "seg_test/seg_test")
    photos.flat("seg_pred/seg_pred")
    opened = open_dataset("", root, ["train", "val"], optional=["val"])
    assert summarize(opened.source).notes[-2:] == (
        "seg_test/seg_test/ is not read here: 12 images",
        "seg_pred/ is not read: its images have no class folders",
    )
    measured = open_dataset("", root, ["test"])  # the training images may be a million
    assert not any("not read" in note for note in summarize(measured.source).notes)


def test_one_class_of_several_is_shown_the_folder_that_holds_them(photos):
    root = photos("animals")
    _is_refused(
        root / "animals" / "bee", r"If 'bee' is one class of several, give the folder that holds all, .*/animals\."
    )
