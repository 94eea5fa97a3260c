"""What one parameter may be, and how likely each value is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from netwright.errors import SpaceError
from netwright.space.levels import MOST_LEVELS, check_range, geometric, multiples, pick

__all__ = ["Choice", "Domain", "LogUniform", "PowersOfTwo", "Uniform", "domain_from_dict"]

Floats = npt.NDArray[np.float64]


class Domain(Protocol):
    """The values of one parameter and their distribution. Immutable."""

    def levels(self) -> tuple[Floats, Floats] | None:
        """(values, probabilities), ascending; None for a continuous domain."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """(n,) independent values."""

    def narrow(self, low: float, high: float) -> Domain:
        """The same distribution, conditioned on low <= value <= high; SpaceError where nothing is left."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""

    @property
    def is_logarithmic(self) -> bool:
        """Whether equal ratios, not equal differences, are equally likely."""

    def to_dict(self) -> dict[str, Any]:
        """One key, the kind, and its arguments; `domain_from_dict` is the inverse."""


def _empty(domain: Domain, low: float, high: float) -> SpaceError:
    held = domain.bounds
    return SpaceError(
        f"no value of the domain {held[0]:g} to {held[1]:g} lies within {low:g} to {high:g}. "
        "Give a range that overlaps it."
    )


@dataclass(frozen=True, slots=True)
class Uniform:
    """Equally likely values low, low + quantum, ..., high; without a quantum every real number in [low, high)."""

    low: float
    high: float
    quantum: float | None = None

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

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    @property
    def is_logarithmic(self) -> bool:
        return False

    def to_dict(self) -> dict[str, Any]:
        return {"uniform": [self.low, self.high], **({} if self.quantum is None else {"quantum": self.quantum})}


@dataclass(frozen=True, slots=True)
class LogUniform:
    """Log-uniform from low to high: multiples of a quantum, a number of points in equal ratios, or real numbers.

    With a quantum q the value v stands for the interval (v - q, v], whose log length is its probability; the interval
    of v = q starts at q / 2. That is how the code of DDS samples depths and widths, and narrowing conditions on it.
    """

    low: float
    high: float
    quantum: float | None = None
    points: int | None = None

    def __post_init__(self) -> None:
        check_range("log_uniform", self.low, self.high, self.quantum, positive=True)
        if self.points is None:
            return
        if self.quantum is not None or not isinstance(self.points, int) or not 2 <= self.points <= MOST_LEVELS:
            raise SpaceError(
                f"a log_uniform domain has a quantum or 2 to {MOST_LEVELS:,} points, not quantum {self.quantum} and "
                f"{self.points!r} points. Leave one out."
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

    def narrow(self, low: float, high: float) -> Domain:
        if self.points is None:
            return LogUniform(*_narrowed(self, low, high, self.quantum), self.quantum)
        values = geometric(self.low, self.high, self.points)
        # a good range is read off sampled values: let rounding in the last digits not lose its ends
        kept = values[(values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9))]
        if not len(kept):
            raise _empty(self, low, high)
        if len(kept) == 1:
            return Choice((float(kept[0]),))
        return LogUniform(float(kept[0]), float(kept[-1]), points=len(kept))

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    @property
    def is_logarithmic(self) -> bool:
        return True

    def to_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = {"log_uniform": [self.low, self.high]}
        for name in ("quantum", "points"):
            if getattr(self, name) is not None:
                plain[name] = getattr(self, name)
        return plain


@dataclass(frozen=True, slots=True)
class PowersOfTwo:
    """Equally likely powers of two from low to high, which are powers of two themselves (0.25, 1, 8, ...)."""

    low: float
    high: float

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

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)

    @property
    def is_logarithmic(self) -> bool:
        return True

    def to_dict(self) -> dict[str, Any]:
        return {"powers_of_two": [self.low, self.high]}


@dataclass(frozen=True, slots=True)
class Choice:
    """Some numbers, equally likely or with the given weights."""

    values: tuple[float, ...]
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise SpaceError(f"a choice has at least one value and each once, not {list(self.values)}. Correct it.")
        if any(isinstance(value, bool | str) or not math.isfinite(value) for value in self.values):
            raise SpaceError(f"a choice is among finite numbers, not {list(self.values)}. Correct it.")
        if self.weights is not None and (
            len(self.weights) != len(self.values) or min(self.weights) < 0 or not 0 < sum(self.weights) < math.inf
        ):
            raise SpaceError(
                f"the weights of a choice are as many as its {len(self.values)} values, not negative and not all 0; "
                f"these are {list(self.weights)}. Correct or omit them."
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

    @property
    def is_logarithmic(self) -> bool:
        return False

    def to_dict(self) -> dict[str, Any]:
        return {"choice": list(self.values), **({} if self.weights is None else {"weights": list(self.weights)})}


_KINDS: dict[str, Callable[..., Domain]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "powers_of_two": PowersOfTwo,
    "choice": Choice,
}


def domain_from_dict(plain: Any) -> Domain:
    """A domain from `{log_uniform: [8, 1024], quantum: 8}`; a number or a list is short for a choice."""
    if isinstance(plain, list) or (isinstance(plain, int | float) and not isinstance(plain, bool)):
        plain = {"choice": plain if isinstance(plain, list) else [plain]}
    kinds = [key for key in plain if key in _KINDS] if isinstance(plain, Mapping) else []
    if not isinstance(plain, Mapping) or len(kinds) != 1:
        raise SpaceError(
            f"a domain has one of the keys {', '.join(_KINDS)}, or is a number or a list of numbers; not {plain!r}. "
            "For example: {log_uniform: [8, 1024], quantum: 8}."
        )
    arguments = plain[kinds[0]]
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
    del options[kinds[0]]
    try:
        if kinds[0] == "choice":
            return Choice(tuple(arguments), **options)
        return _KINDS[kinds[0]](*arguments, **options)
    except TypeError as error:
        raise SpaceError(
            f"the domain {dict(plain)!r} cannot be read: {error}. For example: {{log_uniform: [8, 1024], quantum: 8}}."
        ) from error


def _narrowed(domain: Domain, low: float, high: float, quantum: float | None) -> tuple[float, float]:
    old_low, old_high = domain.bounds
    new_low, new_high = max(old_low, low), min(old_high, high)
    if quantum is not None:
        values = multiples(old_low, old_high, quantum)
        kept = values[(values >= new_low - 1e-9 * quantum) & (values <= new_high + 1e-9 * quantum)]
        if not len(kept):
            raise _empty(domain, low, high)
        new_low, new_high = (float(kept[0]), float(kept[-1]))
        if new_low.is_integer() and new_high.is_integer():
            return int(new_low), int(new_high)
    if new_low > new_high:
        raise _empty(domain, low, high)
    return new_low, new_high
