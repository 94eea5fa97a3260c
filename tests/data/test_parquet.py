import numpy as np
import pyarrow as pa
import pytest

from netwright.data import load_images, open_source
from netwright.data import parquet as parquet_module
from netwright.errors import DataError

TWO = {"ant": 3, "bee": 3}


@pytest.fixture
def table(make):
    images, labels = make.rows(TWO)
    return {"image": images, "label": labels}


def test_class_names_come_from_the_published_metadata(tmp_path, make, table):
    make.write_parquet(tmp_path / "train.parquet", table, ["zebra", "ape"])
    assert open_source(tmp_path).class_names == ("zebra", "ape")


def test_numbers_name_the_classes_where_nothing_else_does(tmp_path, make, table):
    table["label"] = [label + 1 for label in table["label"]]
    make.write_parquet(tmp_path / "train.parquet", table)
    source = open_source(tmp_path)
    assert source.class_names == ("1", "2")
    assert set(source.labels.tolist()) == {0, 1}


def test_split_words_are_found_in_file_and_folder_names(tmp_path, make, table):
    for name in ("training-00000-of-00002", "default/train/0001", "cats.dev", "test_0"):
        make.write_parquet(tmp_path / f"{name}.parquet", table)
    assert {split: len(rows) for split, rows in open_source(tmp_path).splits.items()} == {
        "train": 12,
        "validation": 6,
        "test": 6,
    }


def test_dictionary_and_boolean_labels_are_read(tmp_path, make, table):
    table["label"] = pa.array([str(label) for label in table["label"]]).dictionary_encode()
    make.write_parquet(tmp_path / "a" / "train.parquet", table)
    table["label"] = [label == "1" for label in table["label"].to_pylist()]
    make.write_parquet(tmp_path / "b" / "train.parquet", table)
    first, second = open_source(tmp_path / "a"), open_source(tmp_path / "b")
    assert np.array_equal(first.labels, second.labels)


def test_the_finer_of_two_label_columns_is_taken(tmp_path, make, table):
    table = {"img": table["image"], "coarse_label": [0, 0, 0, 1, 1, 1], "fine_label": [0, 1, 2, 0, 1, 2]}
    make.write_parquet(tmp_path / "train.parquet", table)
    assert len(open_source(tmp_path).class_names) == 3


def test_rows_are_read_in_any_order_with_few_groups_kept(tmp_path, make, monkeypatch):
    images, labels = make.rows({"ant": 20, "bee": 20})
    make.write_parquet(tmp_path / "train.parquet", {"image": images, "label": labels})
    monkeypatch.setattr(parquet_module, "_KEPT_BYTES", 1)
    source = open_source(tmp_path)
    for index in np.random.default_rng(0).permutation(40).tolist():
        assert source.read(index).data == images[index]["bytes"]
        assert source.read(index).name == f"train.parquet:{index}"
    assert len(source._kept) == 2


def test_a_row_without_bytes_is_skipped_and_named(tmp_path, make):
    images, labels = make.rows({"ant": 8, "bee": 8})
    images[3]["bytes"] = None
    make.write_parquet(tmp_path / "all.parquet", {"image": images, "label": labels})
    (bad,) = load_images(tmp_path).skipped
    assert (bad.name, bad.reason) == ("all.parquet:3", "no image bytes in column 'image'")


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("image", r"image column holds bytes.*\(label: int64\) none fits.*'image'"),
        ("label", r"labels are whole numbers or strings.*\(image: struct.*\) none fits.*'label'"),
    ],
)
def test_a_missing_column_is_told_with_the_columns_there(tmp_path, make, table, drop, message):
    del table[drop]
    make.write_parquet(tmp_path / "train.parquet", table)
    with pytest.raises(DataError, match=message):
        open_source(tmp_path)


def test_several_possible_labels_are_not_guessed_among(tmp_path, make, table):
    table = {"image": table["image"], "color": table["label"], "size": table["label"]}
    make.write_parquet(tmp_path / "train.parquet", table)
    with pytest.raises(DataError, match="several would fit"):
        open_source(tmp_path)


@pytest.mark.parametrize("wrong", [-1, 2])
def test_labels_out_of_range_are_told_with_their_split(tmp_path, make, table, wrong):
    make.write_parquet(tmp_path / "train.parquet", table, ["ant", "bee"])
    make.write_parquet(tmp_path / "test.parquet", {**table, "label": [wrong] * 6}, ["ant", "bee"])
    with pytest.raises(DataError, match=rf"0 to 1 \(2 class names\), and 6 rows of split 'test'.* {wrong}"):
        open_source(tmp_path)


def test_negative_labels_without_names_are_refused(tmp_path, make, table):
    make.write_parquet(tmp_path / "train.parquet", {**table, "label": [-1, 0, 0, 1, 1, 1]})
    with pytest.raises(DataError, match="0 or more, and 1 rows"):
        open_source(tmp_path)


def test_missing_labels_are_counted(tmp_path, make, table):
    make.write_parquet(tmp_path / "train.parquet", {**table, "label": [None, None, 0, 1, 1, 1]})
    with pytest.raises(DataError, match="2 of 6 rows"):
        open_source(tmp_path)


def test_files_with_other_columns_are_refused(tmp_path, make, table):
    make.write_parquet(tmp_path / "train-0.parquet", table)
    make.write_parquet(tmp_path / "train-1.parquet", {"image": table["image"], "class": table["label"]})
    with pytest.raises(DataError, match=r"train-1\.parquet lacks 'label': it has 'image', 'class'"):
        open_source(tmp_path)


def test_files_of_no_split_beside_splits_are_refused(tmp_path, make, table):
    make.write_parquet(tmp_path / "train.parquet", table)
    make.write_parquet(tmp_path / "unlabeled.parquet", table)
    with pytest.raises(DataError, match=r"'unlabeled\.parquet' name none of"):
        open_source(tmp_path)


def test_a_damaged_file_is_named(tmp_path, make, table):
    path = make.write_parquet(tmp_path / "train.parquet", table)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train\.parquet cannot be read as parquet"):
        open_source(tmp_path)


def test_columns_by_name_where_several_would_fit(tmp_path, make):
    images, labels = make.rows({"ant": 3, "bee": 3})
    other = [label + 5 for label in labels]
    columns = {"left": images, "right": images, "coarse": labels, "fine": other}
    path = make.write_parquet(tmp_path / "all.parquet", columns)
    with pytest.raises(DataError, match=r"several would fit\. Say which one it is: --image_column NAME"):
        open_source(path)
    for text in (path, tmp_path):
        source = open_source(f"{text}?image_column=right&label_column=fine")
        assert source.class_names == ("5", "6")
    with pytest.raises(DataError, match=r"'finer' is none; these would fit: 'coarse', 'fine'"):
        open_source(f"{path}?image_column=right&label_column=finer")
