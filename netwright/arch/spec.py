"""What a network is: a frozen value that numpy-only code can read, count, store and draw."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml

from netwright.errors import ArchError

__all__ = ["BLOCKS", "STEMS", "Arch", "Stage", "Stem"]

# stride of each stem, and whether a max pool doubles it
STEMS = {"simple": 2, "cifar": 1}
# default squeeze-and-excitation ratio of each block family
BLOCKS = {"x": 0.0, "y": 0.25}


def _require(holds: bool, law: str, value: object, cure: str) -> None:
    if not holds:
        raise ArchError(f"{law}, not {value!r}. {cure}")


def _require_whole(whose: str, name: str, value: object) -> None:
    holds = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    _require(holds, f"{whose} {name} is a whole number of at least 1", value, f"Correct '{name}'.")


@dataclass(frozen=True, slots=True)
class Stem:
    """The first convolution: `simple` is 3x3 stride 2 (ImageNet), `cifar` is 3x3 stride 1 (small images)."""

    kind: str = "simple"
    width: int = 32

    def __post_init__(self) -> None:
        _require(self.kind in STEMS, f"a stem is one of {sorted(STEMS)}", self.kind, "Choose one of these.")
        _require_whole("a stem's", "width", self.width)

    @property
    def stride(self) -> int:
        return STEMS[self.kind]


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of equal blocks; the first has the stride.

    bottleneck is the paper's b and divides: the 3x3 convolution has width / bottleneck channels in groups of
    group_width channels. Several code bases store its inverse.
    """

    depth: int
    width: int
    stride: int = 2
    bottleneck: float = 1.0
    group_width: int = 1

    def __post_init__(self) -> None:
        for name in ("depth", "width", "stride", "group_width"):
            _require_whole("a stage's", name, getattr(self, name))
        _require(self.bottleneck > 0, "a stage's bottleneck is positive", self.bottleneck, "1, 2 and 4 are usual.")
        inner = self.width / self.bottleneck
        _require(
            math.isfinite(inner) and inner >= 1 and inner % self.group_width == 0,
            f"width / bottleneck must be a multiple of group_width {self.group_width}",
            inner,
            "netwright.arch.compatible() rounds widths and groups so that they agree.",
        )

    @property
    def inner_width(self) -> int:
        """Channels of the 3x3 convolution."""
        return int(self.width / self.bottleneck)

    @property
    def groups(self) -> int:
        return self.inner_width // self.group_width


@dataclass(frozen=True, slots=True)
class Arch:
    """One network: stem, stages of one block family, head (global average pool and a linear layer).

    block: "x" (residual bottleneck with a grouped 3x3) or "y" (x with squeeze-and-excitation).
    se_ratio: squeezed width as a share of the block's input width; 0 for block "x".
    resolution: pixels a side of the square input. Source: DDS (arXiv 2003.13678), sections 3 and 4.
    """

    stages: tuple[Stage, ...]
    block: str = "x"
    stem: Stem = field(default_factory=Stem)
    se_ratio: float = 0.0
    resolution: int = 224
    num_classes: int = 1000
    in_channels: int = 3
    name: str = ""

    def __post_init__(self) -> None:
        _require(len(self.stages) > 0, "a network has at least one stage", 0, "Add a stage.")
        _require(self.block in BLOCKS, f"a block is one of {sorted(BLOCKS)}", self.block, "Choose one of these.")
        _require(
            (self.se_ratio > 0) == (self.block == "y") and self.se_ratio <= 1,
            "se_ratio is 0 for block 'x' and within (0, 1] for block 'y'",
            self.se_ratio,
            f"Block {self.block!r} takes {BLOCKS[self.block]} by default.",
        )
        for name in ("resolution", "num_classes", "in_channels"):
            _require_whole("a network's", name, getattr(self, name))

    @property
    def depth(self) -> int:
        """Blocks in the whole body."""
        return sum(stage.depth for stage in self.stages)

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Output channels of each block, first to last."""
        return tuple(stage.width for stage in self.stages for _ in range(stage.depth))

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers; `from_dict` is the inverse."""
        plain = asdict(self)
        plain["stages"] = [dict(stage) for stage in plain["stages"]]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Arch:
        """Read what `to_dict` wrote; an unknown or missing key is an ArchError."""
        try:
            fields = dict(plain)
            fields["stages"] = tuple(Stage(**stage) for stage in fields["stages"])
            if "stem" in fields:
                fields["stem"] = Stem(**fields["stem"])
            if "block" in fields and "se_ratio" not in fields:
                fields["se_ratio"] = BLOCKS.get(fields["block"], 0.0)
            return cls(**fields)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ArchError(
                f"a network is a mapping with the keys {sorted(cls.__dataclass_fields__)}, "
                f"its stages with {sorted(Stage.__dataclass_fields__)}; this one is not: {error}. Compare it with one "
                "that `netwright sample --out networks.jsonl` writes."
            ) from error

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Arch:
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise ArchError(f"this is not JSON: {error}. Give what Arch.to_json() writes.") from error

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.to_dict(), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Arch:
        try:
            plain = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ArchError(f"this is not YAML: {error}. Give what Arch.to_yaml() writes.") from error
        return cls.from_dict(plain)
