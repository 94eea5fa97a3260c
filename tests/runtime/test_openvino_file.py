"""OpenVINO's two files: what is said is what is held, and what is checked is what is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import ExportError
from netwright.runtime import open_runtime
from netwright.runtime.openvino_backend import openvino_core
from netwright.runtime.openvino_file import read_openvino
from netwright.weights import LoadedModel


def test_openvino_files_describe_what_they_hold(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path]
) -> None:
    source = exported(color, "openvino")
    shutil.copy(source.with_suffix(".bin"), tmp_path / "a.bin")
    text = source.read_text(encoding="utf-8")
    said = "&quot;num_classes&quot;: 5"
    assert said in text
    (tmp_path / "a.xml").write_text(
        text.replace(said, "&quot;num_classes&quot;: 6").replace("Erdm\\u00e4nnchen&quot;", "e&quot;, &quot;f&quot;"),
        encoding="utf-8",
    )
    with pytest.raises(ExportError, match="another network than it holds"):
        read_openvino(tmp_path / "a.xml", openvino_core())


def test_openvino_files_are_read_once(
    tmp_path: Path, color: LoadedModel, exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another export replaces between the check and the opening is not what is opened."""
    source = exported(color, "openvino")
    for suffix in (".xml", ".bin"):
        shutil.copy(source.with_suffix(suffix), tmp_path / f"a{suffix}")
    from netwright.runtime import openvino_file

    usual = openvino_file.hashlib.sha256

    def replaced(content: bytes) -> Any:
        (tmp_path / "a.bin").write_bytes(bytes(len(content)))
        return usual(content)

    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16), dtype=np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(openvino_file.hashlib, "sha256", replaced)
        opened = open_runtime(tmp_path / "a.xml")
    with opened, open_runtime(source) as whole:
        assert np.allclose(opened.logits(x), whole.logits(x))
