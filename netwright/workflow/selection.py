"""Which network is selected: by the error on validation images alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from netwright.arch import Arch
from netwright.errors import PopulationError
from netwright.stats import outcomes
from netwright.system.plural import count

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["best_network", "refuse_failure"]


def best_network(frames: Mapping[str, pd.DataFrame]) -> tuple[Arch, str]:
    """The network of the lowest validation error; of equals, the one of fewer flops.

    Args:
        frames: Name of a population -> `Population.frame()`.

    Returns:
        The network, named by its population and trial, and a sentence that says why.

    Raises:
        PopulationError: No trial is done.
    """
    import pandas as pd

    both = pd.concat([frame.assign(population=name) for name, frame in frames.items()])
    refuse_failure(both)
    done = both[both["state"] == "done"].sort_values(["error", "flops"], kind="stable")
    best = done.iloc[0]
    name = f"{best['population']} {best['trial']}"
    results = outcomes(both)
    counts = (
        *((results.n_failed, "failed"), (results.lost, "the machine failed"), (results.unfinished, "unfinished")),
        (results.pruned, "pruned"),
    )
    others = ", ".join(f"{many} more {what}" for many, what in counts if many)
    networks = count(len(done), "network")
    why = (
        f"The pick is network {name}: the lowest validation error, {best['error']:.2f}% (an accuracy of "
        f"{100 - best['error']:.2f}%), of {networks}{f' ({others})' if others else ''}."
    )
    if (equal := int((done["error"] == best["error"]).sum())) > 1:
        why += f" {equal} networks have this error, and of these it has the fewest flops."
    why += " It was chosen by this error, so judge it by the test error."
    return replace(Arch.from_json(best["arch"]), name=name), why


def refuse_failure(frame: pd.DataFrame) -> None:
    """PopulationError, with the reasons, where no trial is done."""
    if (frame["state"] == "done").any():
        return
    reasons = frame["reason"].dropna().value_counts()
    why = "; ".join(f"{count} x {reason}" for reason, count in reasons.head(3).items())
    cure = "Lower the learning rate or the budget, in another folder."
    if "failure" in frame.columns and (frame["failure"] == "machine").any():
        cure = "What the machine failed is trained again by the same command with --retry_failed."
    raise PopulationError(
        f"a network is selected from trials that are done, and none of {len(frame)} is: {why}. {cure}"
    )
