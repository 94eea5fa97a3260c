"""Turn an image into the input of a network, without randomness: for validation, prediction and serving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.data.decode import decode, decode_full
from netwright.data.decode_rules import BY_FILE, HIGH_BYTE, DecodeRules
from netwright.data.resize import INTERPOLATIONS, RESIZES, make_square
from netwright.data.source import Pixels, listed
from netwright.errors import DataError
from netwright.system.deprecation import renamed_method

if TYPE_CHECKING:
    from torch import Tensor, device

    from netwright.recipe import TrainConfig

__all__ = ["Preprocessing", "channel_values", "for_channels"]

# of ImageNet, red, green and blue
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# what weights and exported files did before they said it; such values are not written
_BEFORE: Mapping[str, Any] = {
    "crop_first": False,
    "background": "black",
    "resize": "crop",
    "full_scale": HIGH_BYTE,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How images are prepared for a network; saved with its weights.

    With resize 'crop' the shorter side is resized to floor(image_size / crop_pct), and the center image_size x
    image_size is cut out. With 'squash' both sides are resized to it, with 'letterbox' the longer one, between bands of
    the background; then the center is cut out likewise, which with a crop_pct of 1 is the whole image.

    Attributes:
        image_size: Side of the input in pixels.
        channels: 1 (gray) or 3 (RGB), into which images are converted; other numbers are read as data: RGBA, or the
            bands of a TIFF.
        crop_pct: Above 0 and at most 1.
        interpolation: nearest, bilinear or bicubic.
        antialias: Smooth before shrinking; weights from MindCV were trained without.
        mean: A number per channel, for pixels 0 to 255; std likewise.
        crop_first: The center square is cut out and resized in one step, exactly as `load_images` prepares the images
            of trials; then crop_pct is 1, interpolation bilinear and antialias true.
        background: Of transparent images and of letterbox: white, black or #rrggbb. Files without it: black.
        resize: crop, squash or letterbox. Files without it: crop.
        full_scale: What is white in images of more than 8 bits, as in `DecodeRules`. Files without it: high_byte.

    Raises:
        DataError: A value is impossible.
    """

    image_size: int = 224
    channels: int = 3
    crop_pct: float = 0.875
    interpolation: str = "bilinear"
    antialias: bool = True
    mean: tuple[float, ...] = _MEAN
    std: tuple[float, ...] = _STD
    crop_first: bool = False
    background: str = "white"
    resize: str = "crop"
    full_scale: float | str = BY_FILE

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise DataError(f"images have 1 channel (gray), 3 (RGB) or as many as they have, not {self.channels}.")
        if self.resize not in RESIZES:
            raise DataError(f"resize is one of {', '.join(RESIZES)}, not {self.resize!r}.")
        DecodeRules(self.background, self.full_scale)
        if self.image_size < 1:
            raise DataError(f"image_size is 1 or more pixels, not {self.image_size}.")
        if not 0 < self.crop_pct <= 1:
            raise DataError(f"crop_pct is above 0 and at most 1, not {self.crop_pct}.")
        if self.interpolation not in INTERPOLATIONS:
            raise DataError(f"interpolation is one of {', '.join(INTERPOLATIONS)}, not {self.interpolation!r}.")
        if self.crop_first and (self.crop_pct, self.interpolation, self.antialias) != (1.0, "bilinear", True):
            raise DataError(
                "with crop_first crop_pct is 1, interpolation bilinear and antialias true, not "
                f"{self.crop_pct:g}, {self.interpolation} and {str(self.antialias).lower()}. Leave crop_first out."
            )
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels or not all(map(math.isfinite, values)):
                raise DataError(f"{name} has {self.channels} numbers, one a channel, and here it is {list(values)}.")
        if min(self.std) <= 0:
            raise DataError(f"std is above 0 in each channel, not {list(self.std)}.")

    @property
    def rules(self) -> DecodeRules:
        """How files are decoded."""
        return DecodeRules(self.background, self.full_scale)

    @property
    def resize_size(self) -> int:
        """Length of the shorter side (squash: of both, letterbox: of the longer), before the center is cut out."""
        return math.floor(self.image_size / self.crop_pct)

    @property
    def resized_part(self) -> str:
        """What is resized to `resize_size`, in words."""
        if self.resize == "crop":
            return "center square" if self.crop_first else "shorter side"
        return "both sides" if self.resize == "squash" else f"longer side, between {self.background} bands,"

    def pixels(self, data: bytes | Pixels) -> Pixels:
        """Decode, resize and crop an image.

        Args:
            data: An encoded image, or (H, W, C) uint8 pixels.

        Returns:
            (image_size, image_size, channels) uint8.

        Raises:
            DataError: It is no image, is damaged, is too large, or is a sliver.
        """
        if self.crop_first:
            square = decode(data, self.image_size, self.channels, resize=self.resize, rules=self.rules)
            return np.ascontiguousarray(square)
        return self.square(decode_full(data, self.channels, rules=self.rules), self.resize_size)

    def square(self, pixels: Pixels, side: int) -> Pixels:
        """(H, W, channels) uint8 of any shape, resized by way of `side`, as (image_size, image_size, channels)."""
        made = make_square(
            pixels,
            side,
            self.image_size,
            self.interpolation,
            antialias=self.antialias,
            how=self.resize,
            fill=self.rules.fill(self.channels),
        )
        return np.ascontiguousarray(made)

    def normalize(self, pixels: Pixels | Tensor) -> Tensor:
        """Normalize by mean and std, on the same device.

        (N, H, W, C) uint8 -> (N, C, H, W) float32 in channels_last memory.
        """
        import torch

        x = torch.from_numpy(pixels) if isinstance(pixels, np.ndarray) else pixels
        mean, std = (channel_values(values, x.device) for values in (self.mean, self.std))
        return x.float().sub_(mean).div_(std).permute(0, 3, 1, 2)

    normalise = renamed_method("Preprocessing", "normalise", "normalize")

    def to_dict(self) -> dict[str, Any]:
        """As a dict of values that JSON can hold, without those that `from_dict` assumes where they are missing."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in values.items() if key not in _BEFORE or value != _BEFORE[key]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read the result of `to_dict`. What is missing is as it was before files said it: black, crop, high_byte.

        Raises:
            DataError: A key is missing or unknown, or a value has another type.
        """
        types = {item.name: type(item.default) for item in fields(cls)}
        if not set(types) - set(_BEFORE) <= set(values) <= set(types):
            missing, strange = sorted(set(types) - set(_BEFORE) - set(values)), sorted(set(values) - set(types))
            raise DataError(
                f"preprocessing has the keys {', '.join(types)}, and this one lacks {listed(missing) or 'none'} and "
                f"also has {listed(strange) or 'none'}."
            )
        if isinstance(values.get("full_scale"), int | float):
            types["full_scale"] = float
        return cls(**{key: _typed(key, value, types[key]) for key, value in {**_BEFORE, **values}.items()})

    @classmethod
    def from_training(cls, training: TrainConfig) -> Preprocessing:
        """The preprocessing of a training; mean and std as `for_channels` gives them.

        With a resize other than crop the whole image is seen: crop_pct is 1. A full_scale that is not found yet is each
        file's own.
        """
        augmentation, channels = training.augmentation, training.network.in_channels
        return cls(
            image_size=augmentation.image_size,
            channels=channels,
            crop_pct=augmentation.crop_pct if augmentation.resize == "crop" else 1.0,
            interpolation=augmentation.interpolation,
            antialias=augmentation.antialias,
            mean=for_channels(augmentation.mean, channels),
            std=for_channels(augmentation.std, channels),
            background=augmentation.background,
            resize=augmentation.resize,
            full_scale=BY_FILE if augmentation.full_scale is None else augmentation.full_scale,
        )


