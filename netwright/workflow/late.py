"""Where the time of a budget is up: what is left out, and what is said of what is not."""

from __future__ import annotations

from netwright.options import duration_in_words
from netwright.workflow.ledger import Ledger

__all__ = ["UNCONFIRMED", "ended_in_words", "finals_in_words", "unshown_in_words"]

UNCONFIRMED = (
    "The refined space is not sampled, because there is no time for it beside the final trainings: whether it is "
    "better is not known. A larger --budget goes on with it."
)
_MISSED = 1.15  # times the budget: what lies above needs a reason


def unshown_in_words(seconds: float) -> str:
    """That nothing is trained only to show what the pick confuses. seconds: that this takes."""
    return (
        "what the pick confuses is not shown: there is no time to train it once more for that, about "
        f"{duration_in_words(seconds)}. The same command without --budget does it"
    )


def finals_in_words(ledger: Ledger, epochs: int, seeds: int, needed: float) -> str:
    """The final trainings, and whether there is time for them. needed: seconds that they take."""
    each = "one training of each" if seeds == 1 else f"{seeds} trainings of each"
    if ledger.has_time(needed):
        return f"3/3: {epochs} epochs and {each} fit the {duration_in_words(max(ledger.left, 1.0))} that are left"
    left = f"{duration_in_words(ledger.left)} are left" if ledger.left >= 1 else "the time is up"
    return (
        f"3/3: {left}, and {epochs} epochs and {each} take about {duration_in_words(needed)}. They are trained "
        "nevertheless: without them nothing is known of test images"
    )


def ended_in_words(spent: float, budget: float) -> str:
    """How long a design took, in seconds, and of what."""
    text = f"done in {duration_in_words(spent)} of {duration_in_words(budget)}"
    if spent <= _MISSED * budget:
        return text
    return f"{text}: longer, as training was slower than measured or the least that a design trains takes longer"
