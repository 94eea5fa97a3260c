"""Rungs: of the networks that a search compared briefly, the best are trained for longer, and the best of these again.

Pure: what is trained, and what it costs. The shares rest on `benchmarks/selection.py` (docs/log.md): of 72 networks on
a table of learning curves, a single pick after a tenth of the epochs is 2.3 points from the best of them; with a
quarter of all the cost spent on rungs, a sixth of the networks on the first one, it is 0.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netwright.errors import RecipeError
from netwright.recipe.going_on import fall_epochs
from netwright.system.plural import count

__all__ = [
    "AUTO",
    "FEWEST",
    "NONE",
    "RUNG_SHARE",
    "SMALL_SPLIT",
    "Rung",
    "by_default",
    "plan_rungs",
    "read_rungs",
    "rungs_cost",
    "rungs_in_words",
    "rungs_seconds",
    "to_text",
]

AUTO, NONE = "auto", "none"
RUNG_SHARE = 0.25  # of the time of trials and rungs together
_UNASKED_SHARE = 0.15  # of it where nobody gave a budget: about what they took before they had rungs
FEWEST = 10  # networks of a search, below which all time is better spent on more of them
SMALL_SPLIT = 200  # validation images: on fewer an error of 20% has a standard error of 3 points and more
_MIDDLE = 3  # times the epochs of a trial, on the first of two rungs
_LONGEST = 9  # times the epochs of a trial, on the last one
_FIRST_OF = 6  # one of so many networks is on the first rung at most
_LONGER = 1.5  # times the epochs: a rung that is shorter shows nothing that trials did not
_FOLDS = (5, 4, 3)
_MORE_SEEDS = 3  # of the last two, where there is room
_RUNG = re.compile(r"(\d+)x(\d+)(?:x(\d+)|/(\d+))?")


@dataclass(frozen=True, slots=True)
class Rung:
    """Networks that are trained as long as each other.

    Attributes:
        networks: How many.
        epochs: Of each, with those that it had before.
        seeds: Trainings of each; the first one goes on from the rung before, the others start anew.
        folds: Of a cross-validation: each network is trained as often, from its beginning, and judged on another part
            of the images that it has not seen; 0 for none.
    """

    networks: int
    epochs: int
    seeds: int = 1
    folds: int = 0

    @property
    def trainings(self) -> int:
        return self.networks * (self.folds or self.seeds)


def read_rungs(text: str, epochs: int = 0) -> tuple[Rung, ...] | None:
    """What `--rungs` gives: `8x15,3x30` is 8 networks for 15 epochs and of these 3 for 30.

    `2x30x3` has 3 seeds, `3x30/5` is a cross-validation in 5 parts.

    Args:
        text: Or "none", or "auto".
        epochs: Of a trial; 0 where that is not known yet.

    Returns:
        The rungs, none for "none"; None where they are to be planned.

    Raises:
        RecipeError: Another text, or rungs that grow in networks or do not grow in epochs.
    """
    if text in (AUTO, NONE):
        return None if text == AUTO else ()
    found: list[Rung] = []
    for word in text.split(","):
        match = _RUNG.fullmatch(word.strip())
        if match is None:
            raise RecipeError(
                f"rungs are auto, none, or networks x epochs, such as 8x15,3x30, and not {text!r}; 2x30x3 has 3 seeds, "
                "3x30/5 a cross-validation in 5 parts. Correct 'rungs'."
            )
        networks, long, seeds, folds = match.groups()
        found.append(Rung(int(networks), int(long), int(seeds or 1), int(folds or 0)))
    before = (Rung(found[0].networks, epochs), *found)
    for then, now in zip(before, found, strict=False):
        more = now.epochs > then.epochs or (now.epochs == then.epochs and (now.seeds > then.seeds or now.folds))
        if not 1 <= now.networks <= then.networks or not more or now.folds == 1 or now.seeds < 1:
            raise RecipeError(
                f"each rung has at most the networks of the one before and more epochs (or seeds), from the {epochs} "
                f"of a trial on, and {now.networks}x{now.epochs} comes after {then.networks}x{then.epochs}. "
                "Correct 'rungs'."
            )
    return tuple(found)


def to_text(rungs: Sequence[Rung]) -> str:
    """What `read_rungs` reads."""
    parts = []
    for rung in rungs:
        seeds = f"x{rung.seeds}" if rung.seeds > 1 else ""
        parts.append(f"{rung.networks}x{rung.epochs}{seeds}" + (f"/{rung.folds}" if rung.folds else ""))
    return ",".join(parts) or NONE


def rungs_cost(rungs: Sequence[Rung], epochs: int) -> float:
    """Epochs of one network that rungs train. epochs: of a trial."""
    whole, before, kept = 0, Rung(0, epochs), epochs
    for rung in rungs:
        if rung.folds:
            whole += rung.trainings * rung.epochs
            continue
        if rung.epochs > before.epochs:
            whole += rung.networks * (rung.epochs - kept)
            kept = rung.epochs - fall_epochs(rung.epochs - kept)  # from which the next one goes on
        whole += rung.networks * (rung.seeds - 1) * rung.epochs
        # seeds that the networks have from a rung of as many epochs are not trained again
        if rung.epochs == before.epochs:
            whole -= rung.networks * (before.seeds - 1) * rung.epochs
        before = rung
    return float(whole)


def rungs_seconds(rungs: Sequence[Rung], epochs: int, epoch: float, workers: int) -> float:
    """Seconds that rungs take, in rounds of workers.

    Args:
        rungs: What is trained.
        epochs: Of a trial.
        epoch: Seconds of one.
        workers: Trainings at a time.
    """
    whole = 0.0
    before: tuple[Rung, ...] = ()
    for at, rung in enumerate(rungs):
        cost = rungs_cost(rungs[: at + 1], epochs) - rungs_cost(before, epochs)
        new = (
            rung.trainings
            if rung.folds or rung.epochs > (before[-1].epochs if before else epochs)
            else (rung.networks * (rung.seeds - before[-1].seeds))
        )
        whole += cost / max(new, 1) * math.ceil(new / workers)
        before = tuple(rungs[: at + 1])
    return whole * epoch


def plan_rungs(room: float, networks: int, epochs: int, full: int, validation: int) -> tuple[Rung, ...]:
    """The rungs for which there is room.

    About half of it is for a first rung of three times the epochs, and half for a last one of all epochs. Where that
    leaves no two networks, there is one rung alone, which may be shorter. What is left over trains the last two with
    more seeds. Where the validation split is small, the last rung is a cross-validation instead.

    Args:
        room: Epochs of one network.
        networks: That the search has trained.
        epochs: Of each of these.
        full: Epochs of a final training: no rung is longer.
        validation: Images of the split by which they are compared.
    """
    if networks < FEWEST:
        return ()
    full, most = min(full, _LONGEST * epochs), max(2, networks // _FIRST_OF)
    if validation < SMALL_SPLIT and (found := _cross_validated(room, epochs, full, most)):
        return found
    middle = _MIDDLE * epochs
    if _LONGER * middle <= full:
        first = min(most, int(room / 2 / (middle - epochs)))
        longer = full - middle + fall_epochs(middle - epochs)
        last = min(max(2, first // 2), int((room - first * (middle - epochs)) / longer))
        if first > last >= 2:
            return _with_seeds((Rung(first, middle), Rung(last, full)), room, epochs)
    return _with_seeds(_one_rung(room, epochs, full, most), room, epochs)


def by_default(rungs: str, epochs: int, full: int, networks: int, validation: int) -> tuple[Rung, ...]:
    """The rungs of a design without a budget of time: those that were given, or a small part of its epochs."""
    given = read_rungs(rungs, epochs)
    if given is not None:
        return given
    return plan_rungs(_UNASKED_SHARE / (1 - _UNASKED_SHARE) * networks * epochs, networks, epochs, full, validation)


def _one_rung(room: float, epochs: int, full: int, most: int) -> tuple[Rung, ...]:
    full = min(full, epochs + int(room / 2))
    if full < _LONGER * epochs:
        return ()
    return (Rung(min(most, int(room / (full - epochs))), full),)


def _with_seeds(rungs: tuple[Rung, ...], room: float, epochs: int) -> tuple[Rung, ...]:
    """More seeds of the last two networks, as many as there is room for."""
    for seeds in range(_MORE_SEEDS, 1, -1):
        if rungs and rungs_cost(longer := (*rungs, replace(rungs[-1], networks=2, seeds=seeds)), epochs) <= room:
            return longer
    return rungs


def _cross_validated(room: float, epochs: int, full: int, most: int) -> tuple[Rung, ...]:
    """The largest that has room: networks count more than parts, and both more than epochs."""
    for length in (full, max(2 * epochs, full // 2), epochs):
        for folds in _FOLDS:
            if epochs <= length <= full and (many := min(most, int(room / (folds * length)))) >= 2:
                return (Rung(many, length, folds=folds),)
    return ()


def rungs_in_words(rungs: Sequence[Rung]) -> str:
    """`8 networks to 15 epochs, 3 to 30, 2 with 3 seeds each`."""
    parts, before = [], Rung(0, 0)
    for rung in rungs:
        if rung.folds:
            parts.append(f"{count(rung.networks, 'network')} in {rung.folds} parts, {count(rung.epochs, 'epoch')} each")
            continue
        many = count(rung.networks, "network") if not parts else str(rung.networks)
        length = f" to {count(rung.epochs, 'epoch')}" if rung.epochs > before.epochs else ""
        parts.append(f"{many}{length}" + (f" with {rung.seeds} seeds each" if rung.seeds > 1 else ""))
        before = rung
    return ", then ".join(parts)
