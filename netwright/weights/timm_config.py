"""Read and write timm's config.json, which is stored beside a file of weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch.last_map import last_map
from netwright.errors import WeightsError

if TYPE_CHECKING:
    from netwright.arch import Arch
    from netwright.data.preprocess import Preprocessing

__all__ = ["CONFIG", "TimmConfig", "read_timm_config", "timm_config"]

CONFIG = "config.json"
# timm's crop_mode -> how images become square here
_RESIZES = {"center": "crop", "squash": "squash", "border": "letterbox"}
_MOST_BYTES = 64 << 20  # enough for the class names of the largest label sets
# arguments of timm's create_model that shapes show, or that act in training only
_VISIBLE = frozenset(
    {
        *("depth", "w0", "wa", "wm", "group_size", "bottle_ratio", "group_min_ratio", "stem_width", "se_ratio"),
        *("num_features", "layers", "channels", "cardinality", "base_width", "in_chans", "num_classes", "img_size"),
        *("drop_rate", "drop_path_rate", "drop_block_rate", "zero_init_last", "cfg"),
    }
)
# values of others that change nothing
_USUAL: Mapping[str, tuple[object, ...]] = {"output_stride": (32,), "global_pool": ("avg", "fast", "fastavg", "")}
# networks of the shapes of others here, with pools that have no weights
_POOLED = re.compile(r"\w*resnet(aa|blur)\d.*")


@dataclass(frozen=True, slots=True)
class TimmConfig:
    """The content of timm's config.json.

    Attributes:
        architecture: timm's name of the network.
        config: preprocessing and class_names, as in netwright's own files.
    """

    architecture: str
    config: Mapping[str, Any]


def read_timm_config(weights: Path) -> TimmConfig | None:
    """Read the config.json of timm beside a file of weights.

    Returns:
        Its content; None where there is none, or it is not timm's.

    Raises:
        WeightsError: It cannot be read.
    """
    path = weights.parent / CONFIG
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise WeightsError(
                f"{path} has {path.stat().st_size:,} bytes, more than any config.json of timm. Remove it."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read as timm's config.json: {error}. Correct or remove it.") from error
    if not isinstance(content, dict) or not isinstance(content.get("architecture"), str):
        return None
    _refuse_variant(content, path)
    # older files have everything in one mapping
    inner = content.get("pretrained_cfg", content)
    if not isinstance(inner, dict):
        raise WeightsError(f"{path} has a 'pretrained_cfg' that is no mapping. Correct or remove it.")
    values = {**inner, **{name: content[name] for name in ("num_classes", "label_names") if name in content}}
    try:
        config: dict[str, Any] = {"preprocessing": _preprocessing(values, content.get("model_args"))}
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise WeightsError(
            f"the preprocessing in {path} is not as timm writes it: {type(error).__name__}: {error}. Correct or remove "
            "it."
        ) from error
    names = values.get("label_names", values.get("labels"))
    if isinstance(names, list | tuple) and len(names) == values.get("num_classes"):
        config["class_names"] = [str(name) for name in names]
    return TimmConfig(content["architecture"], config)


def _refuse_variant(content: Mapping[str, Any], path: Path) -> None:
    """Raise for a network of timm that differs from those here in what shapes do not show."""
    given = content.get("model_args")
    arguments = {"global_pool": content.get("global_pool"), **(given if isinstance(given, dict) else {})}
    other = [
        f"{name}={value!r}"
        for name, value in arguments.items()
        if value is not None and name not in _VISIBLE and value not in _USUAL.get(name, ())
    ]
    if _POOLED.fullmatch(content["architecture"]):
        other.insert(0, content["architecture"])
    if other:
        raise WeightsError(
            f"the network of timm in {path} is one that is not built here ({', '.join(other)}): the weights would "
            "fit, and give other outputs. Use it with timm."
        )


def _preprocessing(values: Mapping[str, Any], model_args: object) -> dict[str, Any]:
    """For Preprocessing.from_dict, where pixels are 0 to 255; they are 0 to 1 in timm."""
    channels, height, _ = (int(value) for value in values.get("input_size", (3, 224, 224)))
    if isinstance(model_args, dict) and "in_chans" in model_args:
        channels = int(model_args["in_chans"])
    mean, std = values.get("mean", (0.485, 0.456, 0.406)), values.get("std", (0.229, 0.224, 0.225))
    interpolation = str(values.get("interpolation", "bicubic"))
    return {
        "image_size": height,
        "channels": channels,
        "crop_pct": float(values.get("crop_pct", 0.875)),
        # "random" is for training; timm then evaluates with bilinear
        "interpolation": "bilinear" if interpolation == "random" else interpolation,
        "antialias": True,
        "mean": _scaled(mean, channels),
        "std": _scaled(std, channels),
        "resize": _RESIZES.get(str(values.get("crop_mode", "center")), "crop"),
        "background": "white",
        "full_scale": "file",
    }


def _scaled(values: Sequence[float], channels: int) -> list[float]:
    """Scale 0 to 1 to 0 to 255, rounded to the digits that were written; colors are averaged for gray images."""
    from netwright.data.preprocess import for_channels

    scaled = tuple(round(255 * float(value), 6) for value in values)
    return list(for_channels(scaled, channels))


def timm_config(
    architecture: str,
    model_args: Mapping[str, Any],
    arch: Arch,
    preprocessing: Preprocessing,
    class_names: Sequence[str],
    first_conv: str,
    classifier: str,
) -> dict[str, Any]:
    """The config.json with which timm opens a network.

    Args:
        architecture: timm's name of the network.
        model_args: Further arguments of timm's create_model.
        arch: The network.
        preprocessing: Of its input.
        class_names: Of its outputs, or none.
        first_conv: timm's name of the first convolution.
        classifier: timm's name of the classifier.
    """
    size = preprocessing.image_size
    pooled = last_map(replace(arch, resolution=size))
    config: dict[str, Any] = {
        "architecture": architecture,
        "num_classes": arch.num_classes,
        "num_features": arch.num_features,
        "global_pool": "avg",
    }
    if model_args:
        config["model_args"] = dict(model_args)
    if class_names:
        config["label_names"] = list(class_names)
    config["pretrained_cfg"] = {
        "num_classes": arch.num_classes,
        "input_size": [arch.in_channels, size, size],
        "fixed_input_size": False,
        "interpolation": preprocessing.interpolation,
        "crop_pct": preprocessing.crop_pct,
        "crop_mode": next(mode for mode, ours in _RESIZES.items() if ours == preprocessing.resize),
        "mean": [round(value / 255, 9) for value in preprocessing.mean],
        "std": [round(value / 255, 9) for value in preprocessing.std],
        "pool_size": [pooled, pooled],
        "first_conv": first_conv,
        "classifier": classifier,
    }
    return config
