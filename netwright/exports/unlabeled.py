"""Images without labels: of a folder that holds them directly, or of splits that do. Enough for ranges of values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netwright.data.folder import IMAGE_SUFFIXES, FolderSource, files_signature, scan_files
from netwright.data.source import SPLIT_NAMES

__all__ = ["open_unlabeled"]


def open_unlabeled(root: Path) -> FolderSource | None:
    """A source without classes; None where any image is in a folder that may be its class.

    Its splits are the folders train, val and so on under their usual names, or 'all' where the images are in the root.
    """
    if not root.is_dir():
        return None
    files = scan_files(root, IMAGE_SUFFIXES)
    tops = {path.rpartition("/")[0] for path, _ in files}
    is_flat, are_splits = tops == {""}, bool(tops) and all(top.lower() in SPLIT_NAMES for top in tops)
    if not (is_flat or are_splits):
        return None
    origin = np.array([SPLIT_NAMES[path.partition("/")[0].lower()] if are_splits else "all" for path, _ in files])
    return FolderSource(
        name=root.resolve().name,
        class_names=(),
        labels=np.zeros(len(files), dtype=np.int64),
        splits={split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(origin.tolist()))},
        signature=files_signature(files),
        root=root,
        paths=tuple(path for path, _ in files),
    )
