"""What one parameter may be, and how likely each value is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from netwright.errors import SpaceError

__all__ = ["Choice", "Domain", "LogUniform", "PowersOfTwo", "Uniform", "domain_from_dict"]

Floats = npt.NDArray[np.float64]

_MOST_LEVELS = 1_000_000  # values of one domain


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
        _check_range("uniform", self.low, self.high, self.quantum, positive=False)

    def levels(self) -> tuple[Floats, Floats] | None:
        if self.quantum is None:
            return None
        values = _multiples(self.low, self.high, self.quantum)
        return values, np.full(len(values), 1 / len(values))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        listed = self.levels()
        return rng.uniform(self.low, self.high, n) if listed is None else _pick(listed, rng, n)

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
        _check_range("log_uniform", self.low, self.high, self.quantum, positive=True)
        if self.points is None:
            return
        if self.quantum is not None or not isinstance(self.points, int) or not 2 <= self.points <= _MOST_LEVELS:
            raise SpaceError(
                f"a log_uniform domain has a quantum or 2 to {_MOST_LEVELS:,} points, not quantum {self.quantum} and "
                f"{self.points!r} points. Leave one out."
            )
        if self.low == self.high:
            raise SpaceError(f"points lie between two ends, not both at {self.low:g}. Give the number alone.")

    def levels(self) -> tuple[Floats, Floats] | None:
        if self.points is not None:
            return _geometric(self.low, self.high, self.points), np.full(self.points, 1 / self.points)
        if self.quantum is None:
            return None
        values = _multiples(self.low, self.high, self.quantum)
        lengths = np.log(values / np.maximum(values - self.quantum, values / 2))
        return values, lengths / lengths.sum()

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        listed = self.levels()
        if listed is None:
            return np.exp(rng.uniform(math.log(self.low), math.log(self.high), n))
        return _pick(listed, rng, n)

    def narrow(self, low: float, high: float) -> Domain:
        if self.points is None:
            return LogUniform(*_narrowed(self, low, high, self.quantum), self.quantum)
        values = _geometric(self.low, self.high, self.points)
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
        _check_range("powers_of_two", self.low, self.high, None, positive=True)
        for end in (self.low, self.high):
            if math.frexp(end)[0] != 0.5:
                raise SpaceError(f"the ends of powers_of_two are powers of two, not {end:g}. Take the nearest one.")

    def levels(self) -> tuple[Floats, Floats]:
        values = 2.0 ** np.arange(math.log2(self.low), math.log2(self.high) + 1)
        return values, np.full(len(values), 1 / len(values))

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return _pick(self.levels(), rng, n)

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
        return _pick(self.levels(), rng, n)

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


def _pick(listed: tuple[Floats, Floats], rng: np.random.Generator, n: int) -> Floats:
    values, probabilities = listed
    if len(values) == 1:
        return np.full(n, values[0])
    picked: Floats = values[np.searchsorted(np.cumsum(probabilities)[:-1], rng.random(n), side="right")]
    return picked


def _geometric(low: float, high: float, points: int) -> Floats:
    return np.asarray(np.geomspace(low, high, points), np.float64)


def _multiples(low: float, high: float, quantum: float) -> Floats:
    # through whole numbers, so that 0.1 * 3 is 0.3 and not 0.30000000000000004
    first, last = round(low / quantum), round(high / quantum)
    inverse = 1 / quantum
    whole = np.arange(first, last + 1, dtype=np.float64)
    return whole / round(inverse) if quantum < 1 and abs(inverse - round(inverse)) < 1e-9 else whole * quantum


def _narrowed(domain: Domain, low: float, high: float, quantum: float | None) -> tuple[float, float]:
    old_low, old_high = domain.bounds
    new_low, new_high = max(old_low, low), min(old_high, high)
    if quantum is not None:
        values = _multiples(old_low, old_high, quantum)
        kept = values[(values >= new_low - 1e-9 * quantum) & (values <= new_high + 1e-9 * quantum)]
        if not len(kept):
            raise _empty(domain, low, high)
        new_low, new_high = (float(kept[0]), float(kept[-1]))
        if new_low.is_integer() and new_high.is_integer():
            return int(new_low), int(new_high)
    if new_low > new_high:
        raise _empty(domain, low, high)
    return new_low, new_high


def _check_range(kind: str, low: float, high: float, quantum: float | None, *, positive: bool) -> None:
    for value in (low, high):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise SpaceError(f"the ends of a {kind} domain are finite numbers, not {value!r}. Correct them.")
    if low > high or (positive and low <= 0):
        law = "0 < low <= high" if positive else "low <= high"
        raise SpaceError(f"a {kind} domain needs {law}, not {low!r} to {high!r}. Swap or correct the ends.")
    if quantum is not None:
        if not isinstance(quantum, int | float) or not 0 < quantum < math.inf:
            raise SpaceError(f"the quantum of a {kind} domain is positive, not {quantum!r}. 1 and 8 are usual.")
        if (high - low) / quantum >= _MOST_LEVELS:
            raise SpaceError(
                f"a {kind} domain with a quantum has at most {_MOST_LEVELS:,} values, not those of {low:g} to {high:g} "
                f"in steps of {quantum:g}. Leave the quantum out."
            )
        for value in (low, high):
            if abs(value / quantum - round(value / quantum)) > 1e-6:
                raise SpaceError(
                    f"the ends of a {kind} domain are multiples of its quantum {quantum:g}, not {value:g}. "
                    f"Take {round(value / quantum) * quantum:g}."
                )
