"""The networks that the columns of a table define: RegNets or AnyNets, as pycls, timm or the papers name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.arch import Arch, Stage, compatible, regnet
from netwright.arch.block import BLOCKS
from netwright.errors import ArchError, StatsError
from netwright.space import DesignSpace
from netwright.space.setting import Setting
from netwright.stats.naming import plain_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Networks", "networks_of"]

# our name -> those of others, in one spelling (REGNET.GROUP_W is regnet_group_w)
_NAMES: dict[str, tuple[str, ...]] = {
    "depth": ("depth", "d", "regnet_depth", "num_blocks"),
    "w0": ("w0", "w_0", "regnet_w0", "initial_width"),
    "wa": ("wa", "w_a", "regnet_wa", "slope"),
    "wm": ("wm", "w_m", "regnet_wm", "width_multiplier"),
    "group_width": ("group_width", "g", "gw", "group_w", "group_size", "regnet_group_w"),
    "bottleneck": ("bottleneck", "b", "bottleneck_ratio"),
    "multiplier": ("bot_mul", "bottle_ratio", "bottleneck_multiplier", "regnet_bot_mul"),
}
# of an AnyNet: the same with a number or an s, and lists of pycls
_STAGES: dict[str, tuple[str, ...]] = {
    "depth": ("depth", "d", "anynet_depths", "depths", "ds"),
    "width": ("width", "w", "anynet_widths", "widths", "ws"),
    "group_width": ("group_width", "g", "gw", "group_w", "anynet_group_ws", "group_widths", "group_ws", "gs"),
    "bottleneck": ("bottleneck", "b", "bottlenecks", "bs"),
    "multiplier": ("bot_mul", "anynet_bot_muls", "bot_muls"),
}
_LARGEST = {"depth": 512, "width": 1 << 16, "group_width": 1 << 16}
_ALIKE = 0.02  # by how much flops may differ where they count a few operations more
_USUAL = Setting()


@dataclass(frozen=True)
class Networks:
    """What a table says of its networks.

    Attributes:
        archs: One for each row, None where there is none.
        columns: That define them.
        notices: What was understood, in sentences.
    """

    archs: tuple[Arch | None, ...]
    columns: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def networks_of(frame: pd.DataFrame, space: DesignSpace | None = None) -> Networks:
    """The networks of a table, all None where its columns define none.

    Args:
        frame: One row for each network. A column `arch` with our JSON counts first; then depth, w0, wa and wm make
            RegNets, and depths and widths of stages (d1, d2, ..., w1, w2, ..., or lists) AnyNets. Where there are
            `flops` too, the networks must have as many.
        space: Whose block, stem, strides and image size the networks have; by default those of ImageNet, and of block
            x, or y where a column `se_ratio` is above 0.

    Raises:
        StatsError: The text of an `arch` is no network.
    """
    if "arch" in frame and (found := _stored(frame["arch"])) is not None:
        return Networks(found, ("arch",))
    setting = _USUAL if space is None else space.setting
    rounding = "pycls" if space is None else space.rounding
    for kind, columns_of, make in (("RegNets", _regnet_columns, _regnet), ("AnyNets", _stage_columns, _anynet)):
        columns = columns_of(frame)
        if columns:
            return _checked(frame, kind, columns, setting, rounding, make)
    return Networks((None,) * len(frame))


def _stored(cells: pd.Series[Any]) -> tuple[Arch | None, ...] | None:
    texts = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    if not any(texts) or not all(text.startswith("{") for text in texts if text):
        return None
    try:
        return tuple(Arch.from_json(text) if text else None for text in texts)
    except ArchError as error:
        raise StatsError(f"the column 'arch' must hold networks as Arch.to_json() writes them: {error}") from error


def _checked(
    frame: pd.DataFrame,
    kind: str,
    columns: Mapping[str, Any],
    setting: Setting,
    rounding: str,
    make: Callable[..., Arch],
) -> Networks:
    archs: list[Arch | None] = []
    wrong: list[str] = []
    squeezed = _of(frame, ("se_ratio",))
    for row in range(len(frame)):
        ratio = 0.0 if squeezed is None else float(frame[squeezed].iloc[row])
        own = setting.with_(block="y", se_ratio=ratio) if setting == _USUAL and 0 < ratio <= 1 else setting
        try:
            archs.append(make(_values(frame, columns, row), own, rounding))
        except (ArchError, ValueError, TypeError, OverflowError) as error:
            archs.append(None)
            wrong.append(f"row {row + 1}: {error}")
    names = tuple(
        dict.fromkeys(name for each in columns.values() for name in ([each] if isinstance(each, str) else each))
    )
    made = len(archs) - len(wrong)
    listed = ", ".join(names)
    if made < len(archs) / 2:
        return Networks((None,) * len(archs), (), (f"{listed} define no networks: {wrong[0]}",))
    assumed = f"of block {setting.block} at {setting.resolution} pixels"
    said = [f"networks: {made} {kind} {assumed}, made from {listed}. Another block or size: --space."]
    if wrong:
        said.append(f"{len(wrong)} rows have no network: {wrong[0]}")
    if (apart := _apart(frame, archs)) is not None:
        said = [
            f"{listed} would define {kind}, but {assumed} they have other flops than the table (by {apart:.0%} in the "
            "median): the networks are left out. Name the space that they are of: --space."
        ]
        return Networks((None,) * len(archs), (), tuple(said))
    return Networks(tuple(archs), names, tuple(said))


def _apart(frame: pd.DataFrame, archs: Sequence[Arch | None]) -> float | None:
    """By how much the flops differ from those that the table has; None where they do not, or it has none."""
    from netwright.arch import complexity

    if "flops" not in frame or frame["flops"].dtype.kind not in "iuf":
        return None
    known = [
        abs(float(complexity(arch).flops[0]) / float(flops) - 1)
        for arch, flops in zip(archs, frame["flops"], strict=True)
        if arch is not None and flops > 0
    ]
    median = float(np.median(known)) if known else 0.0
    return median if median > _ALIKE else None


def _of(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column that has one of these names."""
    plain = {plain_name(str(column)): str(column) for column in reversed(list(frame.columns))}
    return next((plain[name] for name in names if name in plain), None)


