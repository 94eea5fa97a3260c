"""A source that somebody else wrote, right and wrong in several ways; run by ../test_contracts.py."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netwright.data.source import ImageSource, IntArray, LabeledImage
from netwright.testing import SourceContract


class Stripes:
    """40 images in memory, of two classes."""

    name = "stripes"
    class_names = ("lying", "standing")
    signature = "1"

    @property
    def labels(self) -> IntArray:
        return np.arange(40, dtype=np.int64) % 2

    @property
    def splits(self) -> Mapping[str, IntArray]:
        return {"train": np.arange(0, 30, dtype=np.int64), "test": np.arange(30, 40, dtype=np.int64)}

    def item_name(self, index: int) -> str:
        return f"stripe {index}"

    def read(self, index: int) -> LabeledImage:
        wave = (np.arange(8) * (index + 1) % 256).astype(np.uint8)
        pixels = np.broadcast_to(wave[:, None, None] if index % 2 else wave[None, :, None], (8, 8, 1))
        return LabeledImage(np.ascontiguousarray(pixels), int(self.labels[index]), self.item_name(index))


class OfStripes(SourceContract):
    kind: type[Stripes] = Stripes

    def open_source(self, folder: Path) -> ImageSource:
        return self.kind()


class TestRight(OfStripes):
    pass


class CountsFromOne(Stripes):
    @property
    def labels(self) -> IntArray:
        return super().labels + 1


class TestCountsFromOne(OfStripes):
    kind = CountsFromOne


class LacksAClass(Stripes):
    @property
    def splits(self) -> Mapping[str, IntArray]:
        return {"train": np.arange(0, 39, dtype=np.int64), "test": np.array([39])}


class TestLacksAClass(OfStripes):
    kind = LacksAClass


class SharesImages(Stripes):
    """Some that it is trained on are in the test split too."""

    @property
    def splits(self) -> Mapping[str, IntArray]:
        return {"train": np.arange(0, 34, dtype=np.int64), "test": np.arange(30, 40, dtype=np.int64)}


class TestSharesImages(OfStripes):
    kind = SharesImages


class NamesOthers(Stripes):
    def item_name(self, index: int) -> str:
        return f"stripe {index // 30}"


class TestNamesOthers(OfStripes):
    kind = NamesOthers


class ChangesItsSignature(Stripes):
    def __init__(self) -> None:
        self.signature = str(time.monotonic_ns())


class TestChangesItsSignature(OfStripes):
    kind = ChangesItsSignature


class OneReader(Stripes):
    """Has one place for the file that it reads."""

    place = 0

    def read(self, index: int) -> LabeledImage:
        self.place = index
        time.sleep(0.001)
        return super().read(self.place)


class TestOneReader(OfStripes):
    kind = OneReader


class KeepsALock(Stripes):
    def __init__(self) -> None:
        self.lock = threading.Lock()


class TestKeepsALock(OfStripes):
    kind = KeepsALock
