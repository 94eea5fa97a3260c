"""When a comparison is decided, and how often a whole study is wrong."""

import numpy as np
import pytest

from netwright.studies.deciding import decide, due_looks
from netwright.studies.study_file import TESTS, PlannedComparison

PLANNED = PlannedComparison("b", "a", margin=2.0, trials=60, looks=6)


def errors(mean: float, n: int = 60, seed: int = 0, spread: float = 3.0) -> list[float]:
    return (mean + spread * np.random.default_rng(seed).standard_normal(n)).tolist()


def test_looks_come_at_planned_numbers_of_networks() -> None:
    assert due_looks(PLANNED) == [10, 20, 30, 40, 50, 60]
    assert due_looks(PlannedComparison("b", "a", 1.0, 12, 6)) == [6, 8, 10, 12]
    before = decide(PLANNED, errors(50, 9), errors(50, 60), 0.05, "obrien_fleming")
    assert (before.n, before.decision, before.is_over, before.looks) == (0, "undecided", False, ())
    between = decide(PLANNED, errors(50, 27), errors(50, 60, 1), 0.05, "obrien_fleming")
    assert (between.n, len(between.looks)) == (20, 2)


@pytest.mark.parametrize(("mean", "decision"), [(40.0, "better"), (60.0, "worse"), (50.0, "equivalent")])
def test_a_comparison_ends_when_it_knows_and_stays_as_it_was(mean: float, decision: str) -> None:
    a, b = errors(mean, seed=1), errors(50, seed=2)
    found = decide(PLANNED, a, b, 0.05, "obrien_fleming")
    assert (found.decision, found.is_over) == (decision, True)
    assert found.n <= (20 if decision != "equivalent" else 60)
    later = decide(PLANNED, [*a[: found.n], *errors(90, 40)], [*b[: found.n], *errors(10, 40)], 0.05, "obrien_fleming")
    assert later == found


def test_a_comparison_that_shows_nothing_is_over_at_its_last_look() -> None:
    planned = PlannedComparison("b", "a", margin=0.1, trials=20, looks=2)
    found = decide(planned, errors(50, 20, 1), errors(50.3, 20, 2), 0.05, "obrien_fleming")
    assert (found.decision, found.is_over, found.n) == ("undecided", True, 20)
    assert found.words() == "undecided at the last look"


@pytest.mark.slow
@pytest.mark.parametrize("test", TESTS)
def test_a_whole_study_is_rarely_wrong(test: str) -> None:
    """Four equal spaces, three comparisons at Bonferroni's shares: any difference found, or any equivalence of spaces
    that are a margin apart, is a mistake."""
    wrong, studies = 0, 120
    for number in range(studies):
        rng = np.random.default_rng(1000 + number)
        spaces = [(50 + 2.0 * (k == 3) + 3 * rng.standard_normal(60)).tolist() for k in range(4)]
        states = [decide(PLANNED, spaces[k], spaces[0], 0.05 / 3, test) for k in (1, 2, 3)]
        same, apart = states[:2], states[2]
        wrong += any(state.decision in ("better", "worse") for state in same) or apart.decision in (
            "better",
            "equivalent",
        )
    assert wrong <= 13  # 5% of 120 is 6; more than 13 comes by chance in 0.5% of runs
