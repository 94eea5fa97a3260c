"""Where an export goes."""

from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.extras import needs

from netwright.errors import ExportError
from netwright.exports import export
from netwright.exports.destination import resolve_destination
from netwright.runtime.info import SUFFIXES
from netwright.weights import LoadedModel


def test_destinations(tmp_path: Path) -> None:
    (tmp_path / "models.d").mkdir()
    assert resolve_destination(tmp_path / "a.onnx", "onnx") == tmp_path / "a.onnx"
    assert resolve_destination(tmp_path / "m" / "2", "openvino") == tmp_path / "m" / "2" / "model.xml"
    assert resolve_destination(tmp_path / "models.d", "torch") == tmp_path / "models.d" / "model.pt2"
    assert resolve_destination(tmp_path / "v1.2", "onnx") == tmp_path / "v1.2" / "model.onnx"
    with pytest.raises(ExportError, match=r"Name it a\.pt2, or give --to onnx\.$"):
        resolve_destination("a.onnx", "torch")
    with pytest.raises(ExportError, match=r"Name it a\.onnx, or give --to openvino\.$"):
        resolve_destination("a.xml", "onnx")


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino", "torch", pytest.param("litert", marks=needs("litert"))])
def test_another_networks_file_is_replaced_only_if_asked(
    to: str, color: LoadedModel, gray: LoadedModel, tmp_path: Path
) -> None:
    ours, theirs = replace(color, source="runs/a/a.ckpt, its best"), replace(gray, source="runs/b/b.ckpt, its best")
    first = export(ours, tmp_path / "m", to=to).path
    before = {each.name: each.read_bytes() for each in first.parent.iterdir()}
    with pytest.raises(ExportError, match=r"is an export of another network \(runs/a/a\.ckpt.* or --overwrite\.$"):
        export(theirs, tmp_path / "m", to=to)
    assert {each.name: each.read_bytes() for each in first.parent.iterdir()} == before
    # the same run, trained further and named by an absolute path
    again = export(replace(ours, source="/home/runs/a/later.ckpt, the newest"), tmp_path / "m", to=to, name="again")
    assert again.info.name == "again"
    assert export(theirs, tmp_path / "m", to=to, overwrite=True).info.arch == gray.arch


def test_an_exported_file_is_not_exported_again(tmp_path: Path) -> None:
    for name in ("a.onnx", "a.xml", "a.pt2", "a.tflite"):
        (tmp_path / name).write_bytes(b"any")
        with pytest.raises(ExportError, match=rf"made of weights, and .*{name} is an exported file"):
            export(tmp_path / name, tmp_path / "other", to="openvino")


def test_a_strangers_file_stays(color: LoadedModel, tmp_path: Path) -> None:
    for name, to in (("a.onnx", "onnx"), ("a.bin", "openvino"), ("a.pt2", "torch")):
        (tmp_path / name).write_bytes(b"theirs")
        with pytest.raises(ExportError, match=f"{name} is no export of this network"):
            export(color, tmp_path / f"a{SUFFIXES[to]}", to=to)
        assert (tmp_path / name).read_bytes() == b"theirs"


@pytest.mark.slow
def test_two_files_in_a_folder_are_two_networks(color: LoadedModel, tmp_path: Path) -> None:
    export(replace(color, source="weights/one.safetensors"), tmp_path / "a.onnx")
    with pytest.raises(ExportError, match="another network"):
        export(replace(color, source="weights/two.safetensors"), tmp_path / "a.onnx")
    export(replace(color, source="/x/weights/one.safetensors"), tmp_path / "a.onnx")
