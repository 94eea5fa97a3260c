import gzip
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import MNIST

from netwright.data.mnist import MNIST_FILES, find_mnist, read_idx
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.testing import SourceContract


def idx(array, kind=8):
    return bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write(folder, packed=True, dots=False):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    made = {}
    for stem, n in (("train", 20), ("t10k", 10)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        made[stem] = images, labels
        for what, array in (("images", images), ("labels", labels)):
            name = f"{stem}-{what}{'.' if dots else '-'}idx{array.ndim}-ubyte"
            data = idx(array)
            (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return made


class TestMnist(SourceContract):
    def write_images(self, folder: Path) -> None:
        write(folder)

    def open_source(self, folder: Path) -> ImageSource:
        source = find_mnist(folder)
        assert source is not None
        return source


@pytest.mark.parametrize("place", [".", "MNIST/raw", "mnist"])
@pytest.mark.parametrize(("packed", "dots"), [(True, False), (False, False), (False, True)])
def test_files_as_published_are_found(tmp_path, place, packed, dots):
    made = write(tmp_path / place, packed, dots)
    source = find_mnist(tmp_path)
    assert {name: len(items) for name, items in source.splits.items()} == {"train": 20, "test": 10}
    assert source.class_names == tuple("0123456789")
    for split, stem in (("train", "train"), ("test", "t10k")):
        images, labels = made[stem]
        assert np.array_equal(source.images[source.splits[split], :, :, 0], images)
        assert source.labels[source.splits[split]].tolist() == labels.tolist()
    item = source.read(21)
    assert (item.name, item.label, item.data.shape) == ("test:1", 1, (28, 28, 1))


def test_torchvision_reads_the_same(tmp_path):
    write(tmp_path / "MNIST" / "raw", packed=False)
    oracle = MNIST(tmp_path, train=True)
    source = find_mnist(tmp_path)
    assert np.array_equal(source.images[:20, :, :, 0], oracle.data.numpy())
    assert source.labels[:20].tolist() == oracle.targets.tolist()


def test_checksums_are_torchvisions():
    assert {(each.name, each.md5) for each in MNIST_FILES} == set(MNIST.resources)


def test_a_folder_without_any_is_none(tmp_path):
    assert find_mnist(tmp_path) is None


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-images.* is there without the other"):
        find_mnist(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\x08", idx(np.zeros((2, 3), np.uint8))[:-1], idx(np.zeros(3, np.uint8), 9), b"\x1f\x8b\x08bad"]
)
def test_damage_is_an_error(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DataError, match=r"no idx file of bytes, or damaged"):
        read_idx(tmp_path / "x")


def test_other_numbers_of_labels_are_an_error(tmp_path):
    write(tmp_path, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(19, np.uint8)))
    with pytest.raises(DataError, match=r"N images .* and N labels"):
        find_mnist(tmp_path)
