"""Packages that are not there."""

import sys

import pytest

from netwright.deploy.extras import extra
from netwright.errors import ExportError


def test_a_missing_package_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExportError, match=r'package onnxruntime.*pip install "netwright\[export\]"'):
        extra("onnxruntime")
    assert extra("json").dumps(1) == "1"
