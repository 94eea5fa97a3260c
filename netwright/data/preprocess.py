"""Turn an image into the input of a network, without randomness: for validation, prediction and serving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.data.decode import decode, decode_full
from netwright.data.resize import INTERPOLATIONS, resize_and_crop
from netwright.data.source import Pixels, listed
from netwright.errors import DataError
from netwright.system.deprecation import renamed_method

if TYPE_CHECKING:
    from torch import Tensor

    from netwright.recipe import TrainConfig

__all__ = ["Preprocessing"]

# of ImageNet, red, green and blue
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How images are prepared for a network; saved with its weights.

    The shorter side is resized to floor(image_size / crop_pct), and the center image_size x image_size is cut out.

    Attributes:
        image_size: Side of the input in pixels.
        channels: 1 (gray) or 3 (RGB).
        crop_pct: Above 0 and at most 1.
        interpolation: nearest, bilinear or bicubic.
        antialias: Smooth before shrinking; weights from MindCV were trained without.
        mean: A number per channel, for pixels 0 to 255; std likewise.
        crop_first: The center square is cut out and resized in one step, exactly as `load_images` prepares the images
            of trials; then crop_pct is 1, interpolation bilinear and antialias true.

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

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise DataError(f"images are gray (1) or RGB (3), and the network takes {self.channels} channels.")
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
    def resize_size(self) -> int:
        """Length of the shorter side, in pixels, before the center is cut out."""
        return math.floor(self.image_size / self.crop_pct)

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
            return np.ascontiguousarray(decode(data, self.image_size, self.channels))
        whole = decode_full(data, self.channels)
        cropped = resize_and_crop(
            whole, self.resize_size, self.image_size, self.interpolation, antialias=self.antialias
        )
        return np.ascontiguousarray(cropped)

    def normalize(self, pixels: Pixels | Tensor) -> Tensor:
        """Normalize by mean and std, on the same device.

        (N, H, W, C) uint8 -> (N, C, H, W) float32 in channels_last memory.
        """
        import torch

        x = torch.from_numpy(pixels) if isinstance(pixels, np.ndarray) else pixels
        mean, std = (torch.tensor(value, dtype=torch.float32, device=x.device) for value in (self.mean, self.std))
        return x.float().sub_(mean).div_(std).permute(0, 3, 1, 2)

    normalise = renamed_method("Preprocessing", "normalise", "normalize")

    def to_dict(self) -> dict[str, Any]:
        """As a dict of values that JSON can hold; crop_first is left out where it is false."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        if not self.crop_first:
            del values["crop_first"]  # as it was written before there was one
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read the result of `to_dict`.

        Raises:
            DataError: A key is missing or unknown, or a value has another type.
        """
        types = {item.name: type(item.default) for item in fields(cls)}
        if not set(types) - {"crop_first"} <= set(values) <= set(types):
            missing, strange = sorted(set(types) - {"crop_first"} - set(values)), sorted(set(values) - set(types))
            raise DataError(
                f"preprocessing has the keys {', '.join(types)}, and this one lacks {listed(missing) or 'none'} and "
                f"also has {listed(strange) or 'none'}."
            )
        return cls(**{key: _typed(key, value, types[key]) for key, value in values.items()})

    @classmethod
    def from_training(cls, training: TrainConfig) -> Preprocessing:
        """The preprocessing of a training. For gray images, mean and std of colors are averaged."""
        augmentation, channels = training.augmentation, training.network.in_channels
        return cls(
            image_size=augmentation.image_size,
            channels=channels,
            crop_pct=augmentation.crop_pct,
            interpolation=augmentation.interpolation,
            antialias=augmentation.antialias,
            mean=_per_channel(augmentation.mean, channels),
            std=_per_channel(augmentation.std, channels),
        )


def _per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if channels == 1 and len(values) == 3:
        return (sum(values) / 3,)
    if len(values) == 1:
        return values * channels
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
