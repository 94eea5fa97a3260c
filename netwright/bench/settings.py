"""Settings of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netwright.options import check_options, option

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured of each network, and how. RecipeError for an impossible value."""

    batch_size: int = option(
        32, "images a step of training and inference; latency is always of one image", low=1, metavar="N"
    )
    image_size: int | None = option(
        None, "side of the square input", low=1, metavar="PIXELS", default_text="each network's own"
    )
    precision: str = option(
        "auto", "auto: bf16 where the device multiplies it, else fp32", choices=("auto", "fp32", "bf16", "fp16")
    )
    channels_last: bool = option(True, "memory layout (N, H, W, C)")
    compile: bool = option(False, "torch.compile, which takes a minute or more for each network")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, ...", metavar="DEVICE")
    threads: int | None = option(
        None, "processor threads; OMP_NUM_THREADS counts too", low=1, metavar="T", default_text="as many as processors"
    )
    seconds: float = option(
        2.0, "of each repeat of each measurement, which has at least one batch", low=0.0, metavar="S"
    )
    repeats: int = option(5, "of each measurement", low=1, metavar="N")
    train: bool = option(True, "measure training")
    infer: bool = option(True, "measure inference")
    memory: bool = option(True, "measure the most memory taken, each in its own process")
    seed: int = option(0, "of weights and images")

    def __post_init__(self) -> None:
        check_options(self)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Read what `to_dict` wrote."""
        return cls(**values)
