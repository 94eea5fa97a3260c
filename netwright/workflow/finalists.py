"""Finalists: the best networks of a search are trained for longer, in rungs, and the pick is the best of the last one.

Each rung is a population of its own, in `rungs/EPOCHS` of the design's folder: networks stay in it when a design goes
on and other networks reach the rung.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.population import FILE, Population, trial_seed
from netwright.recipe import Recipe
from netwright.sweeps import run
from netwright.system.plural import count
from netwright.workflow.continuing import set_aside
from netwright.workflow.prepare import PreparedDesign, identity
from netwright.workflow.rungs import SMALL_SPLIT, Rung, rungs_in_words

if TYPE_CHECKING:
    import pandas as pd

    from netwright.timing.sampler import LatencySampler

__all__ = ["Contender", "Finals", "Standing", "choose", "contenders", "state_of", "train_rungs", "why_picked"]

_LOG = logging.getLogger(__name__)

_FOLDER = "rungs"
_SEEDS_FROM = 2_000_000  # beyond the index of any trial and of any final training


@dataclass(frozen=True, slots=True)
class Contender:
    """A network of the search.

    Attributes:
        name: Of its population and trial, as `best_network` names it.
        arch: The network.
        seed: Of its trial.
        flops: Multiply-adds.
        state: Where its trial stopped.
    """

    name: str
    arch: Arch
    seed: int
    flops: int
    state: Path


@dataclass(frozen=True)
class Standing:
    """The networks of one rung, from the lowest error on.

    Attributes:
        rung: What was trained.
        errors: Name of a network -> its mean validation error, percent.
        before: Name -> its error on the rung before, or of its trial.
        weights: Name -> the files of its trained weights, one for each seed or part.
    """

    rung: Rung
    errors: Mapping[str, float]
    before: Mapping[str, float]
    weights: Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Finals:
    """All rungs of a design.

    Attributes:
        standings: One for each rung on which any network was trained.
        brief: The name of the network that a single pick would have chosen: the lowest error of its trial.
        searched: How many networks were compared before.
    """

    standings: tuple[Standing, ...]
    brief: str
    searched: int

    @property
    def last(self) -> Standing:
        return self.standings[-1]


def state_of(folder: Path, index: int) -> Path:
    """Where the state of a trial is kept. folder: of its population."""
    return folder / "states" / f"{index}.safetensors"


def contenders(frames: Mapping[str, pd.DataFrame], folders: Mapping[str, Path]) -> tuple[list[Contender], list[float]]:
    """The networks of a search that are done, from the lowest error on and of equals from the fewest flops, with it.

    Args:
        frames: Name of a population -> `Population.frame()`.
        folders: Name of a population -> its folder.
    """
    found: list[tuple[float, int, int, Contender]] = []
    for name, frame in frames.items():
        for row in frame[frame["state"] == "done"].to_dict("records"):
            arch, index = Arch.from_json(row["arch"]), int(row["trial"])
            each = Contender(
                f"{name} {index}", arch, int(row["seed"]), int(row["flops"]), state_of(folders[name], index)
            )
            found.append((float(row["error"]), each.flops, len(found), each))
    found.sort(key=lambda item: item[:3])
    return [item[3] for item in found], [item[0] for item in found]


def train_rungs(
    prepared: PreparedDesign, rungs: Sequence[Rung], entered: Sequence[Contender], errors: Sequence[float]
) -> Finals:
    """Train them, each rung on what the one before found best.

    Args:
        prepared: The design.
        rungs: What to train.
        entered: The networks of the search, from the lowest error on.
        errors: Theirs.

    Raises:
        OutputError: A folder cannot be written.
        PopulationError: The folder of a rung is damaged.
    """
    _set_aside_other(prepared, rungs)
    before: Mapping[str, float] = {each.name: error for each, error in zip(entered, errors, strict=True)}
    left, standings = list(entered), []
    for number, rung in enumerate(rungs, 1):
        chosen = left[: rung.networks]
        title = f"finalists, rung {number} of {len(rungs)}"
        standing = _train(prepared, rung, chosen, before, title)
        if not standing.errors:
            _LOG.warning("%s: no training is finished, so the rung before decides", title)
            break
        standings.append(standing)
        by_name = {each.name: each for each in chosen}
        folder = _place(prepared, rung)
        left = [
            replace(by_name[name], state=state_of(folder, _index(folder, by_name[name]))) for name in standing.errors
        ]
        before = standing.errors
    return Finals(tuple(standings), entered[0].name, len(entered))


def choose(finals: Finals, entered: Sequence[Contender], latency: LatencySampler | None) -> Arch | None:
    """The network of the lowest error of the last rung, by its name.

    With a limit on latency it is the lowest of those that meet it when they are measured once more; None where none
    does.
    """
    by_name = {each.name: each for each in entered}
    for standing in reversed(finals.standings):
        for name in standing.errors:
            arch = replace(by_name[name].arch, name=name)
            if latency is None or latency.confirm(arch).ms <= latency.limit.ms:
                return arch
    return None


def _train(
    prepared: PreparedDesign, rung: Rung, chosen: Sequence[Contender], before: Mapping[str, float], title: str
) -> Standing:
    config, folder, recipe = prepared.config, _place(prepared, rung), _recipe(prepared, rung)
    known = identity(None, recipe, prepared.images, config.threads)
    rows = _rows(folder, rung, chosen, config.seed)
    states = {(each.name, each.seed): each.state for each in chosen}
    with Population.open_or_create(
        folder,
        networks=[arch for _, arch, _ in rows],
        seed=config.seed,
        identity=known,
        seeds=[seed for _, _, seed in rows],
        labels=[label for label, _, _ in rows],
    ) as population:
        run(
            population,
            prepared.images,
            recipe,
            title=title,
            workers=config.workers,
            threads=config.threads,
            devices=prepared.devices,
            trial_timeout=None if config.trial_timeout is None else config.trial_timeout * rung.epochs / config.epochs,
            retry_failed=config.retried,
            command=config.command,
            weights=lambda trial: _weights_of(folder, trial.index),
            start=lambda trial: _existing(states.get((trial.label, trial.seed))) if not rung.folds else None,
            states=None if rung.folds else (lambda index: state_of(folder, index), len(rows)),
            fold=lambda trial: _fold(trial.label),
            progress=prepared.progress,
            executor=prepared.executor,
        )
        frame = population.frame()
    return _standing(rung, frame, folder, [each.name for each in chosen], before)


def _standing(
    rung: Rung, frame: pd.DataFrame, folder: Path, names: Sequence[str], before: Mapping[str, float]
) -> Standing:
    """Networks whose every part is done, or any seed of theirs."""
    done = frame[frame["state"] == "done"]
    errors: dict[str, float] = {}
    weights: dict[str, tuple[Path, ...]] = {}
    flops = {}
    for name in names:
        mine = done[done["label"].map(_name_of) == name].sort_values("trial")
        if len(mine) and len(mine) >= rung.folds:
            errors[name], flops[name] = float(mine["error"].mean()), float(mine["flops"].iloc[0])
            weights[name] = tuple(_weights_of(folder, int(trial)) for trial in mine["trial"])
    order = sorted(errors, key=lambda name: (errors[name], flops[name]))
    return Standing(rung, {name: errors[name] for name in order}, dict(before), weights)


def _recipe(prepared: PreparedDesign, rung: Rung) -> Recipe:
    """That of trials, for as many epochs; a training that goes on from a state has its own schedule of the rest."""
    recipe = prepared.recipe
    share = float(recipe.warmup_epochs) / recipe.epochs
    return recipe.with_(epochs=rung.epochs, warmup_epochs=min(share * rung.epochs, 5.0))


def _place(prepared: PreparedDesign, rung: Rung) -> Path:
    return prepared.config.out / _FOLDER / (f"{rung.epochs}_in_{rung.folds}" if rung.folds else str(rung.epochs))


def _set_aside_other(prepared: PreparedDesign, rungs: Sequence[Rung]) -> None:
    """Set rungs aside that were trained by another recipe or on other images."""
    for rung in rungs:
        if not ((folder := _place(prepared, rung)) / FILE).exists():
            continue
        known: dict[str, Any] = identity(None, _recipe(prepared, rung), prepared.images, prepared.config.threads)
        with Population.open(folder) as population:
            same = dict(population.identity) == json.loads(json.dumps(known))
        if not same:
            where = set_aside(prepared.config.out, [_FOLDER])
            _LOG.info("the finalists of before were trained by another recipe; they are in %s", where)
            return


def _rows(folder: Path, rung: Rung, chosen: Sequence[Contender], seed: int) -> list[tuple[str, Arch, int]]:
    """Label, network and seed of each training: those that the folder has, in their order, then the others."""
    held: list[tuple[str, Arch, int]] = []
    if (folder / FILE).exists():
        with Population.open(folder) as population:
            frame = population.frame()
        for row in frame.to_dict("records"):
            held.append((str(row["label"]), Arch.from_json(row["arch"]), int(row["seed"])))
    wanted = []
    for each in chosen:
        if rung.folds:
            wanted += [(f"{each.name} part {k + 1} of {rung.folds}", each.arch, each.seed) for k in range(rung.folds)]
            continue
        seeds = [each.seed, *(trial_seed(seed, _SEEDS_FROM + k) for k in range(1, rung.seeds))]
        wanted += [(each.name, each.arch, one) for one in seeds]
    known = {(label, one) for label, _, one in held}
    return held + [row for row in wanted if (row[0], row[2]) not in known]


def _index(folder: Path, each: Contender) -> int:
    """Of the training of a network that went on from its trial."""
    with Population.open(folder) as population:
        frame = population.frame()
    mine = frame[(frame["label"] == each.name) & (frame["seed"] == each.seed)]
    return int(mine["trial"].iloc[0]) if len(mine) else -1


def _fold(label: str) -> tuple[int, int] | None:
    _, found, parts = label.partition(" part ")
    if not found:
        return None
    k, _, folds = parts.partition(" of ")
    return int(k) - 1, int(folds)


def _name_of(label: str) -> str:
    return label.partition(" part ")[0]


def _weights_of(folder: Path, index: int) -> Path:
    return folder / "weights" / f"{index}.safetensors"


def _existing(path: Path | None) -> Path | None:
    return path if path is not None and path.is_file() else None


def why_picked(finals: Finals, pick: Arch, epochs: int, validation: int) -> str:
    """A sentence about the pick.

    Args:
        finals: The rungs.
        pick: The network, named as in the standings.
        epochs: Of a trial.
        validation: Images that compared the networks.
    """
    last = finals.last
    how = f"after {count(last.rung.epochs, 'epoch')}"
    if last.rung.folds:
        how += f", in a cross-validation of {last.rung.folds} parts,"
    elif last.rung.seeds > 1:
        how += f" over {last.rung.seeds} seeds"
    why = (
        f"The pick is network {pick.name}: the lowest validation error {how}, {last.errors[pick.name]:.2f}%, of "
        f"{count(len(last.errors), 'finalist')}. Of {count(finals.searched, 'network')} that were compared for "
        f"{count(epochs, 'epoch')} each, the best went on: {rungs_in_words([s.rung for s in finals.standings])}."
    )
    if last.rung.folds:
        why += (
            f" The validation split has {count(validation, 'image')}, too few to choose by (fewer than "
            f"{SMALL_SPLIT}), so each finalist was trained once for each part and judged on images that it had not "
            "seen."
        )
    return f"{why} It was chosen by this error, so judge it by the test error."
