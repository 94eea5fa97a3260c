"""How a benchmark measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netwright.errors import RecipeError

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured of each network, and how.

    batch_size: of training and inference; latency is always of one image. image_size: pixels a side; None: each
    network's own. precision: fp32, bf16, fp16, or auto: bf16 where the device multiplies it. threads: None: as many as
    there are processors. seconds: of each repeat of each measurement, at least one batch. seed: of weights and images.
    """

    batch_size: int = 32
    image_size: int | None = None
    precision: str = "auto"
    channels_last: bool = True
    compile: bool = False
    device: str = "auto"
    threads: int | None = None
    seconds: float = 2.0
    repeats: int = 5
    train: bool = True
    infer: bool = True
    memory: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "image_size", "threads", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"{name} is at least 1, not {value}. Correct --{name}.")
        if self.seconds < 0:
            raise RecipeError(f"seconds are not negative: {self.seconds}. 0 measures one batch a repeat.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `Settings(**plain)` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Settings:
        """What `to_dict` gave."""
        return cls(**plain)
