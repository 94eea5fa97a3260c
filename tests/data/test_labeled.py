"""Tables of labels in every usual form."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.test_packed import png

from netwright.data import open_source
from netwright.data.data_ref import DataRef, absolute_ref, parse_ref
from netwright.data.folder import FolderSource
from netwright.data.label_table import read_label_table
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract


def images(folder: Path, count: int = 12, sub: str = "images", suffix: str = "png") -> Path:
    """images/000.png ..., even ones of ants."""
    (folder / sub).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / sub / f"{number:03d}.{suffix}").write_bytes(png("ant" if number % 2 == 0 else "bee", number))
    return folder


def rows(count: int = 12, line: str = "{n:03d}.png,{label}") -> str:
    return "".join(line.format(n=n, label="ant" if n % 2 == 0 else "bee", number=n % 2) + "\n" for n in range(count))


class TestLabels(SourceContract):
    def write_images(self, folder: Path) -> None:
        images(folder, 30)
        (folder / "labels.csv").write_text("image,label\n" + rows(30))

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(f"{folder}?labels=labels.csv")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.csv", "image,label\n" + rows()),
        ("l.csv", "id,breed\n" + rows(line="{n:03d},{label}")),  # without endings, as at Kaggle
        ("l.tsv", "Filename\tWidth\tClass\n" + rows(line="{n:03d}.png\t16\t{label}")),
        ("l.csv", "Filename;Width;Height;Roi.X1;ClassName\n" + rows(line="{n:03d}.png;16;16;5;{label}")),  # GTSRB
        ("l.txt", rows(line="{n:03d}.png {label}")),
        ("l.txt", rows(line="{n:03d}.png\t{label}\t0\t32\t44\t62")),  # Tiny ImageNet
        ("l.csv", rows(line="images/{n:03d}.png,{label}")),
        ("l.csv", rows(line="C:\\x\\images\\{n:03d}.png,{label}").replace("C:\\x\\", "./")),
        ("l.csv", '"image","label","note"\n' + rows(line='"{n:03d}.png","{label}","a, b"')),
        ("l.csv", "image,ant,bee\n" + "".join(f"{n:03d},{1 - n % 2}.0,{n % 2}.0\n" for n in range(12))),  # ISIC
        ("l.csv", "\ufeffimage,label\r\n" + rows().replace("\n", "\r\n")),
    ],
)
def test_every_usual_form(tmp_path: Path, name: str, text: str) -> None:
    images(tmp_path)
    (tmp_path / name).write_bytes(text.encode())
    source = open_source(DataRef(str(tmp_path), labels=name).__str__())
    assert source.class_names == ("ant", "bee")
    assert source.labels.tolist() == [0, 1] * 6
    assert [source.item_name(n) for n in range(2)] == ["images/000.png", "images/001.png"]
    assert list(source.splits) == ["all"]


def test_a_table_alone_is_the_data(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "labels.csv").write_text("image,label\n" + rows())
    assert len(open_source(tmp_path / "labels.csv").labels) == 12


def test_numbers_get_names_from_a_file(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "l.csv").write_text("image,label\n" + rows(line="{n:03d}.png,{number}"))
    for text in ("Ameise\nBiene\n", "0 Ameise\n1 Biene\n", "Ameise,0\nBiene,1\n"):
        (tmp_path / "names.txt").write_text(text)
        source = open_source(f"{tmp_path}?labels=l.csv&classes=names.txt")
        assert (source.class_names, source.labels[:3].tolist()) == (("Ameise", "Biene"), [0, 1, 0])
    assert open_source(f"{tmp_path}?labels=l.csv").class_names == ("0", "1")


def test_lists_of_paths_have_the_class_as_their_folder(tmp_path: Path) -> None:
    """As Food-101: meta/train.txt with apple_pie/1005649."""
    for name in ("ant", "bee"):
        images(tmp_path / "images", 6, sub=name)
    (tmp_path / "meta").mkdir()
    for split, numbers in (("train", range(4)), ("test", range(4, 6))):
        lines = [f"{name}/{n:03d}" for name in ("ant", "bee") for n in numbers]
        (tmp_path / "meta" / f"{split}.txt").write_text("\n".join(lines))
    source = open_source(f"{tmp_path}?labels=meta/train.txt,meta/test.txt")
    assert {split: len(index) for split, index in source.splits.items()} == {"test": 4, "train": 8}
    assert source.class_names == ("ant", "bee")


def test_tiny_imagenet_as_it_is(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        images(tmp_path / "train" / name, 4)
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text("000.png 0 0 1 1")
    images(tmp_path / "val", 6)
    images(tmp_path / "test", 3)
    (tmp_path / "val" / "val_annotations.txt").write_text(rows(6, "{n:03d}.png\t{label}\t0\t32\t44\t62"))
    source = open_source(f"{tmp_path}?labels=val/val_annotations.txt")
    assert {split: len(index) for split, index in source.splits.items()} == {"train": 8, "validation": 6}
    assert source.labels[source.splits["validation"]].tolist() == [0, 1] * 3
    assert isinstance(source, FolderSource)
    assert [str(each) for each in source.reading.ignored] == ["3 images without a label"]


def test_a_column_of_splits(tmp_path: Path) -> None:
    images(tmp_path)
    lines = "".join(
        f"{n:03d}.png,{'ant' if n % 2 == 0 else 'bee'},{'valid' if n > 7 else 'Training'}\n" for n in range(12)
    )
    (tmp_path / "l.csv").write_text("image,label,usage\n" + lines)
    source = open_source(f"{tmp_path}?labels=l.csv")
    assert {split: len(index) for split, index in source.splits.items()} == {"train": 8, "validation": 4}


def test_labels_without_images_are_told(tmp_path: Path) -> None:
    images(tmp_path, 10)
    (tmp_path / "l.csv").write_text("image,label\n" + rows(12))
    source = open_source(f"{tmp_path}?labels=l.csv")
    assert isinstance(source, FolderSource)
    assert source.reading.missing == ("010.png", "011.png")
    assert str(source.reading.ignored[0]) == "2 labels of images that are not there ('010.png', '011.png')"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("image,width,height\n" + rows(line="{n:03d}.png,3,4"), "has 'image', 'width', 'height'. Say which one it is"),
        ("image,label\n000.png,ant\n000.png,bee\n", "has one label, and 'images/000.png' has 'ant' and 'bee'"),
        ("image,label\nx.png,ant\n", r"of the 1 that .* names \('x.png'\) none is there: it has 'images/000.png'"),
        ("image,label\n000.png,\n", "every line has a label, and in .* '000.png' has none"),
        ("image,label\n000.png,a,b\n001.png,a\n002.png,a\n", "as many columns, 2 here, and line 2 of"),
        ("", "is empty"),
        ("000.png\n001.png\n", "has '000.png' alone"),
        ("image,label,split\n000.png,ant,train\n001.png,bee,middle\n", "and there is 'middle'"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str) -> None:
    images(tmp_path)
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        open_source(f"{tmp_path}?labels=l.csv")


def test_a_name_that_two_images_have(tmp_path: Path) -> None:
    images(tmp_path)
    images(tmp_path, sub="more")
    (tmp_path / "l.csv").write_text("image,label\n" + rows())
    with pytest.raises(DataError, match=r"may be 'images/000\.png', 'more/000\.png'\. Write its path"):
        open_source(f"{tmp_path}?labels=l.csv")


def test_columns_by_name(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "l.csv").write_text("a,b,c\n" + rows(line="{n:03d}.png,{label},x"))
    assert open_source(f"{tmp_path}?labels=l.csv&image_column=a&label_column=b").class_names == ("ant", "bee")
    with pytest.raises(DataError, match="there is no column 'd' for the label"):
        read_label_table(tmp_path / "l.csv", label_column="d")


def test_a_ref_is_one_text() -> None:
    ref = DataRef("my photos", labels="a&b.csv,c.csv", classes="n.txt")
    assert str(ref) == "my photos?labels=a%26b.csv,c.csv&classes=n.txt"
    assert parse_ref(str(ref)) == ref
    assert parse_ref("photos?") == DataRef("photos?")
    with pytest.raises(DataError, match=r"unknown option 'lables' .* did you mean 'labels'"):
        parse_ref("photos?lables=x")


def test_an_absolute_ref(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(tmp_path / "photos")
    (tmp_path / "photos" / "l.csv").write_text(rows())
    monkeypatch.chdir(tmp_path)
    assert absolute_ref("photos?labels=l.csv") == f"{tmp_path}/photos?labels={tmp_path}/photos/l.csv"
    assert absolute_ref("s3://bucket/{0..3}.tar") == "s3://bucket/{0..3}.tar"
