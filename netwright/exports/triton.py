"""The configuration by which NVIDIA Triton serves a network of ours: config.pbtxt.

Triton's documentation describes it under "Model Configuration", and each backend has documentation of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netwright.errors import ExportError
from netwright.exports.pbtxt import quoted
from netwright.options import check_options, option
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.runtime.info import ModelInfo

__all__ = ["BACKENDS", "LABELS", "TritonSettings", "triton_config", "triton_labels"]

# target of `export` -> name of Triton's backend
BACKENDS = {"onnx": "onnxruntime", "openvino": "openvino"}

LABELS = "labels.txt"  # beside the configuration

_MAX_BATCH, _MAX_DELAY_MS = 16, 2.0


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """How Triton runs a model. ExportError for an impossible value.

    A max_batch or max_delay_ms of None is 16 and 2 where Triton can put requests together: for ONNX with any number of
    images.
    """

    max_batch: int | None = option(
        None, "images of several requests computed together", low=1, metavar="N", default_text="16 for onnx"
    )
    max_delay_ms: float | None = option(
        None, "how long they wait for others", low=0.0, high=1e6, metavar="MS", default_text="2"
    )
    instances: int = option(1, "of the network on a device", low=1, metavar="N")
    device: str = option("cpu", "what the network runs on", choices=("cpu", "gpu"))
    versions: int = option(0, "how many of the newest versions answer; 0: all", low=0, metavar="N")

    def __post_init__(self) -> None:
        check_options(self, ExportError)


def triton_config(info: ModelInfo, to: str, settings: TritonSettings | None = None) -> str:
    """config.pbtxt of a network in a file for `to`, onnx or openvino. The name is left to the folder.

    Requests are put together for ONNX with any number of images. Elsewhere max_batch_size is 0 and dims have the batch:
    a graph of N images takes no other number, and the backend of OpenVINO would fix the graph at max_batch_size and
    refuse or pad all other requests. ExportError for what a backend cannot do.
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
            for key, value in _parameters(info)
        ),
    ]
    return "\n".join(lines) + "\n"


def _tensor(kind: str, name: str, dims: list[int], more: list[str]) -> list[str]:
    fields = [f'name: "{name}"', "data_type: TYPE_FP32", *more, f"dims: [ {', '.join(map(str, dims))} ]"]
    return [f"{kind} [", "  {", *(f"    {field}" for field in fields), "  }", "]"]


def _parameters(info: ModelInfo) -> list[tuple[str, str]]:
    parameters = [("preprocessing", json.dumps(info.preprocessing.to_dict()))]
    if info.precision == "bf16":
        parameters.append(("HINT_BF16", "YES"))  # OpenVINO's name; only its files are in bf16 here
    return parameters


def _refuse_impossible(info: ModelInfo, to: str, settings: TritonSettings) -> None:
    if to not in BACKENDS:
        raise ExportError(
            f"Triton takes a file for {' or '.join(BACKENDS)}, not for {to}. Export with --to {' or '.join(BACKENDS)}."
        )
    if to == "openvino" and settings.device == "gpu":
        raise ExportError("the OpenVINO backend is for processors. Export with --to onnx for a GPU.")
    if (to != "onnx" or info.batch) and (settings.max_batch is not None or settings.max_delay_ms is not None):
        what = "OpenVINO" if to != "onnx" else f"a graph of {info.batch:,} images"
        raise ExportError(
            f"Triton puts requests together for ONNX with any number of images, not for {what}. Leave out max_batch "
            "and max_delay_ms, or export with --to onnx --batch dynamic."
        )


def triton_labels(info: ModelInfo) -> list[str]:
    """The names of the outputs, as labels.txt has them: one a line."""
    return [" ".join(name.split()) for name in info.output_names]
