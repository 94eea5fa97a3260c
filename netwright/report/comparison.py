"""Two populations side by side: whether they were trained alike, and what the tests say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from netwright.report.mixes import Mixes, mixes_of
from netwright.report.provenance import Difference, differences, is_one_space
from netwright.report.view import PopulationView, on_one_scale

if TYPE_CHECKING:
    from netwright.stats import Equivalence, KsTest, PermutationTest

__all__ = ["CAUTION", "FEW", "LEVEL", "REPEATS", "Comparison", "holm", "pairs_of"]

LEVEL = 0.05
FEW = 16  # networks: of fewer, a verdict is given with a caution (benchmarks/claims.py)
CAUTION = (
    f"With fewer than {FEW} networks, failures and long tails that are rare may not have been seen, and they could "
    "turn this"
)
REPEATS = 9999  # shuffles of a test; a simulation of many populations takes fewer


@dataclass(frozen=True)
class Comparison:
    """The errors of a second population against those of a first one; a negative difference: the second is better.

    Attributes:
        ks: The Kolmogorov-Smirnov test.
        mean: The permutation test of the means.
        is_refinement: Whether the second is a new sample of the first one's space, refined, and not an unrelated one.
        level: p-value at or below which a difference counts as shown.
        names: Of both populations.
        differences: In what they differ beside their spaces; the comparison is then one of populations, not of spaces.
        is_one_space: Whether both are samples of the same space.
        failed: How many networks of each failed; they count as an error of `worst` percent.
        worst: The error of a failed network.
        survivors: Whether failed networks are left out.
        mixes: Whether their complexities are distributed alike, and what a comparison at equal complexity gives.
        p_holm: p-value of the means, corrected for the number of pairs that are compared; None for a single pair.
        equivalence: Whether the means are closer than a margin; None where nobody wanted to know.
    """

    ks: KsTest
    mean: PermutationTest
    is_refinement: bool = True
    level: float = LEVEL
    names: tuple[str, str] = ("the first population", "the second one")
    differences: tuple[Difference, ...] = ()
    is_one_space: bool = False
    failed: tuple[int, int] = (0, 0)
    worst: float = 100.0
    survivors: bool = False
    mixes: Mixes | None = None
    p_holm: float | None = None
    equivalence: Equivalence | None = None

    @classmethod
    def of(
        cls,
        before: PopulationView,
        after: PopulationView,
        *,
        is_refinement: bool = True,
        seed: int = 0,
        repeats: int = REPEATS,
    ) -> Comparison | None:
        """Run both tests; None where no trial of a population has a result.

        A network that failed is a result, the worst of both populations, unless both views are `of_survivors`.
        """
        from netwright.stats import ks, permutation_test

        before, after = on_one_scale((before, after))
        old, new = before.errors, after.errors
        if not len(old) or not len(new):
            return None
        return cls(
            ks=ks(new, old),
            mean=permutation_test(new, old, repeats=repeats, seed=seed),
            is_refinement=is_refinement,
            names=(before.name, after.name),
            differences=differences((before.provenance, after.provenance)),
            is_one_space=is_one_space(before.space, after.space),
            failed=(before.n_failed, after.n_failed),
            worst=max(before.outcomes.worst, after.outcomes.worst),
            survivors=before.survivors,
            mixes=mixes_of(before, after, seed=seed, repeats=repeats),
        )

    @property
    def p_value(self) -> float:
        """Of the means; corrected where several pairs are compared."""
        return self.mean.p_value if self.p_holm is None else self.p_holm

    @property
    def is_of_few(self) -> bool:
        """Whether a population is so small that a fifth of its space may fail, and no network in it."""
        return min(self.mean.n_a, self.mean.n_b) < FEW

    @property
    def is_better(self) -> bool:
        return self.mean.difference < 0 and self.p_value <= self.level

    @property
    def is_worse(self) -> bool:
        return self.mean.difference > 0 and self.p_value <= self.level

    @property
    def too_few(self) -> str:
        """That so few networks cannot show a difference, however large; empty where they can."""
        from netwright.stats.shuffles import smallest_p

        least = smallest_p(self.mean.n_a, self.mean.n_b)
        sizes = f"{self.mean.n_b} and {self.mean.n_a} networks"
        return f"{sizes} can show none: p is never below {least:.2g}" if least > self.level else ""

    @property
    def at_equal_mixes(self) -> str:
        """Whether the difference is shown at equal complexity too; empty where the mixes do not differ."""
        if self.mixes is None or not self.mixes.differ:
            return ""
        confirmed = self.mixes.confirm(self.mean.difference)
        return f"{'also' if confirmed else 'but that is not shown'} at equal mixes of {self.mixes.cost}"


def pairs_of(views: Sequence[PopulationView], *, seed: int = 0, repeats: int = REPEATS) -> tuple[Comparison, ...]:
    """The comparison of each pair of populations, with Holm's correction for the number of pairs."""
    views = on_one_scale(views)
    found = [Comparison.of(a, b, is_refinement=False, seed=seed, repeats=repeats) for a, b in combinations(views, 2)]
    pairs = [pair for pair in found if pair is not None]
    corrected = holm([pair.mean.p_value for pair in pairs])
    pairs = [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]
    return _with_equal_mixes(pairs)


def _with_equal_mixes(pairs: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same pairs, of which those with unlike mixes have p-values at equal mixes that are corrected too."""
    tests = {i: pair.mixes.test for i, pair in enumerate(pairs) if pair.mixes is not None and pair.mixes.test}
    corrected = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True))
    return tuple(
        pair if pair.mixes is None else replace(pair, mixes=replace(pair.mixes, p_holm=corrected.get(i)))
        for i, pair in enumerate(pairs)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for testing several at once."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for step, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - step)))
        corrected[i] = largest
    return corrected
