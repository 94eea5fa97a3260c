"""Which published network weights belong to, by their shapes: strides and stem cannot be seen in them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from torch import Tensor

from netwright.arch import PUBLISHED, Arch, published
from netwright.weights.match import CLASSIFIER, STEM

__all__ = ["channels_of", "classes_of", "guess_name"]

# (block, stem width, (depth, width, inner width, group width) of each stage)
_Signature = tuple[bool, int, tuple[tuple[int, int, int, int], ...]]


def guess_name(state: Mapping[str, Tensor]) -> str:
    """The published network of these shapes, or an empty text."""
    return _known().get(signature, "") if (signature := _seen(state)) is not None else ""


def classes_of(state: Mapping[str, Tensor]) -> int | None:
    """How many classes the classifier has, where it can be seen."""
    return _dim(state, CLASSIFIER, 2, 0)


def channels_of(state: Mapping[str, Tensor]) -> int | None:
    """How many channels the stem takes, where it can be seen."""
    return _dim(state, STEM, 4, 1)


def _dim(state: Mapping[str, Tensor], name: str, dims: int, axis: int) -> int | None:
    value = state.get(name)
    return int(value.shape[axis]) if value is not None and value.dim() == dims and value.shape[axis] else None


@cache
def _known() -> dict[_Signature, str]:
    return {_signature(published(name)): name for name in PUBLISHED}


def _signature(arch: Arch) -> _Signature:
    stages = tuple((stage.depth, stage.width, stage.inner_width, stage.group_width) for stage in arch.stages)
    return arch.se_ratio > 0, arch.stem.width, stages


def _seen(state: Mapping[str, Tensor]) -> _Signature | None:
    stem = _dim(state, STEM, 4, 0)
    if stem is None:
        return None
    stages: list[tuple[int, int, int, int]] = []
    while f"s{len(stages) + 1}.b1.f.a.weight" in state:
        prefix, depth = f"s{len(stages) + 1}.b", 1
        while f"{prefix}{depth + 1}.f.a.weight" in state:
            depth += 1
        width, inner = _dim(state, f"{prefix}1.f.c.weight", 4, 0), _dim(state, f"{prefix}1.f.a.weight", 4, 0)
        group = _dim(state, f"{prefix}1.f.b.weight", 4, 1)
        if width is None or inner is None or group is None:
            return None
        stages.append((depth, width, inner, group))
    return "s1.b1.f.se.f_ex.0.weight" in state, stem, tuple(stages)
