"""What a network is: a frozen value that numpy-only code can read, count, store and draw."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import yaml

from netwright.arch.block import ACTIVATIONS, BLOCKS, STEMS, Block
from netwright.arch.drawing import draw_network
from netwright.errors import ArchError
from netwright.system.yaml_text import YamlError, parse

__all__ = ["Arch", "Stage", "Stem"]


def _require(holds: bool, constraint: str, value: object, cure: str) -> None:
    if not holds:
        raise ArchError(f"{constraint}, not {value!r}. {cure}")


def _require_whole(whose: str, name: str, value: object) -> None:
    holds = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    _require(holds, f"{whose} {name} is a whole number of at least 1", value, f"Correct '{name}'.")


@dataclass(frozen=True, slots=True)
class Stem:
    """The first convolution.

    Attributes:
        kind: `simple` (3x3, stride 2), `imagenet` (7x7, stride 2, and a max pool of stride 2), or `cifar` (3x3, stride
            1, for small images).
        width: Channels.

    Raises:
        ArchError: An unknown kind, or a width below 1.
    """

    kind: str = "simple"
    width: int = 32

    def __post_init__(self) -> None:
        _require(self.kind in STEMS, f"a stem is one of {sorted(STEMS)}", self.kind, "Choose one of these.")
        _require_whole("a stem's", "width", self.width)

    @property
    def stride(self) -> int:
        """Of the convolution and the pool together."""
        kind = STEMS[self.kind]
        return kind.stride * (2 if kind.pools else 1)


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of equal blocks; the first has the stride.

    Attributes:
        depth: Blocks.
        width: Output channels of each block.
        stride: Of the first block.
        bottleneck: b of DDS; it divides: the 3x3 convolution has width / bottleneck channels. Several code bases store
            its inverse.
        group_width: Channels of a group of the 3x3 convolution; 0 becomes one group of all.

    Raises:
        ArchError: A value below 1, or a group width that does not divide width / bottleneck.
    """

    depth: int
    width: int
    stride: int = 2
    bottleneck: float = 1.0
    group_width: int = 0

    def __post_init__(self) -> None:
        for name in ("depth", "width", "stride"):
            _require_whole("a stage's", name, getattr(self, name))
        _require(self.bottleneck > 0, "a stage's bottleneck is positive", self.bottleneck, "1, 2 and 4 are usual.")
        inner = self.width / self.bottleneck
        if self.group_width == 0 and not isinstance(self.group_width, bool) and 1 <= inner < math.inf:
            object.__setattr__(self, "group_width", int(inner))
        _require_whole("a stage's", "group_width", self.group_width)
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
        """Of the 3x3 convolution."""
        return self.inner_width // self.group_width


