"""Evaluate a trained network: validate it on labeled images, with a report of where it is wrong, or predict images."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.data.classes import ClassMap, match_classes
    from netwright.evaluation.metrics import ValidationMetrics
    from netwright.evaluation.prediction import ImagePrediction, UnreadableImage, predict
    from netwright.evaluation.records import ImageRecords
    from netwright.evaluation.validation import Validation, validate

__all__ = [
    "ClassMap",
    "ImagePrediction",
    "ImageRecords",
    "UnreadableImage",
    "Validation",
    "ValidationMetrics",
    "match_classes",
    "predict",
    "validate",
]

# public name -> its module, imported when first used: validation imports torch
_HOME = {
    **dict.fromkeys(("ClassMap", "match_classes"), "netwright.data.classes"),
    **dict.fromkeys(("ImagePrediction", "UnreadableImage", "predict"), "netwright.evaluation.prediction"),
    **dict.fromkeys(("Validation", "validate"), "netwright.evaluation.validation"),
    "ImageRecords": "netwright.evaluation.records",
    "ValidationMetrics": "netwright.evaluation.metrics",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
