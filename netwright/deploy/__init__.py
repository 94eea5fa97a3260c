"""Networks outside training: files that run without torch, and runtimes that answer images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.deploy.info import ModelInfo
from netwright.deploy.open import RUNTIMES, find_export, open_runtime
from netwright.deploy.runtime import Candidate, Prediction, Runtime

if TYPE_CHECKING:
    from netwright.deploy.exported import Exported
    from netwright.deploy.job import export
    from netwright.deploy.labelled import Labelled, labelled_images
    from netwright.deploy.triton import TritonSettings
    from netwright.deploy.triton_repository import export_triton, write_triton

__all__ = [
    "RUNTIMES",
    "Candidate",
    "Exported",
    "Labelled",
    "ModelInfo",
    "Prediction",
    "Runtime",
    "TritonSettings",
    "export",
    "export_triton",
    "find_export",
    "labelled_images",
    "open_runtime",
    "write_triton",
]

# exporting imports torch, and answering from an exported file need not
_LATE = {
    "Exported": "exported",
    "Labelled": "labelled",
    "TritonSettings": "triton",
    "export": "job",
    "export_triton": "triton_repository",
    "labelled_images": "labelled",
    "write_triton": "triton_repository",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"netwright.deploy.{_LATE[name]}"), name)