@dataclass(frozen=True, slots=True)
class Arch:
    """One network: stem, stages of one block family, head (perhaps a 1x1 convolution, global average pool, linear).

    Source: DDS (arXiv 2003.13678), sections 3 and 4.

    Attributes:
        stages: First to last, at least one.
        block: A key of `BLOCKS`.
        stem: The first convolution.
        se_ratio: Squeezed width as a share of the block's input width; 0 for blocks without squeeze-and-excitation.
        resolution: Pixels a side of the square input.
        num_classes: Outputs.
        in_channels: 1 for gray, 3 for RGB.
        name: For people; empty where it has none.
        head_width: Channels of a 1x1 convolution before the pool, 0 for none.
        activation: "relu" or "silu" where it is not the block's own; "" for that one.

    Raises:
        ArchError: A network that cannot be built.
    """

    stages: tuple[Stage, ...]
    block: str = "x"
    stem: Stem = field(default_factory=Stem)
    se_ratio: float = 0.0
    resolution: int = 224
    num_classes: int = 1000
    in_channels: int = 3
    name: str = ""
    head_width: int = 0
    activation: str = ""

    def __post_init__(self) -> None:
        _require(len(self.stages) > 0, "a network has at least one stage", 0, "Add a stage.")
        _require(self.block in BLOCKS, f"a block is one of {sorted(BLOCKS)}", self.block, "Choose one of these.")
        family = BLOCKS[self.block]
        _require(
            (self.se_ratio > 0) == (family.se_ratio > 0) and self.se_ratio <= 1,
            f"se_ratio is {'within (0, 1]' if family.se_ratio else '0'} for block {self.block!r}",
            self.se_ratio,
            f"Block {self.block!r} takes {family.se_ratio} by default.",
        )
        if self.activation == family.activation:
            object.__setattr__(self, "activation", "")  # equal networks are equal values
        holds = self.activation in ("", *ACTIVATIONS)
        _require(holds, f"an activation is one of {', '.join(ACTIVATIONS)}", self.activation, "Choose one, or none.")
        for stage in self.stages:
            if not family.is_bottleneck:
                _require(
                    stage.bottleneck == 1,
                    f"block {self.block!r} has no bottleneck, so that a stage's is 1",
                    stage.bottleneck,
                    "Leave it out, or take block 'r' or 'x'.",
                )
            _require(
                family.is_grouped or stage.groups == 1,
                f"block {self.block!r} has no groups, so that a stage's group_width is {stage.inner_width}",
                stage.group_width,
                "Leave it out, or take block 'x'.",
            )
        holds = isinstance(self.head_width, int) and not isinstance(self.head_width, bool) and self.head_width >= 0
        _require(holds, "head_width is a whole number, 0 for none", self.head_width, "Correct it.")
        for name in ("resolution", "num_classes", "in_channels"):
            _require_whole("a network's", name, getattr(self, name))

    @property
    def family(self) -> Block:
        """What its blocks are made of."""
        own = BLOCKS[self.block]
        return replace(own, activation=self.activation) if self.activation else own

    @property
    def num_features(self) -> int:
        """Channels that the classifier sees."""
        return self.head_width or self.stages[-1].width

    @property
    def depth(self) -> int:
        """Blocks in the whole body."""
        return sum(stage.depth for stage in self.stages)

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Output channels of each block, first to last."""
        return tuple(stage.width for stage in self.stages for _ in range(stage.depth))

    def to_dict(self) -> dict[str, Any]:
        """Dicts, lists, text and numbers; `from_dict` is the inverse."""
        values = asdict(self)
        values["stages"] = [dict(stage) for stage in values["stages"]]
        for name in ("head_width", "activation"):
            if not values[name]:
                del values[name]  # as it was written before there was one
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Arch:
        """A network from what `to_dict` gave.

        Raises:
            ArchError: An unknown or missing key, or a network that cannot be built.
        """
        try:
            fields = dict(values)
            fields["stages"] = tuple(Stage(**stage) for stage in fields["stages"])
            if "stem" in fields:
                fields["stem"] = Stem(**fields["stem"])
            if "block" in fields and "se_ratio" not in fields:
                fields["se_ratio"] = BLOCKS[fields["block"]].se_ratio if fields["block"] in BLOCKS else 0.0
            return cls(**fields)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise ArchError(
                f"a network is a mapping with the keys {sorted(cls.__dataclass_fields__)}, "
                f"its stages with {sorted(Stage.__dataclass_fields__)}; this one is not: {error}. Compare it with one "
                "that `netwright sample --out networks.jsonl` writes."
            ) from error

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Arch:
        """A network from what `to_json` gave; ArchError as `from_dict`."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise ArchError(f"this is not JSON: {error}. Give what Arch.to_json() writes.") from error

    def to_yaml(self) -> str:
        """`to_dict` as YAML, as a network.yaml has it."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Arch:
        """A network from what `to_yaml` gave or a person wrote; ArchError as `from_dict`."""
        try:
            values, _ = parse(text, has_aliases=True)
        except YamlError as error:
            raise ArchError(f"this is not YAML: {error}. Give what Arch.to_yaml() writes.") from error
        return cls.from_dict(values)

    def _repr_html_(self) -> str:
        return draw_network(self)
