"""Where an export goes."""

from pathlib import Path

import pytest

from netwright.errors import ExportError
from netwright.exports.destination import resolve_destination


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
