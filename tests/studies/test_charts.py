"""The charts of a study."""

import numpy as np

from netwright.studies.charts import pairs_chart
from netwright.studies.deciding import ComparisonState
from netwright.studies.study_file import PlannedComparison
from netwright.theme import colors, shapes


def test_each_pair_of_spaces_has_a_panel_with_both_distributions() -> None:
    states = [
        ComparisonState(PlannedComparison(a, b, 2.0, 10, 2), 0.05) for a, b in (("D", "C"), ("E", "D"), ("X", "E"))
    ]
    errors = {"C": np.array([50.0, 60.0]), "D": np.array([40.0, 45.0, 100.0]), "E": np.array([41.0])}
    spec = pairs_chart(states, errors)  # of X there is nothing yet
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["D - C", "E - D"]
    first = spec["datasets"]["pair0"]
    ends = {name: [row["share"] for row in first if row["space"] == name][-1] for name in "CD"}
    assert ends == {"C": 1.0, "D": 2 / 3}  # the network that failed is beyond the axis
    assert max(row["error"] for row in first) < 61


def test_no_two_populations_of_a_study_look_alike() -> None:
    names = [str(number) for number in range(32)]
    assert len(set(colors(names[:8]))) == 8
    assert len(set(zip(colors(names), shapes(names), strict=True))) == 32
