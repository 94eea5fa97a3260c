"""Batches of several kinds: networks that differ in block, stem, squeeze-and-excitation, head or activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netwright.arch.batch import ArchBatch, Kind
from netwright.arch.spec import Arch
from netwright.errors import ArchError

__all__ = ["batch_of", "join"]

_ABSENT = {"depth": 0, "width": 0, "stride": 1, "bottleneck": 1, "group_width": 1}  # of a stage


def join(batches: Sequence[ArchBatch]) -> ArchBatch:
    """Batches end to end, whatever their kinds, their numbers of stages and their parameters.

    A parameter that a batch does not have is NaN there, or an empty text where others have words.

    Raises:
        ArchError: No batch, or batches of different numbers of classes or channels.
    """
    if not batches:
        raise ArchError("at least one batch is needed to join, not 0. Give some.")
    first = batches[0]
    if any((b.num_classes, b.in_channels) != (first.num_classes, first.in_channels) for b in batches):
        raise ArchError("batches are joined where they have the same classes and channels. Keep them apart.")
    most = max(batch.depth.shape[1] for batch in batches)
    columns: dict[str, Any] = {
        name: np.concatenate([_padded(getattr(b, name), most, absent) for b in batches])
        for name, absent in _ABSENT.items()
    }
    columns |= {name: np.concatenate([getattr(b, name) for b in batches]) for name in ("stem_width", "resolution")}
    names = list(dict.fromkeys(name for batch in batches for name in batch.parameters))
    parameters = {name: _column(batches, name) for name in names}
    kinds = list(dict.fromkeys(kind for batch in batches for kind in batch.kinds or (batch.kind_of(0),)))
    common: dict[str, Any] = {"kinds": (), "kind": None}
    if len(kinds) > 1:
        common = {"kinds": tuple(kinds), "kind": np.concatenate([_places(batch, kinds) for batch in batches])}
    values = {name: getattr(kinds[0], name) for name in Kind.__dataclass_fields__}
    return replace(first, **columns, **values, **common, parameters=parameters)


def batch_of(archs: Sequence[Arch]) -> ArchBatch:
    """A batch of networks of any kinds, with the same classes and channels; in their order."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, arch in enumerate(archs):
        key = (arch.block, arch.stem.kind, arch.se_ratio, arch.head_width, arch.activation)
        groups.setdefault(key, []).append(i)
    if len(groups) == 1:
        return ArchBatch.from_archs(archs)
    joined = join([ArchBatch.from_archs([archs[i] for i in places]) for places in groups.values()])
    return joined[np.argsort(np.concatenate([np.array(places) for places in groups.values()]))]


def _padded(column: Any, most: int, absent: float) -> Any:
    return np.pad(column, ((0, 0), (0, most - column.shape[1])), constant_values=absent)


def _column(batches: Sequence[ArchBatch], name: str) -> Any:
    has_words = any(batch.parameters[name].dtype.kind in "OU" for batch in batches if name in batch.parameters)
    absent: Any = "" if has_words else np.nan
    return np.concatenate(
        [np.asarray(b.parameters[name]) if name in b.parameters else np.full(len(b), absent) for b in batches]
    )


def _places(batch: ArchBatch, kinds: Sequence[Kind]) -> Any:
    """(n,) which of the kinds each network of a batch has."""
    own = batch.kinds or (batch.kind_of(0),)
    of_all = np.array([kinds.index(kind) for kind in own], np.int64)
    return of_all[np.zeros(len(batch), np.int64) if batch.kind is None else batch.kind]
