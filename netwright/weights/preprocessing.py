"""The preprocessing of weights: from their file, else what is usual in the library of its format."""

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

# layout -> whose evaluation is taken; all of them resize to 256, crop 224, and have ImageNet's mean and std
_USUAL = {
    "torchvision": "as in torchvision's first weights",
    "pycls": "as in pycls for ImageNet",
    "classy": "as in classy-vision for ImageNet",
}


def preprocessing_of(stored: StoredWeights, arch: Arch) -> tuple[Preprocessing, list[str]]:
    """The preprocessing of weights.

    Returns:
        The preprocessing, and notices where it is not in the file.

    Raises:
        WeightsError: The file has it, but it cannot be read.
    """
    from netwright.data.preprocess import Preprocessing

    config = stored.config
    try:
        if "preprocessing" in config:
            return Preprocessing.from_dict(config["preprocessing"]), []
        if "mean" in config:  # from trials by version 0.1: mean and std for pixels 0..1
            mean, std = (tuple(255 * float(value) for value in config[name]) for name in ("mean", "std"))
            size, channels = int(config["resolution"]), arch.in_channels
            kept = {"background": "black", "full_scale": "high_byte"}  # as version 0.1 decoded
            return Preprocessing(size, channels, 1.0, "bilinear", True, mean, std, crop_first=True, **kept), []
    except (DataError, TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"the preprocessing in {stored.path} cannot be read: {error}") from error
    if stored.layout == "mindcv":
        return mindcv_preprocessing(stored.path, image_size=arch.resolution, channels=arch.in_channels)
    usual = Preprocessing(image_size=arch.resolution)
    if stored.layout == "torchvision" and (facts := torchvision_facts(stored.path)):
        usual, notices = replace(usual, **facts["preprocessing"]), []
    else:
        whose = _USUAL.get(stored.layout, "as usual for ImageNet")
        notices = [f"{stored.path.name} does not contain its preprocessing: it is taken {whose}"]
    return _for_channels(usual, arch.in_channels), notices


def _for_channels(usual: Preprocessing, channels: int) -> Preprocessing:
    from netwright.data.preprocess import for_channels

    mean, std = (for_channels(values, channels) for values in (usual.mean, usual.std))
    return replace(usual, channels=channels, mean=mean, std=std)


def torchvision_facts(path: Path) -> Mapping[str, Any]:
    """Facts about a file of weights that torchvision published, by its name.

    Returns:
        model and weights (torchvision's names), class_names, and preprocessing (image_size, crop_pct, interpolation);
        empty for other files.
    """
    if re.fullmatch(r"(regnet|resnet|resnext|wide_resnet).*-[0-9a-f]{8}\.pth", path.name) is None:
        return {}
    from torchvision import models

    for model in models.list_models(module=models):
        if not model.startswith(("regnet", "resnet", "resnext", "wide_resnet")):
            continue
        for weights in models.get_model_weights(model):
            if weights.url.rsplit("/", 1)[-1] == path.name:
                transform = weights.transforms()
                size, resized = transform.crop_size[0], transform.resize_size[0]
                return {
                    "model": model,
                    "weights": weights.name,
                    "class_names": tuple(weights.meta["categories"]),
                    "preprocessing": {
                        "image_size": size,
                        "crop_pct": crop_pct_of(size, resized),
                        "interpolation": transform.interpolation.value,
                    },
                }
    return {}


def crop_pct_of(size: int, resized: int) -> float:
    """The largest crop_pct for which floor(size / crop_pct) is exactly `resized`."""
    share = size / resized
    while math.floor(size / share) < resized:
        share = math.nextafter(share, 0)
    return share
