import numpy as np
import pandas as pd
import pytest

from netwright.errors import StatsError
from netwright.stats import error_column
from netwright.stats.response import response


@pytest.mark.parametrize(
    "name",
    ["accuracy", "acc", "top1_acc", "val_acc", "test_accuracy", "MaxAccuracy", "valAcc", "acc1", "eval_top1", "top1"],
)
def test_an_accuracy_alone_is_understood_and_said(name):
    found = response(pd.DataFrame({name: [60.0, 75.0, np.nan], "depth": [1, 2, 3]}))
    np.testing.assert_array_equal(found.errors, [40, 25, np.nan])
    assert found.notices == (f"error = 100 - {name} ({name} is 60 to 75): higher is better.",)


def test_fractions_and_percent_are_told_apart():
    found = response(pd.DataFrame({"error": [0.3, 0.6]}))
    np.testing.assert_allclose(found.errors, [30, 60])
    assert "fractions" in found.notices[0]
    found = response(pd.DataFrame({"val_acc": [0.3, 0.6]}))
    np.testing.assert_allclose(found.errors, [70, 40])
    assert "100 - 100 x val_acc" in found.notices[0]
    assert response(pd.DataFrame({"error": [0.3, 1.6]})).notices == ()
    np.testing.assert_array_equal(response(pd.DataFrame({"error": [0.3, 0.6]}), unit="percent").errors, [0.3, 0.6])
    found = response(pd.DataFrame({"error": [0.5, 2]}), unit="fraction")
    np.testing.assert_array_equal(found.errors, [50, 200])
    assert "no fraction: ranks are right, 'percent' is not, and a failure counts as 200" in found.notices[-1]


def test_a_loss_is_no_percentage_and_a_score_says_its_direction():
    found = response(pd.DataFrame({"val_loss": [0.3, 0.6]}), "val_loss")
    np.testing.assert_array_equal(found.errors, [0.3, 0.6])
    assert "lower is better" in found.notices[0]
    assert "no percentage" in found.notices[1]
    assert "lower is better" in response(pd.DataFrame({"score": [60.0, 70.0]}), "score").notices[0]


def test_errors_as_people_write_them_are_read():
    found = response(pd.DataFrame({"depth": [1, 2, 3, 4], "error": ["31.5", "diverged", "", "40"]}))
    np.testing.assert_array_equal(found.errors, [31.5, np.nan, np.nan, 40])
    assert found.notices == ("'error' holds 'diverged': these networks failed.",)
    np.testing.assert_array_equal(response(pd.DataFrame({"error": ["0.5%", "0.9 %"]})).errors, [0.5, 0.9])
    np.testing.assert_allclose(response(pd.DataFrame({"val_acc": ["0.75", None]})).errors, [25, np.nan])


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["31.5", "see log"], "has 'see log' too"),
        (["31.5", "OOM"], "has 'OOM' too.*in a column 'state'"),
        (["0.3", "40%"], "has '40%' too"),
    ],
)
def test_cells_that_are_no_errors_are_named(cells, says):
    with pytest.raises(StatsError, match=says):
        response(pd.DataFrame({"error": cells}))
    with pytest.raises(StatsError, match="must hold numbers, and has none"):
        response(pd.DataFrame({"act": ["relu", "silu"], "depth": [1, 2]}), "act")


def test_our_own_tables_are_in_percent():
    frame = pd.DataFrame({"trial": [0], "state": ["done"], "attempts": [1], "seconds": [1.0], "error": [0.4]})
    assert response(frame).errors.tolist() == [0.4]


def test_an_error_goes_before_an_accuracy():
    assert response(pd.DataFrame({"accuracy": [70.0], "top1_error": [30.0]})).name == "top1_error"
    assert response(pd.DataFrame({"accuracy": [70.0], "top1_error": [30.0]}), maximize=True).name == "accuracy"


def test_a_column_that_is_named_is_turned_where_its_name_or_the_caller_says_so():
    frame = pd.DataFrame({"error": [10.0, 20.0], "best_accuracy_run2": [80.0, 90.0], "quality": [70.0, 60.0]})
    assert response(frame, "best_accuracy_run2").errors.tolist() == [20, 10]
    assert response(frame, "best_accuracy_run2", maximize=False).errors.tolist() == [80, 90]
    assert response(frame, "quality", maximize=True).errors.tolist() == [30, 40]
    taken = response(frame, "quality")
    assert taken.errors.tolist() == [70, 60]
    assert "lower is better" in taken.notices[0]


def test_what_cannot_be_is_refused():
    with pytest.raises(StatsError, match="'error' is an error, of which lower is better"):
        response(pd.DataFrame({"error": [10.0]}), "error", maximize=True)
    with pytest.raises(StatsError, match="must lie in 0 to 100"):
        response(pd.DataFrame({"psnr": [31.0, 120.0]}), "psnr", maximize=True)
    with pytest.raises(StatsError, match="--error val_acc on the command line"):
        response(pd.DataFrame({"val_acc": [1.0], "test_acc": [1.0]}))
    with pytest.raises(StatsError, match="unit"):
        response(pd.DataFrame({"error": [10.0]}), unit="permille")


def test_no_percentage_is_said():
    assert "no percentage" in response(pd.DataFrame({"error": [1.0, 250.0]})).notices[0]
    assert "no percentage" in response(pd.DataFrame({"val_error": [-0.9, -0.5]})).notices[0]


def test_the_states_of_others_count():
    frame = pd.DataFrame({"error": [30.0, 40.0, 50.0], "state": ["COMPLETE", "FAIL", "TrialState.COMPLETE"]})
    found = error_column(frame)
    assert found.errors.tolist() == [30, 50]
    assert found.not_done == 1
    with pytest.raises(StatsError, match=r"Its states are 3 FAIL\. Train some first"):
        error_column(frame.assign(state="FAIL"))
