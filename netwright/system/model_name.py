"""The name of a model: part of addresses, and of the names of files and folders."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["NAME_RULE", "default_name", "is_model_name", "model_name"]

NAME_RULE = "letters, digits, '.', '_' and '-', at most 100, and begins with no '.' or '-'"

_NAME = re.compile(r"\w[\w.-]{0,99}")
_OTHERS = re.compile(r"[^\w.-]+")


def is_model_name(name: str) -> bool:
    """Whether it is one: see NAME_RULE."""
    return _NAME.fullmatch(name) is not None


def model_name(text: str) -> str:
    """The nearest name to any text: what a name cannot have becomes a '-'; "network" where nothing is left."""
    return _OTHERS.sub("-", text).strip("-.")[:100] or "network"


def default_name(ref: object, own: str) -> str:
    """The name of a model that is given none: that of its folder, else the network's own.

    Args:
        ref: What was opened. The folder of a run, or of a version (NAME/1), gives its name; a file or another reference
            does not.
        own: The network's, or that in its file.
    """
    if isinstance(ref, str | Path) and str(ref) and Path(ref).is_dir():
        folder = Path(ref).resolve()
        return model_name(folder.parent.name if folder.name.isdecimal() and folder.parent.name else folder.name)
    return model_name(own)
