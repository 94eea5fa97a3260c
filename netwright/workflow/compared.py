"""The pick beside each of its opponents: difference, interval, p, seeds; a winner only where noise allows one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netwright.stats.holm import holm
from netwright.stats.seeds import SeedTest, seed_test
from netwright.system.plural import count
from netwright.workflow.opponent_names import IN_WORDS

if TYPE_CHECKING:
    from netwright.report import Finalist

__all__ = ["Compared", "compare_with_opponents"]

_LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """The pick against one opponent.

    Attributes:
        role: Of the opponent.
        name: Its network.
        test: The pick's test errors against its; below 0 the pick is better. None where one of them has none.
        p_holm: The p-value after Holm's correction for all opponents; 1 without a test.
    """

    role: str
    name: str
    test: SeedTest | None
    p_holm: float

    @property
    def winner(self) -> str:
        """ "pick", "opponent", or "" where the noise of seeds allows neither."""
        if self.test is None or not self.test.is_separated or self.p_holm > _LEVEL or not self.test.difference:
            return ""
        return "pick" if self.test.difference < 0 else "opponent"

    def to_dict(self) -> dict[str, Any]:
        """For result.json."""
        test = self.test
        numbers: dict[str, Any] = {"difference": None, "interval": None, "p_value": None, "seeds": [0, 0]}
        if test is not None:
            numbers = {"difference": test.difference, "interval": test.interval, "p_value": test.p_value}
            numbers |= {"seeds": [test.n_a, test.n_b]}
        return {"role": self.role, "name": self.name, **numbers, "p_holm": self.p_holm, "winner": self.winner}

    def sentence(self) -> str:
        """What is shown, and what is not."""
        what = f"{IN_WORDS.get(self.role, self.role)} ({self.name})"
        if self.test is None:
            return f"Against {what}: nothing is claimed, as one of the two has no test error."
        test = self.test
        seeds = count(test.n_a, "seed") if test.n_a == test.n_b else f"{test.n_a} and {test.n_b} seeds"
        numbers = f"a difference of {test.difference:+.2f} points".replace("-", "\N{MINUS SIGN}")
        if test.interval is not None:
            low, high = (f"{end:+.2f}".replace("-", "\N{MINUS SIGN}") for end in test.interval)
            numbers += f" (95% interval {low} to {high}, p = {test.p_value:.2g}, {self.p_holm:.2g} after Holm)"
        said = {
            "pick": "the pick is better",
            "opponent": "it is better than the pick",
            "": "neither is shown to be better",
        }[self.winner]
        end = ""
        if self.role == "pretrained" and self.winner == "opponent":
            end = (
                " With so many images, start from published weights rather than from nothing: fine-tune that network, "
                "or take the pick where it must be this small."
            )
        return f"Against {what}: {said}, {numbers}, {seeds} each.{end}"


def compare_with_opponents(finalists: Sequence[Finalist]) -> tuple[Compared, ...]:
    """The first of them against each of the others."""
    pick, *others = finalists
    tests = [
        seed_test(pick.test_errors, each.test_errors) if pick.test_errors and each.test_errors else None
        for each in others
    ]
    known = [test.p_value for test in tests if test is not None]
    corrected = iter(holm(known))
    return tuple(
        Compared(each.role, each.name, test, 1.0 if test is None else float(next(corrected)))
        for each, test in zip(others, tests, strict=True)
    )
