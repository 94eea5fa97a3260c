"""Augment a training image by torchvision's and timm's transforms: crop, flips, then auto-augment or color jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from netwright.data.decode import decode_full
from netwright.data.decode_rules import DecodeRules
from netwright.data.jpeg_part import decode_part, read_frame
from netwright.data.orientation import Box
from netwright.data.preprocess import Preprocessing
from netwright.data.source import Pixels
from netwright.errors import RecipeError
from netwright.loader.part_resize import resize_part
from netwright.recipe.augmentation import Augmentation

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Augment", "auto_augment", "crop_padding"]

_KNOWN = "randaug-m9-mstd0.5-inc1, autoaug, autoaugr, 3a, augmix-m3-w3, trivialaugwide"
# the usual names -> timm's
_TIMM_NAMES = {"randaug": "rand", "autoaug": "original", "autoaugr": "originalr"}
_TIMM_POLICIES = ("original", "originalr", "v0", "v0r", "3a")
# an image is moved by at most this share of its side, as in timm and DeiT
_TRANSLATE = 0.45
_AUGMIX_TRANSLATE = 0.3
# channels whose colors can be jittered: gray, RGB, and those of RGBA
_COLORED = (1, 3, 4)

ImageTransform = Callable[["Image"], "Image"]


class Augment:
    """Turns an image (H, W, C) uint8 of any size into square uint8 versions of it; draws from the global generators.

    Args:
        augmentation: With aug_splits n there are n versions: the first is only cropped and flipped, the others are
            auto-augmented too.
        preprocessing: Has the size of the result.

    Raises:
        RecipeError: auto_augment or color_jitter is impossible.
    """

    def __init__(self, augmentation: Augmentation, preprocessing: Preprocessing) -> None:
        self._augmentation = augmentation
        self._preprocessing = preprocessing
        self.versions = max(1, augmentation.aug_splits)
        channels = preprocessing.channels
        _refuse_channels(augmentation, channels)
        name = augmentation.auto_augment or ("augmix-m3-w3" if augmentation.aug_splits else None)
        self._color: ImageTransform | None
        if name:
            self._color = auto_augment(name, augmentation)
        else:
            # bands that are no colors have no brightness in common
            self._color = _jitter(augmentation.color_jitter) if channels in _COLORED else None

    @property
    def rules(self) -> DecodeRules:
        """How files are decoded before."""
        return self._preprocessing.rules

    def of_file(self, data: bytes | Pixels) -> list[Pixels]:
        """The versions of an image that is not decoded yet: of a JPEG only the random part is.

        Raises:
            DataError: It cannot be decoded.
        """
        channels, augmentation = self._preprocessing.channels, self._augmentation
        is_part = augmentation.random_crop == "resized" and channels in (1, 3)
        frame = read_frame(data) if is_part else None
        if frame is None or not isinstance(data, bytes):
            return self(decode_full(data, channels, rules=self.rules))
        box = _random_box(frame.height, frame.width, augmentation)
        # without smoothing, and between bands, pixels are wanted as they are
        is_exact = not augmentation.antialias or augmentation.resize == "letterbox"
        side = max(frame.height, frame.width) if is_exact else augmentation.image_size
        return self._varied(self._resized(*decode_part(data, frame, box, channels, side, self.rules)))

    def __call__(self, pixels: Pixels) -> list[Pixels]:
        return self._varied(self._crop(pixels))

    def _varied(self, cropped: Pixels) -> list[Pixels]:
        base = self._flip(cropped)
        if self._color is None:
            return [base]
        clean = [base] if self.versions > 1 else []
        return clean + [self._colored(base) for _ in range(self.versions - len(clean))]

    def _crop(self, pixels: Pixels) -> Pixels:
        augmentation = self._augmentation
        side = augmentation.image_size
        if augmentation.random_crop == "none":
            return self._preprocessing.pixels(pixels)
        if augmentation.random_crop == "padded":
            fitted = self._preprocessing.square(pixels, side)
            pad = crop_padding(side)
            padded = np.pad(fitted, ((pad, pad), (pad, pad), (0, 0)))
            top, left = (int(torch.randint(0, 2 * pad + 1, (1,)).item()) for _ in range(2))
            return padded[top : top + side, left : left + side]
        rows, columns = pixels.shape[:2]
        top, left, height, width = _random_box(rows, columns, augmentation)
        return self._resized(pixels[top : top + height, left : left + width])

    def _resized(self, part: Pixels, box: Box | None = None) -> Pixels:
        """A random part, or a box of it, as the input: squeezed, but for letterbox, where it keeps its ratio."""
        augmentation, side = self._augmentation, self._augmentation.image_size
        if augmentation.resize == "letterbox":
            return self._preprocessing.square(part, side)
        return resize_part(part, side, augmentation.interpolation, antialias=augmentation.antialias, box=box)

    def _flip(self, pixels: Pixels) -> Pixels:
        augmentation = self._augmentation
        if augmentation.hflip and torch.rand(1).item() < augmentation.hflip:
            # torch's flip is written row by row, and ten times as fast as the copy of numpy's view
            pixels = torch.flip(torch.from_numpy(np.require(pixels, requirements=["C", "W"])), (1,)).numpy()
        if augmentation.vflip and torch.rand(1).item() < augmentation.vflip:
            pixels = pixels[::-1]
        return pixels

    def _colored(self, pixels: Pixels) -> Pixels:
        from PIL import Image

        assert self._color is not None
        channels = pixels.shape[2]
        is_gray = channels == 1
        # timm's transforms fill with colors, so they need RGB
        image = Image.fromarray(np.ascontiguousarray(pixels.repeat(3, axis=2) if is_gray else pixels[..., :3]))
        colored = self._color(image)
        if is_gray:
            return np.asarray(colored.convert("L"))[..., np.newaxis]
        return np.asarray(colored) if channels == 3 else np.dstack([np.asarray(colored), pixels[..., 3:]])


def _refuse_channels(augmentation: Augmentation, channels: int) -> None:
    """auto_augment and the like move things and colors together, which other channels would not follow."""
    for key in ("auto_augment", "aug_splits", "lighting"):
        if getattr(augmentation, key) and channels not in (1, 3):
            raise RecipeError(f"{key} is for 1 or 3 channels, and the network takes {channels}. Leave '{key}' out.")


def _random_box(rows: int, columns: int, augmentation: Augmentation) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random part of an image, as torchvision draws it.

    With a resize other than crop it is drawn in the image squeezed to a square.
    """
    from torchvision.transforms import RandomResizedCrop

    is_square = augmentation.resize != "crop"
    drawn = (max(rows, columns),) * 2 if is_square else (rows, columns)
    like = torch.empty((1, *drawn), device="meta")
    top, left, height, width = RandomResizedCrop.get_params(like, list(augmentation.scale), list(augmentation.ratio))
    if is_square:
        top, height = top * rows // drawn[0], max(1, round(height * rows / drawn[0]))
        left, width = left * columns // drawn[1], max(1, round(width * columns / drawn[1]))
    return top, left, height, width


