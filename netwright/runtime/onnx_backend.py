"""ONNX Runtime as a backend."""

from __future__ import annotations

from typing import Any

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray
from netwright.system.extras import optional

__all__ = ["OnnxBackend"]


class OnnxBackend:
    """An ONNX graph on the processors. Several threads may call it at once.

    Args:
        content: The bytes of an ONNX file that needs no other file.
        threads: Of one call; None leaves it to ONNX Runtime.
        path: Of the file, for messages.
    """

    takes_tensors = False

    def __init__(self, content: bytes, threads: int | None, path: str) -> None:
        ort = optional("onnxruntime", "export")
        options = ort.SessionOptions()
        options.log_severity_level = 3  # errors only: they become exceptions anyway
        if threads is not None:
            options.intra_op_num_threads = threads
        # threads that spin take the processor from whoever decodes images meanwhile
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises a dozen types of its own, none public
            raise ExportError(f"ONNX Runtime cannot load {path}: {_first_line(error)}. Export it again.") from error

    def __call__(self, inputs: FloatArray) -> FloatArray:
        logits: FloatArray = self._session.run(["logits"], {"input": inputs})[0]
        return logits

    def close(self) -> None:
        self._session = None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
