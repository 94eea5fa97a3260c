"""Images that cannot be read: named in the log, counted in the record, and never a whole class."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from netwright.data.decode import decode_full
from netwright.data.images import Skipped
from netwright.data.source import IntArray
from netwright.errors import DataError
from netwright.loader import Split
from netwright.system.plural import count
from netwright.training.distributed import Group
from netwright.training.records import EpochRecord

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
            many = int((labels == label).sum())
            raise DataError(
                f"no image of the class {split.class_names[label]!r} can be read, of {many} in {split.name} of "
                f"{split.source.name!r}; {first.name!r} is the first: {first.reason}. Repair its images, or "
                "remove the class."
            )


class BadImages:
    """The bad images that were found so far, on rank 0.

    Attributes:
        train: Name -> image, of those to train on; another image takes the place of each.
        validation: Likewise of those to validate on, which is without them.
    """

    def __init__(self) -> None:
        self.train: dict[str, Skipped] = {}
        self.validation: dict[str, Skipped] = {}

    def find_in_train(self, skipped: Sequence[Skipped], group: Group) -> None:
        """Keep and log what is new; every rank calls it."""
        _find(self.train, skipped, group, "another image takes its place")

    def find_in_validation(self, skipped: Sequence[Skipped], group: Group) -> None:
        """Keep and log what is new; every rank calls it."""
        _find(self.validation, skipped, group, "validation is without it")

    def readable_labels(self, kept: Split) -> IntArray:
        """(n,) int64 of the validation images that could be read."""
        if not self.validation:
            return kept.labels
        names = map(kept.source.item_name, kept.index.tolist())
        return kept.labels[[name not in self.validation for name in names]]

    def images_used(self, train: Split, kept: Split | None, record: EpochRecord) -> str:
        """How many images were read, and how many could not be, as a sentence.

        Args:
            train: The images to train on.
            kept: Those to validate on; None where that was not done.
            record: Of the last epoch, for a training that was finished before.
        """
        score = record.validation
        bad = [len(self.train) or record.bad_images, len(self.validation) or (score.bad_images if score else 0)]
        parts = [f"trained on {_of(len(train) - bad[0], len(train))}"]
        if kept is not None:
            parts.append(f"validated on {_of(len(kept) - bad[1], len(kept))}")
        if any(bad):
            first = min((*self.train, *self.validation), default="")
            named = f", {first} the first" if first else ""
            parts.append(f"{count(sum(bad), 'image')} could not be read{named}")
        return "; ".join(parts)


def _find(known: dict[str, Skipped], skipped: Sequence[Skipped], group: Group, then: str) -> None:
    found = {bad.name: bad for part in group.gather(list(skipped)) for bad in part}
    new = [bad for name, bad in sorted(found.items()) if name not in known]
    for bad in new[:_MOST]:
        _LOG.warning("bad image %s: %s; %s", bad.name, bad.reason, then)
    if len(new) > _MOST:
        _LOG.warning("and %d more bad images; %s", len(new) - _MOST, then)
    known |= found


def _of(read: int, there: int) -> str:
    return count(there, "image") if read == there else f"{read:,} of {count(there, 'image')}"
