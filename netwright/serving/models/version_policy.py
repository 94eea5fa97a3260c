"""Which versions of a model its config.pbtxt wants served, as Triton does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["wanted_versions"]

_POLICY = re.compile(r"version_policy\s*:?\s*\{\s*(latest|all|specific)\s*:?\s*\{([^{}]*)\}\s*\}")
_COMMENT = re.compile(r"#[^\n]*")
_MOST_BYTES = 1 << 20  # of a config

# policy -> the versions of all that it wants, given the numbers in it
_POLICIES: dict[str, Callable[[Sequence[int], Sequence[int]], Sequence[int]]] = {
    "all": lambda versions, numbers: versions,
    "latest": lambda versions, numbers: sorted(versions)[-(numbers[0] if numbers else 1) :],
    "specific": lambda versions, numbers: [each for each in versions if each in numbers],
}


def wanted_versions(folder: Path, versions: Sequence[int]) -> set[int]:
    """Those of a model's versions that are to be served: all, where no config.pbtxt in its folder has a version_policy.

    Args:
        folder: Of the model.
        versions: That it has.
    """
    try:
        with (folder / "config.pbtxt").open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_BYTES)
    except OSError:
        return set(versions)
    found = _POLICY.search(_COMMENT.sub("", text))
    if found is None:
        return set(versions)
    return set(_POLICIES[found[1]](versions, [int(each) for each in re.findall(r"\d+", found[2])]))
