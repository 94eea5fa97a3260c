"""torch as a runtime: a fused network in channels_last memory."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray

if TYPE_CHECKING:
    from netwright.nn import AnyNet

__all__ = ["DTYPES", "TorchEngine", "torch_engine"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """fused: a network that `fuse` made, in eval mode, in its own precision; threads: of all torch in the process."""

    def __init__(self, fused: AnyNet, threads: int | None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._module: Any = fused.to(memory_format=torch.channels_last)
        self._dtype = next(fused.parameters()).dtype

    def __call__(self, inputs: FloatArray) -> FloatArray:
        with torch.inference_mode():
            if not inputs.flags.writeable:  # torch would warn
                inputs = inputs.copy()
            x = torch.from_numpy(inputs).to(self._dtype, memory_format=torch.channels_last)
            # autocast of a caller must not change what is computed
            with torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext():
                logits: FloatArray = self._module(x).float().numpy()
        return logits

    def close(self) -> None:
        self._module = None


def torch_engine(fused: AnyNet, precision: str, threads: int | None) -> TorchEngine:
    """A fused network computed in fp32, bf16 or fp16. Raises ExportError for int8."""
    if precision not in DTYPES:
        raise ExportError(f"torch computes in {', '.join(DTYPES)} here, not {precision}. Take onnx or openvino for it.")
    return TorchEngine(fused.to(DTYPES[precision]), threads)
