"""What a repository tells of its versions: its index, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IndexEntry", "ModelEvent"]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A version in the index of the repository.

    Attributes:
        name: Of the model.
        version: A number, 1 or more; 0 for a model of which no version can be seen.
        is_ready: Whether it answers.
        reason: Why its files could not be loaded, or empty. A version that was opened before may still answer.
    """

    name: str
    version: int
    is_ready: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """What happened to a version.

    Attributes:
        kind: loaded, replaced, failed, removed, unloaded, or awaited where a folder has no model yet.
        name: Of the model.
        version: Its number; 0 for a whole model or the whole folder.
        detail: From where, or why.
    """

    kind: str
    name: str
    version: int
    detail: str
