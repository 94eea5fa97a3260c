import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from torchvision import datasets

from netwright.data.cifar import CIFAR10, CIFAR100, find_cifar
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract

FOLDERS = {"cifar10": ("cifar-10-batches-py", "cifar-10-batches-bin"), "cifar100": ("cifar-100-python", "x")}


def names_of(kind):
    return [f"class {i}" if kind is CIFAR10 else f"fine_{i}" for i in range(kind.classes)]


def planes(kind, name, n=12, *, every=False):
    """Rows of red, green and blue planes, and labels; every: one of each class."""
    rng = np.random.default_rng(sum(name.encode()))
    if every:
        return rng.integers(0, 256, (kind.classes, 3072), dtype=np.uint8), list(range(kind.classes))
    return rng.integers(0, 256, (n, 3072), dtype=np.uint8), [int(i) for i in rng.integers(0, kind.classes, n)]


def write_python(kind, folder, *, every=False):
    folder.mkdir(parents=True)
    for files in kind.python.values():
        for name in files:
            data, labels = planes(kind, name, every=every)
            # as Python 2 wrote them: protocol 2
            (folder / name).write_bytes(pickle.dumps({"data": data, kind.label_key: labels}, protocol=2))
    meta, key = kind.python_names
    (folder / meta).write_bytes(pickle.dumps({key: names_of(kind)}, protocol=2))


def write_binary(kind, folder):
    folder.mkdir(parents=True)
    for split, files in kind.binary.items():
        for name, other in zip(files, kind.python[split], strict=True):
            data, labels = planes(kind, other)
            coarse = b"\x07" * (kind.label_bytes - 1)
            rows = [coarse + bytes([label]) + row.tobytes() for label, row in zip(labels, data, strict=True)]
            (folder / name).write_bytes(b"".join(rows))
    (folder / kind.binary_names).write_text("\n".join(name.replace(" ", "_") for name in names_of(kind)) + "\n\n")


def pack(folder, archive):
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, folder.name)


class TestCifar10(SourceContract):
    kind = CIFAR10

    def write_images(self, folder: Path) -> None:
        write_python(self.kind, folder / FOLDERS[self.kind.name][0], every=True)

    def open_source(self, folder: Path) -> ImageSource:
        source = find_cifar(self.kind, folder)
        assert source is not None
        return source


class TestCifar100(TestCifar10):
    kind = CIFAR100


@pytest.mark.parametrize("kind", [CIFAR10, CIFAR100], ids=lambda kind: kind.name)
def test_python_batches(tmp_path, kind):
    write_python(kind, tmp_path / FOLDERS[kind.name][0])
    source = find_cifar(kind, tmp_path)
    assert source.name == kind.name
    assert source.class_names == tuple(names_of(kind))
    assert {name: len(items) for name, items in source.splits.items()} == {
        "train": 12 * len(kind.python["train"]),
        "test": 12,
    }
    data, labels = planes(kind, kind.python["test"][0])
    first = int(source.splits["test"][0])
    assert np.array_equal(source.images[first, 3, 5], data[0].reshape(3, 32, 32)[:, 3, 5])
    assert source.labels[source.splits["test"]].tolist() == labels


@pytest.mark.parametrize(
    ("kind", "oracle"), [(CIFAR10, datasets.CIFAR10), (CIFAR100, datasets.CIFAR100)], ids=["10", "100"]
)
def test_torchvision_reads_the_same(tmp_path, kind, oracle, monkeypatch):
    write_python(kind, tmp_path / FOLDERS[kind.name][0])
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    source = find_cifar(kind, tmp_path)
    for is_train, split in ((True, "train"), (False, "test")):
        theirs = oracle(tmp_path, train=is_train)
        assert np.array_equal(source.images[source.splits[split]], theirs.data)
        assert source.labels[source.splits[split]].tolist() == theirs.targets


@pytest.mark.parametrize("kind", [CIFAR10, CIFAR100], ids=lambda kind: kind.name)
@pytest.mark.parametrize("layout", ["binary", "python archive", "binary archive"])
def test_other_forms_hold_the_same(tmp_path, kind, layout):
    write_python(kind, tmp_path / "a" / "python")
    expected = find_cifar(kind, tmp_path / "a")
    if layout == "binary":
        write_binary(kind, tmp_path / "b")
    else:
        writer = write_python if "python" in layout else write_binary
        writer(kind, tmp_path / "made")
        (tmp_path / "b").mkdir()
        name = kind.remote.name if "python" in layout else kind.remote.name.replace("python", "binary")
        pack(tmp_path / "made", tmp_path / "b" / name)
    source = find_cifar(kind, tmp_path / "b")
    assert np.array_equal(source.images, expected.images)
    assert source.labels.tolist() == expected.labels.tolist()
    assert [name.replace("_", " ") for name in source.class_names] == [
        name.replace("_", " ") for name in expected.class_names
    ]


def test_the_archive_is_torchvisions():
    for kind, oracle in ((CIFAR10, datasets.CIFAR10), (CIFAR100, datasets.CIFAR100)):
        assert kind.remote.md5 == oracle.tgz_md5
        assert kind.remote.urls == (oracle.url,)


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_no_code_in_a_pickle_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_python(CIFAR10, tmp_path / "data")
    (tmp_path / "data" / "data_batch_2").write_bytes(pickle.dumps({"data": _Harm()}, protocol=2))
    with pytest.raises(DataError, match=r"data_batch_2 is no batch as published: .*mkdir"):
        find_cifar(CIFAR10, tmp_path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("content", "constraint"),
    [
        (b"nothing", "no batch as published"),
        (pickle.dumps([1]), "holds a list"),
        (pickle.dumps({"data": np.zeros((2, 3072), np.float32), "labels": [0, 1]}), "is not a batch of cifar10"),
        (pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}), "1 labels and pixels"),
        (pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 10]}), "labels of cifar10 are 0 to 9"),
    ],
)
def test_damaged_batches_are_named(tmp_path, content, constraint):
    write_python(CIFAR10, tmp_path / "data")
    (tmp_path / "data" / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match=constraint):
        find_cifar(CIFAR10, tmp_path)


def test_missing_batches_are_named(tmp_path):
    write_python(CIFAR10, tmp_path / "data")
    (tmp_path / "data" / "data_batch_3").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_3"):
        find_cifar(CIFAR10, tmp_path)


def test_a_damaged_archive_is_an_error(tmp_path):
    write_python(CIFAR10, tmp_path / "made")
    pack(tmp_path / "made", tmp_path / CIFAR10.remote.name)
    whole = (tmp_path / CIFAR10.remote.name).read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / CIFAR10.remote.name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"damaged|lacks"):
        find_cifar(CIFAR10, tmp_path / "cut")
    (tmp_path / "cut" / CIFAR10.remote.name).write_bytes(b"<html>")
    with pytest.raises(DataError, match="damaged"):
        find_cifar(CIFAR10, tmp_path / "cut")


def test_a_folder_without_any_is_none(tmp_path):
    (tmp_path / "train").mkdir()
    assert find_cifar(CIFAR100, tmp_path) is None
