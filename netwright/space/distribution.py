"""What one parameter may be, and how likely each value is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from netwright.errors import SpaceError
from netwright.space.levels import MOST_LEVELS, check_range, geometric, multiples, pick

__all__ = ["Choice", "Distribution", "LogUniform", "PowersOfTwo", "Uniform", "distribution_from_dict"]

Floats = npt.NDArray[np.float64]


class Distribution(Protocol):
    """The values of one parameter, and how likely each is. Immutable."""

    @property
    def is_logarithmic(self) -> bool:
        """Whether equal ratios, not equal differences, are equally likely."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""

    def levels(self) -> tuple[Floats, Floats] | None:
        """(values, probabilities), each (k,), values ascending; None for a continuous distribution."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """(n,) independent values."""

    def narrow(self, low: float, high: float) -> Distribution:
        """The same distribution, conditioned on low <= value <= high.

        Raises:
            SpaceError: No value is left.
        """

    def to_dict(self) -> dict[str, Any]:
        """One key, the kind, and its arguments; `distribution_from_dict` is the inverse."""


def _empty(distribution: Distribution, low: float, high: float) -> SpaceError:
    held = distribution.bounds
    return SpaceError(
        f"no value from {held[0]:g} to {held[1]:g} that the distribution has lies within {low:g} to {high:g}. "
        "Give a range that overlaps it."
    )


@dataclass(frozen=True, slots=True)
class _Interval:
    """What distributions from low to high share."""

    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)


@dataclass(frozen=True, slots=True)
class Uniform(_Interval):
    """Equally likely values low, low + quantum, ..., high; without a quantum every real number in [low, high)."""

    quantum: float | None = None
    is_logarithmic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_range("uniform", self.low, self.high, self.quantum, positive=False)

    def levels(self) -> tuple[Floats, Floats] | None:
        if self.quantum is None:
            return None
        values = multiples(self.low, self.high, self.quantum)
        return values, np.full(len(values), 1 / len(values))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        listed = self.levels()
        return rng.uniform(self.low, self.high, n) if listed is None else pick(listed, rng, n)

    def narrow(self, low: float, high: float) -> Uniform:
        return Uniform(*_narrowed(self, low, high, self.quantum), self.quantum)

    def to_dict(self) -> dict[str, Any]:
        return {"uniform": [self.low, self.high], **({} if self.quantum is None else {"quantum": self.quantum})}


@dataclass(frozen=True, slots=True)
class LogUniform(_Interval):
    """Log-uniform from low to high: multiples of a quantum, a number of points in equal ratios, or real numbers.

    With a quantum q the value v stands for the interval (v - q, v], whose log length is its probability; the interval
    of v = q starts at q / 2. The code of DDS samples depths and widths in this way, and narrowing conditions on it.
    """

    quantum: float | None = None
    points: int | None = None
    is_logarithmic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("log_uniform", self.low, self.high, self.quantum, positive=True)
        if self.points is None:
            return
        if self.quantum is not None or not isinstance(self.points, int) or not 2 <= self.points <= MOST_LEVELS:
            raise SpaceError(
                f"a log_uniform distribution has a quantum or 2 to {MOST_LEVELS:,} points, not quantum {self.quantum} "
                f"and {self.points!r} points. Leave one out."
            )
        if self.low == self.high:
            raise SpaceError(f"points lie between two ends, not both at {self.low:g}. Give the number alone.")

    def levels(self) -> tuple[Floats, Floats] | None:
        if self.points is not None:
            return geometric(self.low, self.high, self.points), np.full(self.points, 1 / self.points)
        if self.quantum is None:
            return None
        values = multiples(self.low, self.high, self.quantum)
        lengths = np.log(values / np.maximum(values - self.quantum, values / 2))
        return values, lengths / lengths.sum()

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        listed = self.levels()
        if listed is None:
            return np.exp(rng.uniform(math.log(self.low), math.log(self.high), n))
        return pick(listed, rng, n)

    def narrow(self, low: float, high: float) -> Distribution:
        if self.points is None:
            return LogUniform(*_narrowed(self, low, high, self.quantum), self.quantum)
        values = geometric(self.low, self.high, self.points)
        # a good range is made of sampled values: rounding in the last digits must not lose its ends
        kept = values[(values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9))]
        if not len(kept):
            raise _empty(self, low, high)
        if len(kept) == 1:
            return Choice((float(kept[0]),))
        return LogUniform(float(kept[0]), float(kept[-1]), points=len(kept))

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = {"log_uniform": [self.low, self.high]}
        for name in ("quantum", "points"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        return values


@dataclass(frozen=True, slots=True)
class PowersOfTwo(_Interval):
    """Equally likely powers of two from low to high, which are powers of two themselves (0.25, 1, 8, ...)."""

    is_logarithmic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("powers_of_two", self.low, self.high, None, positive=True)
        for end in (self.low, self.high):
            if math.frexp(end)[0] != 0.5:
                raise SpaceError(f"the ends of powers_of_two are powers of two, not {end:g}. Take the nearest one.")

    def levels(self) -> tuple[Floats, Floats]:
        values = 2.0 ** np.arange(math.log2(self.low), math.log2(self.high) + 1)
        return values, np.full(len(values), 1 / len(values))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return pick(self.levels(), rng, n)

    def narrow(self, low: float, high: float) -> PowersOfTwo:
        values = self.levels()[0]
        kept = values[(values >= low) & (values <= high)]
        if not len(kept):
            raise _empty(self, low, high)
        return PowersOfTwo(float(kept[0]), float(kept[-1]))

    def to_dict(self) -> dict[str, Any]:
        return {"powers_of_two": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class Choice:
    """Some numbers, equally likely or with the given weights, which need not add up to 1."""

    values: tuple[float, ...]
    weights: tuple[float, ...] | None = None
    is_logarithmic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise SpaceError(f"a choice has at least one value and each once, not {list(self.values)}. Correct it.")
        if any(isinstance(value, bool | str) or not math.isfinite(value) for value in self.values):
            raise SpaceError(f"a choice is among finite numbers, not {list(self.values)}. Correct it.")
        if self.weights is not None and (
            any(isinstance(weight, bool) or not isinstance(weight, int | float) for weight in self.weights)
            or len(self.weights) != len(self.values)
            or min(self.weights) < 0
            or not 0 < sum(self.weights) < math.inf
        ):
            raise SpaceError(
                f"the weights of a choice are numbers, as many as its {len(self.values)} values, none negative, not "
                f"all 0; these are {list(self.weights)}. Correct or omit them."
            )

    def levels(self) -> tuple[Floats, Floats]:
        weights = np.ones(len(self.values)) if self.weights is None else np.array(self.weights, np.float64)
        order = np.argsort(self.values)
        return np.array(self.values, np.float64)[order], (weights / weights.sum())[order]

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return pick(self.levels(), rng, n)

    def narrow(self, low: float, high: float) -> Choice:
        kept = [i for i, value in enumerate(self.values) if low <= value <= high]
        if not kept:
            raise _empty(self, low, high)
        weights = None if self.weights is None else tuple(self.weights[i] for i in kept)
        return Choice(tuple(self.values[i] for i in kept), weights)

    @property
    def bounds(self) -> tuple[float, float]:
        return float(min(self.values)), float(max(self.values))

    def to_dict(self) -> dict[str, Any]:
        return {"choice": list(self.values), **({} if self.weights is None else {"weights": list(self.weights)})}


_KINDS: dict[str, Callable[..., Distribution]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "powers_of_two": PowersOfTwo,
    "choice": Choice,
}


_OPTIONS = {"uniform": ("quantum",), "log_uniform": ("quantum", "points"), "powers_of_two": (), "choice": ("weights",)}


def distribution_from_dict(values: Any) -> Distribution:
    """A distribution as a space's YAML file has it.

    Args:
        values: For example `{"log_uniform": [8, 1024], "quantum": 8}`; a number or a list is short for a choice.

    Raises:
        SpaceError: An unknown kind, or arguments that it cannot have.
    """
    if isinstance(values, list) or (isinstance(values, int | float) and not isinstance(values, bool)):
        values = {"choice": values if isinstance(values, list) else [values]}
    kinds = [key for key in values if key in _KINDS] if isinstance(values, Mapping) else []
    if not isinstance(values, Mapping) or len(kinds) != 1:
        raise SpaceError(
            f"a distribution has one of the keys {', '.join(_KINDS)}, or is a number or a list of numbers; not "
            f"{values!r}. For example: {{log_uniform: [8, 1024], quantum: 8}}."
        )
    arguments = values[kinds[0]]
    for key in values:
        if key != kinds[0] and key not in _OPTIONS[kinds[0]]:
            raise SpaceError(
                f"a {kinds[0]} distribution has no {key!r}: it takes "
                f"{', '.join((kinds[0], *_OPTIONS[kinds[0]]))}. Correct or remove it."
            )
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    del options[kinds[0]]
    try:
        if kinds[0] == "choice":
            return Choice(tuple(arguments), **options)
        return _KINDS[kinds[0]](*arguments, **options)
    except TypeError as error:
        raise SpaceError(
            f"the distribution {dict(values)!r} cannot be read: {error}. For example: "
            "{log_uniform: [8, 1024], quantum: 8}."
        ) from error


def _narrowed(distribution: Distribution, low: float, high: float, quantum: float | None) -> tuple[float, float]:
    old_low, old_high = distribution.bounds
    new_low, new_high = max(old_low, low), min(old_high, high)
    if quantum is not None:
        values = multiples(old_low, old_high, quantum)
        kept = values[(values >= new_low - 1e-9 * quantum) & (values <= new_high + 1e-9 * quantum)]
        if not len(kept):
            raise _empty(distribution, low, high)
        new_low, new_high = (float(kept[0]), float(kept[-1]))
        if new_low.is_integer() and new_high.is_integer():
            return int(new_low), int(new_high)
    if new_low > new_high:
        raise _empty(distribution, low, high)
    return new_low, new_high
