"""Export networks to files for ONNX Runtime, OpenVINO and torch, each compared with its network before it is placed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.exports.exported import Exported
    from netwright.exports.exporter import export
    from netwright.exports.labeled import Labeled, labeled_images
    from netwright.exports.triton import TritonSettings
    from netwright.exports.triton_repository import export_triton, write_triton

__all__ = [
    "Exported",
    "Labeled",
    "TritonSettings",
    "export",
    "export_triton",
    "labeled_images",
    "write_triton",
]

# public name -> its module, imported when first used: exporting imports torch
_HOME = {
    "Exported": "exported",
    "Labeled": "labeled",
    "TritonSettings": "triton",
    "export": "exporter",
    "export_triton": "triton_repository",
    "labeled_images": "labeled",
    "write_triton": "triton_repository",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
