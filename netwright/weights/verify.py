"""Read weights back as a user would, and compare the network with the one that was written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.nn import AnyNet
from netwright.weights.architecture import build_on_meta, resolve_stored_arch
from netwright.weights.preprocessing import preprocessing_of
from netwright.weights.read import StoredWeights, read_state

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["require_same"]

_COUNTER = "num_batches_tracked"
_IMAGES = 2
# relative to the largest logit
_ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
_LEAST_SIDE = 32  # pixels; the last map has two of them a side in networks that shrink images more


def require_same(
    written: Path, arch: Arch, state: Mapping[str, Tensor], preprocessing: Preprocessing, *, format: str, place: Path
) -> None:
    """Read a file that was just written, and compare network, tensors, preprocessing and logits.

    Args:
        written: The file, before it is put in its place.
        arch: The network that was to be written; state and preprocessing likewise.
        state: Tensors by netwright's names.
        preprocessing: Of its input.
        format: The format that was written.
        place: Where the file was to be put, for messages.

    Raises:
        WeightsError: Something came back otherwise.
    """
    stored = read_state(written)
    found, _ = resolve_stored_arch(stored)
    other = _difference(stored, found, arch, state, preprocessing)
    if not other and not _same_logits(_network(found, stored), _network(arch, replace(stored, state=dict(state)))):
        other = "other logits"
    if other:
        raise WeightsError(
            f"weights are read back before they are put in their place, and the format {format!r} gives {other}. "
            f"Nothing was written to {place}. Write the format 'netwright'."
        )


def _difference(
    stored: StoredWeights, found: Arch, arch: Arch, state: Mapping[str, Tensor], preprocessing: Preprocessing
) -> str:
    if replace(found, name=arch.name, resolution=arch.resolution) != arch:
        return f"another network (stem {found.stem.kind!r}, strides {[stage.stride for stage in found.stages]})"
    back = stored.state
    if {name for name in back if not name.endswith(_COUNTER)} != {
        name for name in state if not name.endswith(_COUNTER)
    }:
        return "other tensors"
    changed = [name for name, value in state.items() if not name.endswith(_COUNTER) and not _same(back[name], value)]
    if changed:
        return f"another {changed[0]}"
    own, _ = preprocessing_of(stored, found)
    return "" if own == preprocessing else f"another preprocessing ({own} instead of {preprocessing})"


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(_bits(one), _bits(other))


def _bits(value: Tensor) -> Tensor:
    """As whole numbers, of which NaN equals itself."""
    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return value.detach().contiguous().view(kinds[value.element_size()])


def _network(arch: Arch, stored: StoredWeights) -> nn.Module:
    """In evaluation mode, with the tensors themselves, not copies."""
    module = build_on_meta(arch, stored)
    counters = {name: torch.zeros((), dtype=torch.int64) for name in module.state_dict() if name.endswith(_COUNTER)}
    module.load_state_dict({**counters, **stored.state}, strict=True, assign=True)
    return module.eval()


def _same_logits(one: nn.Module, other: nn.Module) -> bool:
    assert isinstance(one, AnyNet), "_network builds these"
    arch = one.arch
    shrinks = arch.stem.stride * math.prod(stage.stride for stage in arch.stages)
    side = min(max(_LEAST_SIDE, 2 * shrinks), max(arch.resolution, shrinks))
    x = torch.randn(_IMAGES, arch.in_channels, side, side, generator=torch.Generator().manual_seed(0))
    dtype = next(one.parameters()).dtype
    with torch.inference_mode():
        first, second = one(x.to(dtype)).double(), other(x.to(dtype)).double()
    # kernels may round otherwise where tensors lie otherwise in memory
    most = _ROUNDING[dtype] * float(first.nan_to_num().abs().max())
    return torch.allclose(first, second, rtol=0.0, atol=most, equal_nan=True)
