import numpy as np
import pandas as pd

from netwright.analysis.in_order import errors_in_order
from netwright.report import PopulationView


def view(errors: list[float], **columns: object) -> PopulationView:
    return PopulationView("x", pd.DataFrame({"error": errors, **columns}))


def test_errors_are_in_the_order_of_their_trials() -> None:
    found = errors_in_order(view([41.0, 39.0, 40.0], trial=[2, 0, 1]))
    assert found.errors.tolist() == [39.0, 40.0, 41.0]
    assert (found.later, found.is_shuffled, found.notice("x")) == (0, False, "")


def test_failures_count_where_they_happened() -> None:
    failing = view([41.0, np.nan, 40.0])
    assert errors_in_order(failing).errors.tolist() == [41.0, 100.0, 40.0]
    assert errors_in_order(failing.of_survivors()).errors.tolist() == [41.0, 40.0]


def test_what_the_machine_failed_is_left_out() -> None:
    states = {"state": ["done", "failed", "done"], "failure": [None, "machine", None]}
    assert errors_in_order(view([41.0, np.nan, 40.0], **states)).errors.tolist() == [41.0, 40.0]


def test_trials_that_overtook_others_wait_for_them() -> None:
    found = errors_in_order(view([41.0, np.nan, 40.0, 39.0], state=["done", "running", "done", "done"]))
    assert found.errors.tolist() == [41.0]
    assert found.notice("x") == "x: 2 networks wait for a trial before them that is not finished"


def test_sorted_rows_are_shuffled_and_that_is_said() -> None:
    errors = np.sort(np.random.default_rng(0).normal(40, 3, 50)).tolist()
    found = errors_in_order(view(errors))
    assert found.is_shuffled
    assert found.errors.tolist() != errors
    assert sorted(found.errors.tolist()) == errors
    assert "they were shuffled (seed 0)" in found.notice("x")
    assert not errors_in_order(view(np.random.default_rng(1).permutation(errors).tolist())).is_shuffled


def test_trials_of_one_number_keep_the_order_of_their_rows() -> None:
    assert errors_in_order(view([41.0, 39.0, 40.0], trial=[0, 0, 0])).errors.tolist() == [41.0, 39.0, 40.0]
