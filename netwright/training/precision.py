"""What activations are computed in, and the loss scale that keeps fp16 gradients from vanishing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from netwright.recipe.training import Precision
from netwright.training.device import bf16_helps

__all__ = ["LossScaler", "autocast", "resolve_precision"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_FP16_DEVICES = ("cuda", "mps", "npu", "xpu")

# MindSpore's and torch's dynamic loss scale
_AUTO_START = 2.0**24
_FACTOR = 2.0
_STEPS = 2000  # good ones in a row, after which the scale grows
_MOST = 2.0**127  # within fp32


def resolve_precision(name: str, device: torch.device) -> tuple[str, str]:
    """fp32, bf16 or fp16, and a notice where that is not what the name says or is slow; else ''.

    half and fp16: fp16 on accelerators, bf16 on a CPU. auto: bf16 where the device multiplies it, else fp32.
    """
    if name == "auto":
        return ("bf16" if bf16_helps(device) else "fp32"), ""
    if name in ("half", "fp16"):
        if device.type in _FP16_DEVICES:
            return "fp16", ""
        return "bf16", f"precision {name}: fp16 is for accelerators, on {_here(device)} bf16 is used{_pace(device)}"
    if name == "bf16" and not bf16_helps(device):
        return "bf16", f"precision bf16 on {_here(device)}{_pace(device)}"
    return name, ""


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """A context in which networks compute so. precision: resolved. Weights and results of losses stay fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


class LossScaler:
    """Multiplies the loss, divides the gradients, and says whether they are finite.

    Types: `fixed` stays at loss_scale, and looks at gradients where drop_overflow_update asks for it; `dynamic` starts
    there, is halved (not below 1) by each overflow, and doubled after 2000 steps without one; `auto` is dynamic from
    2**24 for fp16, and 1 otherwise. A dynamic scale always drops steps that overflow.
    """

    def __init__(self, recipe: Precision, precision: str) -> None:
        kind = recipe.loss_scale_type
        self.is_dynamic = kind == "dynamic" or (kind == "auto" and precision == "fp16")
        starts = {"fixed": recipe.loss_scale, "dynamic": recipe.loss_scale, "auto": 1.0}
        self.value = _AUTO_START if kind == "auto" and self.is_dynamic else starts[kind]
        self._looks = self.is_dynamic or (kind == "fixed" and recipe.drop_overflow_update)
        self._least = min(1.0, self.value)
        self._good = 0

    @property
    def is_needed(self) -> bool:
        """Whether it does anything; a loop can leave it out otherwise."""
        return self._looks or self.value != 1.0

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to go backward from."""
        return loss if self.value == 1.0 else loss * self.value

    @torch.no_grad()
    def unscale(self, parameters: list[nn.Parameter]) -> bool:
        """Gradients back to their size, in one pass; whether the step may be done. Waits for the device if it looks.

        Call it once a step, when the gradients of all accumulated batches, and of all ranks, are there.
        """
        if not self.is_needed:
            return True
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for value in parameters:
            if value.grad is not None:
                by_type.setdefault(value.grad.dtype, []).append(value.grad)
        if not self._looks:
            for gradients in by_type.values():
                torch._foreach_mul_(gradients, 1.0 / self.value)
            return True
        overflowed = False
        for gradients in by_type.values():
            device = gradients[0].device
            found, inverse = torch.zeros((), device=device), torch.full((), 1.0 / self.value, device=device)
            # what torch.amp.GradScaler calls, which hides its answer until the step
            torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, inverse)
            overflowed |= bool(found)
        return not overflowed

    def update(self, finite: bool) -> None:
        """Adapt a dynamic scale, after each step that was done or dropped."""
        if not self.is_dynamic:
            return
        if not finite:
            self.value, self._good = max(self._least, self.value / _FACTOR), 0
            return
        self._good += 1
        if self._good == _STEPS:
            self.value, self._good = min(_MOST, self.value * _FACTOR), 0

    def state_dict(self) -> dict[str, float]:
        """Plain numbers."""
        return {"scale": self.value, "good_steps": self._good}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from a `state_dict`."""
        self.value, self._good = float(state["scale"]), int(state["good_steps"])


def _here(device: torch.device) -> str:
    return "this CPU" if device.type == "cpu" else f"this device ({device.type})"


def _pace(device: torch.device) -> str:
    return "" if bf16_helps(device) else ", in software, which is slower than fp32"
