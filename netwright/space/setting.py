"""What all networks of a design space have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netwright.arch import BLOCKS, STEMS
from netwright.errors import SpaceError

__all__ = ["Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all networks of a space have in common: block family, stem, strides, input and classes."""

    block: str = "x"
    se_ratio: float | None = None
    stem: str = "simple"
    stem_width: int = 32
    strides: tuple[int, ...] = (2, 2, 2, 2)
    resolution: int = 224
    num_classes: int = 1000
    in_channels: int = 3

    def __post_init__(self) -> None:
        if self.block not in tuple(BLOCKS) or self.stem not in tuple(STEMS):
            raise SpaceError(
                f"a block is one of {sorted(BLOCKS)} and a stem one of {sorted(STEMS)}; "
                f"not {self.block!r} and {self.stem!r}. Choose among these."
            )
        for name in ("stem_width", "resolution", "num_classes", "in_channels"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpaceError(f"{name} is a whole number of at least 1, not {value!r}. Correct it.")
        if not isinstance(self.strides, Sequence) or not self.strides or any(s not in (1, 2) for s in self.strides):
            raise SpaceError(f"strides are 1 or 2, one a stage; not {self.strides!r}. For example: [1, 1, 2, 2].")
        object.__setattr__(self, "strides", tuple(self.strides))
        ratio = BLOCKS[self.block] if self.se_ratio is None else self.se_ratio
        if not isinstance(ratio, int | float) or not 0 <= ratio <= 1 or (ratio > 0) != (self.block == "y"):
            raise SpaceError(
                f"se_ratio is 0 for block 'x' and within (0, 1] for block 'y', not {ratio!r} for {self.block!r}. "
                f"Leave it out for {BLOCKS[self.block]}."
            )
        object.__setattr__(self, "se_ratio", float(ratio))

    def stride(self, stage: int) -> int:
        """Of stage 0, 1, ...; a stage beyond the given ones has stride 2."""
        return self.strides[stage] if stage < len(self.strides) else 2
