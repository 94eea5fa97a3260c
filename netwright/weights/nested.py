"""Find the network among the tensors of a checkpoint: by the one prefix under which names and shapes are a network's.

Trainers put other tensors beside it (a loss's weights, states of metrics, an optimizer's moments) and keep it under a
name of their own (`model.`, `net.`, `backbone.`, `module.`), some levels deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from netwright.errors import WeightsError
from netwright.weights.arch_inference import infer_arch
from netwright.weights.layouts import FORMATS
from netwright.weights.names import Naming

__all__ = ["FoundNetwork", "find_network", "flat_tensors", "has_stem"]

_DEEPEST = 8  # levels of mappings
_SHOWN = 4
_AVERAGE = re.compile(r"(^|[._])(ema|average|averaged|shadow|swa|teacher)([._]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class FoundNetwork:
    """The tensors of a network among others.

    Attributes:
        state: By their names without the prefix.
        prefix: Before the names of the network; may be empty.
        has_average: Whether a moving average of it is there too.
        notices: Which tensors are left out.
    """

    state: dict[str, Tensor]
    prefix: str
    has_average: bool = False
    notices: tuple[str, ...] = ()


def flat_tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested mappings, by their keys joined with dots.

    A mapping that stands in several places, which could multiply without bound, counts in the first of them.
    """
    yield from _flat(content, "", 0, set())


def _flat(content: Any, prefix: str, depth: int, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if not isinstance(content, Mapping) or depth >= _DEEPEST or id(content) in seen:
        return
    seen.add(id(content))
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value.detach()
        else:
            yield from _flat(value, f"{prefix}{name}.", depth + 1, seen)


def has_stem(state: Mapping[str, Tensor]) -> bool:
    """Whether a network's first convolution is there without a prefix."""
    return any(stem in state for stem in _stems())


def find_network(state: Mapping[str, Tensor], path: Path, *, ema: bool = False) -> FoundNetwork | None:
    """Find the network among tensors.

    Args:
        state: Tensors by their names.
        path: The file, for messages.
        ema: Find its moving average, whose prefix says so (`ema.shadow.`).

    Returns:
        The network; None where no prefix fits.

    Raises:
        WeightsError: Several prefixes fit.
    """
    fitting = [prefix for prefix in _prefixes(state) if _fits(_below(state, prefix))]
    average = [prefix for prefix in fitting if _AVERAGE.search(prefix)]
    plain = [prefix for prefix in fitting if prefix not in average]
    chosen = average if ema or not plain else plain
    if not chosen or (ema and not average):
        return None
    if len(chosen) > 1:
        raise WeightsError(
            f"{path} has several networks, under {', '.join(repr(prefix) for prefix in chosen[:_SHOWN])}. Save the "
            "state dict of one alone: torch.save(module.state_dict(), path)."
        )
    (prefix,) = chosen
    found = _below(state, prefix)
    rest = [name for name in state if not name.startswith(prefix)]
    notices: tuple[str, ...] = ()
    if rest:
        more = f" and {len(rest) - _SHOWN:,} more" if len(rest) > _SHOWN else ""
        names = ", ".join(name[:80] for name in rest[:_SHOWN])
        notices = (
            f"the network in {path.name} is under {prefix!r}; {len(rest):,} other tensors are left out ({names}{more})",
        )
    return FoundNetwork(found, prefix, bool(average and plain), notices)


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _prefixes(state: Mapping[str, Tensor]) -> list[str]:
    """What stands before names of stems."""
    found: dict[str, None] = {}
    for name in state:
        for stem in _stems():
            if name == stem or name.endswith(f".{stem}"):
                found[name[: len(name) - len(stem)]] = None
    return list(found)


@cache
def _tables() -> tuple[Naming, ...]:
    return tuple(dict.fromkeys(naming for tables in FORMATS.values() for naming in tables))


@cache
def _stems() -> tuple[str, ...]:
    """The stem's convolution, as each library calls it."""
    names = [f"{other}.weight" for naming in _tables() for other, own in naming.rest if own == "stem.conv"]
    return tuple(dict.fromkeys(names))


def _fits(state: Mapping[str, Tensor]) -> bool:
    """Whether names and shapes are those of a network, by the table of one library."""
    return any(
        naming.is_marked(state)
        and infer_arch({naming.to_netwright(name): value for name, value in state.items()}) is not None
        for naming in _tables()
    )
