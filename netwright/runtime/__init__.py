"""What answers images, whatever computes it: torch, ONNX Runtime or OpenVINO behind one `open_runtime`."""

from netwright.data.classes import Candidate
from netwright.runtime.info import ModelInfo
from netwright.runtime.open import RUNTIMES, find_export, open_runtime
from netwright.runtime.runtime import Prediction, Runtime

__all__ = ["RUNTIMES", "Candidate", "ModelInfo", "Prediction", "Runtime", "find_export", "open_runtime"]