def _regnet_columns(frame: pd.DataFrame) -> dict[str, str]:
    found = {ours: column for ours, names in _NAMES.items() if (column := _of(frame, names)) is not None}
    numbers = {ours: column for ours, column in found.items() if frame[column].dtype.kind in "iuf"}
    return numbers if {"depth", "w0", "wa", "wm"} <= numbers.keys() else {}


def _stage_columns(frame: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, names in _STAGES.items():
        numbered = next((each for name in names if (each := _numbered(frame, name))), None)
        column = numbered or _of(frame, names)
        if column is not None:
            found[ours] = column
    if not {"depth", "width"} <= found.keys():
        return {}
    return found if all(_fits(frame, found[name]) for name in ("depth", "width")) else {}


def _numbered(frame: pd.DataFrame, name: str) -> list[str]:
    """name1, name2, ... or name_1, name_2, ...: at least two, without a gap."""
    plain = {plain_name(str(column)).replace("_", ""): str(column) for column in frame.columns}
    found: list[str] = []
    while (column := plain.get(f"{name.replace('_', '')}{len(found) + 1}")) is not None:
        found.append(column)
    return found if len(found) > 1 else []


def _fits(frame: pd.DataFrame, columns: str | list[str]) -> bool:
    """Whether columns hold one number for each stage: several of numbers, or one of lists."""
    if isinstance(columns, str):
        given = frame[columns].dropna()
        return bool(len(given)) and all(isinstance(cell, list) for cell in given)
    return all(frame[column].dtype.kind in "iuf" for column in columns)


def _values(frame: pd.DataFrame, columns: Mapping[str, Any], row: int) -> dict[str, Any]:
    """Of one row: a number, or a list of numbers for the stages."""
    values: dict[str, Any] = {}
    for ours, column in columns.items():
        if isinstance(column, list):
            cells = [frame[name].iloc[row] for name in column]
            values[ours] = [cell for cell in cells if cell == cell]
        else:
            values[ours] = frame[column].iloc[row]
    if "multiplier" in values:  # pycls and timm store the inverse
        given = values.pop("multiplier")
        values["bottleneck"] = [1 / each for each in given] if isinstance(given, list) else 1 / given
    return values


def _whole(name: str, value: Any) -> int:
    number = float(value)
    if not number.is_integer() or not 1 <= number <= _LARGEST[name]:
        raise ValueError(f"{name} must be a whole number from 1 to {_LARGEST[name]:,}, not {value}")
    return int(number)


def _regnet(values: Mapping[str, Any], setting: Setting, rounding: str) -> Arch:
    from netwright.arch import Stem

    family = BLOCKS[setting.block]
    arch = regnet(
        _whole("depth", values["depth"]),
        float(values["w0"]),
        float(values["wa"]),
        float(values["wm"]),
        _whole("group_width", values["group_width"]) if "group_width" in values and family.is_grouped else 0,
        float(values.get("bottleneck", 1.0)) if family.is_bottleneck else 1.0,
        block=setting.block,
        stem=Stem(setting.stem, setting.stem_width),
        resolution=setting.resolution,
        num_classes=setting.num_classes,
        in_channels=setting.in_channels,
        rule=rounding,
        head_width=setting.head_width,
    )
    return _with_setting(arch, setting)


def _anynet(values: Mapping[str, Any], setting: Setting, rounding: str) -> Arch:
    from netwright.arch import Stem

    depths = [_whole("depth", each) for each in values["depth"] if float(each) > 0]
    widths = [_whole("width", each) for each in values["width"]][: len(depths)]
    family = BLOCKS[setting.block]

    def of_stages(name: str, usual: float) -> list[float]:
        given = values.get(name, usual)
        return [float(each) for each in given] if isinstance(given, list) else [float(given)] * len(depths)

    bottlenecks = of_stages("bottleneck", 1.0) if family.is_bottleneck else [1.0] * len(depths)
    group_widths = of_stages("group_width", 0.0) if family.is_grouped else [0.0] * len(depths)
    rounded, groups = compatible(np.array(widths), np.array(bottlenecks), np.array(group_widths), rounding)
    stages = tuple(
        Stage(depth=d, width=int(w), bottleneck=b, group_width=int(g))
        for d, w, b, g in zip(depths, rounded, bottlenecks, groups, strict=True)
    )
    arch = Arch(
        stages=stages,
        block=setting.block,
        stem=Stem(setting.stem, setting.stem_width),
        se_ratio=setting.se_ratio or 0.0,
        resolution=setting.resolution,
        num_classes=setting.num_classes,
        in_channels=setting.in_channels,
        head_width=setting.head_width,
    )
    return _with_setting(arch, setting)


def _with_setting(arch: Arch, setting: Setting) -> Arch:
    """With the strides and the squeeze-and-excitation of a space."""
    from dataclasses import replace

    stages = tuple(replace(stage, stride=setting.stride(i)) for i, stage in enumerate(arch.stages))
    return replace(arch, stages=stages, se_ratio=setting.se_ratio or 0.0)
