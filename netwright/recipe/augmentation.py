"""How a training turns image files into the network's input, as a value; the defaults are the MindCV toolbox's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netwright.errors import RecipeError
from netwright.options import check_options, option, read_color

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Augmentation"]

# pixels 0 ... 255; the mean and standard deviation of ImageNet that all code bases share
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
# a policy, then letters with numbers; timm's short and historical names too
_AUTO_AUGMENT = re.compile(
    "(randaug|rand|autoaug|autoaugr|original|originalr|v0|v0r|3a|augmix|trivialaugwide)(-[a-z]+[0-9.]*)*"
)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """From an image file to the network's input: in order crop, flips, auto-augment or color jitter, normalize,
    erasing, mixup or cutmix."""

    image_size: int = option(224, "pixels a side of the network's input", low=4, high=4096)
    random_crop: str = option(
        "resized",
        "resized: a random part, resized; padded: an eighth of black around, then a crop; none: as validated",
        choices=("resized", "padded", "none"),
    )
    scale: tuple[float, float] = option((0.08, 1.0), "share of the area that a random part has", low=0.0, high=1.0)
    ratio: tuple[float, float] = option((0.75, 1.333), "aspect ratio of the random part", low=0.01, high=100.0)
    hflip: float = option(0.5, "probability of a horizontal flip", low=0.0, high=1.0)
    vflip: float = option(0.0, "probability of a vertical flip", low=0.0, high=1.0)
    color_jitter: tuple[float, ...] | float | None = option(
        0.4, "brightness, contrast and saturation by up to this factor; not with auto_augment", low=0.0
    )
    resize: str = option(
        "crop",
        "how images become square: crop: the center is cut out; squash: squeezed; letterbox: between bands of the "
        "background",
        choices=("crop", "squash", "letterbox"),
    )
    background: str = option(
        "white",
        "what transparent images are laid on, and the bands of letterbox: white, black or a color like #f0f0f0",
        metavar="COLOR",
    )
    full_scale: float | str | None = option(
        None,
        "the value that is white in images of more than 8 bits that do not declare it; file: as the values of each "
        "need; high_byte: 65535; none: found in the training images",
        choices=("file", "high_byte"),
        above=0.0,
    )
    interpolation: str = option("bilinear", "how images are resized", choices=("nearest", "bilinear", "bicubic"))
    antialias: bool = option(True, "smooth before shrinking; weights from MindCV were trained and validated without")
    auto_augment: str | None = option(
        None, "randaug-m9-mstd0.5-inc1, autoaug, autoaugr, 3a, augmix-m3-w3, trivialaugwide, or none"
    )
    aug_splits: int = option(0, "3: a clean and two AugMix versions of each image, with the JSD loss", low=0, high=3)
    re_prob: float = option(0.0, "probability of random erasing", low=0.0, high=1.0)
    re_scale: tuple[float, float] = option((0.02, 0.33), "share of the area that is erased", low=0.0, high=1.0)
    re_ratio: tuple[float, float] = option((0.3, 3.3), "aspect ratio of what is erased", low=0.01, high=100.0)
    re_value: float | str = option(
        0.0, "what the erased part is filled with, after normalizing: a number or random", choices=("random",)
    )
    re_max_attempts: int = option(10, "draws of a rectangle that fits", low=1)
    mean: tuple[float, ...] = option(
        IMAGENET_MEAN,
        "subtracted from pixels 0-255; numbers for pixels 0-1 are recognized by std below 1",
        low=0.0,
        high=255.0,
    )
    std: tuple[float, ...] = option(IMAGENET_STD, "and divided by this", low=1e-3, high=1e4)
    crop_pct: float = option(
        0.875, "validation: resize the shorter side to image_size / crop_pct, cut the center", low=0.01, high=1.0
    )
    mixup: float = option(0.0, "alpha of mixup; 0: none", low=0.0)
    cutmix: float = option(0.0, "alpha of cutmix; 0: none", low=0.0)
    cutmix_prob: float = option(1.0, "probability that a batch is mixed at all, by mixup or cutmix", low=0.0, high=1.0)
    aug_repeats: int = option(0, "repeated augmentation: how often each drawn image comes in an epoch", low=0)
    lighting: float = option(0.0, "standard deviation of AlexNet's PCA noise; DDS: 0.1", low=0.0, high=10.0)

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("scale", "ratio", "re_scale", "re_ratio"):
            low, high = getattr(self, name)
            if low > high:
                raise RecipeError(f"{name} is a low and a high end, not {[low, high]}. Swap them.")
        if self.aug_splits == 1:
            raise RecipeError("aug_splits is 0, 2 or 3 (3 is usual), not 1. Correct 'aug_splits'.")
        if self.aug_splits and (self.mixup or self.cutmix):
            raise RecipeError("aug_splits and mixup or cutmix exclude each other. Set one of them to 0.")
        if self.auto_augment is not None and not _AUTO_AUGMENT.fullmatch(self.auto_augment):
            raise RecipeError(
                f"auto_augment is like randaug-m9-mstd0.5-inc1, autoaug, autoaugr, 3a, augmix-m3-w3 or trivialaugwide, "
                f"not {self.auto_augment!r}. Correct it, or leave it out for none."
            )
        try:
            read_color(self.background)
        except ValueError as error:
            raise RecipeError(f"background is {error}. Correct 'background'.") from error
        if len(self.mean) != len(self.std):
            raise RecipeError(f"mean and std have a number a channel each, not {len(self.mean)} and {len(self.std)}.")
