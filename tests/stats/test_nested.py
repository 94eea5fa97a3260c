import json

import numpy as np
import pytest

from netwright.stats import error_column, read_table


def lines(tmp_path, rows, name="x.jsonl"):
    (tmp_path / name).write_text("\n".join(json.dumps(row) for row in rows))
    return read_table(tmp_path / name)


def test_parameters_in_a_mapping_and_the_error_at_the_end_of_a_curve(tmp_path):
    rows = [
        {
            "params": {"depth": 10 + i, "head": {"width": 8 * i}},
            "curve": [{"epoch": 1, "error": 60.0}, {"epoch": 2, "error": 40.0 - i}],
        }
        for i in range(3)
    ]
    frame = lines(tmp_path, rows)
    assert frame["depth"].tolist() == [10, 11, 12]
    assert frame["width"].tolist() == [0, 8, 16]
    assert error_column(frame).errors.tolist() == [40, 39, 38]
    assert frame.attrs["notices"] == ("'error' is the last value of each 'curve'.",)


@pytest.mark.parametrize("name", ["val_acc", "val_error"])
def test_a_curve_may_be_a_list_of_numbers(tmp_path, name):
    frame = lines(tmp_path, [{"config": {"depth": i}, name: [10.0, 20.0 + i]} for i in range(3)])
    assert frame[name].tolist() == [20, 21, 22]


def test_a_final_value_beside_the_curve_stays(tmp_path):
    frame = lines(tmp_path, [{"error": 30.0, "curve": [{"epoch": 1, "error": 31.0}]}])
    assert frame["error"].tolist() == [30]
    assert frame.attrs["notices"] == ()


def test_names_that_two_have_keep_where_they_are_from(tmp_path):
    frame = lines(tmp_path, [{"depth": 1, "params": {"depth": 2}, "error": 5.0}])
    assert frame["params.depth"].tolist() == [2]


def test_rows_without_a_curve_have_no_error(tmp_path):
    frame = lines(tmp_path, [{"curve": [{"error": 3.0}]}, {"curve": []}, {"curve": None}])
    np.testing.assert_array_equal(frame["error"], [3, np.nan, np.nan])


def test_a_list_of_rows_is_a_table_too(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([{"params": {"depth": 1}, "error": 5.0}]))
    assert read_table(tmp_path / "x.json")["depth"].tolist() == [1]
