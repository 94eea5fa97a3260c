"""Best by bootstrap: networks that may well be the best, by how much an error moves with images and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.report.seed_noise import noise_of
from netwright.report.view import PopulationView
from netwright.studio.errors import StudioError
from netwright.studio.populations import Opened

__all__ = ["leaders"]

_DRAWS, _SEED = 4000, 0
_ENOUGH = 0.95  # of the chance that the best one is among them
_MOST = 16
_QUARTER = 0.25  # of the networks: a draw of the paper's bootstrap

Floats = npt.NDArray[np.float64]


def leaders(opened: Opened, view: PopulationView) -> dict[str, Any]:
    """The networks that hold 95% of the chance of being the best, at most 16.

    Each error is drawn anew around what was measured: with the noise of so many validation images, and with that of
    seeds where networks were trained with several. All networks have the same images, so that errors move together and
    fewer are in doubt than it seems. Where neither is known, the paper's bootstrap remains: the best of a quarter of
    the networks, drawn with replacement (DDS, section 3.2).

    Args:
        opened: The population.
        view: The same, or a part of it.

    Returns:
        `networks`: trial and chance, best first; `how`: a sentence; `covered`: their chances together.

    Raises:
        StudioError: No network has an error.
    """
    done = view.done
    if done.empty:
        raise StudioError(422, f"no network of {opened.entry.id} has a result yet.")
    errors = done["error"].to_numpy(np.float64)
    images = _validation_images(opened)
    noise = noise_of(view)
    if images or noise is not None:
        chances = _simulated(errors, images, 0.0 if noise is None else noise.deviation)
        parts = [f"{images:,} validation images"] if images else []
        parts += [] if noise is None else [f"seeds ({noise.deviation:.2f} points)"]
        how = f"{_DRAWS:,} draws of all errors with the noise of {' and '.join(parts)}"
    else:
        chances = _of_quarter(errors)
        how = (
            "the best of a quarter of the networks, drawn with replacement, as nothing is known of the noise of errors"
        )
    order = np.argsort(-chances, kind="stable")
    many = min(int(np.searchsorted(np.cumsum(chances[order]), _ENOUGH) + 1), _MOST, len(order))
    chosen = order[:many]
    trials = done["trial"].to_numpy()
    return {
        "networks": [{"trial": int(trials[i]), "chance": float(chances[i])} for i in chosen],
        "covered": float(chances[chosen].sum()),
        "how": how,
    }


def _validation_images(opened: Opened) -> int:
    """How many images an error is of; 0 where the population does not record it."""
    if opened.population is None:
        return 0
    many = opened.population.notes.get("provenance", {}).get("data", {}).get("validation", 0)
    return many if isinstance(many, int) else 0


def _simulated(errors: Floats, images: int, deviation: float) -> Floats:
    """(n,): how often each network has the lowest error."""
    share = np.clip(errors / 100, 0.0, 1.0)
    # one image more or less is the least that is not known
    of_images = 100 * np.sqrt(np.maximum(share * (1 - share), 1 / images) / images) if images else np.zeros(len(errors))
    spread = np.hypot(of_images, deviation)
    near = np.flatnonzero(errors <= errors.min() + 8 * spread.max())  # no other one is ever the best
    rng = np.random.default_rng(_SEED)
    wins = np.zeros(len(errors))
    drawn = rng.standard_normal((_DRAWS, len(near))) * spread[near] + errors[near]
    np.add.at(wins, near[drawn.argmin(axis=1)], 1 / _DRAWS)
    return wins


def _of_quarter(errors: Floats) -> Floats:
    """(n,): the chance of being the best of a draw, exactly; equal errors share it."""
    n = len(errors)
    m = max(1, round(_QUARTER * n))
    rank = np.arange(n)
    chance = ((n - rank) / n) ** m - ((n - rank - 1) / n) ** m
    _, group = np.unique(errors, return_inverse=True)
    return np.asarray((np.bincount(group, chance) / np.bincount(group))[group])
