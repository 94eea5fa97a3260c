import numpy as np
import pandas as pd

from netwright.stats.curves import folded, with_errors
from netwright.stats.epoch_errors import epoch_errors
from netwright.stats.response import response


def records(*errors):
    return [{"epoch": k, "error": e, "loss": 1.0} for k, e in enumerate(errors, start=1)]


def of_columns(frame, error=None):
    """A table with a column an epoch, as it is read."""
    rows = folded(frame)
    found = response(rows, error)
    curves = with_errors(rows["curve"].tolist(), frame[found.name].to_numpy(float), found)
    return rows.assign(curve=pd.Series(curves, dtype=object))


def test_records_of_a_population():
    frame = pd.DataFrame({"curve": [records(50, 30.0), records(60, 20.0)]})
    found = epoch_errors(frame)
    assert (found.epochs, found.rows.tolist()) == ((1, 2), [True, True])
    assert found.values.tolist() == [[50, 30], [60, 20]]


def test_networks_that_stopped_early_have_no_rank_at_the_end():
    frame = pd.DataFrame({"curve": [records(50, 30, 20), [], records(60), records(60, 40, 10), records(70, 50, 30)]})
    found = epoch_errors(frame)
    assert found.epochs == (1, 2, 3)
    assert found.rows.tolist() == [True, False, False, True, True]
    assert found.values[1].tolist() == [60, 40, 10]


def test_a_column_an_epoch():
    """In any order, as fractions; losses and training errors are not taken."""
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            **{f"e{k}LossMean": [0.1 * k] * 3 for k in (1, 2, 3, 10)},
            **{f"e{k}TrainAccuracy": [0.9] * 3 for k in (1, 2, 3, 4, 10)},
            **{f"e{k}Accuracy": [0.2 + k / 100, 0.3, np.nan] for k in (10, 1, 3)},
            "top1_error": [3.0, 4.0, 5.0],
        }
    )
    found = epoch_errors(of_columns(frame, "top1_error"))
    assert found.epochs == (1, 3, 10)
    np.testing.assert_allclose(found.values, [[79, 77, 70], [70, 70, 70]])
    assert found.rows.tolist() == [True, True, False]


def test_names_with_another_number_in_them():
    frame = pd.DataFrame({f"acc1_epoch_{k}": [10.0 * k, 20.0] for k in (1, 2, 3)} | {"error": [70.0, 80.0]})
    found = epoch_errors(of_columns(frame))
    assert found.epochs == (1, 2, 3)
    assert found.values[0].tolist() == [90, 80, 70]


def test_what_is_no_curve():
    for columns in (
        {"error": [1.0, 2.0]},
        {"curve": [[], []]},
        {"curve": ["x", None]},
        {"curve": [records(5), records(6)]},
        {"curve": [[{"epoch": k, "loss": 1.0} for k in (1, 2)]] * 2},
    ):
        assert epoch_errors(pd.DataFrame(columns)) is None, columns
