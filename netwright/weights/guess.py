"""Which network weights belong to, by their names and shapes alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from netwright.arch import BLOCKS, NETWORKS, STEMS, Arch, Stage, Stem, published
from netwright.errors import ArchError
from netwright.weights.match import CLASSIFIER, STEM

__all__ = ["channels_of", "classes_of", "guess_name", "infer_arch"]

# no weights of a network have such counts; what a file claims is not built
_MOST_STAGES, _MOST_BLOCKS, _MOST_WIDTH = 64, 2000, 1 << 20
_SE_RATIOS = (0.25, 0.5, 0.125, 0.0625, 1.0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What names and shapes show. stages: (depth, width, inner width, group width) of each; projects: whether the first
    block of each stage has a convolution on its shortcut; squeezed: of the first block of each stage, or empty."""

    block: str
    kernel: int
    stem_width: int
    stages: tuple[tuple[int, int, int, int], ...]
    head_width: int = 0
    projects: tuple[bool, ...] = ()
    squeezed: tuple[int, ...] = ()

    @property
    def signature(self) -> tuple[object, ...]:
        """What tells networks apart: "r" is "x" with one group."""
        block = "x" if self.block == "r" else self.block
        return block, self.kernel, self.stem_width, self.stages, self.head_width


def infer_arch(state: Mapping[str, Tensor]) -> Arch | None:
    """The network of weights by our names; None where they show none.

    A published network of these shapes is taken as it is, with its name. Of others the strides are not seen: they are
    the usual ones (after the stem of ImageNet's ResNets 1 and then 2; else 2), but 1 in a stage whose shortcut does not
    change although it should. Without a classifier there are 1000 classes.
    """
    seen = _seen(state)
    if seen is None:
        return None
    classes, channels = classes_of(state) or 1000, channels_of(state) or 3
    ratio = _se_ratio(seen)
    if ratio is None:
        return None
    known = _known().get(seen.signature)
    if known is not None and published(known).se_ratio == ratio:
        return published(known, num_classes=classes, in_channels=channels)
    strides = _strides(seen)
    # a stem of ImageNet would have shrunk its input before a first stage that does not
    kind = "imagenet" if seen.kernel == 7 else "cifar" if strides[0] == 1 else "simple"
    try:
        stages = tuple(
            Stage(depth, width, stride, _bottleneck(width, inner), group)
            for (depth, width, inner, group), stride in zip(seen.stages, strides, strict=True)
        )
        return Arch(
            stages,
            seen.block,
            Stem(kind, seen.stem_width),
            ratio,
            32 if kind == "cifar" else 224,
            classes,
            channels,
            head_width=seen.head_width,
        )
    except ArchError:  # shapes that no network has together
        return None


def guess_name(state: Mapping[str, Tensor]) -> str:
    """The published network of these shapes, or an empty text."""
    seen = _seen(state)
    return "" if seen is None else _known().get(seen.signature, "")


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
def _known() -> dict[tuple[object, ...], str]:
    known: dict[tuple[object, ...], str] = {}
    for name in NETWORKS:
        arch = published(name)
        stages = tuple((stage.depth, stage.width, stage.inner_width, stage.group_width) for stage in arch.stages)
        seen = _Seen(arch.block, STEMS[arch.stem.kind].kernel, arch.stem.width, stages, arch.head_width)
        known.setdefault(seen.signature, name)
    return known


def _seen(state: Mapping[str, Tensor]) -> _Seen | None:
    width, kernel = _dim(state, STEM, 4, 0), _dim(state, STEM, 4, 2)
    if width is None or kernel not in {kind.kernel for kind in STEMS.values()}:
        return None
    transform = "f." if "s1.b1.f.a.weight" in state else ""
    last = "c" if f"s1.b1.{transform}c.weight" in state else "b"
    stages: list[tuple[int, int, int, int]] = []
    while f"s{len(stages) + 1}.b1.{transform}a.weight" in state:
        prefix, depth = f"s{len(stages) + 1}.b", 1
        while f"{prefix}{depth + 1}.{transform}a.weight" in state:
            depth += 1
        first = f"{prefix}1.{transform}"
        sizes = (
            _dim(state, f"{first}{last}.weight", 4, 0),
            _dim(state, f"{first}a.weight", 4, 0),
            _dim(state, f"{first}b.weight", 4, 1),
        )
        whole = [size for size in sizes if size is not None and size <= _MOST_WIDTH]
        if len(whole) < len(sizes) or len(stages) >= _MOST_STAGES:
            return None
        stages.append((depth, whole[0], whole[1], whole[2]))
    if not stages or sum(stage[0] for stage in stages) > _MOST_BLOCKS or (transform == "" and last == "c"):
        return None
    numbers = range(1, len(stages) + 1)
    projects = tuple(f"s{i}.b1.proj.weight" in state for i in numbers)
    squeezed = tuple(size for i in numbers if (size := _dim(state, f"s{i}.b1.f.se.f_ex.0.weight", 4, 0)))
    if transform == "":
        block = "v"
    elif last == "b":
        block = "basic"
    elif squeezed:
        block = "y" if any(projects) else "z"
    else:
        block = "r" if all(inner == group for _, _, inner, group in stages) else "x"
    head_width = _dim(state, "head.conv.weight", 4, 0) or 0
    return _Seen(block, kernel, width, tuple(stages), head_width, projects, squeezed)


def _se_ratio(seen: _Seen) -> float | None:
    """The share of a block's input that gives every squeezed width; None where there is none."""
    if not BLOCKS[seen.block].se_ratio:
        return 0.0
    inputs = (seen.stem_width, *(stage[1] for stage in seen.stages[:-1]))
    if len(seen.squeezed) != len(inputs):
        return None
    exact = [squeezed / width for squeezed, width in zip(seen.squeezed, inputs, strict=True)]
    for ratio in (*_SE_RATIOS, *exact):
        if all(max(1, round(width * ratio)) == size for width, size in zip(inputs, seen.squeezed, strict=True)):
            return ratio
    return None


def _strides(seen: _Seen) -> list[int]:
    strides, width = [], seen.stem_width
    for i, stage in enumerate(seen.stages):
        # where the widths agree, a projection is there for the stride alone
        stays = BLOCKS[seen.block].shortcut == "projected" and width == stage[1] and not seen.projects[i]
        strides.append(1 if stays or (i == 0 and seen.kernel == 7) else 2)
        width = stage[1]
    return strides


def _bottleneck(width: int, inner: int) -> float:
    """width / inner, such that width divided by it is inner in floating point too."""
    ratio = width / inner
    near = (ratio, math.nextafter(ratio, 0), math.nextafter(ratio, math.inf))
    return next((each for each in near if width / each == inner), ratio)
