"""JSON that is a mapping of networks, or a table as pandas writes it."""

import io
import json

import pandas as pd
import pytest

from netwright.stats.keyed_json import keyed_frame


def test_networks_by_their_names() -> None:
    frame = keyed_frame({"a": {"acc": 0.5, "depth": 3}, "b": {"acc": 0.6, "depth": 4}})
    assert frame is not None
    assert frame.to_dict("list") == {"architecture": ["a", "b"], "acc": [0.5, 0.6], "depth": [3, 4]}


def test_words_of_the_names_are_columns() -> None:
    names = ("|conv_3x3~0|+|none~0|skip~1|", "|none~0|+|none~0|skip~1|")
    frame = keyed_frame({name: {"acc": 0.5} for name in names})
    assert frame is not None
    assert frame[["op_1", "op_2", "op_3"]].to_numpy().tolist() == [
        ["conv_3x3", "none", "skip"],
        ["none", "none", "skip"],
    ]
    for other in (("resnet-18", "resnet-50"), ("a-b-c", "a-b"), ("0ab", "0cd"), ("1", "2")):
        frame = keyed_frame({name: {"acc": 0.5} for name in other})
        assert frame is not None
        assert "op_1" not in frame


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
def test_what_pandas_writes(orient: str) -> None:
    given = pd.DataFrame({"depth": [1, 2, 3], "error": [3.5, 2.5, 1.5]})
    buffer = io.StringIO()
    given.to_json(buffer, orient=orient)  # type: ignore[call-overload]
    frame = keyed_frame(json.loads(buffer.getvalue()))
    assert frame is not None
    assert frame["error"].tolist() == given["error"].tolist()
    assert frame["depth"].tolist() == given["depth"].tolist()


@pytest.mark.parametrize(
    "content", [{}, [], 3, {"trials": [{"error": 1}]}, {"a": 1, "b": "x"}, {"a": {"x": 1}, "b": 2}]
)
def test_anything_else_is_none(content: object) -> None:
    assert keyed_frame(content) is None
