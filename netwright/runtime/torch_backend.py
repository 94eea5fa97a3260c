"""torch as a backend: a module in channels_last memory, on any device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray

if TYPE_CHECKING:
    from torch import Tensor, nn

    from netwright.nn import AnyNet

__all__ = ["DTYPES", "TorchBackend", "fused_backend"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend:
    """A torch module in eval mode, which is moved to the device.

    Args:
        module: (N, C, H, W) -> (N, classes), computed in the type of its weights.
        threads: Of all torch in this process; None leaves them as they are.
        device: Where it computes.
        autocast: fp32, bf16 or fp16: what activations are computed in while the weights stay as they are. fp32 is the
            type of the weights.
    """

    takes_tensors = True

    def __init__(
        self,
        module: nn.Module,
        threads: int | None = None,
        *,
        device: torch.device | str = "cpu",
        autocast: str = "fp32",
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._module: Any = module.to(self._device).to(memory_format=torch.channels_last).eval()
        self._dtype = next(module.parameters()).dtype
        self._autocast = autocast

    def __call__(self, inputs: FloatArray | Tensor) -> FloatArray:
        with torch.inference_mode(), self._context():
            if isinstance(inputs, np.ndarray):
                if not inputs.flags.writeable:  # torch would warn
                    inputs = inputs.copy()
                inputs = torch.from_numpy(inputs)
            x = inputs.to(self._device, self._dtype, memory_format=torch.channels_last)
            logits: FloatArray = self._module(x).float().cpu().numpy()
        return logits

    def close(self) -> None:
        self._module = None

    def _context(self) -> AbstractContextManager[object]:
        kind = self._device.type
        if self._autocast != "fp32":
            return torch.autocast(kind, dtype=DTYPES[self._autocast])
        # a caller's autocast must not change what is computed
        return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def fused_backend(fused: AnyNet, precision: str, threads: int | None, device: str = "cpu") -> TorchBackend:
    """A network without batch norm whose weights become fp32, bf16 or fp16, on a device by its name.

    Raises:
        ExportError: For int8.
        RecipeError: There is no such device.
    """
    if precision not in DTYPES:
        raise ExportError(
            f"torch computes in {', '.join(DTYPES)} here, not in {precision}. Use the runtime onnx or openvino for it."
        )
    return TorchBackend(fused.to(DTYPES[precision]), threads, device=_resolved(device))


def _resolved(device: str) -> torch.device | str:
    if device == "cpu":
        return device
    from netwright.training.device import resolve_device  # with all that trains

    return resolve_device(device)
