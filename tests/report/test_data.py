from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from netwright.report import Comparison, PopulationView, ReportData
from netwright.report.data import with_distinct_names
from netwright.report.view import on_one_scale


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


def test_contrast_needs_results_on_both_sides() -> None:
    assert Comparison.of(view([1.0]), view([float("nan")], state=["waiting"])) is None
    assert Comparison.of(view([1.0]), view([float("nan")], state=["failed"], failure=["machine"])) is None
    assert Comparison.of(view([1.0]), view([float("nan")])) is not None  # a failed network is a result


def test_failed_networks_count_behind_all_others() -> None:
    counted = view([3.0, float("nan"), 1.0])
    assert counted.errors.tolist() == [1.0, 3.0, 100.0]
    assert counted.counted["trial"].tolist() == [2, 0, 1]
    assert (counted.n_failed, counted.legend()) == (1, "[3 | 1.0 | 34.7 | 1 failed]")
    assert counted.tally() == "2 of 3 trials done, 1 failed (they count as errors of 100%, behind all others)"


def test_survivors_are_named_in_every_title() -> None:
    left = replace(view([3.0, float("nan"), 1.0]), title="A space").of_survivors()
    assert (left.name, left.heading) == ("space (networks that did not fail)", "A space (networks that did not fail)")
    assert (left.errors.tolist(), left.n_failed, left.legend()) == ([1.0, 3.0], 0, "[2 | 1.0 | 2.0]")
    assert left.tally().endswith("1 failed (they are left out)")


def test_a_failure_is_behind_every_error_of_both_populations() -> None:
    loss, percent = view([250.0, 120.0]), view([30.0, float("nan")])
    assert on_one_scale((loss, percent))[1].errors.tolist() == [30.0, 250.0]
    assert on_one_scale((percent, view([float("nan")])))[1].errors.tolist() == [100.0]


def test_what_is_not_known_is_told_and_not_counted() -> None:
    states = ["done", "waiting", "running", "failed"]
    some = view([3.0] + [float("nan")] * 3, state=states, failure=[None, None, None, "machine"])
    assert some.errors.tolist() == [3.0]
    assert some.tally() == (
        "1 of 4 trials done, 1 failed by the machine (nothing is known of these networks), "
        "2 not finished (in no figure)"
    )
