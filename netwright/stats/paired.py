"""Two networks on the same images: what the answers on which they differ show about their accuracies."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Paired", "paired"]

_Right = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paired:
    """How many images both networks classify correctly, only the source, only the export, and neither."""

    both: int
    only_source: int
    only_exported: int
    neither: int

    @property
    def images(self) -> int:
        return self.both + self.only_source + self.only_exported + self.neither

    @property
    def source(self) -> float:
        """Top-1 of the source network, 0 to 1."""
        return (self.both + self.only_source) / self.images

    @property
    def exported(self) -> float:
        """Top-1 of the export, 0 to 1."""
        return (self.both + self.only_exported) / self.images

    @property
    def difference(self) -> float:
        """exported - source."""
        return (self.only_exported - self.only_source) / self.images

    def interval(self) -> tuple[float, float]:
        """The 95% interval of `difference`: Tango's score interval for paired shares (Statistics in Medicine 17, 1998).

        It is not empty where the two never differ: that none of 100 images differs does not mean that none ever will.
        """
        from scipy.optimize import brentq
        from scipy.stats import norm

        quantile = float(norm.ppf(0.975))

        def end(sign: float) -> float:
            """Where the score equals the quantile; it falls as the difference rises."""
            last = sign * (1 - 1e-12)
            if (self._score(last) + sign * quantile) * sign > 0:
                return sign  # one network is right on every image and the other one on none
            return float(brentq(lambda x: self._score(x) + sign * quantile, self.difference, last))

        return end(-1.0), end(1.0)

    def p_value(self) -> float:
        """McNemar's exact test: the probability of so uneven a split of the images on which they differ by chance."""
        from scipy.stats import binomtest

        differ = self.only_source + self.only_exported
        return float(binomtest(self.only_source, differ).pvalue) if differ else 1.0

    def to_dict(self) -> dict[str, Any]:
        """The counts and what follows from them, for JSON."""
        return asdict(self) | {
            "difference": self.difference,
            "interval_95": list(self.interval()),
            "mcnemar_p": self.p_value(),
        }

    def _score(self, difference: float) -> float:
        """Tango's statistic: distance of the counts from those expected at this difference, in standard deviations."""
        n, lost, won = self.images, self.only_source, self.only_exported
        linear = (2 * n - won + lost) * difference - won - lost
        root = math.sqrt(max(linear**2 + 8 * n * lost * difference * (1 - difference), 0.0))
        likeliest = max((root - linear) / (4 * n), 0.0)  # share right in the source only, given the difference
        variance = n * (2 * likeliest + difference * (1 - difference))
        apart = won - lost - n * difference
        return apart / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, apart) if apart else 0.0


def paired(source: _Right, exported: _Right) -> Paired:
    """Count the answers of two networks to the same images.

    Args:
        source: (N,) whether the source network is right.
        exported: (N,) whether the export is right.
    """
    assert source.shape == exported.shape, "answers of the same images"
    both, one, other = (int(np.sum(each)) for each in (source & exported, source & ~exported, ~source & exported))
    return Paired(both, one, other, len(source) - both - one - other)
