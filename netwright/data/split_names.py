"""What folders of splits are called, in any case and with the words that people put around the name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netwright.data.source import SPLIT_NAMES

__all__ = ["find_splits", "is_split_like", "is_unlabeled_name", "split_of"]

# words that say nothing: test_images, train set, val2017
_NEUTRAL = frozenset({"data", "dataset", "folder", "image", "images", "img", "imgs", "photos", "set", "split"})
_UNLABELED = frozenset({"pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled", "unknown"})
_GLUED = re.compile(r"^(train|training|val|valid|validation|test|testing)(set|data|images|imgs)$")


def _words(name: str) -> list[str]:
    words: list[str] = []
    for word in re.findall(r"[^\W\d_]+", name.lower()):
        glued = _GLUED.match(word)
        words += glued.groups() if glued else [word]
    return words


def _parts(name: str) -> tuple[str, str] | None:
    """(split, the words around its name); None where no word, or more than one, is the name of a split."""
    words = _words(name)
    named = [word for word in words if word in SPLIT_NAMES]
    if len(named) != 1:
        return None
    return SPLIT_NAMES[named[0]], " ".join("*" if word in named else word for word in words if word not in _NEUTRAL)


def split_of(name: str) -> str | None:
    """'train', 'validation' or 'test' for a folder such as 'Train', 'valid', 'test_images' or 'seg_train'."""
    found = _parts(name)
    return None if found is None else found[0]


def is_split_like(name: str) -> bool:
    """Whether a class of that name is likely to be a split."""
    return split_of(name) is not None


def is_unlabeled_name(name: str) -> bool:
    """Whether images in a folder of that name are there to be predicted: 'seg_pred'."""
    return any(word in _UNLABELED for word in _words(name))


def find_splits(names: Sequence[str]) -> dict[str, str]:
    """Folder name -> split, of folders beside each other.

    A name with other words in it (seg_train) counts only where another has the same words (seg_test): `bullet_train`
    beside `car` is a class.
    """
    parts = {name: found for name in names if (found := _parts(name)) is not None}
    splits: dict[str, set[str]] = {}
    for split, around in parts.values():
        splits.setdefault(around, set()).add(split)
    return {name: split for name, (split, around) in parts.items() if around == "*" or len(splits[around]) > 1}
