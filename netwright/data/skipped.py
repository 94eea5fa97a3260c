"""Images that could not be read."""

from __future__ import annotations

from dataclasses import dataclass

from netwright.data.source import ImageSource

__all__ = ["Skipped", "skipped_image"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that could not be decoded: its name in the source, and why."""

    name: str
    reason: str


def skipped_image(source: ImageSource, index: int, error: Exception) -> Skipped:
    """Image `index` of a source, which could not be read because of an error."""
    # an OSError's text has the whole path, which differs between machines
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Skipped(source.item_name(index), reason)
