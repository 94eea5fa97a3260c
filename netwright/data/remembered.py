"""Where a run had its images: a file in its folder, as weights are shared and say no paths of a machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.data.data_path import is_digits
from netwright.data.data_ref import absolute_ref
from netwright.system.atomic import write_text

__all__ = ["IMAGES_FILE", "recall_data_dir", "remember_images"]

IMAGES_FILE = "images.json"
_FORMAT = 1
_DEPTH = 3  # weights lie at most so far below their run: final/weights/pick-1.safetensors, held_out/HASH/...


def remember_images(folder: Path, data_dir: str, facts: Mapping[str, Any]) -> None:
    """Write images.json to the folder of a run.

    Args:
        folder: Of the run.
        data_dir: As it was given; a path is kept absolute, and 'digits' means the bundled ones.
        facts: What else is known of the images.

    Raises:
        OutputError: It cannot be written.
    """
    where = data_dir if is_digits(data_dir) else absolute_ref(data_dir)
    text = json.dumps({"format": _FORMAT, "data_dir": where, **facts}, indent=1) + "\n"
    write_text(folder / IMAGES_FILE, text, what="which images the run has", elsewhere="another --out")


def recall_data_dir(ref: str | Path) -> str:
    """Where the run of these weights had its images; '' where nothing beside them says so.

    ref: a folder of a run, a file in it, or one some folders below.
    """
    path = Path(ref).absolute()
    for folder in [path, *path.parents][: _DEPTH + 1]:
        try:
            content = json.loads((folder / IMAGES_FILE).read_text(encoding="utf-8"))
            return str(content["data_dir"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # none here, or another program's file of that name
    return ""
