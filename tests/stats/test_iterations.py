"""Tables with a row for each iteration of each trial."""

import pandas as pd

from netwright.stats.iterations import one_row_each


def history() -> pd.DataFrame:
    rows = [
        {"trial_id": trial, "training_iteration": i, "lr": lr, "error": 50.0 - i - 10 * lr}
        for trial, lr in (("b", 0.2), ("a", 0.1))
        for i in (1, 2, 3)
    ]
    return pd.DataFrame(rows)


def test_the_last_row_is_the_trial() -> None:
    result = one_row_each(history())
    assert result["trial_id"].tolist() == ["b", "a"]
    assert result["error"].tolist() == [45.0, 46.0]
    assert result["curve"][1] == [{"epoch": i, "error": 49.0 - i} for i in (1, 2, 3)]
    assert result.attrs["rows"] == 6
    assert result.attrs["notices"] == (
        "6 rows are 2 trials ('trial_id'), each with its curve by 'training_iteration'.",
    )


def test_of_a_repeated_iteration_the_last_row_counts() -> None:
    again = pd.DataFrame([{"trial_id": "a", "training_iteration": 2, "lr": 0.1, "error": 7.0}])
    result = one_row_each(pd.concat([history(), again], ignore_index=True))
    assert [record["error"] for record in result["curve"][1]] == [48.0, 7.0, 46.0]
    assert result["error"][1] == 46.0


def test_a_row_for_each_trial_stays() -> None:
    for frame in (
        history().drop_duplicates("trial_id", keep="last"),
        history().drop(columns=["training_iteration"]),
        history().drop(columns=["trial_id"]),
        history().assign(error=5.0),  # nothing changes with the iterations
        pd.DataFrame({"id": [1, 2, 3], "epoch": [9, 8, 7], "error": [3.0, 2.0, 1.0]}),
    ):
        assert one_row_each(frame) is frame
