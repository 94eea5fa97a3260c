"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from netwright.deploy.place import placing, resolve_destination
from netwright.errors import ExportError, OutputError


def test_destinations(tmp_path: Path) -> None:
    (tmp_path / "models.d").mkdir()
    assert resolve_destination(tmp_path / "a.onnx", "onnx") == tmp_path / "a.onnx"
    assert resolve_destination(tmp_path / "m" / "2", "openvino") == tmp_path / "m" / "2" / "model.xml"
    assert resolve_destination(tmp_path / "models.d", "torch") == tmp_path / "models.d" / "model.pt2"
    assert resolve_destination(tmp_path / "v1.2", "onnx") == tmp_path / "v1.2" / "model.onnx"
    with pytest.raises(ExportError, match=r"Name it a\.pt2"):
        resolve_destination("a.onnx", "torch")


def test_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.xml"
    with placing(path) as partial:
        partial.write_text("new graph")
        partial.with_suffix(".bin").write_text("new weights")
        assert not path.exists()
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.bin", "a.xml"]
    with pytest.raises(UnicodeEncodeError), placing(path) as partial:
        partial.write_text("newer \ud800")
    assert path.read_text() == "new graph"
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.bin", "a.xml"]


def test_no_room_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another"), placing(tmp_path / "file" / "a.onnx"):
        pass
