import numpy as np
import pandas as pd
import pytest

from netwright.report import Comparison, PopulationView, ReportData
from netwright.report.data import with_distinct_names


def view(errors: list[float], **columns: list[object]) -> PopulationView:
    return PopulationView("space", pd.DataFrame({"error": errors, **columns}))


def test_a_plain_table_gets_trials_and_states() -> None:
    trials = view([3.0, float("nan"), float("inf")]).trials
    assert trials["trial"].tolist() == [0, 1, 2]
    assert trials["state"].tolist() == ["done", "failed", "failed"]


def test_done_is_best_first_and_leaves_out_what_is_not_done() -> None:
    done = view([3.0, 1.0, 2.0, 0.5], state=["done", "done", "done", "failed"]).done
    assert done["error"].tolist() == [1.0, 2.0, 3.0]
    assert done["trial"].tolist() == [1, 2, 0]


def test_an_empty_table_has_no_trials() -> None:
    assert PopulationView("none", pd.DataFrame()).done.empty


def test_populations_of_one_name_are_told_apart() -> None:
    data = with_distinct_names(ReportData("two sweeps", (view([1.0]), view([2.0]))))
    assert [each.name for each in data.populations] == ["space", "space (2)"]


@pytest.mark.parametrize(("shift", "better", "worse"), [(-3.0, True, False), (3.0, False, True), (0.0, False, False)])
def test_contrast_says_better_only_where_a_test_does(shift: float, better: bool, worse: bool) -> None:
    errors = np.random.default_rng(0).normal(20, 2, 60)
    comparison = Comparison.of(view(errors.tolist()), view((errors[::-1] + shift).tolist()))
    assert comparison is not None
    assert (comparison.is_better, comparison.is_worse) == (better, worse)


def test_contrast_needs_errors_on_both_sides() -> None:
    assert Comparison.of(view([1.0]), view([float("nan")])) is None
