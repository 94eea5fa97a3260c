"""What is wrong, or strange, with a data set: each finding with its images, how bad it is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["LEVELS", "Finding", "Group"]

# error: what is learned or measured is wrong; warning: look at it; note: good to know
LEVELS = ("error", "warning", "note")


class Group(NamedTuple):
    """Images that belong together in a finding.

    Attributes:
        images: Their numbers; empty where there are none, as of a label without an image.
        names: What a person finds them by, in the same order.
        detail: What is to be said of these.
    """

    images: tuple[int, ...]
    names: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding.

    Attributes:
        code: What it is, for programs: "truncated".
        level: One of LEVELS.
        title: What it is, for people: "truncated images".
        text: Sentences: how many, why it matters, what to do.
        groups: The images, all of them.
    """

    code: str
    level: str
    title: str
    text: str
    groups: Sequence[Group] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "code": self.code,
            "level": self.level,
            "title": self.title,
            "text": self.text,
            "count": len(self.groups),
            "groups": [{"names": list(group.names), "detail": group.detail} for group in self.groups],
        }
