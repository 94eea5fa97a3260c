"""What `benchmarks/recipes.py` compares: the settings of a training, and the changes of each variant."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["BASE", "VARIANTS", "Settings", "combined"]

BASE = "base"
_FLOPS, _SHARE = 33e6, 0.75  # of the base: multiply-adds at its resolution, and the side of training images


@dataclass(frozen=True, slots=True)
class Settings:
    """A training. The defaults are the base.

    Attributes:
        epochs: Of the base; `actual_epochs` has those of this training.
        flops: Of the network at the resolution.
        sides: Of training images, as shares of the resolution: the first and the last one, linearly in between.
        warmup: Share of the epochs.
        scale: Least share of the area of a random part.
        policy: None, "trivial" (TrivialAugment) or "rand" (RandAugment of 2 operations), for eight images at a time.
    """

    epochs: float = 40
    resolution: int = 128
    network: str = "regnet_x_200mf"
    flops: float = _FLOPS
    stem_width: int = 32
    batch_size: int = 64
    optimizer: str = "sgd"
    lr: float = 0.07
    weight_decay: float = 2e-3
    weight_decay_filter: str = "disable"
    warmup: float = 0.1
    clip_norm: float | None = None
    label_smoothing: float = 0.1
    sides: tuple[float, float] = (_SHARE, _SHARE)
    scale: float = 0.35
    jitter: float = 0.25
    policy: str | None = None
    mixup: float = 0.2
    cutmix: float = 0.0
    erase: float = 0.0
    drop_path: float = 0.0
    dropout: float = 0.0

    @property
    def actual_epochs(self) -> int:
        """As many as take the time of the base."""
        first, last = self.sides
        pixels = (first**2 + first * last + last**2) / 3
        return max(1, round(self.epochs * _FLOPS / self.flops * _SHARE**2 / pixels))

    def with_(self, **changes: Any) -> Settings:
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


_ADAMW = {"optimizer": "adamw", "lr": 2e-3, "weight_decay": 0.05}

# in order: the first ones are done where there is time for few
VARIANTS: dict[str, dict[str, Any]] = {
    "flops 15M": {"flops": 15e6},
    "flops 60M": {"flops": 60e6},
    "lr x2": {"lr": 0.14},
    "lr x0.5": {"lr": 0.035},
    "adamw": _ADAMW,
    "decay 5e-3": {"weight_decay": 5e-3},
    "decay 5e-4": {"weight_decay": 5e-4},
    "batch 32": {"batch_size": 32, "lr": 0.05},
    "batch 128": {"batch_size": 128, "lr": 0.1},
    "trivial": {"policy": "trivial", "jitter": 0.0},
    "cutmix": {"cutmix": 1.0},
    "no mixup": {"mixup": 0.0},
    "scale 0.2": {"scale": 0.2},
    "scale 0.6": {"scale": 0.6},
    "side 1.0": {"sides": (1.0, 1.0)},
    "side 0.5": {"sides": (0.5, 0.5)},
    "side 0.5-1": {"sides": (0.5, 1.0)},
    "smoothing 0": {"label_smoothing": 0.0},
    "smoothing 0.2": {"label_smoothing": 0.2},
    "squeeze": {"network": "regnet_y_200mf"},
    "drop path 0.1": {"drop_path": 0.1},
    "flops 125M": {"flops": 125e6},
    "rand": {"policy": "rand", "jitter": 0.0},
    "jitter 0.4": {"jitter": 0.4},
    "jitter 0": {"jitter": 0.0},
    "scale 0.08": {"scale": 0.08},
    "adamw lr x2": _ADAMW | {"lr": 4e-3},
    "adamw decay 0.2": _ADAMW | {"weight_decay": 0.2},
    "erase 0.25": {"erase": 0.25},
    "lr x4": {"lr": 0.28},
    "warmup 0": {"warmup": 0.0},
    "warmup 0.25": {"warmup": 0.25},
    "dropout 0.2": {"dropout": 0.2},
    "decay norm free": {"weight_decay_filter": "norm_and_bias"},
    "stem 16": {"stem_width": 16},
    "stem 48": {"stem_width": 48},
    "mixup 0.8": {"mixup": 0.8},
    "clip 1": {"clip_norm": 1.0},
    "nadam": {"optimizer": "nadam", "lr": 2e-3, "weight_decay": 0.0},
    "adan": {"optimizer": "adan", "lr": 4e-3, "weight_decay": 0.02},
    "lion": {"optimizer": "lion", "lr": 3e-4, "weight_decay": 0.5},
    "lamb": {"optimizer": "lamb", "lr": 8e-3, "weight_decay": 0.02},
    "lr x2 scale 0.2": {"lr": 0.14, "scale": 0.2},
    "squeeze lr x2": {"network": "regnet_y_200mf", "lr": 0.14},
    "trivial cutmix": {"policy": "trivial", "jitter": 0.0, "cutmix": 1.0},
}


def combined(results: list[dict[str, Any]], most: int = 5) -> list[tuple[str, Settings, int]]:
    """Trainings of the 2, 3, ... changes that were best alone on validation, and of each best one with another seed.

    Args:
        results: What each training came to so far; only whole ones count.
        most: Changes at once. No two of them set the same option.
    """
    whole = [each for each in results if "val" in each and each["epoch"] >= each["epochs"]]
    base = [each for each in whole if each["variant"] == BASE]
    if not base:
        return []
    scores: dict[str, list[float]] = {}
    for each in whole:
        scores.setdefault(each["variant"], []).append(each["val"])
    least = sum(scores.pop(BASE)) / len(base)
    ranked = sorted(scores, key=lambda name: -sum(scores[name]) / len(scores[name]))
    better = [name for name in ranked if sum(scores[name]) / len(scores[name]) > least and name in VARIANTS]
    start = Settings(**{**base[0]["settings"], "sides": tuple(base[0]["settings"]["sides"])})
    changes: dict[str, Any] = {}
    names: list[str] = []
    tasks: list[tuple[str, Settings, int]] = []
    for name in better:
        if len(names) < most and not set(VARIANTS[name]) & set(changes):
            changes |= VARIANTS[name]
            names.append(name)
            if len(names) > 1:
                tasks.append((" + ".join(names), start.with_(**changes), 0))
    tasks += [(name, start.with_(**VARIANTS[name]), 1) for name in better[:8]]
    return tasks + [(name, settings, 1) for name, settings, seed in tasks if " + " in name and seed == 0]
