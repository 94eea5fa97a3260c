"""Devices to train on; through torch.accelerator, so that CPU, CUDA and others share the same code."""

from __future__ import annotations

import platform
from importlib import import_module

import torch

from netwright.errors import RecipeError

__all__ = ["bf16_helps", "device_name", "devices", "resolve_device"]

_PACKAGES = {"npu": "torch_npu"}  # kind of device -> what registers it with torch


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
    _load_backend(name.partition(":")[0])  # torch knows its name only then
    try:
        device = torch.device(name)
    except RuntimeError as error:
        known = dict.fromkeys(("auto", *devices(), "cpu"))
        raise RecipeError(f"a device is one of {', '.join(known)}, not {name!r}. Choose one.") from error
    if device.type != "cpu" and not any(known.split(":")[0] == device.type for known in devices()):
        raise RecipeError(f"there is no device {name!r} here: {', '.join(devices())}. Choose one of these, or auto.")
    return device


def _load_backend(kind: str) -> None:
    """Import what registers a kind of device with torch. RecipeError where it is not installed, or fails."""
    package = _PACKAGES.get(kind)
    if package is None:
        return
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise RecipeError(
            f"the device {kind} needs the package {package}, which is not installed. Install the version of it that is "
            f"for torch {torch.__version__}, or choose another device."
        ) from error
    except Exception as error:  # a driver that is missing, an older version: whatever it raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RecipeError(
            f"the device {kind} needs the package {package}, and it cannot be loaded: {reason}."
        ) from error


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
