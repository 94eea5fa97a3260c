"""The latency of one network, as it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from netwright.options import latency_in_words
from netwright.timing.rounds import Rounds, median_interval

__all__ = ["Latency"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a network takes to answer one batch.

    Attributes:
        ratio: Of the network's time to the reference's: the median of rounds in which both took turns. Of a turn, the
            answers count during which no other program took the processor.
        low: The lower end of the 95% interval of that median.
        high: Its upper end.
        reference_ms: Milliseconds of the reference network on this device, in the quietest session so far.
        clocked_ms: The median of all answers, whatever else the machine did meanwhile.
        rounds: How many.
    """

    ratio: float
    low: float
    high: float
    reference_ms: float
    clocked_ms: float
    rounds: int

    @property
    def ms(self) -> float:
        """Milliseconds: the ratio times the reference's, so that all networks are as on one and the same machine."""
        return self.ratio * self.reference_ms

    @property
    def interval_ms(self) -> tuple[float, float]:
        """The 95% interval of `ms`, of what varies between rounds."""
        return self.low * self.reference_ms, self.high * self.reference_ms

    @property
    def spread(self) -> float:
        """The upper end of the interval over its lower end: 1 where every round was alike."""
        return self.high / self.low

    @property
    def drift(self) -> float:
        """How many times slower the machine was than when it was quietest: clocked over `ms`."""
        return self.clocked_ms / self.ms

    def in_words(self) -> str:
        """`4.87 ms (95% interval 4.81 to 4.93)`."""
        low, high = (latency_in_words(end / 1e3).removesuffix(" ms") for end in self.interval_ms)
        return f"{latency_in_words(self.ms / 1e3)} (95% interval {low} to {high})"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: milliseconds, ratio, rounds."""
        low, high = self.interval_ms
        values = {"latency_ms": self.ms, "low_ms": low, "high_ms": high, "clocked_ms": self.clocked_ms}
        return values | {"ratio": self.ratio, "reference_ms": self.reference_ms, "rounds": self.rounds}

    @classmethod
    def of(cls, found: Rounds, reference_ms: float) -> Latency:
        """From what the clock showed."""
        middle, low, high = median_interval(found.ratios)
        return cls(middle, low, high, reference_ms, 1e3 * median(found.clocked), len(found.network))

    def kept(self) -> dict[str, Any]:
        """What a cache keeps of it: all but the reference's time, of which it has one for all networks."""
        names = ("ratio", "low", "high", "clocked_ms", "rounds")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_kept(cls, values: Mapping[str, Any], reference_ms: float) -> Latency:
        """From what `kept` gave."""
        numbers = {name: float(values[name]) for name in ("ratio", "low", "high", "clocked_ms")}
        if not all(0 < value < float("inf") for value in numbers.values()):
            raise ValueError(f"not a latency: {dict(values)}")
        return cls(**numbers, reference_ms=reference_ms, rounds=int(values["rounds"]))
