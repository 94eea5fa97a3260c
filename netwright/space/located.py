"""Errors of a space that know which of its keys they are about, so that a file's reader can say the line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from netwright.errors import SpaceError

__all__ = ["LocatedError", "PlacedError", "about"]


class LocatedError(SpaceError):
    """A SpaceError about a key of a space.

    Attributes:
        path: The keys down to it, as a file has them: ("parameters", "depth").
    """

    def __init__(self, text: str, path: tuple[str, ...]) -> None:
        super().__init__(text)
        self.path = path


class PlacedError(SpaceError):
    """A SpaceError that says its file and line already."""


@contextmanager
def about(*path: str, keys: Iterable[str] = ()) -> Iterator[None]:
    """A SpaceError from within names the last key of the path, and knows the path.

    Args:
        *path: The keys of a space's file down to the one that is read.
        keys: Those below it; the error is about the first that it names.
    """
    try:
        yield
    except (LocatedError, PlacedError):
        raise
    except SpaceError as error:
        text = str(error)
        path += tuple(key for key in keys if _names(text, key))[:1]
        raise LocatedError(text if _names(text, path[-1]) else f"{path[-1]}: {text}", path) from error


def _names(text: str, key: str) -> bool:
    return re.search(rf"\b{re.escape(key)}\b", text) is not None
