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

__all__ = [
    "RUNTIMES",
    "Candidate",
    "Exported",
    "Labelled",
    "ModelInfo",
    "Prediction",
    "Runtime",
    "export",
    "find_export",
    "labelled_images",
    "open_runtime",
]

# exporting imports torch, and answering from an exported file need not
_LATE = {"Exported": "exported", "Labelled": "labelled", "export": "job", "labelled_images": "labelled"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"netwright.deploy.{_LATE[name]}"), name)
