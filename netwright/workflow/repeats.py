"""How often the networks of a sweep are trained, checked before anything is."""

from __future__ import annotations

from netwright.errors import RecipeError
from netwright.stats.noise import LEAST_REPEATED

__all__ = ["check_repeats"]


def check_repeats(repeats: int, repeated: int | None, trials: int) -> None:
    """Raise RecipeError for numbers that cannot be, or from which nothing can be learned.

    Args:
        repeats: Seeds of each repeated network.
        repeated: How many networks are repeated; None is all.
        trials: Networks.
    """
    if repeats < 1:
        raise RecipeError(
            f"repeats is at least 1, not {repeats}: 1 trains each network once, 3 with three seeds. Correct 'repeats'."
        )
    if repeats == 1:
        if repeated is not None:
            raise RecipeError(f"repeated is {repeated}, and no network is repeated. Give 'repeats' too, such as 3.")
        return
    if not LEAST_REPEATED <= (trials if repeated is None else repeated) <= trials:
        raise RecipeError(
            f"repeated lies between {LEAST_REPEATED}, which show seed noise, and the number of trials, and it is "
            f"{trials if repeated is None else repeated} of {trials}. Correct 'repeated', or leave it out for all."
        )
