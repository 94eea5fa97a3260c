"""Packages that are not there."""

import sys

import pytest

from netwright.errors import ExportError
from netwright.system.extras import optional


def test_a_missing_package_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r'package onnxruntime.*pip install "netwright\[export\]"'):
        optional("onnxruntime", "export")
    assert optional("json", "export").dumps(1) == "1"
