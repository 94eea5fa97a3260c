"""A design goes on: what of the folder can be used again, and what is set aside because it cannot."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from netwright.analysis.policy import BEFORE, BEFORE_FROM, DEFAULT, REFINE_FROM
from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.population import FILE, Population, difference
from netwright.recipe import Recipe
from netwright.system.atomic import explain_errors
from netwright.system.plural import count
from netwright.system.run_folder import mark_run_folder
from netwright.workflow.config import DesignConfig

__all__ = ["CONFIG", "keep_finals_of", "kept_config", "refuse_other", "set_aside"]

_LOG = logging.getLogger(__name__)

CONFIG = "brief"  # the key under which a population keeps the configuration of its design, as in version 0.1
# a finished design goes on with others of these
_GROWING = ("trials", "confirm_trials", "epochs", "final_epochs", "final_seeds")


def kept_config(out: Path) -> dict[str, Any]:
    """The configuration under which the space of a folder's design was refined; empty where none was."""
    if not (out / "refined" / FILE).exists():
        return {}
    with Population.open(out / "refined") as population:
        return dict(population.notes.get(CONFIG, {}))


def refuse_other(config: DesignConfig) -> None:
    """Set aside trials of other epochs, and refuse whatever else than their number a design is continued with.

    Raises:
        PopulationError: The space was refined under other options.
    """
    _set_aside_other_epochs(config)
    if not (old := kept_config(config.out)):
        return
    # a design of version 0.1 goes on by the same command, which says nothing of a policy: there was none to choose
    by_default = (config.policy, config.refine_from) == (DEFAULT, REFINE_FROM)
    then = (config.policy, config.refine_from) if by_default else (BEFORE, BEFORE_FROM)
    old = {"policy": then[0], "refine_from": then[1]} | old
    lines = difference(_without_counts(old), _without_counts(json.loads(json.dumps(config.lasting()))))
    if lines:
        raise PopulationError(
            f"the design in {config.out} was begun with other options, and its space is refined already:\n  "
            + "\n  ".join(lines)
            + "\nGive the same to resume it, or choose another folder (--out) to start over. With more trials, epochs "
            "or final seeds it goes on."
        )


def _without_counts(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _GROWING}


def _set_aside_other_epochs(config: DesignConfig) -> None:
    """Trials of other epochs say nothing of those of these."""
    if not (config.out / "result.json").exists() or not (config.out / FILE).exists():
        return
    with Population.open(config.out) as population:
        then = int(population.identity["recipe"]["epochs"])
        many = len(population)
    if then == config.epochs:
        return
    names = [name for name in (FILE, "refined", "final", "rungs", "states") if (config.out / name).exists()]
    where = set_aside(config.out, names)
    _LOG.info(
        "%d networks were trained for %s, and --epochs is now %d: errors after different "
        "epochs cannot be compared, so all are trained again. The earlier ones are in %s",
        many,
        count(then, "epoch"),
        config.epochs,
        where,
    )


def keep_finals_of(config: DesignConfig, pick: Arch, baseline: Arch, recipe: Recipe) -> Recipe:
    """Set the final trainings of a folder aside where they are of other networks or epochs, and say why.

    Returns:
        The recipe to train by: that of the trainings that stay. Only a file that was given replaces it.
    """
    folder = config.out / "final"
    if not (folder / FILE).exists():
        return recipe
    with Population.open(folder) as population:
        kept = Recipe.from_dict(population.identity["recipe"])
        frame = population.frame()
    archs = [Arch.from_json(text) for text in frame["arch"]]
    why = ""
    if pick not in archs:
        why = "another network is the pick now"
    elif baseline not in archs:
        why = "the pick is compared with another network now"
    elif kept.epochs != recipe.epochs:
        why = f"they had {count(kept.epochs, 'epoch')}, and {recipe.epochs} are wanted"
    elif config.final_recipe is not None and kept != recipe:
        why = f"their recipe is another than that of {config.final_recipe}"
    if why:
        done = int((frame["state"] == "done").sum())
        where = set_aside(config.out, ["final"])
        _LOG.info("%d final trainings cannot be used again: %s. They are in %s", done, why, where / "final")
    return recipe if why else kept


def set_aside(out: Path, names: list[str]) -> Path:
    """Move files and folders of a design into a new folder earlier-1, earlier-2, ... of it."""
    number = 1
    while (where := out / f"earlier-{number}").exists():
        number += 1
    with explain_errors(where, what="what an earlier design left", elsewhere="another --out"):
        where.mkdir()
        mark_run_folder(where)
        for name in names:
            (out / name).rename(where / name)
    return where
