"""Check a data set before anything is trained on it: `netwright data check`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.curation.file_rules import file_findings, reading_findings
from netwright.curation.findings import LEVELS, Finding
from netwright.curation.image_scan import ImageScan, scan_images
from netwright.curation.opening import open_to_check
from netwright.curation.set_rules import class_findings, duplicate_findings
from netwright.data.data_path import as_text
from netwright.data.folder import FolderSource
from netwright.data.source import ImageSource
from netwright.data.summary import DataSummary, class_counts

__all__ = ["DataCheck", "check_data"]

_FORMAT = 1  # of the JSON


@dataclass(frozen=True, slots=True, eq=False)
class DataCheck:
    """A data set, checked.

    Attributes:
        source: The images.
        scan: What was seen of each.
        summary: Classes and splits, with the images that can be read.
        findings: The worst first.
        seconds: That it took.
    """

    source: ImageSource
    scan: ImageScan
    summary: DataSummary
    findings: Sequence[Finding]
    seconds: float

    def of_level(self, level: str) -> list[Finding]:
        """The findings of a level: error, warning or note."""
        return [each for each in self.findings if each.level == level]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: {"format": 1, "name", "images", "classes", "splits", "findings": [{"code", "level", ...}]}."""
        return {
            "format": _FORMAT,
            **{key: value for key, value in self.summary.to_dict().items() if key not in ("warnings", "skipped")},
            "read": int(self.scan.readable.sum()),
            "seconds": round(self.seconds, 3),
            "counts": {level: len(self.of_level(level)) for level in LEVELS},
            "findings": [each.to_dict() for each in self.findings],
        }


def check_data(
    data_dir: str | Path,
    *,
    model: str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DataCheck:
    """Read every image of a data set and look for what is wrong with it, as `netwright data check` does.

    Args:
        data_dir: A folder of class folders, or whatever else a training takes.
        model: A run folder, weights or an exported file: finds labels that are likely wrong.
        threads: That read and decode; by default one per processor, at most 16.
        progress: Called with (images done, all images).

    Returns:
        The check. Its findings are errors (what is learned or measured is wrong), warnings and notes.

    Raises:
        DataError: There are no images, or the network knows other classes.
        WeightsError, ExportError: The network cannot be opened.
    """
    started = time.perf_counter()
    data_dir = as_text(data_dir)
    source, found = open_to_check(data_dir)
    splits = dict(source.splits)
    scan = scan_images(source, threads=threads, progress=progress)
    reading = source.reading if isinstance(source, FolderSource) else None
    found += reading_findings(reading, getattr(reading, "missing", ()))
    found += file_findings(source, scan)
    found += duplicate_findings(source, scan, splits)
    found += class_findings(source, scan, splits)
    if model is not None:
        from netwright.curation.wrong_labels import label_findings

        found += label_findings(source, model, data_dir, progress=progress)
    readable = {split: index[scan.readable[index]] for split, index in splits.items()}
    summary = DataSummary(
        source.name,
        source.class_names,
        class_counts(source.labels, readable, len(source.class_names)),
        reading.notes if reading is not None else (),
        reading.ignored if reading is not None else (),
    )
    found.sort(key=lambda each: LEVELS.index(each.level))
    return DataCheck(source, scan, summary, tuple(found), time.perf_counter() - started)
