"""Infer the network of weights from their names and shapes alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from netwright.arch import BLOCKS, NETWORKS, STEMS, Arch, Stage, Stem, published
from netwright.errors import ArchError
from netwright.weights.match import CLASSIFIER_WEIGHT, STEM_WEIGHT

__all__ = ["channels_of", "classes_of", "infer_arch", "infer_name"]

# no network is larger than this: a file may claim anything
_MOST_STAGES, _MOST_BLOCKS, _MOST_WIDTH = 64, 2000, 1 << 20
_SE_RATIOS = (0.25, 0.5, 0.125, 0.0625, 1.0)


@dataclass(frozen=True, slots=True)
class _Shapes:
    """What names and shapes show.

    Attributes:
        block: Family of the blocks.
        kernel: Of the stem's convolution.
        stem_width: Its output channels.
        stages: (depth, width, inner width, group width) of each.
        head_width: Of the head's convolution, or 0.
        projects: Whether the first block of each stage has a convolution on its shortcut.
        squeezed: Squeezed width of the first block of each stage, or empty.
    """

    block: str
    kernel: int
    stem_width: int
    stages: tuple[tuple[int, int, int, int], ...]
    head_width: int = 0
    projects: tuple[bool, ...] = ()
    squeezed: tuple[int, ...] = ()

    @property
    def signature(self) -> tuple[object, ...]:
        """Distinguishes networks; "r" is the same as "x" with one group."""
        block = "x" if self.block == "r" else self.block
        return block, self.kernel, self.stem_width, self.stages, self.head_width


def infer_arch(state: Mapping[str, Tensor]) -> Arch | None:
    """Infer the network of weights.

    A published network with these shapes is returned with its name. For others the strides do not show: they are taken
    to be the usual ones (2; after the stem of ImageNet's ResNets 1, then 2), but 1 in a stage whose shortcut has no
    convolution although the family has one.

    Args:
        state: Tensors by netwright's names.

    Returns:
        The network, with 1000 classes if there is no classifier; None where names and shapes fit none.
    """
    shapes = _shapes_of(state)
    if shapes is None:
        return None
    classes, channels = classes_of(state) or 1000, channels_of(state) or 3
    ratio = _se_ratio(shapes)
    if ratio is None:
        return None
    known = _published_shapes().get(shapes.signature)
    if known is not None and published(known).se_ratio == ratio:
        return published(known, num_classes=classes, in_channels=channels)
    strides = _strides(shapes)
    # with a stem for ImageNet the first stage would have stride 2
    kind = "imagenet" if shapes.kernel == 7 else "cifar" if strides[0] == 1 else "simple"
    try:
        stages = tuple(
            Stage(depth, width, stride, _bottleneck(width, inner), group)
            for (depth, width, inner, group), stride in zip(shapes.stages, strides, strict=True)
        )
        return Arch(
            stages,
            shapes.block,
            Stem(kind, shapes.stem_width),
            ratio,
            32 if kind == "cifar" else 224,
            classes,
            channels,
            head_width=shapes.head_width,
        )
    except ArchError:  # shapes that do not fit together
        return None


def infer_name(state: Mapping[str, Tensor]) -> str:
    """Name of the published network with these shapes, or an empty text. state: by netwright's names."""
    shapes = _shapes_of(state)
    return "" if shapes is None else _published_shapes().get(shapes.signature, "")


def classes_of(state: Mapping[str, Tensor]) -> int | None:
    """Number of classes of the classifier; None where there is none."""
    return _dim(state, CLASSIFIER_WEIGHT, 2, 0)


def channels_of(state: Mapping[str, Tensor]) -> int | None:
    """Number of input channels of the stem; None where there is none."""
    return _dim(state, STEM_WEIGHT, 4, 1)


def _dim(state: Mapping[str, Tensor], name: str, dims: int, axis: int) -> int | None:
    value = state.get(name)
    return int(value.shape[axis]) if value is not None and value.dim() == dims and value.shape[axis] else None


@cache
def _published_shapes() -> dict[tuple[object, ...], str]:
    known: dict[tuple[object, ...], str] = {}
    for name in NETWORKS:
        arch = published(name)
        stages = tuple((stage.depth, stage.width, stage.inner_width, stage.group_width) for stage in arch.stages)
        shapes = _Shapes(arch.block, STEMS[arch.stem.kind].kernel, arch.stem.width, stages, arch.head_width)
        known.setdefault(shapes.signature, name)
    return known


def _shapes_of(state: Mapping[str, Tensor]) -> _Shapes | None:
    width, kernel = _dim(state, STEM_WEIGHT, 4, 0), _dim(state, STEM_WEIGHT, 4, 2)
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
    return _Shapes(block, kernel, width, tuple(stages), head_width, projects, squeezed)


def _se_ratio(shapes: _Shapes) -> float | None:
    """The share of the block's input channels that gives all squeezed widths; None where no share does."""
    if not BLOCKS[shapes.block].se_ratio:
        return 0.0
    inputs = (shapes.stem_width, *(stage[1] for stage in shapes.stages[:-1]))
    if len(shapes.squeezed) != len(inputs):
        return None
    exact = [squeezed / width for squeezed, width in zip(shapes.squeezed, inputs, strict=True)]
    for ratio in (*_SE_RATIOS, *exact):
        if all(max(1, round(width * ratio)) == size for width, size in zip(inputs, shapes.squeezed, strict=True)):
            return ratio
    return None


def _strides(shapes: _Shapes) -> list[int]:
    strides, width = [], shapes.stem_width
    for i, stage in enumerate(shapes.stages):
        # where the widths are equal, a projection is there for the stride alone
        stays = BLOCKS[shapes.block].shortcut == "projected" and width == stage[1] and not shapes.projects[i]
        strides.append(1 if stays or (i == 0 and shapes.kernel == 7) else 2)
        width = stage[1]
    return strides


def _bottleneck(width: int, inner: int) -> float:
    """width / inner, rounded so that width divided by it is exactly inner in floating point."""
    ratio = width / inner
    near = (ratio, math.nextafter(ratio, 0), math.nextafter(ratio, math.inf))
    return next((each for each in near if width / each == inner), ratio)
