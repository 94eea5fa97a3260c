"""Lists and mappings as text in the cells of a CSV file."""

import pandas as pd

from netwright.stats.cells import parsed_cells


def test_json_and_what_python_prints_are_values() -> None:
    frame = pd.DataFrame(
        {
            "config": ["{'lr': 0.1, 'name': 'nan'}", "{'lr': nan, 'b': True}"],
            "widths": ["[8, 16]", None],
            "error": [1, 2],
        }
    )
    result = parsed_cells(frame)
    assert result["config"].tolist() == [{"lr": 0.1, "name": "nan"}, {"lr": None, "b": True}]
    assert result["widths"][0] == [8, 16]
    assert result["error"].tolist() == [1, 2]


def test_what_is_no_value_stays_text() -> None:
    for cells in (
        ["[a]", "[b]"],
        ["[1]", "x"],
        ["{" * 5000 + "}", "{}"],
        ["__import__('os')", "[1]"],
        ["[f()]", "[2]"],
    ):
        frame = pd.DataFrame({"x": cells})
        assert parsed_cells(frame) is frame
    networks = pd.DataFrame({"arch": ['{"stages": []}']})
    assert parsed_cells(networks) is networks
