"""Precision of activations, and the loss scale that keeps fp16 gradients from vanishing."""

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
_INIT_SCALE = 2.0**24
_GROWTH_FACTOR = 2.0
_GROWTH_INTERVAL = 2000  # steps without overflow after which the scale grows
_MAX_SCALE = 2.0**127  # within fp32


def resolve_precision(name: str, device: torch.device) -> tuple[str, str]:
    """Resolve the name of a precision for a device.

    Args:
        name: fp32, bf16, fp16, half or auto. half and fp16 are fp16 on accelerators and bf16 on a CPU; auto is bf16
            where the device computes it in hardware, else fp32.
        device: The device.

    Returns:
        fp32, bf16 or fp16; and a notice where that is another precision or slow, else "".
    """
    if name == "auto":
        return ("bf16" if bf16_helps(device) else "fp32"), ""
    if name in ("half", "fp16"):
        if device.type in _FP16_DEVICES:
            return "fp16", ""
        return "bf16", f"precision {name}: fp16 is for accelerators, on {_on(device)} bf16 is used{_slowness(device)}"
    if name == "bf16" and not bf16_helps(device):
        return "bf16", f"precision bf16 on {_on(device)}{_slowness(device)}"
    return name, ""


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """A context in which networks compute in a resolved precision; weights and losses stay fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


class LossScaler:
    """Scales the loss, unscales the gradients, and checks whether they are finite.

    Types: `fixed` stays at loss_scale, and checks gradients with drop_overflow_update; `dynamic` starts at loss_scale,
    is halved (not below 1) by each overflow, and doubled after 2000 steps without one; `auto` is dynamic from 2**24 for
    fp16, and 1 otherwise. A dynamic scale always skips steps that overflow.

    Args:
        recipe: The recipe's precision.
        precision: The resolved precision.
    """

    def __init__(self, recipe: Precision, precision: str) -> None:
        kind = recipe.loss_scale_type
        self.is_dynamic = kind == "dynamic" or (kind == "auto" and precision == "fp16")
        starts = {"fixed": recipe.loss_scale, "dynamic": recipe.loss_scale, "auto": 1.0}
        self.value = _INIT_SCALE if kind == "auto" and self.is_dynamic else starts[kind]
        self._checks = self.is_dynamic or (kind == "fixed" and recipe.drop_overflow_update)
        self._min_scale = min(1.0, self.value)
        self._good_steps = 0

    @classmethod
    def if_needed(cls, recipe: Precision, precision: str) -> LossScaler | None:
        """A scaler; None where it would do nothing."""
        scaler = cls(recipe, precision)
        return scaler if scaler.is_needed else None

    @property
    def is_needed(self) -> bool:
        """Whether it does anything."""
        return self._checks or self.value != 1.0

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to start the backward pass from."""
        return loss if self.value == 1.0 else loss * self.value

    @torch.no_grad()
    def unscale(self, parameters: list[nn.Parameter]) -> bool:
        """Undo the scaling of gradients, once per step, after all batches and ranks are accumulated.

        Returns:
            Whether they are finite, as far as that is checked; a check waits for the device.
        """
        if not self.is_needed:
            return True
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for value in parameters:
            if value.grad is not None:
                by_type.setdefault(value.grad.dtype, []).append(value.grad)
        if not self._checks:
            for gradients in by_type.values():
                torch._foreach_mul_(gradients, 1.0 / self.value)
            return True
        overflowed = False
        for gradients in by_type.values():
            device = gradients[0].device
            found, inverse = torch.zeros((), device=device), torch.full((), 1.0 / self.value, device=device)
            # as torch.amp.GradScaler does, which hides the answer until the step
            torch._amp_foreach_non_finite_check_and_unscale_(gradients, found, inverse)
            overflowed |= bool(found)
        return not overflowed

    def update(self, finite: bool) -> None:
        """Adapt a dynamic scale after a step that was done or skipped."""
        if not self.is_dynamic:
            return
        if not finite:
            self.value, self._good_steps = max(self._min_scale, self.value / _GROWTH_FACTOR), 0
            return
        self._good_steps += 1
        if self._good_steps == _GROWTH_INTERVAL:
            self.value, self._good_steps = min(_MAX_SCALE, self.value * _GROWTH_FACTOR), 0

    def state_dict(self) -> dict[str, float]:
        """The scale and its counter."""
        return {"scale": self.value, "good_steps": self._good_steps}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Restore a `state_dict`."""
        self.value, self._good_steps = float(state["scale"]), int(state["good_steps"])


def _on(device: torch.device) -> str:
    return "this CPU" if device.type == "cpu" else f"this device ({device.type})"


def _slowness(device: torch.device) -> str:
    return "" if bf16_helps(device) else ", in software, which is slower than fp32"
