"""Images that cannot be read: named in the log, counted in the record, and never a whole class."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from netwright.data.decode import decode_full
from netwright.data.images import Skipped
from netwright.errors import DataError
from netwright.loader import Split
from netwright.training.distributed import Group

__all__ = ["BadImages", "refuse_unreadable_class"]

_LOG = logging.getLogger(__name__)
_MOST = 10  # names in the log, of an epoch


def refuse_unreadable_class(split: Split, channels: int) -> None:
    """Raise DataError where no image of a class can be read: the network would never see it.

    One image of each class is decoded, more where that one is bad.
    """
    labels = split.labels
    for label in np.unique(labels):
        first: Skipped | None = None
        for position in np.flatnonzero(labels == label).tolist():
            try:
                decode_full(split.read(position).data, channels)
                break
            except (DataError, OSError) as error:
                first = first or split.skipped(position, error)
        else:
            assert first is not None, "np.unique gives labels that are there"
            count = int((labels == label).sum())
            raise DataError(
                f"no image of the class {split.class_names[label]!r} can be read, of {count} in {split.name} of "
                f"{split.source.name!r}; {first.name!r} is the first: {first.reason}. Repair its images, or "
                "remove the class."
            )


class BadImages:
    """What was told of bad images so far."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell(self, skipped: Sequence[Skipped], group: Group, then: str) -> None:
        """Log what is new; every rank calls it. then: what becomes of them."""
        found = {bad.name: bad for part in group.gather(list(skipped)) for bad in part}
        new = [bad for name, bad in sorted(found.items()) if name not in self._told]
        for bad in new[:_MOST]:
            _LOG.warning("bad image %s: %s; %s", bad.name, bad.reason, then)
        if len(new) > _MOST:
            _LOG.warning("and %d more bad images; %s", len(new) - _MOST, then)
        self._told |= found.keys()
