"""Weights that others published for the networks here, by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import WeightsError
from netwright.weights.fetch import cache_folder, fetch

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["MINDCV_FILES", "PublishedFile", "mindcv_preprocessing", "pretrained_file"]

_FOLDER = "https://download.mindspore.cn/toolkits/mindcv/regnet"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """sha256: how the file's hash begins, as its name says. top1: percent, published; interpolation, crop_pct: of the
    evaluation that gave it."""

    sha256: str
    top1: float
    interpolation: str = "bicubic"
    crop_pct: float = 0.875

    def file_name(self, model: str) -> str:
        return f"{model}-{self.sha256}.ckpt"


# MindCV's RegNets, trained on ImageNet-1K; Apache-2.0
MINDCV_FILES = {
    "regnet_x_200mf": PublishedFile("0c2b1eb5", 68.74),
    "regnet_x_400mf": PublishedFile("4848837d", 73.16),
    "regnet_x_600mf": PublishedFile("ccd76c94", 74.34),
    "regnet_x_800mf": PublishedFile("617227f4", 76.04, "bilinear"),
    "regnet_y_200mf": PublishedFile("76a2f720", 70.30),
    "regnet_y_400mf": PublishedFile("d496799d", 73.91),
    "regnet_y_600mf": PublishedFile("a84e19b2", 75.69),
    "regnet_y_800mf": PublishedFile("9b5211bd", 76.52),
    "regnet_y_16gf": PublishedFile("c30a856f", 82.92, crop_pct=0.9),
}


def pretrained_file(model: str, *, folder_url: str = _FOLDER) -> Path:
    """The published weights of a network, from the cache or the network. Raises WeightsError where there are none."""
    if model not in MINDCV_FILES:
        raise WeightsError(
            f"there are published weights for {', '.join(MINDCV_FILES)}, not for {model!r}. Give a file of weights, "
            "or train."
        )
    file = MINDCV_FILES[model]
    name = file.file_name(model)
    return fetch(f"{folder_url}/{name}", cache_folder() / "weights" / name, file.sha256)


def mindcv_preprocessing(path: Path, *, image_size: int, channels: int) -> tuple[Preprocessing, list[str]]:
    """How MindCV evaluates the weights in `path`, and what to know of it, in words.

    A published file, known by its name, was evaluated as its recipe says; of another the defaults are taken.
    """
    from netwright.data.preprocess import Preprocessing

    colour = Preprocessing()
    mean, std = ((sum(values) / 3,) if channels == 1 else values for values in (colour.mean, colour.std))
    known = {file.file_name(model): file for model, file in MINDCV_FILES.items()}.get(path.name)
    interpolation, crop_pct = ("bilinear", 0.875) if known is None else (known.interpolation, known.crop_pct)
    preprocessing = Preprocessing(image_size, channels, crop_pct, interpolation, False, mean, std)
    notice = f"weights of MindCV: images are resized ({interpolation}) without antialiasing, as in their training"
    return preprocessing, [notice]
