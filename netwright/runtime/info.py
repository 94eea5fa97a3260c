"""The description of a network in an exported file: everything that is needed to use it, as JSON metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.data.class_order import imposed_names
from netwright.data.classes import IMAGENET_CLASSES, descriptions, imagenet_synsets
from netwright.data.preprocess import Preprocessing
from netwright.errors import ArchError, DataError, ExportError
from netwright.system.deprecation import renamed_attribute

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = [
    "METADATA_KEY",
    "PRECISIONS",
    "SUFFIXES",
    "ModelInfo",
    "info_from_json",
    "info_of",
    "info_to_json",
    "name_outputs",
    "read_whole",
]

METADATA_KEY = "netwright"
PRECISIONS = ("fp32", "bf16", "fp16", "int8")
# target of `export`, which is the runtime that opens it -> suffix of the file
SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2", "litert": ".tflite"}

_FORMAT = 1
_LONGEST = 64 << 20  # characters of the JSON, enough for the names of many thousand classes


@dataclass(frozen=True, slots=True, eq=False)
class ModelInfo:
    """A network apart from its weights.

    Attributes:
        name: Of the model, for servers.
        version: Of the model, for servers.
        arch: The architecture.
        preprocessing: How images become its input.
        class_names: Of its outputs in order, or empty where they are unknown.
        facts: What is known of its training.
        precision: What it computes in, one of PRECISIONS.
        source: Where the weights are from, for people.
        descriptions: Of the classes, where these are ImageNet's ids; else empty.
        batch: Images that the graph takes at once; None for any number.
        opset: Of ONNX; 0 for other files.
        versions: Of the packages that wrote the file, by name.
    """

    name: str
    version: str
    arch: Arch
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    facts: Mapping[str, Any]
    precision: str
    source: str
    descriptions: tuple[str, ...] = ()
    batch: int | None = None
    opset: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    made = renamed_attribute("ModelInfo", "made", "versions")

    @property
    def output_names(self) -> tuple[str, ...]:
        """A name per output: its number where the classes have no names."""
        return self.class_names or tuple(map(str, range(self.arch.num_classes)))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.preprocessing.channels, self.preprocessing.image_size, self.preprocessing.image_size


def info_of(model: LoadedModel, *, name: str = "", version: str = "1", precision: str = "fp32") -> ModelInfo:
    """Describe a loaded network. 1000 outputs without names are ImageNet's classes, as in prediction."""
    if model.arch.in_channels != model.preprocessing.channels:
        raise ExportError(
            f"images have as many channels as the network takes, and the preprocessing gives "
            f"{model.preprocessing.channels} where the network takes {model.arch.in_channels} channels. Load it with "
            "the preprocessing that it was trained with."
        )
    names = model.class_names
    if not names and model.arch.num_classes == IMAGENET_CLASSES:
        names = imagenet_synsets()
    texts = descriptions(names)
    return ModelInfo(
        name or model.arch.name or "network",
        version,
        model.arch,
        model.preprocessing,
        names,
        model.facts,
        precision,
        model.source,
        texts if any(texts) else (),
    )


def name_outputs(info: ModelInfo, order: str) -> ModelInfo:
    """Give the outputs of a network without class names those of a file; natural and string need images, and pass.

    Args:
        info: The network. 1000 outputs without names are said to be ImageNet's, and may be others.
        order: natural, string, or a file with a class name a line.

    Raises:
        DataError: It has names, or the file has another number of them.
    """
    own = () if info.class_names == imagenet_synsets() else info.class_names
    names = imposed_names(order, own, info.arch.num_classes, info.source or info.name)
    return replace(info, class_names=names, descriptions=descriptions(names)) if names else info


def info_to_json(info: ModelInfo) -> str:
    """For a file's metadata; `info_from_json` is the inverse."""
    values = {
        "format": _FORMAT,
        "name": info.name,
        "version": info.version,
        "arch": info.arch.to_dict(),
        "preprocessing": info.preprocessing.to_dict(),
        "class_names": info.class_names,
        "descriptions": info.descriptions,
        "facts": dict(info.facts),
        "precision": info.precision,
        "source": info.source,
        "batch": info.batch,
        "opset": info.opset,
        "made": dict(info.versions),
    }
    return json.dumps(values)


def info_from_json(text: str, path: str) -> ModelInfo:
    """Read what `info_to_json` wrote. path: the file, for messages. Raises ExportError for anything else."""
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"{len(text):,} characters of metadata")
        values = json.loads(text)
        if values["format"] != _FORMAT:
            raise ValueError(f"its format is {values['format']!r}, and this version reads {_FORMAT}")
        arch, names = Arch.from_dict(values["arch"]), _names(values["class_names"])
        descriptions = _names(values["descriptions"])
        batch, opset = values["batch"], values["opset"]
        for kind, texts in (("class names", names), ("descriptions", descriptions)):
            if len(texts) not in (0, arch.num_classes):
                raise ValueError(f"{len(texts):,} {kind} of {arch.num_classes:,} outputs")
        if values["precision"] not in PRECISIONS:
            raise ValueError(f"precision {values['precision']!r}")
        if type(opset) is not int or not (batch is None or (type(batch) is int and batch >= 1)):
            raise ValueError(f"opset {opset!r} or batch {batch!r}")
        return ModelInfo(
            str(values["name"]),
            str(values["version"]),
            arch,
            Preprocessing.from_dict(values["preprocessing"]),
            names,
            dict(values["facts"]),
            values["precision"],
            str(values["source"]),
            descriptions,
            batch,
            opset,
            {str(key): str(value) for key, value in values["made"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArchError, DataError) as error:
        reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ExportError(
            f"an exported file describes its network, and the description in {path} cannot be read: {reason}. Export "
            "it again."
        ) from error


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("names are a list of strings")
    return tuple(values)


def read_whole(path: Path) -> bytes:
    """An exported file; ExportError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"the exported file {path} cannot be read: {error.strerror or error}.") from error
