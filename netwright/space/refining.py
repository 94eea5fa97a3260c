"""How one parameter, or one limit, of a space becomes narrower."""

from __future__ import annotations

from dataclasses import replace

from netwright.errors import SpaceError
from netwright.space.parameter import ORDERS, Parameter
from netwright.space.values import Range

__all__ = ["both", "narrowed", "ordered"]


def both(key: str, new: Range, old: Range) -> Range:
    """What two limits leave."""
    (low, high), (least, most) = new, old
    if max(low, least) > min(high, most):
        raise SpaceError(
            f"{key} cannot lie within {low:g} to {high:g} and {least:g} to {most:g}: nothing is in both. Start from a "
            "space without the earlier limit."
        )
    return max(low, least), min(high, most)


def ordered(parameter: Parameter, direction: str, space: str, family: str) -> Parameter:
    """The parameter with an order from stage to stage. space, family: of the space that it is of."""
    key = parameter.name
    if direction not in ORDERS:
        raise SpaceError(f"an order is one of {', '.join(ORDERS)}, not {direction!r} on {key!r}. Choose one of these.")
    if parameter.tied:
        raise SpaceError(
            f"{key} is tied: all stages share one draw, which has no order. Leave {key!r} out of the ties or of the "
            "orders."
        )
    if len(parameter.distributions) == 1:
        raise SpaceError(
            f"{key} is drawn once for a network of the family {family}"
            f"{'' if family == 'regnet' else ' with one stage'}, so it has no order. Leave {key!r} out of the "
            "orders."
        )
    if parameter.order not in (None, direction):
        raise SpaceError(
            f"{key} of {space!r} is {parameter.order} already; {direction} as well would leave equal ones. "
            f"Tie {key!r}, or start from a space without that order."
        )
    changed = replace(parameter, order=direction)
    if not changed.count():
        raise SpaceError(
            f"no {key} is left that is {direction.replace('_', '-')} from stage to stage: the stages' values exclude "
            "it. Correct the order, or a stage's values."
        )
    return changed


def narrowed(parameter: Parameter, key: str, low: float, high: float, space: str) -> Parameter:
    """The parameter within low to high, in all stages or in the one whose column is `key`. space: its name."""
    try:
        distributions = tuple(
            distribution.narrow(low, high) if key in (parameter.name, column) else distribution
            for column, distribution in zip(parameter.columns, parameter.distributions, strict=True)
        )
    except SpaceError as error:
        raise SpaceError(f"{key} of {space!r}: {error}") from error
    return replace(parameter, distributions=distributions)
