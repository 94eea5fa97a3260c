"""Whether a space can draw a network: found by its parameters, which rounding hides."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from netwright.arch import Arch, block_widths, compatible, complexity
from netwright.arch.divisible import compatible_groups
from netwright.arch.regnet import steps_taken
from netwright.errors import SpaceError
from netwright.space.drawn_setting import WORDS, with_se
from netwright.space.parameter import Parameter
from netwright.space.space import DesignSpace

__all__ = ["contains"]

Floats = npt.NDArray[np.float64]

_MOST = 4_000_000  # combinations that are looked through
_CHUNK = 16_384


def contains(space: DesignSpace, arch: Arch) -> bool:
    """Whether a network can be drawn from a space, within its limits. The name of a network does not matter.

    Args:
        space: Whose parameters have lists of values, and of a RegNet space not more than 4 million combinations of w0,
            wa and wm.
        arch: The network.

    Raises:
        SpaceError: The space has too many combinations, or a parameter that is continuous.
    """
    if not _has_setting(space, arch):
        return False
    cost = complexity(arch)
    counted = {"flops": cost.flops[0], "params": cost.params[0], "acts": cost.acts[0], "num_stages": len(arch.stages)}
    if any(not low <= counted[name] <= high for name, (low, high) in space.limits.items()):
        return False
    return _is_anynet(space, arch) if space.family == "anynet" else _is_regnet(space, arch)


def _has_setting(space: DesignSpace, arch: Arch) -> bool:
    setting = space.setting
    drawn = {each.name: _levels(space, each).tolist() for each in space.drawn_setting}
    pairs = [(setting.block, setting.se_ratio or 0.0)]
    if "se_ratio" in drawn:
        pairs = [with_se(setting, ratio) for ratio in drawn["se_ratio"]]
    stems = [WORDS["stem"][int(v)] for v in drawn["stem"]] if "stem" in drawn else [setting.stem]
    acts = [WORDS["activation"][int(v)] for v in drawn["activation"]] if "activation" in drawn else [setting.activation]
    strides = tuple(setting.stride(stage) for stage in range(len(arch.stages)))
    return (
        (arch.block, arch.se_ratio) in pairs
        and arch.stem.kind in stems
        and arch.family.activation in [each or arch.family.activation for each in acts]
        and arch.resolution in drawn.get("resolution", [setting.resolution])
        and (arch.stem.width, arch.head_width) == (setting.stem_width, setting.head_width)
        and (arch.num_classes, arch.in_channels) == (setting.num_classes, setting.in_channels)
        and tuple(stage.stride for stage in arch.stages) == strides
    )


def _levels(space: DesignSpace, parameter: Parameter, stage: int = 0) -> Floats:
    distribution = parameter.distributions[stage if len(parameter.distributions) > 1 else 0]
    listed = distribution.levels()
    if listed is None:
        raise SpaceError(
            f"{parameter.name} of {space.name!r} is continuous, so which networks it gives cannot be looked through. "
            "Give it a quantum or points."
        )
    return listed[0]


def _refuse_many(space: DesignSpace, many: int) -> None:
    if many > _MOST:
        raise SpaceError(
            f"{space.name!r} has {many:,} combinations to look through for a network, and at most {_MOST:,} are. "
            "Narrow a range, or give coarser values."
        )


def _is_anynet(space: DesignSpace, arch: Arch) -> bool:
    if len(arch.stages) != space.stages:
        return False
    drawn = {each.name: each for each in space.parameters}
    reached: list[dict[str, float]] | None = None
    for number, stage in enumerate(arch.stages):
        fitting = _fitting(space, arch, drawn, number)
        fitting = [row for row in fitting if row["depth"] == stage.depth]
        if reached is not None:
            fitting = [row for row in fitting if any(_follows(drawn, before, row) for before in reached)]
        if not fitting:
            return False
        reached = fitting
    return True


def _fitting(space: DesignSpace, arch: Arch, drawn: dict[str, Parameter], number: int) -> list[dict[str, float]]:
    """What may have been drawn for a stage. number: 0 for the first one."""
    stage = arch.stages[number]
    levels = {name: _levels(space, parameter, number) for name, parameter in drawn.items()}
    levels["depth"] = levels["depth"][levels["depth"] == stage.depth]
    if "bottleneck" in levels:
        levels["bottleneck"] = levels["bottleneck"][np.isclose(levels["bottleneck"], stage.bottleneck)]
    _refuse_many(space, int(np.prod([len(each) for each in levels.values()])))
    rows = np.array(list(product(*levels.values())), np.float64).reshape(-1, len(levels))
    columns = dict(zip(levels, rows.T, strict=True))
    width, group_width = _rounded(space, columns)
    kept = (width[:, 0] == stage.width) & (group_width[:, 0] == stage.group_width)
    return [dict(zip(levels, row, strict=True)) for row in rows[kept].tolist()]


def _rounded(space: DesignSpace, columns: dict[str, Floats]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(n, 1) widths and group widths as networks have them."""
    width = columns["width"][:, None].astype(np.int64)
    bottleneck = columns.get("bottleneck", np.ones(len(width)))[:, None]
    if "groups" in columns:
        return compatible_groups(width, bottleneck, columns["groups"][:, None], space.rounding)
    group_width = columns.get("group_width", np.zeros(len(width)))[:, None]
    return compatible(width, bottleneck, group_width, space.rounding)


