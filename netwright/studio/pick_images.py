"""The images of a pick: cut as those of its sweep, so that no image that tests it is learned.

Images with a test split of their own are used as they are. Others were cut by the sweep; the same cut is written down,
as a table of labels or, for arrays such as the bundled digits, as arrays. `netwright train` and `validate` read both.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netwright.data.array import ArraySource
from netwright.data.cut import Cut
from netwright.data.data_ref import parse_ref
from netwright.data.folder import FolderSource
from netwright.data.remembered import IMAGES_FILE
from netwright.data.source import ImageSource
from netwright.data.sources import open_source
from netwright.errors import DataError, NetwrightError
from netwright.studio.commands import shown_path
from netwright.system.atomic import write_bytes, write_text

__all__ = ["PickImages", "cut_of", "images_of_pick"]

_ABOVE = 1  # the refined population of a design is in its folder
_MOST_BYTES = 1 << 28  # of arrays that are written down
_DIGITS = 8  # of a hash that tells cuts apart
_PARTS = ("train", "validation", "test")
_lock = threading.Lock()
_known: dict[tuple[str, str], PickImages] = {}


@dataclass(frozen=True, slots=True)
class PickImages:
    """What `netwright train` is given.

    Attributes:
        data_dir: For --data_dir.
        has_test: Whether a test split is held out.
        has_validation: Whether there is a validation split; else one is cut from the training images.
        written: The file that has to be there; None where the images are used as they are.
        cut: How it is cut.
    """

    data_dir: str
    has_test: bool
    has_validation: bool
    written: Path | None = None
    cut: Cut | None = None

    def write(self, data_dir: str) -> None:
        """Make that file, if it is not there. data_dir: of the sweep.

        Raises:
            DataError: The images are not what they were, or cannot be read.
            OutputError: It cannot be written.
        """
        if self.written is None or self.cut is None or self.written.exists():
            return
        source = open_source(data_dir)
        splits = self.cut.again(source)
        if self.cut.digests and not self.cut.is_of(source, splits):
            raise DataError(f"the images in {data_dir} have changed since the sweep. Give the images as they were.")
        self.written.parent.mkdir(parents=True, exist_ok=True)
        parts = {part: getattr(splits, part) for part in _PARTS}
        if isinstance(source, ArraySource):
            arrays = {f"{part}_images": source.images[rows] for part, rows in parts.items()}
            arrays |= {f"{part}_labels": source.labels[rows] for part, rows in parts.items()}
            file = io.BytesIO()
            np.savez_compressed(file, class_names=np.array(source.class_names), **arrays)
            write_bytes(self.written, file.getvalue(), what="the images of the pick", elsewhere="another folder")
            return
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("image", "label", "split"))
        for part, rows in parts.items():
            writer.writerows((source.item_name(i), source.class_names[source.labels[i]], part) for i in rows.tolist())
        write_text(self.written, text.getvalue(), what="the labels of the pick", elsewhere="another folder")


def images_of_pick(population: Path, data_dir: str, folder: Path) -> PickImages:
    """What a pick of a population is trained on.

    Args:
        population: Its folder.
        data_dir: Images of its sweep.
        folder: Where a cut is written down.
    """
    with _lock:
        key = str(population), data_dir
        if key not in _known:
            try:
                source = open_source(data_dir)
            except NetwrightError:
                return PickImages(data_dir, has_test=False, has_validation=False)  # the training tells what is wrong
            _known[key] = _found(source, population, data_dir, folder)
        return _known[key]


def cut_of(population: Path) -> Cut | None:
    """How the sweep of a folder cut its images; None where it does not say."""
    for folder in [population, *population.parents][: _ABOVE + 1]:
        try:
            content = json.loads((folder / IMAGES_FILE).read_text(encoding="utf-8"))
            return Cut.from_facts({"images": content})
        except (OSError, ValueError, TypeError):
            continue
    return None


def _found(source: ImageSource, population: Path, data_dir: str, folder: Path) -> PickImages:
    if "test" in source.splits:
        return PickImages(data_dir, has_test=True, has_validation="validation" in source.splits)
    # populations of earlier versions, and those that are copied, do not say it: then it is as by default
    cut = cut_of(population) or Cut(0)
    of = hashlib.sha256(json.dumps([data_dir, cut.to_dict()], sort_keys=True).encode()).hexdigest()[:_DIGITS]
    stem = folder / f"images-{population.name}-{of}"
    if isinstance(source, FolderSource):
        written = stem.with_name(f"{stem.name}.csv")
        ref = str(replace(parse_ref(data_dir), labels=shown_path(written)))
        return PickImages(ref, has_test=True, has_validation=True, written=written, cut=cut)
    if isinstance(source, ArraySource) and source.images.nbytes <= _MOST_BYTES:
        written = stem.with_name(f"{stem.name}.npz")
        return PickImages(shown_path(written), has_test=True, has_validation=True, written=written, cut=cut)
    return PickImages(data_dir, has_test=False, has_validation=len(source.splits) > 1)
