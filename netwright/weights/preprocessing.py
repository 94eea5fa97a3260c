"""How the network of a file of weights sees images: as the file says, else as is usual where its format comes from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.errors import DataError, WeightsError
from netwright.weights.hub import mindcv_preprocessing
from netwright.weights.read import StoredWeights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["preprocessing_of", "torchvision_facts"]

# layout -> whose evaluation is taken, in words; all of them: resize 256, crop 224, and ImageNet's colors
_USUAL = {
    "torchvision": "as torchvision's first weights",
    "pycls": "as pycls does for ImageNet",
    "classy": "as classy-vision does for ImageNet",
}


def preprocessing_of(stored: StoredWeights, arch: Arch) -> tuple[Preprocessing, list[str]]:
    """(preprocessing, what to know of it in words). Raises WeightsError where the file says it, and wrongly."""
    from netwright.data.preprocess import Preprocessing

    config = stored.config
    try:
        if "preprocessing" in config:
            return Preprocessing.from_dict(config["preprocessing"]), []
        if "mean" in config:  # of trials by version 0.1, whose mean and std are of pixels 0 ... 1
            mean, std = (tuple(255 * float(value) for value in config[name]) for name in ("mean", "std"))
            size, channels = int(config["resolution"]), arch.in_channels
            return Preprocessing(size, channels, 1.0, "bilinear", True, mean, std, crop_first=True), []
    except (DataError, TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"{stored.path} does not say how its network sees images: {error}") from error
    if stored.layout == "mindcv":
        return mindcv_preprocessing(stored.path, image_size=arch.resolution, channels=arch.in_channels)
    usual = Preprocessing(image_size=arch.resolution)
    if stored.layout == "torchvision" and (facts := torchvision_facts(stored.path)):
        usual, notices = replace(usual, **facts["preprocessing"]), []
    else:
        whose = _USUAL.get(stored.layout, "as usual for ImageNet")
        notices = [f"{stored.path.name} does not say how its network sees images: {whose}"]
    return _for_channels(usual, arch.in_channels), notices


def _for_channels(usual: Preprocessing, channels: int) -> Preprocessing:
    if channels != 1:
        return usual
    return replace(usual, channels=1, mean=(sum(usual.mean) / 3,), std=(sum(usual.std) / 3,))


def torchvision_facts(path: Path) -> Mapping[str, Any]:
    """What torchvision says of a file of weights that it published, by the file's name; empty where it knows none.

    model, weights: names there; class_names; preprocessing: image_size, crop_pct and interpolation.
    """
    if re.fullmatch(r"(regnet|resnet|resnext|wide_resnet).*-[0-9a-f]{8}\.pth", path.name) is None:
        return {}
    from torchvision import models

    for model in models.list_models(module=models):
        if not model.startswith(("regnet", "resnet", "resnext", "wide_resnet")):
            continue
        for weights in models.get_model_weights(model):
            if weights.url.rsplit("/", 1)[-1] == path.name:
                seen = weights.transforms()
                size, resized = seen.crop_size[0], seen.resize_size[0]
                return {
                    "model": model,
                    "weights": weights.name,
                    "class_names": tuple(weights.meta["categories"]),
                    "preprocessing": {
                        "image_size": size,
                        "crop_pct": crop_pct_of(size, resized),
                        "interpolation": seen.interpolation.value,
                    },
                }
    return {}


def crop_pct_of(size: int, resized: int) -> float:
    """The share with which floor(size / share) is exactly `resized`."""
    share = size / resized
    while math.floor(size / share) < resized:
        share = math.nextafter(share, 0)
    return share