def for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Mean or std of so many channels: one number is for all. Those of ImageNet's colors are averaged for channels that
    are no colors. Others are given as they are, which `Preprocessing` checks.
    """
    if len(values) == 1:
        return values * channels
    if len(values) != 3 or channels == 3:
        return values
    average = sum(values) / 3
    if channels == 1:
        return (average,)
    if values in (_MEAN, _STD):
        return (average,) * channels if channels == 2 else (*values, *(average,) * (channels - 3))
    return values


def _typed(key: str, value: Any, kind: type) -> Any:
    def is_number(each: Any) -> bool:
        return isinstance(each, int | float) and not isinstance(each, bool)

    if kind is tuple and isinstance(value, list | tuple) and all(map(is_number, value)):
        return tuple(float(each) for each in value)
    if kind is float and is_number(value):
        return float(value)
    if kind in (bool, int, str) and type(value) is kind:
        return value
    raise DataError(
        f"{key!r} of a preprocessing is a {'list of numbers' if kind is tuple else kind.__name__}: {value!r}"
    )


@lru_cache(maxsize=64)
def channel_values(values: tuple[float, ...], device: device) -> Tensor:
    """(channels,) float32 on a device, copied there once and not with every batch; not to be changed."""
    import torch

    with torch.inference_mode(False):  # of the first caller; training needs it too
        return torch.tensor(values, dtype=torch.float32, device=device)
