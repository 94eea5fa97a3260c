"""Devices to train on; through torch.accelerator, so that CPU, CUDA and others share the same code."""

from __future__ import annotations

import platform

import torch

from netwright.errors import RecipeError

__all__ = ["bf16_helps", "device_name", "devices", "resolve_device"]


def devices() -> tuple[str, ...]:
    """The accelerators of this machine (`cuda:0`, ...), or `cpu` if there are none."""
    if not torch.accelerator.is_available():
        return ("cpu",)
    kind = torch.accelerator.current_accelerator()
    name = "cpu" if kind is None else kind.type
    return tuple(f"{name}:{i}" for i in range(torch.accelerator.device_count()))


def resolve_device(name: str = "auto") -> torch.device:
    """Find a device.

    Args:
        name: cpu, cuda, cuda:1, ...; auto is the first accelerator, else the CPU.

    Raises:
        RecipeError: There is no such device.
    """
    if name == "auto":
        return torch.device(devices()[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        known = dict.fromkeys(("auto", *devices(), "cpu"))
        raise RecipeError(f"a device is one of {', '.join(known)}, not {name!r}. Choose one.") from error
    if device.type != "cpu" and not any(known.split(":")[0] == device.type for known in devices()):
        raise RecipeError(f"there is no device {name!r} here: {', '.join(devices())}. Choose one of these, or auto.")
    return device


def bf16_helps(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 in hardware."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return True


def device_name(device: torch.device) -> str:
    """The model of the device, for reports."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return str(capabilities.get("cpu_name") or platform.processor() or platform.machine())
