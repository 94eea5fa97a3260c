"""The configuration by which NVIDIA Triton serves a network of ours: config.pbtxt.

What Triton demands of it is told in its documentation under "Model Configuration", what a backend demands in its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from netwright.errors import ExportError
from netwright.exports.pbtxt import quoted
from netwright.runtime.info import ModelInfo
from netwright.version import __version__

__all__ = ["BACKENDS", "LABELS", "TritonSettings", "triton_config", "triton_labels"]

# target of `export` -> name of Triton's backend
BACKENDS = {"onnx": "onnxruntime", "openvino": "openvino"}

LABELS = "labels.txt"  # beside the configuration

_MAX_BATCH, _MAX_DELAY_MS = 16, 2.0


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """How Triton runs a model. Raises ExportError for what cannot be.

    max_batch: images of several requests that are computed together, max_delay_ms: how long they wait for it; None is
    16 and 2 where Triton can do that, which is for ONNX with any number of images. instances: of the network on a
    device. device: cpu or gpu. versions: how many of the newest answer, 0 for all, as `netwright serve` has it.
    """

    max_batch: int | None = None
    max_delay_ms: float | None = None
    instances: int = 1
    device: str = "cpu"
    versions: int = 0

    def __post_init__(self) -> None:
        if self.max_batch is not None and self.max_batch < 1:
            raise ExportError(f"max_batch is 1 or more images, not {self.max_batch}.")
        if self.max_delay_ms is not None and not 0 <= self.max_delay_ms < 1e6:
            raise ExportError(f"max_delay_ms is 0 or more, not {self.max_delay_ms}.")
        if self.instances < 1 or self.versions < 0:
            raise ExportError(
                f"instances are 1 or more and versions 0 or more, not {self.instances} and {self.versions}."
            )
        if self.device not in ("cpu", "gpu"):
            raise ExportError(f"a device is cpu or gpu, not {self.device!r}.")


def triton_config(info: ModelInfo, to: str, settings: TritonSettings | None = None) -> str:
    """config.pbtxt of a network in a file for `to`, onnx or openvino. The name is left to the folder.

    Requests are put together for ONNX with any number of images. Elsewhere max_batch_size is 0 and dims have the batch:
    a graph of N images takes no other number, and the backend of OpenVINO would fix the graph at max_batch_size and
    refuse or pad all other requests. Raises ExportError for what a backend has not.
    """
    settings = settings or TritonSettings()
    _refuse_impossible(info, to, settings)
    is_batched = to == "onnx" and info.batch is None
    max_batch = (settings.max_batch or _MAX_BATCH) if is_batched else 0
    batch = [] if is_batched else [info.batch or -1]
    lines = [
        f"# Written by netwright {__version__}. The name of the model is that of its folder.",
        f'backend: "{BACKENDS[to]}"',
        *(['platform: "onnxruntime_onnx"'] if to == "onnx" else []),
        f"max_batch_size: {max_batch}",
        # Triton allows the word for three dims only
        *_tensor("input", "input", [*batch, *info.input_shape], ["format: FORMAT_NCHW"] if is_batched else []),
        *_tensor("output", "logits", [*batch, info.arch.num_classes], [f'label_filename: "{LABELS}"']),
    ]
    if max_batch > 1:
        delay = _MAX_DELAY_MS if settings.max_delay_ms is None else settings.max_delay_ms
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {round(1000 * delay)} }}")
    policy = f"latest {{ num_versions: {settings.versions} }}" if settings.versions else "all { }"
    lines += [
        f"instance_group [ {{ count: {settings.instances} kind: KIND_{settings.device.upper()} }} ]",
        f"version_policy {{ {policy} }}",
        *(
            f"parameters {{ key: {quoted(key)} value {{ string_value: {quoted(value)} }} }}"
            for key, value in _told(info)
        ),
    ]
    return "\n".join(lines) + "\n"


def _tensor(kind: str, name: str, dims: list[int], more: list[str]) -> list[str]:
    fields = [f'name: "{name}"', "data_type: TYPE_FP32", *more, f"dims: [ {', '.join(map(str, dims))} ]"]
    return [f"{kind} [", "  {", *(f"    {field}" for field in fields), "  }", "]"]


def _told(info: ModelInfo) -> list[tuple[str, str]]:
    told = [("preprocessing", json.dumps(info.preprocessing.to_dict()))]
    if info.precision == "bf16":
        told.append(("HINT_BF16", "YES"))  # the word of the OpenVINO backend; only OpenVINO has files in bf16 here
    return told


def _refuse_impossible(info: ModelInfo, to: str, settings: TritonSettings) -> None:
    if to not in BACKENDS:
        raise ExportError(f"Triton is given a file for {' or '.join(BACKENDS)}, not for {to}. Export it so.")
    if to == "openvino" and settings.device == "gpu":
        raise ExportError("the OpenVINO backend is for processors. Export with --to onnx for a GPU.")
    if (to != "onnx" or info.batch) and (settings.max_batch is not None or settings.max_delay_ms is not None):
        what = "OpenVINO" if to != "onnx" else f"a graph of {info.batch:,} images"
        raise ExportError(
            f"Triton puts requests together for ONNX with any number of images, not for {what}. Leave out max_batch "
            "and max_delay_ms, or export with --to onnx --batch dynamic."
        )


def triton_labels(info: ModelInfo) -> list[str]:
    """A line each: Triton reads them so."""
    return [" ".join(name.split()) for name in info.output_names]
