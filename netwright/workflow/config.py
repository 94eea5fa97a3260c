"""What is asked for, checked when it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwright.errors import RecipeError
from netwright.recipe import Recipe

__all__ = ["DesignConfig"]

Window = tuple[float, float]

# whole numbers -> the least that makes sense
_WHOLE = {
    "trials": 1,
    "confirm_trials": 1,
    "epochs": 1,
    "final_epochs": 1,
    "final_seeds": 1,
    "resolution": 1,
    "train_images": 1,
    "workers": 1,
    "threads": 1,
    "seed": 0,
}
# what no result depends on, and what populations compare themselves: the space and the images, wherever they are read
_NOT_LASTING = ("out", "command", "workers", "device", "space", "data_dir")


@dataclass(frozen=True)
class DesignConfig:
    """What is asked for. RecipeError for a number that cannot be.

    space: a name or a YAML file. flops, params, acts: (low, high) at the images' resolution; where none is given, flops
    lie within 90% and 100% of DDS's 400M scaled by pixels. trials: networks of the first sample; confirm_trials: of the
    refined space, by default half as many. final_epochs: of the pick and the baseline, by default three times `epochs`;
    final_seeds: trainings of each. recipe: values of a `Recipe` other than epochs. train_images: at most so many for
    the trials; the finals use all. threads: of a worker. command: what was typed, for the report.
    """

    out: Path
    data_dir: str = "digits"
    space: str = "regnetx"
    flops: Window | None = None
    params: Window | None = None
    acts: Window | None = None
    trials: int = 48
    confirm_trials: int | None = None
    epochs: int = 10
    final_epochs: int | None = None
    final_seeds: int = 3
    recipe: Mapping[str, Any] = field(default_factory=dict)
    resolution: int | None = None
    train_images: int | None = None
    workers: int | None = None
    threads: int = 1
    device: str = "auto"
    seed: int = 0
    command: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            may_be_left_out = self.__dataclass_fields__[name].default is None
            if value is None and may_be_left_out:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise RecipeError(f"{name} is a whole number of at least {least}, not {value!r}. Correct it.")
        if "epochs" in self.recipe:
            raise RecipeError("the epochs of trials are not part of a brief's recipe. Give them as its 'epochs'.")
        for epochs in (self.epochs, self.final):
            Recipe().with_(**dict(self.recipe) | {"epochs": epochs})

    @property
    def confirming(self) -> int:
        """Networks of the refined space."""
        return self.confirm_trials or max(8, self.trials // 2)

    @property
    def final(self) -> int:
        """Epochs of the pick and the baseline."""
        return self.final_epochs or 3 * self.epochs

    def lasting(self) -> dict[str, Any]:
        """What the results depend on besides space and images, as plain values: who resumes asks for the same."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _NOT_LASTING}
        return plain | {"recipe": dict(self.recipe), "confirm_trials": self.confirming, "final_epochs": self.final}
