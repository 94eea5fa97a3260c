"""Run a network on images, whatever computes it: torch, ONNX Runtime or OpenVINO behind one `open_runtime`."""

from netwright.data.classes import Candidate
from netwright.runtime.info import ModelInfo
from netwright.runtime.open import RUNTIMES, find_export, open_runtime
from netwright.runtime.prediction import Prediction
from netwright.runtime.runtime import Backend, Runtime

__all__ = ["RUNTIMES", "Backend", "Candidate", "ModelInfo", "Prediction", "Runtime", "find_export", "open_runtime"]
