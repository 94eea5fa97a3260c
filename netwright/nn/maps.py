"""Which feature maps are wanted: 0 is the stem's, 1, 2, ... are those of the stages, as in timm."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.errors import ArchError

__all__ = ["chosen_maps"]


def chosen_maps(out_indices: int | Sequence[int] | None, maps: int) -> tuple[int, ...]:
    """The indices counted from 0, in the order given."""
    if out_indices is None:
        out_indices = maps
    given = tuple(range(-out_indices, 0)) if isinstance(out_indices, int) else tuple(out_indices)
    counted = tuple(index + maps if index < 0 else index for index in given)
    if not counted or len(set(counted)) < len(counted) or not all(0 <= index < maps for index in counted):
        raise ArchError(
            f"out_indices are some of the maps 0 (stem) to {maps - 1} (last stage), each once, or the number of last "
            f"maps, not {out_indices!r}. Choose among these."
        )
    return counted
