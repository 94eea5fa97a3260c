"""What a file says of itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netwright.data.preprocess import Preprocessing
from netwright.errors import ExportError
from netwright.runtime.info import info_from_json, info_of, info_to_json
from netwright.weights import LoadedModel


def test_what_is_written_is_read(color: LoadedModel) -> None:
    info = replace(info_of(color, name="n", version="4", precision="bf16"), batch=8, opset=17, versions={"torch": "2"})
    again = info_from_json(info_to_json(info), "a file")
    for name in info.__dataclass_fields__:
        assert getattr(again, name) == getattr(info, name), name


def test_the_old_name_of_versions_warns(color: LoadedModel) -> None:
    info = replace(info_of(color), versions={"torch": "2"})
    with pytest.warns(DeprecationWarning, match=r"ModelInfo\.made is now ModelInfo\.versions"):
        assert info.made == {"torch": "2"}


def test_names_of_outputs(color: LoadedModel, gray: LoadedModel) -> None:
    assert info_of(color).output_names == color.class_names
    assert info_of(gray).output_names == ("0", "1", "2", "3")
    assert info_of(replace(gray, arch=replace(gray.arch, name=""))).name == "network"


def test_imagenet_is_known_by_its_thousand(color: LoadedModel) -> None:
    thousand = replace(color, arch=replace(color.arch, num_classes=1000), class_names=())
    info = info_of(thousand)
    assert (info.class_names[0], info.descriptions[0]) == ("n01440764", "tench, Tinca tinca")
    turned = info_of(replace(thousand, class_names=info.class_names[::-1]))
    assert turned.descriptions == info.descriptions[::-1]
    own = tuple(f"class {i}" for i in range(1000))
    assert (info_of(replace(thousand, class_names=own)).class_names, info_of(color).descriptions) == (own, ())


def test_preprocessing_of_other_channels_is_refused(gray: LoadedModel) -> None:
    with pytest.raises(ExportError, match="takes 1 channels"):
        info_of(replace(gray, preprocessing=Preprocessing()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("arch", {"stages": []}),
        ("arch", None),
        ("preprocessing", {"image_size": -1}),
        ("class_names", ["one"]),
        ("class_names", "abcde"),
        ("class_names", [1, 2, 3, 4, 5]),
        ("descriptions", ["one"]),
        ("precision", "fp8"),
        ("batch", 0),
        ("batch", "4"),
        ("batch", True),
        ("opset", True),
        ("opset", None),
        ("facts", 3),
        ("made", []),
    ],
)
def test_other_values_are_refused(color: LoadedModel, key: str, value: object) -> None:
    values = json.loads(info_to_json(info_of(color)))
    with pytest.raises(ExportError, match=r"the description in some\.onnx cannot be read"):
        info_from_json(json.dumps(values | {key: value}), "some.onnx")
    del values[key]
    with pytest.raises(ExportError, match=f"has no '{key}'"):
        info_from_json(json.dumps(values), "some.onnx")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"format": 1}'])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ExportError):
        info_from_json(text, "some.onnx")


def test_a_description_without_end_is_not_read(color: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    text = info_to_json(info_of(color))
    monkeypatch.setattr("netwright.runtime.info._LONGEST", len(text))
    info_from_json(text, "some.onnx")
    with pytest.raises(ExportError, match=f"{len(text) + 1:,} characters of metadata"):
        info_from_json(text + " ", "some.onnx")
