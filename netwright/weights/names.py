"""How names of weights in one code base become ours and back: a table each, read in both directions, strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from netwright.errors import WeightsError

__all__ = ["Naming", "ours_of", "theirs_of"]

Value = TypeVar("Value")

# how a stage or block is numbered there -> what its number there lacks to ours, which counts from 1
_COUNTS = {"{stage}": 0, "{stage0}": 1, "{stage2}": -1, "{block}": 0, "{block0}": 1}
_IDENTITY = tuple((name, name) for name in ("weight", "bias", "running_mean", "running_var"))
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Naming:
    """Pairs of (theirs, ours). A name is a module and a tensor of it; a module is of the rest, or of a block.

    rest: modules of stem and head. blocks: how a block is called; {stage} counts as ours does, {stage0} from 0 and
    {stage2} from 2, {block} and {block0} likewise. parts: modules within a block. norms: tensors of batch norms, where
    they are called otherwise; modules of ours end in "bn" where they are batch norms. Where several of theirs are one
    of ours, any is read and the last that fits is written. label: whose table it is, in words. mark: what a name of
    this table, and of no other, looks like. average: how entries of a moving average begin; slots: how those of an
    optimizer do.
    """

    label: str
    mark: str
    rest: tuple[tuple[str, str], ...]
    blocks: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    norms: tuple[tuple[str, str], ...] = _IDENTITY
    average: str = ""
    slots: tuple[str, ...] = field(default=(), repr=False)

    def ours(self, name: str) -> str:
        """Our name of one of theirs; one that the table does not have stays as it is."""
        return self._other(name, backwards=False) or name

    def theirs(self, name: str) -> str:
        """Their name of one of ours; an empty text for one that the table does not have."""
        return self._other(name, backwards=True)

    def is_marked(self, names: Iterable[str]) -> bool:
        """Whether one of the names is of this table alone."""
        matches = re.compile(self.mark).fullmatch
        return any(matches(name) for name in names)

    def _other(self, name: str, *, backwards: bool) -> str:
        module, _, tensor = name.rpartition(".")
        rest, parts = _pairs(self.rest, backwards), _pairs(self.parts, backwards)
        found = rest.get(module, "")
        if not found:
            for pattern, other in _patterns(self.blocks, backwards):
                match = pattern.match(module)
                if match is not None and match["part"] in parts:
                    numbers = {key: int(value) for key, value in match.groupdict().items() if key != "part"}
                    block = _numbered(other, numbers)
                    found = f"{block}.{parts[match['part']]}" if block else ""
                    break
        if not found:
            return ""
        is_norm = (module if backwards else found).endswith("bn")
        tensors = _pairs(self.norms if is_norm else _IDENTITY[:2], backwards)
        if is_norm:
            tensors = {**tensors, _COUNTER: _COUNTER}
        return f"{found}.{tensors[tensor]}" if tensor in tensors else ""


@cache
def _pairs(pairs: tuple[tuple[str, str], ...], backwards: bool) -> dict[str, str]:
    return {ours: theirs for theirs, ours in pairs} if backwards else dict(pairs)


@cache
def _patterns(blocks: tuple[tuple[str, str], ...], backwards: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    ordered = tuple((ours, theirs) for theirs, ours in reversed(blocks)) if backwards else blocks
    return tuple((_pattern(old), new) for old, new in ordered)


def _pattern(text: str) -> re.Pattern[str]:
    """text with its counts as numbers of named groups, a name that comes again must have the same number."""
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
    """text with each count written for the same stage and block; empty where the numbers contradict each other."""
    ours: dict[str, int] = {}
    for key, value in numbers.items():
        number = value + _COUNTS[f"{{{key}}}"]
        if ours.setdefault(key.rstrip("02"), number) != number:
            return ""
    for count, shift in _COUNTS.items():
        if count in text:
            text = text.replace(count, str(ours[count[1:-1].rstrip("02")] - shift))
    return text


def ours_of(named: Mapping[str, Value], naming: Naming, source: str) -> dict[str, Value]:
    """`named` by our names; those that the table lacks stay as they are. source: in words, for the message.

    WeightsError where two of theirs are one of ours.
    """
    found: dict[str, Value] = {}
    first: dict[str, str] = {}
    for theirs, value in named.items():
        name = naming.ours(theirs)
        if name in found:
            raise WeightsError(f"{source} has two entries for {name}: {first[name]} and {theirs}. Remove one.")
        found[name], first[name] = value, theirs
    return found


def theirs_of(named: Mapping[str, Value], naming: Naming) -> dict[str, Value]:
    """`named`, which has our names, by theirs. WeightsError, with a list, for those that the table lacks."""
    pairs = {name: naming.theirs(name) for name in named}
    lacking = [name for name, theirs in pairs.items() if not theirs]
    if lacking:
        more = f" and {len(lacking) - 4} more" if len(lacking) > 4 else ""
        raise WeightsError(
            f"{naming.label} has no name for {', '.join(name[:100] for name in lacking[:4])}{more}. Write the format "
            "'netwright'."
        )
    return {pairs[name]: value for name, value in named.items()}
