"""ONNX Runtime computes with the threads that it is given, and these wait without work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.errors import ExportError
from netwright.runtime.onnx_backend import OnnxBackend
from netwright.weights import LoadedModel


def test_threads_are_as_many_as_asked_and_do_not_spin(color: LoadedModel, exported: Callable[..., Path]) -> None:
    content = exported(color, "onnx").read_bytes()
    options = OnnxBackend(content, 3, "a.onnx")._session.get_session_options()
    assert options.intra_op_num_threads == 3
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert OnnxBackend(content, None, "a.onnx")._session.get_session_options().intra_op_num_threads == 0


def test_what_it_cannot_take_is_said() -> None:
    with pytest.raises(ExportError, match=r"ONNX Runtime cannot load a\.onnx: "):
        OnnxBackend(b"no graph", 1, "a.onnx")
