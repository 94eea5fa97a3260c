"""How images were cut into splits, in so few words that weights keep them: the same splits are found again by it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netwright.data.source import ImageSource, IntArray
from netwright.data.splits import Splits, cut_splits

__all__ = ["Cut", "split_digest"]

_DIGITS = 16  # of a digest; it tells splits apart, and hides no secret
_PARTS = ("train", "validation", "test")
# what weights of version 0.1 say instead: "flowers: test: 734 images cut from all (20% of each class, seed 0); ..."
_SEED = re.compile(r"seed (\d+)\)")
_SUBSET = re.compile(r"only ([\d,]+) of [\d,]+ images")
_COUNT = re.compile(r"(test|validation|train): (?:the )?([\d,]+) images")


def split_digest(source: ImageSource, index: IntArray) -> str:
    """A hash of which images these are, by name and class. index: (n,) image numbers."""
    names = source.class_names
    labels = source.labels[index].tolist()
    lines = sorted(f"{names[label]}\t{source.item_name(i)}" for i, label in zip(index.tolist(), labels, strict=True))
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class Cut:
    """The arguments of `cut_splits`, and what came of them.

    Attributes:
        seed: Of the cuts.
        validation_fraction: Of each class.
        test_fraction: Of each class.
        train_images: Images for training and validation together; None for all.
        digests: Split -> `split_digest`; empty where they are not known.
        counts: Split -> number of images.
    """

    seed: int
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    train_images: int | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def of(self, source: ImageSource, splits: Splits) -> Cut:
        """The cut with the digests of the splits that came of it."""
        parts = {part: getattr(splits, part) for part in _PARTS}
        return Cut(
            self.seed,
            self.validation_fraction,
            self.test_fraction,
            self.train_images,
            {part: split_digest(source, index) for part, index in parts.items()},
            {part: len(index) for part, index in parts.items()},
        )

    def again(self, source: ImageSource) -> Splits:
        """Cut a source in the same way; DataError where it cannot be."""
        return cut_splits(
            source, self.seed, self.validation_fraction, self.test_fraction, train_images=self.train_images
        )

    def is_of(self, source: ImageSource, splits: Splits) -> bool:
        """Whether these splits are the very ones; by the numbers of their images where no more is known."""
        now = self.of(source, splits)
        return now.digests == self.digests if self.digests else now.counts == self.counts

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "seed": self.seed,
            "validation_fraction": self.validation_fraction,
            "test_fraction": self.test_fraction,
            "train_images": self.train_images,
            "digests": dict(self.digests),
            "counts": dict(self.counts),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Cut | None:
        """What weights of a sweep or a design say of their images; None for other weights.

        Args:
            facts: Of weights; those of version 0.1 have a sentence only.
        """
        known = facts.get("images")
        if isinstance(known, Mapping) and "validation_fraction" in known:
            return cls(**{name: known[name] for name in cls.__dataclass_fields__ if name in known})
        text = facts.get("splits")
        if not isinstance(text, str):
            return None
        # a source that has all splits of its own was not cut, and no seed is said
        seed, subset = _SEED.search(text), _SUBSET.search(text)
        return cls(
            int(seed[1]) if seed else 0,
            train_images=_whole(subset[1]) if subset else None,
            counts={part: _whole(many) for part, many in _COUNT.findall(text)},
        )


def _whole(text: str) -> int:
    return int(text.replace(",", ""))
