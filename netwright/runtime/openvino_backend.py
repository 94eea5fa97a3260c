"""OpenVINO as a backend: each batch is computed over all threads, which has the lowest latency."""

from __future__ import annotations

import queue
from typing import Any

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray
from netwright.system.extras import optional

__all__ = ["OpenVinoBackend", "openvino_core"]

# precision of a network -> what OpenVINO computes in; fp16 is how weights are stored
_HINTS = {"fp32": "f32", "fp16": "f32", "bf16": "bf16"}


def openvino_core() -> Any:
    """OpenVINO's Core. ExportError where the library is not installed."""
    return optional("openvino", "export").Core()


def _hint(core: Any, precision: str) -> str:
    """What is not quantized in int8 (grouped convolutions, say) is computed in bf16 where the processor has it."""
    if precision == "int8":
        return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    return _HINTS[precision]


class OpenVinoBackend:
    """An OpenVINO model on the processors. Several threads may call it at once.

    Args:
        core: Of `openvino_core`.
        model: An openvino.Model.
        precision: What it computes in, one of `info.PRECISIONS`.
        threads: Of one call; None leaves it to OpenVINO.
        path: Of the file, for messages.
    """

    takes_tensors = False

    def __init__(self, core: Any, model: Any, precision: str, threads: int | None, path: str) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _hint(core, precision),
            # pinned threads of two networks or processes share processors while others are idle
            "ENABLE_CPU_PINNING": "NO",
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            self._compiled: Any = core.compile_model(model, "CPU", settings)
        except Exception as error:  # RuntimeError mostly, and what the bindings make of others
            reason = (str(error).strip().splitlines() or [""])[-1][:300]
            raise ExportError(f"OpenVINO cannot load {path}: {reason}. Export it again.") from error
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def __call__(self, inputs: FloatArray) -> FloatArray:
        try:  # each call has a request of its own, so that threads share no buffers
            request = self._requests.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            request.infer([inputs], share_inputs=True)
            logits: FloatArray = request.get_output_tensor(0).data.copy()  # the next call writes to its memory
        finally:
            self._requests.put(request)
        return logits

    def close(self) -> None:
        while not self._requests.empty():
            self._requests.get_nowait()
        self._compiled = None
