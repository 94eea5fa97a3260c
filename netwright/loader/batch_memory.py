"""Memory for the pixels of batches that worker processes read: shared with the training, and used again."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

__all__ = ["COPIED_AT_ONCE", "PREFETCHED", "BatchMemory"]

# kinds of devices to which a batch is copied, or pinned, before the next is asked for
COPIED_AT_ONCE = ("cpu", "cuda")

PREFETCHED = 2  # batches that each worker prepares ahead
# the batch that the training holds, those ahead, and one to spare
_TURNS = PREFETCHED + 2


class BatchMemory:
    """Gives memory for pixels; in a worker process its own few pieces by turns, as fresh ones cost a fifth of the time.

    A batch of a worker process is overwritten when the training has asked for `PREFETCHED` + 1 others.

    Args:
        is_reused: False where the training may still read a batch when it asks for the next ones.
    """

    def __init__(self, *, is_reused: bool = True) -> None:
        self._is_reused = is_reused
        self._pieces: list[torch.UntypedStorage] = []
        self._next = 0

    def pixels(self, *shape: int) -> Tensor:
        """uint8 of that shape, to be filled."""
        if get_worker_info() is None:
            return torch.empty(shape, dtype=torch.uint8)
        size = math.prod(shape)
        return torch.empty(0, dtype=torch.uint8).set_(self._piece(size))[:size].view(shape)

    def _piece(self, size: int) -> torch.UntypedStorage:
        if not self._is_reused:
            return _shared(size)
        if len(self._pieces) < _TURNS:
            self._pieces.append(_shared(size))
            return self._pieces[-1]
        place, self._next = self._next, (self._next + 1) % _TURNS
        if self._pieces[place].nbytes() < size:
            self._pieces[place] = _shared(size)
        return self._pieces[place]


def _shared(size: int) -> torch.UntypedStorage:
    """Shared memory of so many bytes, as torch's own collate takes it: a batch in it is not copied once more."""
    made: torch.UntypedStorage = torch.UntypedStorage._new_shared(size)  # type: ignore[no-untyped-call]
    return made
