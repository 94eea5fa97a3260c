"""What all networks of a design space have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from netwright.arch import ACTIVATIONS, BLOCKS, STEMS, Stem
from netwright.errors import SpaceError
from netwright.space.families import unknown

__all__ = ["Setting"]

_WHOLE = {"stem_width": 1, "head_width": 0, "resolution": 1, "num_classes": 1, "in_channels": 1}  # and the least
_LARGEST = dict.fromkeys(_WHOLE, 65_536) | {"num_classes": 10_000_000}
_LAST_MAP = (4, 8)  # pixels a side that a network's last feature map has, about


@dataclass(frozen=True, slots=True)
class Setting:
    """What all networks of a space have in common.

    Attributes:
        block: A key of `netwright.arch.BLOCKS`.
        se_ratio: Squeezed width as a share of the block's input width; None takes the block's usual one.
        stem: A key of `netwright.arch.STEMS`.
        stem_width: Channels.
        strides: 1 or 2 for each stage; stages beyond these have stride 2.
        resolution: Pixels a side of the square input.
        num_classes: Outputs.
        in_channels: 1 for gray, 3 for RGB.
        head_width: Channels of a 1x1 convolution before the pool, 0 for none.
        activation: A value of `netwright.arch.ACTIVATIONS`, "" for the block's own.

    Raises:
        SpaceError: A value that cannot be.
    """

    block: str = "x"
    se_ratio: float | None = None
    stem: str = "simple"
    stem_width: int = 32
    strides: tuple[int, ...] = (2, 2, 2, 2)
    resolution: int = 224
    num_classes: int = 1000
    in_channels: int = 3
    head_width: int = 0
    activation: str = ""

    def __post_init__(self) -> None:
        if self.block not in tuple(BLOCKS) or self.stem not in tuple(STEMS):
            raise SpaceError(
                f"a block is one of {sorted(BLOCKS)} and a stem one of {sorted(STEMS)}; "
                f"not {self.block!r} and {self.stem!r}. Choose among these."
            )
        if self.activation not in ("", *ACTIVATIONS):
            raise SpaceError(f"an activation is one of {', '.join(ACTIVATIONS)}, not {self.activation!r}. Choose one.")
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise SpaceError(f"{name} is a whole number of at least {least}, not {value!r}. Correct it.")
            if value > _LARGEST[name]:
                raise SpaceError(f"{name} is at most {_LARGEST[name]:,}, not {value:,}. Lower it.")
        if not isinstance(self.strides, Sequence) or not self.strides or any(s not in (1, 2) for s in self.strides):
            raise SpaceError(f"strides are 1 or 2, one a stage; not {self.strides!r}. For example: [1, 1, 2, 2].")
        object.__setattr__(self, "strides", tuple(self.strides))
        usual = BLOCKS[self.block].se_ratio
        ratio = usual if self.se_ratio is None else self.se_ratio
        if not isinstance(ratio, int | float) or not 0 <= ratio <= 1 or (ratio > 0) != (usual > 0):
            raise SpaceError(
                f"se_ratio is {'within (0, 1]' if usual else '0'} for block {self.block!r}, not {ratio!r}. "
                f"Leave it out for {usual}."
            )
        object.__setattr__(self, "se_ratio", float(ratio))

    def stride(self, stage: int) -> int:
        """Of stage 0, 1, ...; 2 beyond those that `strides` has."""
        return self.strides[stage] if stage < len(self.strides) else 2

    def with_(self, **changes: Any) -> Setting:
        """The setting with other values; another block brings its usual se_ratio.

        Raises:
            SpaceError: An unknown name, or a value that cannot be.
        """
        names = [item.name for item in fields(self)]
        for key in changes:
            if key not in names:
                raise unknown("setting", key, names)
        if "block" in changes and "se_ratio" not in changes:
            changes["se_ratio"] = None
        return replace(self, **changes)

    def for_images(
        self, resolution: int, num_classes: int, in_channels: int, stages: int, *, keep_stem: bool = False
    ) -> Setting:
        """The setting for images of this size and networks of so many stages, see `DesignSpace.for_images`."""
        images = {"resolution": resolution, "num_classes": num_classes, "in_channels": in_channels}
        last = resolution
        for stride in (Stem(self.stem).stride, *(self.stride(stage) for stage in range(stages))):
            last = -(-last // stride)
        least, most = _LAST_MAP
        if least <= last <= most:
            return self.with_(**images)
        stem, width = self.stem, self.stem_width
        if keep_stem:
            pass
        elif resolution <= 64:
            stem, width = "cifar", 16
        elif stem == "cifar":
            stem = "simple"
        side = resolution // Stem(stem).stride
        halvings = min(stages, max(0, math.floor(math.log2(max(1, side / least)))))
        strides = (1,) * (stages - halvings) + (2,) * halvings
        return self.with_(**images, stem=stem, stem_width=width, strides=strides)

    def to_dict(self) -> dict[str, Any]:
        """What a space's YAML file has; no head_width and activation where there are none."""
        values = {item.name: getattr(self, item.name) for item in fields(self)} | {"strides": list(self.strides)}
        off = [name for name in ("head_width", "activation") if not getattr(self, name)]
        return {key: value for key, value in values.items() if key not in off}
