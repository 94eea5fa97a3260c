"""What a run is about to learn from, as a value: classes with counts, splits, what is ignored and what looks wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netwright.data.reading import Ignored
from netwright.data.skipped import Skipped
from netwright.data.source import IntArray
from netwright.system.plural import count

__all__ = ["DataSummary", "class_counts"]

_MOST_CLASSES = 20  # a line each in the terminal
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What is known about the images of a run before it starts.

    Attributes:
        name: Of the data set.
        classes: Their names, in the order of the labels.
        splits: Name -> images of each class, in the order of the classes.
        notes: Sentences about how the folder was read.
        ignored: Files that are not read, and why.
        skipped: Images that could not be decoded: (name, reason). They are in no count.
        warnings: Sentences about what is likely to be a mistake.
        provenance: A sentence about where the splits come from, or empty.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: str = ""

    @property
    def images(self) -> int:
        """In all splits."""
        return sum(map(sum, self.splits.values()))

    def lines(self) -> list[str]:
        """For the terminal, without the warnings."""
        parts = [f"{sum(counts):,} in {name}" for name, counts in self.splits.items()]
        head = f"{self.name}: {count(self.images, 'image')} of {count(len(self.classes), 'class', 'classes')}"
        return [
            f"{head}, {', '.join(parts)}" if len(parts) > 1 else head,
            *self._class_lines(),
            *(f"  {note}" for note in (*self.notes, self.provenance) if note),
            *(f"  ignored: {each}" for each in self.ignored),
            *([f"  could not be decoded: {self._skipped_text()}"] if self.skipped else []),
        ]

    def all_lines(self) -> list[str]:
        """For the terminal, the warnings last."""
        return [*self.lines(), *(f"warning: {text}" for text in self.warnings)]

    def facts(self) -> dict[str, str]:
        """For a report: name -> text."""
        return {
            "classes": "; ".join(
                f"{name}: {', '.join(f'{counts[label]:,} {split}' for split, counts in self.splits.items())}"
                for label, name in enumerate(self.classes[:_MOST_CLASSES])
            )
            + (f"; and {len(self.classes) - _MOST_CLASSES:,} more" if len(self.classes) > _MOST_CLASSES else ""),
            "read as": "; ".join(self.notes) or "a folder per class",
            "ignored": "; ".join(map(str, self.ignored)) or "no file",
            **({"warnings": " ".join(self.warnings)} if self.warnings else {}),
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Images by class and split, as text: the heads and the rows of a table."""
        rows = [
            (name, *(f"{counts[label]:,}" for counts in self.splits.values()))
            for label, name in enumerate(self.classes)
        ]
        return ("class", *self.splits), rows

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "images": self.images,
            "splits": {split: sum(counts) for split, counts in self.splits.items()},
            "classes": {
                name: {split: counts[label] for split, counts in self.splits.items()}
                for label, name in enumerate(self.classes)
            },
            "read_as": list(self.notes),
            "splits_from": self.provenance,
            "ignored": [
                {"count": each.count, "what": each.what, "examples": list(each.examples)} for each in self.ignored
            ],
            "skipped": [{"name": bad.name, "reason": bad.reason} for bad in self.skipped],
            "warnings": list(self.warnings),
        }

    def decoded(self, labels: IntArray, splits: Mapping[str, IntArray], skipped: Sequence[Skipped]) -> DataSummary:
        """The same after decoding: only images that could be read are counted.

        Args:
            labels: (N,) of those.
            splits: Their numbers in each split.
            skipped: The others.
        """
        return replace(self, splits=class_counts(labels, splits, len(self.classes)), skipped=tuple(skipped))

    def _class_lines(self) -> list[str]:
        if len(self.classes) > _MOST_CLASSES:
            totals = [sum(counts[label] for counts in self.splits.values()) for label in range(len(self.classes))]
            few, many = int(np.argmin(totals)), int(np.argmax(totals))
            return [
                f"  from {self.classes[0]!r} to {self.classes[-1]!r}; the fewest images in {self.classes[few]!r}: "
                f"{totals[few]:,}, the most in {self.classes[many]!r}: {totals[many]:,}"
            ]
        heads, rows = self.table()
        rows = [heads if len(heads) > 2 else ("class", "images"), *rows]
        wide = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        return ["  " + "  ".join([row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])]) for row in rows]

    def _skipped_text(self) -> str:
        named = "; ".join(f"{bad.name} ({bad.reason})" for bad in self.skipped[:_MOST_NAMED])
        return f"{count(len(self.skipped), 'image')}: {named}{'; ...' * (len(self.skipped) > _MOST_NAMED)}"


def class_counts(labels: IntArray, splits: Mapping[str, IntArray], classes: int) -> dict[str, tuple[int, ...]]:
    """Split -> images of each class. labels: (N,); splits: name -> image numbers; classes: how many."""
    return {
        name: tuple(np.bincount(labels[index], minlength=classes).astype(int).tolist())
        for name, index in splits.items()
    }
