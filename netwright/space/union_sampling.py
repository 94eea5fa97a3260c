"""Drawing networks of a union: the member by its weight, then the member's next network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netwright.arch import ArchBatch, join
from netwright.errors import SpaceError
from netwright.space.predicted import PredictedLimit
from netwright.space.sampling import Sample, draw
from netwright.space.union import MEMBER, UnionSpace

__all__ = ["draw_union"]


def draw_union(
    space: UnionSpace, n: int, seed: int, *, exclude: ArchBatch | None, predicted: Sequence[PredictedLimit]
) -> Sample:
    """As `netwright.space.draw`: n distinct networks, of which a smaller sample is the beginning.

    Rejection counts are those of all members together; a network of two members that was drawn from both is a
    duplicate."""
    if space.size() < n:
        raise SpaceError(
            f"{space.name!r} has {space.size():,} combinations of parameters, fewer than the {n:,} networks wanted. "
            "Sample fewer, or widen a range."
        )
    ends = np.cumsum(space.shares)[:-1]
    picks = np.searchsorted(ends, np.random.default_rng([seed, len(space.members)]).random(n), side="right")
    wanted = np.bincount(picks, minlength=len(space.members)).tolist()
    while True:
        samples = [
            _of_member(space, at, many, seed, exclude=exclude, predicted=predicted) for at, many in enumerate(wanted)
        ]
        places, again, lacking = _places(picks.tolist(), samples, [bool(member.recipe) for member in space.members])
        if not lacking:
            return _gathered(space, samples, places, again)
        wanted = [many + 2 * lacking[at] for at, many in enumerate(wanted)]


def _of_member(space: UnionSpace, at: int, many: int, seed: int, **more: Any) -> Sample | None:
    if not many:
        return None
    own = int(np.random.SeedSequence([seed, at + 1]).generate_state(1)[0])
    try:
        return draw(space.members[at], many, own, **more)
    except SpaceError as error:
        raise SpaceError(
            f"{space.name!r} draws {space.shares[at]:.0%} of its networks from {space.members[at].name!r}, {many:,} of "
            f"these: {error} Or lower its weight."
        ) from error


def _places(
    picks: Sequence[int], samples: Sequence[Sample | None], with_recipe: Sequence[bool]
) -> tuple[list[tuple[int, int]], int, Counter[int]]:
    """(member, row) of each network, how many repeated one of another member, and what is lacking of each member."""
    keys = [
        None if each is None else [row.tobytes().rstrip(b"\0") for row in each.batch.identity()] for each in samples
    ]
    following, seen = [0] * len(samples), set()
    found: list[tuple[int, int]] = []
    lacking: Counter[int] = Counter()
    again = 0
    for at in picks:
        own = keys[at]
        assert own is not None, "what is picked was drawn"
        while following[at] < len(own) and not with_recipe[at] and own[following[at]] in seen:
            following[at] += 1
            again += 1
        if following[at] == len(own):
            lacking[at] += 1
            continue
        seen.add(own[following[at]])
        found.append((at, following[at]))
        following[at] += 1
    return found, again, lacking


def _gathered(
    space: UnionSpace, samples: Sequence[Sample | None], places: Sequence[tuple[int, int]], again: int
) -> Sample:
    rows = [[row for member, row in places if member == at] for at in range(len(samples))]
    parts, order = [], []
    counts: Counter[str] = Counter()
    for at, sample in enumerate(samples):
        if sample is None:
            continue
        counts.update(sample.rejection_counts)
        name = np.full(len(rows[at]), space.members[at].name)
        part = sample.batch[np.array(rows[at], np.int64)]
        parts.append(replace(part, parameters={MEMBER: name, **part.parameters}))
        order += [place for place, (member, _) in enumerate(places) if member == at]
    drawn = counts["accepted"]
    counts["accepted"] = len(places)
    counts["duplicate"] += again
    counts["unused"] += drawn - len(places) - again
    return Sample(join(parts)[np.argsort(order)], dict(counts))
