"""Curves in columns and in cells, and which of their numbers is the error."""

import numpy as np
import pandas as pd
import pytest

from netwright.stats.curves import epoch_columns, folded, listed_curves, with_errors
from netwright.stats.response import response


@pytest.mark.parametrize(
    "form", ["e{}Accuracy", "epoch_{}_val_acc", "epoch{}.val_acc", "val_acc_epoch{}", "val_acc/e{}", "Epoch {} top1"]
)
def test_names_that_count_epochs(form: str) -> None:
    names = [form.format(i) for i in (1, 2, 10)]
    ((metric, columns),) = epoch_columns(["depth", *names[::-1]]).items()
    assert metric in ("Accuracy", "val_acc", "top1")
    assert columns == dict(zip((1, 2, 10), names, strict=True))


@pytest.mark.parametrize("form", ["val_acc_{}", "acc@{}", "top{}_error", "e{}_width", "d{}", "seed{}_error"])
def test_names_that_count_something_else(form: str) -> None:
    assert epoch_columns([form.format(i) for i in range(1, 9)]) == {}


def test_two_columns_are_no_curve() -> None:
    assert epoch_columns(["e1_acc", "e2_acc"]) == {}


def test_the_last_value_is_the_response_where_there_is_no_other() -> None:
    frame = pd.DataFrame({"depth": [1, 2], **{f"e{i}_acc": [0.1 * i, 0.2 * i] for i in (1, 2, 3)}})
    frame.loc[1, "e3_acc"] = np.nan
    result = folded(frame)
    np.testing.assert_allclose(result["acc"], [0.3, 0.4])
    assert result["curve"][1] == [{"epoch": 1, "acc": 0.2}, {"epoch": 2, "acc": 0.4}]
    assert list(folded(frame, keep=["e2_acc"]).columns) == ["depth", "e2_acc", "curve"]
    assert folded(frame[["depth"]]).equals(frame[["depth"]])


def test_lists_in_cells() -> None:
    frame = pd.DataFrame({"val_acc": [[0.1, 0.2], None], "history": [[{"step": 5, "val_loss": 1.0}], []]})
    assert listed_curves(frame) == [
        [{"epoch": 1, "val_acc": 0.1, "step": 5, "val_loss": 1.0}, {"epoch": 2, "val_acc": 0.2}],
        [],
    ]
    assert listed_curves(pd.DataFrame({"widths": [[8, 16]]})) is None


@pytest.mark.parametrize(
    ("column", "values", "record", "wanted"),
    [
        ("val_acc", [0.5, 0.25], {"val_acc": 0.5, "train_acc": 0.9}, 50.0),  # by its name
        ("top1_error", [40.0, 50.0], {"error": 40.0}, 40.0),
        ("best_acc", [0.5, 0.25], {"accuracy": 0.5, "train_acc": 0.5}, 50.0),  # the one that is not of training
        ("max_acc", [50.0, 25.0], {"a_score": 50.0, "b_score": 49.0}, 50.0),  # the one that reaches it
    ],
)
def test_the_error_of_a_record(column: str, values: list[float], record: dict[str, float], wanted: float) -> None:
    frame = pd.DataFrame({column: values})
    found = response(frame, column)
    other = {
        name: value / 2 if values[1] < values[0] and "train" not in name else value for name, value in record.items()
    }
    curves = with_errors([[{"epoch": 1, **record}], [{"epoch": 1, **other}]], np.array(values), found)
    assert curves[0][0]["error"] == pytest.approx(wanted)


def test_where_no_number_is_the_error_there_is_none() -> None:
    found = response(pd.DataFrame({"val_acc": [0.5]}))
    curves = [[{"epoch": 1, "train_loss": 2.0}], None]
    assert with_errors(curves, np.array([0.5, 0.5]), found) == curves