def crop_padding(side: int) -> int:
    """Black pixels on each side of an image before a padded crop: 4 for 32 pixels."""
    return side // 8


def auto_augment(name: str, augmentation: Augmentation) -> ImageTransform:
    """Make a transform of RGB images by its usual name.

    Args:
        name: MindCV's or timm's name, with options as in timm: randaug-m9-mstd0.5-inc1.
        augmentation: The recipe's augmentation.

    Raises:
        RecipeError: The name or an option is unknown.
    """
    head, dash, options = name.partition("-")
    interpolation = _pillow(augmentation.interpolation)
    if name == "trivialaugwide":
        from torchvision.transforms import InterpolationMode, TrivialAugmentWide

        transform: ImageTransform = TrivialAugmentWide(interpolation=InterpolationMode(augmentation.interpolation))
        return transform
    head = _TIMM_NAMES.get(head, head)
    if head not in (*_TIMM_POLICIES, "rand", "augmix"):
        raise RecipeError(f"auto_augment is one of {_KNOWN}, with timm's options, not {name!r}. Choose one of these.")
    from timm.data.auto_augment import augment_and_mix_transform, auto_augment_transform, rand_augment_transform

    values = {
        "translate_const": int(augmentation.image_size * _TRANSLATE),
        "img_mean": tuple(min(255, round(value)) for value in _rgb(augmentation.mean)),
        "interpolation": interpolation,
    }
    make = {"rand": rand_augment_transform, "augmix": augment_and_mix_transform}.get(head, auto_augment_transform)
    if head == "augmix":
        values["translate_pct"] = _AUGMIX_TRANSLATE
    try:
        made: ImageTransform = make(head + dash + options, values)
    except (AssertionError, ValueError, KeyError, TypeError) as error:
        raise RecipeError(
            f"auto_augment {name!r} has options that timm does not know{f': {error}' if str(error) else ''}. "
            f"Write it like one of {_KNOWN}."
        ) from error
    return made


def _jitter(amount: tuple[float, ...] | float | None) -> ImageTransform | None:
    """Color jitter of brightness, contrast and saturation by one amount, or by three, or four with the hue."""
    amounts = amount if isinstance(amount, tuple) else (amount or 0.0,) * 3
    if len(amounts) not in (3, 4):
        raise RecipeError(
            f"color_jitter is a number, or three for brightness, contrast and saturation, or four with a hue, not "
            f"{list(amounts)}. Correct 'color_jitter'."
        )
    if len(amounts) == 4 and amounts[3] > 0.5:
        raise RecipeError(f"the hue of color_jitter is at most 0.5, not {amounts[3]}. Correct 'color_jitter'.")
    if not any(amounts):
        return None
    from torchvision.transforms import ColorJitter

    transform: ImageTransform = ColorJitter(*amounts)
    return transform


def _rgb(mean: tuple[float, ...]) -> tuple[float, ...]:
    return mean * 3 if len(mean) == 1 else mean


def _pillow(interpolation: str) -> int:
    from PIL import Image

    return Image.Resampling[interpolation.upper()]
