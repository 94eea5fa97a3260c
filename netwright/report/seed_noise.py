"""What the repeats of a population show: how noisy its errors are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.report.text import count
from netwright.report.view import PopulationView
from netwright.stats.noise import LEAST_REPEATED

if TYPE_CHECKING:
    from netwright.stats import SeedNoise

__all__ = ["ceiling_sentence", "noise_of", "noise_sentence", "unstable"]


def noise_of(view: PopulationView, seed: int = 0) -> SeedNoise | None:
    """Variance components and ceiling; None where fewer than 3 networks have several seeds.

    Networks that failed with any seed are left out: their errors are no measurements (see `unstable`).
    """
    if view.repeats is None:
        return None
    import numpy as np

    from netwright.stats import seed_noise

    repeats = view.repeats[view.repeats["state"] == "done"]
    failed = view.repeats[(view.repeats["state"] == "failed") & (view.repeats["failure"] != "machine")]
    trials = view.done[~view.done["trial"].isin(failed["network"])]
    repeats = repeats[repeats["network"].isin(trials["trial"])]
    if repeats["network"].nunique() < LEAST_REPEATED:
        return None
    errors = np.concatenate([trials["error"].to_numpy(float), repeats["error"].to_numpy(float)])
    return seed_noise(errors, np.concatenate([trials["trial"], repeats["network"]]), seed=seed)


def unstable(view: PopulationView) -> int:
    """How many repeated networks failed with some seeds, and not with others."""
    if view.repeats is None:
        return 0
    failed: dict[bool, set[int]] = {True: set(), False: set()}
    known = view.repeats[view.repeats["failure"] != "machine"]
    for network, state in zip(known["network"], known["state"], strict=True):
        if state in ("done", "failed"):
            failed[state == "failed"].add(int(network))
    counted = view.trials[view.outcomes.rows]
    for trial, is_failed in zip(counted["trial"], view.outcomes.failed, strict=True):
        failed[bool(is_failed)].add(int(trial))
    return len(failed[True] & failed[False] & set(known["network"]))


def noise_sentence(noise: SeedNoise) -> str:
    """How much of the spread comes from seeds, to follow "seeds make " or the like."""
    low, high = noise.interval
    return (
        f"{noise.share:.0%} of the variance of errors (95% interval {low:.0%} to {high:.0%}): another seed "
        f"changes a network's error by {noise.deviation:.2f} points (standard deviation), and networks differ by "
        f"{noise.between:.2f}; {count(noise.repeated, 'network')} of {noise.networks:,} with several seeds"
    )


def ceiling_sentence(noise: SeedNoise) -> str:
    """What that does to any ranking."""
    found = noise.ceiling
    how = "from repeats of every network" if found.method == "repeats" else "simulated from these components"
    best = "" if found.best is None else f", {_tau(found.best, found.best_interval)} within the best quarter"
    return (
        "two trainings of all networks with other seeds would rank them with Kendall's tau "
        f"{_tau(found.tau, found.interval)}{best} ({how})"
    )


def _tau(tau: float, interval: tuple[float, float] | None) -> str:
    return f"{tau:.2f}" if interval is None else f"{tau:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"
