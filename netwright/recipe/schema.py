"""How networks are trained, as a frozen value: typed, validated, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from netwright.errors import RecipeError
from netwright.options import check_options, option
from netwright.system.suggest import suggest

__all__ = ["AUTO", "PRECISIONS", "Recipe"]

AUTO = "auto"
PRECISIONS = (AUTO, "fp32", "bf16")
# options that version 0.1 did not have
_LATER = ("optimizer", "crop_scale", "crop_size", "color_jitter", "mixup")
# optimizer -> highest learning rate by default, for batches of 128
_LRS = {"sgd": 0.1, "muon": 6e-3}


@dataclass(frozen=True, slots=True)
class Recipe:
    """SGD with Nesterov momentum under a half cosine: how DDS trains a population, briefly; or Muon in place of SGD.

    Where a value is "auto", `resolve` decides from the images and the device, once, and the decision is recorded.
    """

    epochs: int = option(10, "of each trial", low=1, metavar="N")
    batch_size: int = option(128, "images a step", low=1, metavar="N")
    lr: float | str = option(
        AUTO,
        "highest learning rate",
        choices=(AUTO,),
        low=0.0,
        high=100.0,
        metavar="X",
        default_text="by the batch, 0.1 for 128",
    )
    warmup_epochs: float | str = option(
        AUTO,
        "linear rise of the learning rate from 0",
        choices=(AUTO,),
        low=0.0,
        metavar="N",
        default_text="a tenth of the epochs, at most 5",
    )
    momentum: float = option(0.9, "of SGD and Muon", low=0.0, high=1.0)
    nesterov: bool = option(True, "Nesterov's momentum")
    weight_decay: float = option(
        5e-5,
        "of every parameter, normalization too, as the published networks were trained; decoupled in muon",
        low=0.0,
        high=1.0,
    )
    label_smoothing: float = option(0.0, "share of the target that all classes get equally", low=0.0, high=1.0)
    flip: bool | str = option(
        AUTO, "mirror training images at random", choices=(AUTO,), default_text="where it suits them"
    )
    crop_padding: int | str = option(
        AUTO,
        "pixels of black around an image before a random crop",
        choices=(AUTO,),
        low=0,
        high=512,
        default_text="an eighth of the side",
    )
    crop_scale: float = option(
        0.0,
        "least share of the area of a random part that is resized, in place of crop_padding; 0: none",
        low=0.0,
        high=1.0,
    )
    crop_size: float = option(
        1.0,
        "side of that part in training, as a share of the resolution: a smaller one is quicker",
        low=0.25,
        high=1.0,
    )
    color_jitter: float = option(
        0.0, "brightness, contrast and saturation change by up to this share; 0: none", low=0.0, high=1.0
    )
    mixup: float = option(0.0, "alpha of mixup: images and labels are mixed in pairs; 0: none", low=0.0, high=10.0)
    precision: str = option(
        AUTO, "of activations; bf16 by autocast", choices=PRECISIONS, default_text="bf16 where it is faster"
    )
    channels_last: bool = option(True, "memory layout (N, H, W, C)")
    optimizer: str = option(
        "sgd",
        "muon: orthogonal steps for filters, NAdamW for all else; a step costs more and learns more; lr 0.006 for 128",
        choices=tuple(_LRS),
    )

    def __post_init__(self) -> None:
        check_options(self)
        if isinstance(self.warmup_epochs, int | float) and self.warmup_epochs > self.epochs:
            raise RecipeError(
                f"warmup_epochs is at most the {self.epochs} epochs, not {self.warmup_epochs!r}. Lower 'warmup_epochs'."
            )

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
            "lr": _LRS[self.optimizer] * (self.batch_size / 128) ** (1.0 if self.batch_size > 128 else 0.5),
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
        # only where they are on: populations that were stored before there were these options stay equal to their own
        off = {item.name: item.default for item in fields(self) if item.name in _LATER}
        return {name: value for name, value in asdict(self).items() if name not in off or value != off[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Read what `to_dict` wrote; RecipeError for an unknown key."""
        return cls().with_(**values)
