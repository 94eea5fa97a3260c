"""In what a latency is measured: which runtime, precision, batch, threads and device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from typing import Any

from netwright.errors import RecipeError
from netwright.options import check_options, option
from netwright.system.extras import optional
from netwright.system.machine import default_threads, hardware, processors

__all__ = ["RUNTIMES", "LatencySetting", "device_facts"]

RUNTIMES = ("onnx", "openvino", "torch")
# runtime -> the packages whose versions change how fast it is
_PACKAGES = {"onnx": ("onnxruntime",), "openvino": ("openvino",), "torch": ("torch",)}


@dataclass(frozen=True, slots=True)
class LatencySetting:
    """In what a latency is measured. RecipeError for an impossible value."""

    runtime: str = option("onnx", "what computes; an exported file runs in its own", choices=RUNTIMES)
    precision: str = option(
        "fp32", "what it computes in; an exported file has its own", choices=("fp32", "bf16", "fp16", "int8")
    )
    batch: int = option(1, "images that are answered together", low=1, metavar="N")
    threads: int | None = option(
        None, "of one answer; OMP_NUM_THREADS counts too", low=1, metavar="T", default_text="as many as processors"
    )
    device: str = option("cpu", "cpu; or cuda, cuda:1, ... for the runtime torch", metavar="DEVICE")

    def __post_init__(self) -> None:
        check_options(self)
        if self.device != "cpu" and self.runtime != "torch":
            raise RecipeError(
                f"latency on {self.device} is measured in torch, and the runtime is {self.runtime}: ONNX Runtime and "
                "OpenVINO run on the processors here. Give --runtime torch, or leave the device out."
            )

    def refuse_impossible(self) -> None:
        """RecipeError where weights cannot be computed so; exported files are as they are."""
        if self.precision == "int8":
            raise RecipeError(
                "weights become int8 by calibration, which takes images: `netwright export REF --to onnx --precision "
                "int8` first, and then the latency of that file."
            )
        if (self.runtime, self.precision) in (("onnx", "bf16"), ("openvino", "fp16")):
            other = "openvino or torch" if self.runtime == "onnx" else "onnx or torch"
            raise RecipeError(
                f"{self.runtime} does not compute in {self.precision} on processors. Give another precision, or "
                f"--runtime {other}."
            )

    def resolved(self) -> LatencySetting:
        """The setting with a number of threads, and a device by its whole name: what measurements are kept under."""
        device = self.device
        if device != "cpu":
            from netwright.training import resolve_device

            found = resolve_device(device)
            device = f"{found.type}:{found.index or 0}" if found.type != "cpu" else "cpu"
        return replace(self, threads=self.threads or default_threads(), device=device)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LatencySetting:
        """Read what `to_dict` wrote."""
        return cls(**values)

    def in_words(self) -> str:
        """`onnx fp32, batch 1, 2 threads`."""
        threads = "" if self.device != "cpu" else f", {self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.runtime} {self.precision}, batch {self.batch}{threads if self.threads else ''}"


def device_facts(setting: LatencySetting) -> dict[str, str]:
    """What a latency depends on beside the network and the setting: the processor or accelerator, and the versions."""
    if setting.device == "cpu":
        name = f"{hardware()['processor']}, {processors()} processors"
    else:
        from netwright.training import device_name, resolve_device

        name = device_name(resolve_device(setting.device))
    versions = {package: _version(package) for package in _PACKAGES[setting.runtime]}
    return {"device": name, "system": hardware()["system"], **versions}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # it is missing, or a build of another name (onnxruntime-gpu)
        return str(optional(package, "export").__version__)
