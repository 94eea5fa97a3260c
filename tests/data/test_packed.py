"""Zip, tar, shards, ImageNet's archives: each passes the contract of sources."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from netwright.data import open_source
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract

COLORS = {"ant": (200, 40, 40), "bee": (40, 200, 40)}
SYNSETS = ("n01440764", "n01443537", "n01484850")


def png(name: str, number: int, color: tuple[int, int, int] = (90, 90, 90), kind: str = "PNG") -> bytes:
    rng = np.random.default_rng(number)
    pixels = np.array(COLORS.get(name, color)) + rng.integers(-20, 21, size=(16, 16, 3))
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def folder_files() -> dict[str, bytes]:
    """photos/train/ant/0.png ..."""
    return {
        f"photos/{split}/{name}/{number}.png": png(name, 1000 * place + number)
        for place, split in enumerate(("train", "val"))
        for name in COLORS
        for number in range(9)
    }


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.write_bytes(tar_bytes(files, mode))
    return path


def tar_bytes(files: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def shard(first: int, count: int, ending: str = "cls") -> bytes:
    files = {}
    for number in range(first, first + count):
        name = list(COLORS)[number % 2]
        files[f"{number:06d}.png"] = png(name, number)
        label = {"cls": str(number % 2), "json": json.dumps({"label": number % 2}), "txt": name}[ending]
        files[f"{number:06d}.{ending}"] = label.encode()
    return tar_bytes(files)


class TestZip(SourceContract):
    def write_images(self, folder: Path) -> None:
        write_zip(folder / "photos.zip", folder_files())

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder / "photos.zip")


class TestTar(SourceContract):
    def write_images(self, folder: Path) -> None:
        write_tar(folder / "photos.tar", folder_files())

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder / "photos.tar")


class TestShards(SourceContract):
    def write_images(self, folder: Path) -> None:
        for split, first in (("train", 0), ("val", 100)):
            for place in range(2):
                (folder / f"{split}-{place:04d}.tar").write_bytes(shard(first + 20 * place, 20))
        (folder / "classes.txt").write_text("ant\nbee\n")

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder)


class TestImageNet(SourceContract):
    def write_images(self, folder: Path) -> None:
        write_imagenet(folder)

    def open_source(self, folder: Path) -> ImageSource:
        return open_source(folder)


def write_imagenet(folder: Path, *, devkit: bool = True) -> None:
    """The published archives, small."""
    inner = {
        f"{synset}.tar": tar_bytes({f"{synset}_{n}.JPEG": png("", 10 * k + n, kind="JPEG") for n in (7, 12, 3)})
        for k, synset in enumerate(SYNSETS)
    }
    write_tar(folder / "ILSVRC2012_img_train.tar", inner)
    truth = [3, 1, 2, 2, 3, 1]
    images = {f"ILSVRC2012_val_{n:08d}.JPEG": png("", 100 + n, kind="JPEG") for n in range(1, 7)}
    write_tar(folder / "ILSVRC2012_img_val.tar", dict(reversed(images.items())))
    if devkit:
        # numbers of classes are in another order than their names
        numbers = {3: SYNSETS[0], 1: SYNSETS[1], 2: SYNSETS[2]}
        rows = np.array(list(numbers.items()), dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
        buffer = io.BytesIO()
        savemat(buffer, {"synsets": rows})
        kit = {
            "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": "".join(
                f"{n}\n" for n in truth
            ).encode(),
            "ILSVRC2012_devkit_t12/data/meta.mat": buffer.getvalue(),
        }
        write_tar(folder / "ILSVRC2012_devkit_t12.tar.gz", kit, "w:gz")


def test_an_archive_reads_what_its_folder_reads(tmp_path: Path) -> None:
    for name, data in folder_files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    plain = open_source(tmp_path / "photos")
    stored = write_zip(tmp_path / "a.zip", folder_files(), zipfile.ZIP_STORED)
    for path in (stored, write_zip(tmp_path / "b.zip", folder_files()), write_tar(tmp_path / "c.tar", folder_files())):
        packed = open_source(path)
        assert packed.class_names == plain.class_names
        assert packed.labels.tolist() == plain.labels.tolist()
        assert [packed.read(i).data for i in range(36)] == [plain.read(i).data for i in range(36)]


def test_imagenet_labels_follow_the_numbers_of_the_development_kit(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    source = open_source(tmp_path)
    assert source.class_names == SYNSETS
    validation = source.splits["validation"]
    assert source.item_name(int(validation[0])) == "validation/n01440764/ILSVRC2012_val_00000001.JPEG"
    assert source.labels[validation].tolist() == [0, 1, 2, 2, 0, 1]
    train = [source.item_name(int(index)) for index in source.splits["train"]]
    assert train[:3] == [f"train/n01440764/n01440764_{n}.JPEG" for n in (12, 3, 7)]
    assert source.read(int(validation[0])).data == png("", 101, kind="JPEG")


@pytest.mark.parametrize("heading", ["", "ImageId,PredictionString\n"])
def test_imagenet_labels_of_other_files(tmp_path: Path, heading: str) -> None:
    write_imagenet(tmp_path, devkit=False)
    with pytest.raises(DataError, match=r"need their labels, and .* has none\. Put ILSVRC2012_devkit_t12"):
        open_source(tmp_path)
    order = (0, 1, 2, 2, 0, 1)
    if heading:
        lines = [f"ILSVRC2012_val_{n:08d},{SYNSETS[k]} 1 2 3 4" for n, k in enumerate(order, 1)]
        (tmp_path / "LOC_val_solution.csv").write_text(heading + "\n".join(reversed(lines)) + "\n")
    else:
        (tmp_path / "imagenet_2012_validation_synset_labels.txt").write_text("\n".join(SYNSETS[k] for k in order))
    source = open_source(tmp_path)
    assert source.labels[source.splits["validation"]].tolist() == list(order)


@pytest.mark.parametrize("ending", ["cls", "json", "txt"])
def test_labels_of_shards(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.tar").write_bytes(shard(0, 8, ending))
    source = open_source(tmp_path)
    assert source.labels.tolist() == [0, 1] * 4
    assert source.class_names == (("ant", "bee") if ending == "txt" else ("0", "1"))
    assert source.item_name(3) == "a.tar:000003.png"


def test_shards_by_braces_and_by_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    for place in range(3):
        data = shard(10 * place, 10)
        (tmp_path / f"s-{place:03d}.tar").write_bytes(data)
        memory.pipe(f"/bucket/s-{place:03d}.tar", data)
    local = open_source(f"{tmp_path}/s-{{000..002}}.tar")
    remote = open_source("memory://bucket/s-{000..002}.tar")
    assert len(local.labels) == len(remote.labels) == 30
    assert local.read(17).data == remote.read(17).data
    memory.rm("/bucket/s-001.tar")  # what was fetched is kept
    assert open_source("memory://bucket/s-{000..002}.tar").signature == remote.signature


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone.tar", "there is no shard"),
        ("cut.tar", "ends within|unexpected end of data"),
        ("bad.zip", "is damaged: File is not a zip file"),
        ("a.tar.gz", "is an archive. Unpack it .`mkdir"),
        ("flat.zip", "are in no class folder"),
        ("empty.zip", "there are no images below"),
        ("unlabeled.tar", "0.png in .* has none beside it"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "cut.tar").write_bytes(write_tar(tmp_path / "x.tar", folder_files()).read_bytes()[:20_000])
    (tmp_path / "bad.zip").write_bytes(b"PK but no zip")
    write_tar(tmp_path / "a.tar.gz", folder_files(), "w:gz")
    write_zip(tmp_path / "flat.zip", {"1.png": png("ant", 0), "2.png": png("ant", 1)})
    write_zip(tmp_path / "empty.zip", {"readme.txt": b"none"})
    samples = {"1.png": png("ant", 0), "1.cls": b"0", "0.png": png("ant", 1)}
    write_tar(tmp_path / "unlabeled.tar", samples)
    text = f"{tmp_path}/{{gone,gone2}}.tar" if name == "gone.tar" else tmp_path / name
    with pytest.raises(DataError, match=says):
        open_source(text)
