"""What an exported file says of itself: all that using it takes, as JSON in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.data.classes import IMAGENET_CLASSES, descriptions, imagenet_synsets
from netwright.data.preprocess import Preprocessing
from netwright.errors import ArchError, DataError, ExportError

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = ["METADATA_KEY", "PRECISIONS", "ModelInfo", "info_from_json", "info_of", "info_to_json", "read_whole"]

METADATA_KEY = "netwright"
PRECISIONS = ("fp32", "bf16", "fp16", "int8")

_FORMAT = 1
_LONGEST = 64 << 20  # characters of the JSON; the longest that is honest has names of classes by the thousand


@dataclass(frozen=True, slots=True, eq=False)
class ModelInfo:
    """A network that can be asked, apart from its weights.

    class_names: of its outputs in order, or empty where nobody says. descriptions: of these in words where the names
    are ImageNet's ids, else empty. facts: what is known of its training. precision: what it computes in, a word of
    PRECISIONS. source: where the weights are from, in words. batch: the images that the graph takes at once, None for
    any number. opset: of ONNX, 0 for others. made: name -> version of what wrote the file.
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
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def output_names(self) -> tuple[str, ...]:
        """A name an output: the number where the classes have no names."""
        return self.class_names or tuple(map(str, range(self.arch.num_classes)))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.preprocessing.channels, self.preprocessing.image_size, self.preprocessing.image_size


def info_of(model: LoadedModel, *, name: str = "", version: str = "1", precision: str = "fp32") -> ModelInfo:
    """Of a loaded network. ImageNet's names are taken for 1000 outputs without names, as in prediction."""
    if model.arch.in_channels != model.preprocessing.channels:
        raise ExportError(
            f"images are gray (1) or RGB (3), as the preprocessing says ({model.preprocessing.channels}), and the "
            f"network takes {model.arch.in_channels} channels. Load it with the preprocessing that it was trained with."
        )
    names = model.class_names
    if not names and model.arch.num_classes == IMAGENET_CLASSES:
        names = imagenet_synsets()
    said = descriptions(names)
    return ModelInfo(
        name or model.arch.name or "network",
        version,
        model.arch,
        model.preprocessing,
        names,
        model.facts,
        precision,
        model.source,
        said if any(said) else (),
    )


def info_to_json(info: ModelInfo) -> str:
    """For a file's metadata; `info_from_json` is the inverse."""
    plain = {
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
        "made": dict(info.made),
    }
    return json.dumps(plain)


def info_from_json(text: str, where: str) -> ModelInfo:
    """What `info_to_json` wrote. where: the file, for messages. Raises ExportError for anything else."""
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"{len(text):,} characters of metadata")
        plain = json.loads(text)
        if plain["format"] != _FORMAT:
            raise ValueError(f"its format is {plain['format']!r}, and this version reads {_FORMAT}")
        arch, names = Arch.from_dict(plain["arch"]), _words(plain["class_names"])
        descriptions = _words(plain["descriptions"])
        batch, opset = plain["batch"], plain["opset"]
        for kind, these in (("class names", names), ("descriptions", descriptions)):
            if len(these) not in (0, arch.num_classes):
                raise ValueError(f"{len(these):,} {kind} of {arch.num_classes:,} outputs")
        if plain["precision"] not in PRECISIONS:
            raise ValueError(f"precision {plain['precision']!r}")
        if type(opset) is not int or not (batch is None or (type(batch) is int and batch >= 1)):
            raise ValueError(f"opset {opset!r} or batch {batch!r}")
        return ModelInfo(
            str(plain["name"]),
            str(plain["version"]),
            arch,
            Preprocessing.from_dict(plain["preprocessing"]),
            names,
            dict(plain["facts"]),
            plain["precision"],
            str(plain["source"]),
            descriptions,
            batch,
            opset,
            {str(key): str(value) for key, value in plain["made"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArchError, DataError) as error:
        said = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ExportError(
            f"an exported file says what its network is, and what {where} says cannot be read: {said}. Export it again."
        ) from error


def _words(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("names are a list of texts")
    return tuple(values)


def read_whole(path: Path) -> bytes:
    """An exported file; ExportError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"the exported file {path} cannot be read: {error.strerror or error}.") from error
