"""A network as a diagram, drawn as SVG: no dependency, and nothing that a page has to load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

from netwright.arch.block import STEMS, Block
from netwright.system.plural import count
from netwright.theme import FAINT, INK, MUTED, SERIES

__all__ = ["draw_network"]

_BOX, _GAP = 118, 14  # pixels: width of a box, and between two
_TALL, _TOP = 90, 46  # pixels: the tallest box, and what is above it
_LINE = 15  # pixels: height of a line of text
_BAR = 11  # pixels: width of a block, where the stage has room for all of them
_MOST_BARS = 40  # blocks of a stage that are drawn one by one
_FONT = "font-family='system-ui, Helvetica, Arial, sans-serif'"


class StageLike(Protocol):
    """What is drawn of a stage; a `Stage` has it."""

    @property
    def depth(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def stride(self) -> int: ...
    @property
    def bottleneck(self) -> float: ...
    @property
    def group_width(self) -> int: ...
    @property
    def groups(self) -> int: ...


class StemLike(Protocol):
    """What is drawn of a stem; a `Stem` has it."""

    @property
    def kind(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def stride(self) -> int: ...


class ArchLike(Protocol):
    """What is drawn of a network; an `Arch` has it."""

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> Block: ...
    @property
    def block(self) -> str: ...
    @property
    def stem(self) -> StemLike: ...
    @property
    def stages(self) -> Sequence[StageLike]: ...
    @property
    def depth(self) -> int: ...
    @property
    def se_ratio(self) -> float: ...
    @property
    def activation(self) -> str: ...
    @property
    def head_width(self) -> int: ...
    @property
    def resolution(self) -> int: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def num_classes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Box:
    """bars: blocks drawn side by side; width: channels, which set the height; lines: the text below."""

    title: str
    width: int
    bars: int
    lines: tuple[str, ...]
    color: str = FAINT


def draw_network(arch: ArchLike) -> str:
    """The network from left to right, as one `<svg>` element.

    Each block is a bar, as tall as the logarithm of its width. Below a stage are its depth and width, group width,
    bottleneck, stride, and the side of its output in pixels.
    """
    boxes = _boxes(arch)
    lowest, highest = (math.log2(ends(box.width for box in boxes)) for ends in (min, max))
    per_octave = (_TALL - 24) / ((highest - lowest) or 1)
    drawn = []
    for index, box in enumerate(boxes):
        tall = 24 + (math.log2(box.width) - lowest) * per_octave
        drawn.append(_drawn(box, index * (_BOX + _GAP) + _GAP, tall))
    through = (len(boxes) - 1) * (_BOX + _GAP)
    path = f"<path d='M{_GAP + _BOX / 2} {_TOP + _TALL / 2}h{through}' stroke='{MUTED}' stroke-width='1.5'/>"
    wide = len(boxes) * (_BOX + _GAP) + _GAP
    high = _TOP + _TALL + _LINE * (1 + max(len(box.lines) for box in boxes)) + 16
    title = _title(arch)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {wide} {high}' width='{wide}' style='max-width:100%;"
        f"height:auto;background:white' role='img' aria-label='{escape(title, quote=True)}' {_FONT} font-size='11'>"
        f"<text x='{_GAP}' y='22' font-size='14' font-weight='600' fill='{INK}'>{escape(title)}</text>"
        f"{path}{''.join(drawn)}</svg>"
    )


def _title(arch: ArchLike) -> str:
    squeezed = f", squeeze-and-excitation {arch.se_ratio:g}" if arch.se_ratio else ""
    activated = f", {arch.activation}" if arch.activation else ""
    return f"{arch.name or 'network'}: {count(arch.depth, 'block')} of kind {arch.block}{squeezed}{activated}"


def _boxes(arch: ArchLike) -> list[_Box]:
    stem, side = arch.stem, math.ceil(arch.resolution / arch.stem.stride)
    kernel = STEMS[stem.kind].kernel
    pool = ", max pool" if STEMS[stem.kind].pools else ""
    boxes = [
        _Box(
            "input",
            arch.in_channels,
            1,
            (count(arch.in_channels, "channel"), f"{arch.resolution} × {arch.resolution}"),
        ),
        _Box("stem", stem.width, 1, (f"{kernel}x{kernel}{pool}", f"width {stem.width}", *_sizes(stem.stride, side))),
    ]
    for number, stage in enumerate(arch.stages, 1):
        side = math.ceil(side / stage.stride)
        lines = [f"{stage.depth} × width {stage.width}"]
        if arch.family.is_grouped:
            lines.append(f"{count(stage.groups, 'group')} of {stage.group_width}")
        if arch.family.is_bottleneck:
            lines.append(f"bottleneck {stage.bottleneck:g}")
        boxes.append(
            _Box(f"stage {number}", stage.width, stage.depth, (*lines, *_sizes(stage.stride, side)), SERIES[0])
        )
    features = arch.head_width or arch.stages[-1].width
    convolved = (f"1x1, width {arch.head_width}",) if arch.head_width else ()
    boxes.append(_Box("head", features, 1, (*convolved, "average pool, linear", f"{arch.num_classes:,} classes")))
    return boxes


def _sizes(stride: int, side: int) -> tuple[str, str]:
    return f"stride {stride}", f"{side} × {side}"


def _drawn(box: _Box, x: float, tall: float) -> str:
    bars = min(box.bars, _MOST_BARS)
    each = min(_BAR, _BOX / bars)
    left = x + (_BOX - bars * each) / 2
    y = _TOP + (_TALL - tall) / 2
    rectangles = "".join(
        f"<rect x='{left + i * each:.1f}' y='{y:.1f}' width='{max(each - 1.5, 1):.1f}' height='{tall:.1f}' rx='1.5' "
        f"fill='{_light(box.color)}' stroke='{box.color}'/>"
        for i in range(bars)
    )
    below = _TOP + _TALL + _LINE
    middle = x + _BOX / 2
    title = f"<text x='{middle}' y='{below}' text-anchor='middle' font-weight='600' fill='{INK}'>{box.title}</text>"
    lines = "".join(
        f"<text x='{middle}' y='{below + _LINE * row}' text-anchor='middle' fill='{MUTED}'>{escape(line)}</text>"
        for row, line in enumerate(box.lines, 1)
    )
    return rectangles + title + lines


def _light(color: str) -> str:
    """The color mixed with white, so that the line behind does not show through."""
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(0.4 * part + 0.6 * 255):02x}" for part in parts)
