"""Images without labels: of a folder that holds them directly, or of splits that do. Enough for ranges of values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netwright.data.folder import FolderSource, files_signature, scan_images
from netwright.data.split_names import split_of

__all__ = ["open_unlabeled"]


def open_unlabeled(root: Path) -> FolderSource | None:
    """A source without classes; None where any image is in a folder that may be its class.

    Its splits are the folders train, val and so on under their usual names, or 'all' where the images are in the root.
    """
    if not root.is_dir():
        return None
    files = scan_images(root)
    tops = {path.rpartition("/")[0] for path, _ in files}
    is_flat, are_splits = tops == {""}, bool(tops) and all("/" not in top and split_of(top) for top in tops)
    if not (is_flat or are_splits):
        return None
    origin = np.array([split_of(path.partition("/")[0]) if are_splits else "all" for path, _ in files])
    return FolderSource(
        name=root.resolve().name,
        class_names=(),
        labels=np.zeros(len(files), dtype=np.int64),
        splits={split: np.flatnonzero(origin == split).astype(np.int64) for split in sorted(set(origin.tolist()))},
        signature=files_signature(files),
        root=root,
        paths=tuple(path for path, _ in files),
    )
