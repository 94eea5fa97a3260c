"""How networks are trained, as a frozen value: typed, validated, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from netwright.errors import RecipeError
from netwright.system.suggest import suggest

__all__ = ["AUTO", "PRECISIONS", "Recipe"]

AUTO = "auto"
PRECISIONS = (AUTO, "fp32", "bf16")


@dataclass(frozen=True, slots=True)
class Recipe:
    """SGD with Nesterov momentum under a half cosine: how DDS trains a population, briefly.

    Where a value is "auto", `resolve` decides from the images and the device, once, and the decision is recorded.

    epochs: passes over the training images. batch_size: images a step. lr: highest learning rate; auto is 0.1 for a
    batch of 128, in proportion for larger ones and by the square root for smaller ones. warmup_epochs: linear rise from
    0; auto is a tenth of the epochs, at most 5. weight_decay: on every parameter, normalization too, as the published
    networks were trained. flip: mirror images at random. crop_padding: pixels of black around an image before a random
    crop to its size. precision: bf16 is autocast.
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float | str = AUTO
    warmup_epochs: float | str = AUTO
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-5
    label_smoothing: float = 0.0
    flip: bool | str = AUTO
    crop_padding: int | str = AUTO
    precision: str = AUTO
    channels_last: bool = True

    def __post_init__(self) -> None:
        whole = ("epochs", "batch_size")
        for name in whole:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RecipeError(f"{name} is a whole number of at least 1, not {value!r}. Correct '{name}'.")
        limits = {
            "lr": (0.0, 100.0),
            "warmup_epochs": (0.0, float(self.epochs)),
            "momentum": (0.0, 1.0),
            "weight_decay": (0.0, 1.0),
            "label_smoothing": (0.0, 1.0),
            "crop_padding": (0, 512),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            automatic = value == AUTO and self.__dataclass_fields__[name].default == AUTO
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not automatic and not (number and low <= value <= high):
                raise RecipeError(f"{name} lies within {low:g} to {high:g}, not {value!r}. Correct '{name}'.")
        if self.crop_padding != AUTO and not isinstance(self.crop_padding, int):
            raise RecipeError(f"crop_padding is a whole number, not {self.crop_padding!r}. Correct 'crop_padding'.")
        for name in ("nesterov", "flip", "channels_last"):
            if not isinstance(getattr(self, name), bool) and not (name == "flip" and self.flip == AUTO):
                automatically = ", false or auto" if name == "flip" else " or false"
                raise RecipeError(f"{name} is true{automatically}, not {getattr(self, name)!r}. Correct '{name}'.")
        if self.precision not in PRECISIONS:
            raise RecipeError(f"precision is one of {', '.join(PRECISIONS)}, not {self.precision!r}. Correct it.")

    def with_(self, **changes: Any) -> Recipe:
        """The recipe with some values changed; RecipeError for an unknown key, with the nearest name."""
        known = [item.name for item in fields(self)]
        for key in changes:
            if key not in known:
                raise RecipeError(f"unknown key {key!r} of a recipe: {suggest(key, known)}")
        return replace(self, **changes)

    def resolve(self, *, resolution: int, flip_suits: bool, bf16_helps: bool) -> Recipe:
        """Every "auto" decided. flip_suits: mirrored images keep their class. bf16_helps: the device is faster in it.

        The crop is padded by an eighth of the side (4 pixels of 32, as is usual for CIFAR), at least 1.
        """
        automatic: dict[str, Any] = {
            # the linear rule starves short trainings with small batches: docs/log.md
            "lr": 0.1 * (self.batch_size / 128) ** (1.0 if self.batch_size > 128 else 0.5),
            "warmup_epochs": min(5.0, self.epochs / 10),
            "flip": flip_suits,
            "crop_padding": max(1, resolution // 8),
            # below 32 pixels the casts cost more than the products save
            "precision": "bf16" if bf16_helps and resolution >= 32 else "fp32",
        }
        return replace(self, **{name: value for name, value in automatic.items() if getattr(self, name) == AUTO})

    @property
    def is_resolved(self) -> bool:
        return all(getattr(self, item.name) != AUTO for item in fields(self))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recipe:
        """Read what `to_dict` wrote; RecipeError for an unknown key."""
        return cls().with_(**plain)
