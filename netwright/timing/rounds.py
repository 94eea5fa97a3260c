"""Two networks timed in turns, so that a machine that becomes slower does so for both: medians, with intervals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple, Protocol

__all__ = ["Clock", "Rounds", "Turn", "alternate", "median_interval"]

_TURN = 0.012  # seconds of a turn, which is at least one answer
_WARM_UP = (3, 0.06)  # answers, and seconds, before anything counts: kernels are chosen, memory is taken
_ROUNDS = (15, 45)  # at least, at most
_STEP = 10
_SECONDS = 5.0  # after which no further rounds are begun: the machine is too restless for more to help
_CLOSE = 0.02  # rounds end when the interval reaches no further than this share from the median


class Turn(NamedTuple):
    """Some answers, one after another.

    Attributes:
        seconds: The median of those during which no other program took the processor.
        clocked: The median of all.
    """

    seconds: float
    clocked: float


class Clock(Protocol):
    """A network that answers while it is timed."""

    def __call__(self, calls: int, /) -> Turn:
        """Answer so often."""
        ...

    def close(self) -> None:
        """Free the network."""
        ...


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the clock showed.

    Attributes:
        network: Seconds of an answer, one entry a round.
        reference: Of the reference network, likewise.
        clocked: Of the network, whatever other programs did meanwhile.
    """

    network: tuple[float, ...]
    reference: tuple[float, ...]
    clocked: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Network over reference, round by round."""
        return tuple(a / b for a, b in zip(self.network, self.reference, strict=True))


def alternate(network: Clock, reference: Clock, *, most: int = _ROUNDS[1]) -> Rounds:
    """Time a network beside a reference, in alternating order, until the median ratio is known to 2%.

    Args:
        network: The network's clock.
        reference: The reference's.
        most: Rounds, where the machine is too restless for that.
    """
    calls = [_calls(clock) for clock in (network, reference)]
    found: tuple[list[Turn], list[Turn]] = ([], [])
    began = time.perf_counter()
    while len(found[0]) < most and (not found[0] or time.perf_counter() - began < _SECONDS):
        for _ in range(min(_STEP if found[0] else _ROUNDS[0], most - len(found[0]))):
            for which in (0, 1) if len(found[0]) % 2 else (1, 0):
                found[which].append((network, reference)[which](calls[which]))
        middle, low, high = median_interval(_rounds(*found).ratios)
        if max(high / middle, middle / low) - 1 <= _CLOSE:
            break
    return _rounds(*found)


def _rounds(network: Sequence[Turn], reference: Sequence[Turn]) -> Rounds:
    seconds, beside = (tuple(turn.seconds for turn in turns) for turns in (network, reference))
    return Rounds(seconds, beside, tuple(turn.clocked for turn in network))


def _calls(clock: Clock) -> int:
    """Answers of a turn, found in the warm-up."""
    answers, passed, least = 0, 0.0, float("inf")
    while answers < _WARM_UP[0] or passed < _WARM_UP[1]:
        seconds = max(clock(1).clocked, 1e-6)
        answers, passed, least = answers + 1, passed + seconds, min(least, seconds)
    return max(1, round(_TURN / least))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """(median, low, high): the interval is between order statistics, exact for independent values of any distribution.

    Of fewer than six values the interval is from the lowest to the highest, which is less than 95%.
    """
    from scipy.stats import binom

    ordered, n = sorted(values), len(values)
    below = int(binom.ppf((1 - confidence) / 2, n, 0.5))  # P(at most below - 1 of n lie under the median) < 2.5%
    at = max(below - 1, 0)
    return median(ordered), ordered[at], ordered[n - 1 - at]
