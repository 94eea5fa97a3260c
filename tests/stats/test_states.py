import pandas as pd
import pytest

from netwright.errors import StatsError
from netwright.stats.states import trial_states


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("COMPLETE", "done"),
        ("TrialState.COMPLETE", "done"),
        ("TERMINATED", "done"),
        ("success", "done"),
        ("finished", "done"),
        ("FAIL", "failed"),
        ("TrialState.FAIL", "failed"),
        ("PRUNED", "failed"),
        ("ERROR", "failed"),
        ("Out of Memory", "failed"),
        ("RUNNING", "running"),
        ("WAITING", "waiting"),
        ("PENDING", "waiting"),
        (None, "waiting"),
    ],
)
def test_the_words_of_other_programs_are_understood(word, state):
    found = trial_states(pd.DataFrame({"State": [word, "done"]}))
    assert found is not None
    assert found.states.tolist() == [state, "done"]
    assert found.machine[0] == (word == "Out of Memory")


def test_what_was_understood_is_said():
    found = trial_states(pd.DataFrame({"state": ["COMPLETE", "PRUNED", "killed"]}))
    assert found is not None
    assert found.notices() == (
        "states in 'state': COMPLETE is done, PRUNED is failed, killed is failed by the machine, which is no result. "
        "A pruned trial counts as one that failed.",
    )
    assert trial_states(pd.DataFrame({"state": ["done", "failed"]})).notices() == ()


def test_unknown_words_are_named_with_those_that_are_known():
    with pytest.raises(StatsError, match=r"'kaputt' is not known\. These are.*done: complete.*machine: aborted"):
        trial_states(pd.DataFrame({"state": ["done", "kaputt"]}))


def test_a_status_may_mean_something_else():
    assert trial_states(pd.DataFrame({"status": ["married", "single"]})) is None
    assert trial_states(pd.DataFrame({"status": ["FINISHED"]})).column == "status"
    assert trial_states(pd.DataFrame({"depth": [1]})) is None
