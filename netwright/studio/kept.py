"""Results that are kept while the files that they are of stay as they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from netwright.studio.populations import Opened

__all__ = ["Kept", "key_of"]

T = TypeVar("T")


class Kept(Generic[T]):
    """The latest results, by a key that changes with their files."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of that key, computed if it is not known."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = compute()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


def key_of(opened: Opened) -> tuple[Any, ...]:
    """Of a population as it was read."""
    return (opened.entry.id, str(opened.entry.path), *opened.mark)
