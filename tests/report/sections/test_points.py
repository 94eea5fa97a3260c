import re
from itertools import pairwise

import altair as alt
import pytest
import vl_convert

from netwright.report.sections.points import cost_axis, thin, value_axis, x_scale


def test_thinning_keeps_best_and_worst() -> None:
    kept = thin(5000, 100)
    assert (len(kept), kept[0], kept[-1]) == (100, 0, 4999)
    assert thin(3, 100).tolist() == [0, 1, 2]
    assert thin(0, 100).tolist() == []


@pytest.mark.parametrize(
    ("domain", "is_log", "is_whole"),
    [
        ((1, 3), False, True),
        ((1, 64), True, True),
        ((8, 100_000), True, True),
        ((1e-7, 1e-2), True, False),
        ((9.53674316406e-7, 0.125), True, False),
        ((0, 2e-5), False, False),
        ((0.25, 3.75), False, False),
        ((-5, 5), False, True),
    ],
)
def test_ticks_are_short_distinct_and_apart(domain: tuple[float, float], is_log: bool, is_whole: bool) -> None:
    x = alt.X("x:Q", scale=x_scale(domain, is_log), axis=value_axis(domain, is_log, is_whole))
    rows: list[dict[str, float]] = [{"x": end, "y": 1} for end in domain]
    data = alt.Data(values=rows)  # type: ignore[call-arg]
    chart = alt.Chart(data).mark_point().encode(x=x, y=alt.Y("y:Q", axis=None)).properties(width=222, height=50)
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    texts = re.findall(r"translate\(([\d.]+),[^>]*>([^<]*)</text>", svg)
    labels = [label for _, label in texts if label and label != "x"]
    assert len(labels) == len(set(labels)) >= 2
    assert max(map(len, labels)) <= 7, labels
    if is_whole:
        assert not any("." in label and not label.endswith("k") for label in labels)


def test_words_are_on_the_axis() -> None:
    x = alt.X("x:Q", scale=x_scale((0, 2), False), axis=value_axis((0, 2), False, True, ["gelu", "relu", "it's"]))
    data = alt.Data(values=[{"x": 0, "y": 1}])  # type: ignore[call-arg]
    chart = alt.Chart(data).mark_point().encode(x=x, y=alt.Y("y:Q", axis=None)).properties(width=222, height=50)
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    assert all(f">{word}</text>" in svg for word in ("gelu", "relu", "it's")), svg


def test_costs_within_a_factor_of_two_have_labels_apart() -> None:
    data = alt.Data(values=[{"x": 300e3, "y": 1}, {"x": 560e3, "y": 1}])  # type: ignore[call-arg]
    x = alt.X("x:Q", scale=x_scale((300e3, 560e3), False), axis=cost_axis())
    chart = alt.Chart(data).mark_point().encode(x=x, y=alt.Y("y:Q", axis=None)).properties(width=150, height=50)
    svg = vl_convert.vegalite_to_svg(chart.to_dict())
    places = [float(place) for place in re.findall(r'translate\(([\d.]+),[^>]*opacity="1">[\d]+k</text>', svg)]
    assert len(places) >= 2
    assert min(b - a for a, b in pairwise(places)) >= 30
