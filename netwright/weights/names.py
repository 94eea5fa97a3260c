"""Translate the tensor names of a library to netwright's and back, by one table that is read in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from netwright.errors import WeightsError

__all__ = ["Naming", "rename_from_netwright", "rename_to_netwright"]

Value = TypeVar("Value")

# how a stage or block is numbered there -> netwright's number, which counts from 1, minus the number there
_COUNTS = {"{stage}": 0, "{stage0}": 1, "{stage2}": -1, "{block}": 0, "{block0}": 1}
_IDENTITY = tuple((name, name) for name in ("weight", "bias", "running_mean", "running_var"))
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Naming:
    """A table of pairs (name in a library, netwright's name) of modules.

    A tensor's name is a module and a tensor of it; a module is part of a block, or of the rest. Where several names of
    the library stand for one of netwright's, all are read, and the last one that fits is written.

    Attributes:
        label: Whose names these are, for messages.
        mark: A pattern that matches names of this table and of no other.
        rest: Modules of stem and head.
        blocks: Names of a block. {stage} counts as netwright does, from 1; {stage0} from 0, {stage2} from 2; {block}
            and {block0} likewise.
        parts: Modules within a block.
        norms: Tensors of batch norms, which are the modules whose netwright name ends in "bn".
        average: Prefix of the entries of a moving average.
        slots: Prefixes of the entries of an optimizer.
    """

    label: str
    mark: str
    rest: tuple[tuple[str, str], ...]
    blocks: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    norms: tuple[tuple[str, str], ...] = _IDENTITY
    average: str = ""
    slots: tuple[str, ...] = field(default=(), repr=False)

    def to_netwright(self, name: str) -> str:
        """netwright's name of a tensor; a name that the table does not have stays as it is."""
        return self._other(name, from_netwright=False) or name

    def from_netwright(self, name: str) -> str:
        """The library's name of a tensor; an empty text for a name that the table does not have."""
        return self._other(name, from_netwright=True)

    def is_marked(self, names: Iterable[str]) -> bool:
        """Whether one of the names occurs in this table only."""
        matches = re.compile(self.mark).fullmatch
        return any(matches(name) for name in names)

    def _other(self, name: str, *, from_netwright: bool) -> str:
        module, _, tensor = name.rpartition(".")
        rest, parts = _pairs(self.rest, from_netwright), _pairs(self.parts, from_netwright)
        found = rest.get(module, "")
        if not found:
            for pattern, other in _patterns(self.blocks, from_netwright):
                match = pattern.match(module)
                if match is not None and match["part"] in parts:
                    numbers = {key: int(value) for key, value in match.groupdict().items() if key != "part"}
                    block = _numbered(other, numbers)
                    found = f"{block}.{parts[match['part']]}" if block else ""
                    break
        if not found:
            return ""
        is_norm = (module if from_netwright else found).endswith("bn")
        tensors = _pairs(self.norms if is_norm else _IDENTITY[:2], from_netwright)
        if is_norm:
            tensors = {**tensors, _COUNTER: _COUNTER}
        return f"{found}.{tensors[tensor]}" if tensor in tensors else ""


@cache
def _pairs(pairs: tuple[tuple[str, str], ...], from_netwright: bool) -> dict[str, str]:
    return {own: other for other, own in pairs} if from_netwright else dict(pairs)


@cache
def _patterns(blocks: tuple[tuple[str, str], ...], from_netwright: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    ordered = tuple((own, other) for other, own in reversed(blocks)) if from_netwright else blocks
    return tuple((_pattern(old), new) for old, new in ordered)


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern for a text with counts like {stage}; a count that occurs twice must have the same number."""
    seen: set[str] = set()
    pieces = []
    for piece in re.split(r"(\{\w+\})", text):
        name = piece[1:-1]
        if piece not in _COUNTS:
            pieces.append(re.escape(piece))
        elif name in seen:
            pieces.append(f"(?P={name})")
        else:
            seen.add(name)
            pieces.append(rf"(?P<{name}>0|[1-9]\d{{0,3}})")
    return re.compile("".join(pieces) + r"\.(?P<part>.+)")


def _numbered(text: str, numbers: Mapping[str, int]) -> str:
    """The text with its counts filled in for the same stage and block; empty where numbers contradict each other."""
    own: dict[str, int] = {}
    for key, value in numbers.items():
        number = value + _COUNTS[f"{{{key}}}"]
        if own.setdefault(key.rstrip("02"), number) != number:
            return ""
    for count, shift in _COUNTS.items():
        if count in text:
            text = text.replace(count, str(own[count[1:-1].rstrip("02")] - shift))
    return text


def rename_to_netwright(named: Mapping[str, Value], naming: Naming, source: str) -> dict[str, Value]:
    """Rename to netwright's names; names that the table does not have stay as they are.

    Args:
        named: Values by the library's names.
        naming: The table.
        source: Where the names are from, for the message.

    Raises:
        WeightsError: Two names stand for the same one of netwright's.
    """
    found: dict[str, Value] = {}
    first: dict[str, str] = {}
    for other, value in named.items():
        name = naming.to_netwright(other)
        if name in found:
            raise WeightsError(f"{source} has two entries for {name}: {first[name]} and {other}. Remove one.")
        found[name], first[name] = value, other
    return found


def rename_from_netwright(named: Mapping[str, Value], naming: Naming) -> dict[str, Value]:
    """Rename values by netwright's names to a library's names.

    Raises:
        WeightsError: The table does not have some of the names.
    """
    pairs = {name: naming.from_netwright(name) for name in named}
    lacking = [name for name, other in pairs.items() if not other]
    if lacking:
        more = f" and {len(lacking) - 4} more" if len(lacking) > 4 else ""
        raise WeightsError(
            f"{naming.label} has no name for {', '.join(name[:100] for name in lacking[:4])}{more}. Write the format "
            "'netwright'."
        )
    return {pairs[name]: value for name, value in named.items()}