def _follows(drawn: dict[str, Parameter], before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether ties and orders allow what was drawn for two stages in a row."""
    for name, parameter in drawn.items():
        low, high = before[name], after[name]
        if parameter.tied and low != high:
            return False
        if parameter.order and (low > high if parameter.order == "non_decreasing" else low < high):
            return False
    return True


def _is_regnet(space: DesignSpace, arch: Arch) -> bool:
    drawn = {each.name: _levels(space, each) for each in space.parameters}
    if arch.depth not in drawn["depth"]:
        return False
    once = {name: drawn[name] for name in ("w0", "wa", "wm")}
    many = int(np.prod([len(each) for each in once.values()]))
    _refuse_many(space, many)
    w0, wa, wm = (each.ravel() for each in np.meshgrid(*once.values(), indexing="ij"))
    borders = np.cumsum([stage.depth for stage in arch.stages])[:-1] - 1
    changes = np.isin(np.arange(arch.depth - 1), borders)
    starts = np.concatenate([[0], borders + 1]).astype(np.int64)
    for start in range(0, many, _CHUNK):
        part = slice(start, start + _CHUNK)
        depth = np.full(len(w0[part]), float(arch.depth))
        widths = block_widths(depth, w0[part], wa[part], wm[part])
        alike = ((widths[:, 1:] != widths[:, :-1]) == changes).all(axis=1)
        if space.every_step and alike.any():
            steps = steps_taken(depth, w0[part], wa[part], wm[part])
            alike &= steps == len(arch.stages)
        found = np.unique(widths[alike][:, starts], axis=0)
        if any(_rounds_to(space, drawn, row, arch) for row in found):
            return True
    return False


def _rounds_to(space: DesignSpace, drawn: dict[str, Floats], widths: npt.NDArray[np.int64], arch: Arch) -> bool:
    """Whether some bottleneck and group width make a network's stages of these widths. widths: (stages,)."""
    names = [name for name in ("bottleneck", "group_width", "groups") if name in drawn]
    for row in product(*(drawn[name].tolist() for name in names)):
        values = dict(zip(names, row, strict=True))
        if not np.isclose([stage.bottleneck for stage in arch.stages], values.get("bottleneck", 1.0)).all():
            continue
        columns = {"width": widths.astype(np.float64)} | {k: np.full(len(widths), v) for k, v in values.items()}
        bottleneck = columns.get("bottleneck", np.ones(len(widths)))[None, :]
        if "groups" in columns:
            rounded = compatible_groups(widths[None, :], bottleneck, columns["groups"][None, :], space.rounding)
        else:
            group_width = columns.get("group_width", np.zeros(len(widths)))[None, :]
            rounded = compatible(widths[None, :], bottleneck, group_width, space.rounding)
        wanted = [[stage.width for stage in arch.stages], [stage.group_width for stage in arch.stages]]
        if all((each[0] == want).all() for each, want in zip(rounded, wanted, strict=True)):
            return True
    return False
