"""What each trial came to: an error, a failure that counts, or nothing."""

import numpy as np
import pandas as pd

from netwright.stats import outcomes


def test_a_row_without_an_error_is_a_failed_network():
    found = outcomes(pd.DataFrame({"error": [30.0, np.nan, 34.0, np.inf]}))
    assert found.errors.tolist() == [30.0, 100.0, 34.0, 100.0]
    assert found.failed.tolist() == [False, True, False, True]
    assert found.rows.all()
    assert found.n_failed == 2
    assert found.survivors.tolist() == [30.0, 34.0]


def test_states_decide_what_counts():
    states = ["done", "failed", "failed", "waiting", "running", "done"]
    kinds = [None, "network", "machine", None, None, None]
    frame = pd.DataFrame({"error": [40.0, np.nan, np.nan, np.nan, 55.0, np.nan], "state": states, "failure": kinds})
    found = outcomes(frame)
    assert found.rows.tolist() == [True, True, False, False, False, True]
    assert found.errors.tolist() == [40.0, 100.0, 100.0]
    assert (found.n_failed, found.lost, found.unfinished) == (2, 1, 2)


def test_a_failed_trial_keeps_no_error_and_an_unknown_state_is_no_success():
    found = outcomes(pd.DataFrame({"error": [12.0, 13.0], "state": ["failed", "halted"]}))
    assert found.errors.tolist() == [100.0, 100.0]


def test_a_pruned_trial_is_counted_and_in_no_figure():
    found = outcomes(pd.DataFrame({"error": [12.0, 13.0, 14.0], "state": ["done", "pruned", "failed"]}))
    assert (found.errors.tolist(), found.pruned, found.n_failed) == ([12.0, 100.0], 1, 1)


def test_no_error_is_above_that_of_a_failure():
    found = outcomes(pd.DataFrame({"loss": [250.0, np.nan, 3.0]}), "loss")
    assert found.worst == 250.0
    assert found.errors.tolist() == [250.0, 250.0, 3.0]


def test_a_table_of_failures_has_no_survivors():
    found = outcomes(pd.DataFrame({"error": [np.nan, np.nan]}))
    assert found.errors.tolist() == [100.0, 100.0]
    assert found.survivors.size == 0
