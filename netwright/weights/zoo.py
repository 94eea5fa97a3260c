"""The table of published weights for the networks here, and selection from it."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from netwright.arch import ALIASES, NETWORKS, canonical_name
from netwright.errors import WeightsError
from netwright.system.suggest import nearest

__all__ = [
    "HASHED_NAME",
    "WEIGHTS_SOURCES",
    "PublishedWeights",
    "WeightsSource",
    "canonical_network",
    "choose_weights",
    "find_row",
    "list_models",
    "published_weights",
]


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """Who published weights.

    Attributes:
        title: Its name.
        accuracy: Where the accuracies in its rows are from.
        antialias: Whether its evaluation smooths images before it shrinks them.
    """

    title: str
    accuracy: str
    antialias: bool = True


WEIGHTS_SOURCES = {
    "mindcv": WeightsSource("MindCV", "MindCV's table, on Ascend 910", antialias=False),
    "torchvision": WeightsSource("torchvision", "torchvision's own table"),
    "timm": WeightsSource("timm", "timm's results-imagenet.csv"),
    # OpenCV's bilinear resize
    "pycls": WeightsSource("pycls", "pycls's MODEL_ZOO.md, mean of 5 runs", antialias=False),
}
_FREE = ("apache-2.0", "mit", "bsd-3-clause")
# a file name that ends with the beginning of its sha256, in MindCV with the chip after it
HASHED_NAME = re.compile(r".+-([0-9a-f]{8,64})(-910v2)?\.[A-Za-z.]+")


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """A row of the table of published weights.

    Attributes:
        network: netwright's name.
        source: A key of WEIGHTS_SOURCES.
        name: The source's name of the network.
        tag: The source's name of these weights.
        where: An http address, or a repository of the Hugging Face hub.
        top1: Percent on ImageNet-1K at image_size, crop_pct and interpolation; None where the source has no figure.
        classes: Number of outputs.
        recipe: A few words about the training.
        licence: As SPDX or the hub write it; spelled as in zoo.csv and in the JSON of `netwright models`.
    """

    network: str
    source: str
    name: str
    tag: str
    where: str
    top1: float | None
    image_size: int
    crop_pct: float
    interpolation: str
    classes: int
    recipe: str
    licence: str

    @property
    def ref(self) -> str:
        """The reference for `load_model`."""
        return f"{self.source}/{self.name}{'.' if self.source == 'timm' else '/'}{self.tag}"

    @property
    def is_on_hub(self) -> bool:
        return not self.where.startswith("http")

    @property
    def file_name(self) -> str:
        return self.where.rsplit("/", 1)[-1]

    @property
    def sha256(self) -> str:
        """The beginning of the file's sha256, as far as its name has it."""
        found = None if self.is_on_hub else HASHED_NAME.fullmatch(self.file_name)
        return found[1] if found else ""

    @property
    def antialias(self) -> bool:
        return WEIGHTS_SOURCES[self.source].antialias

    @property
    def is_free(self) -> bool:
        """Whether the license allows every use."""
        return self.licence in _FREE

    @property
    def evaluation(self) -> str:
        """How the published accuracy was measured."""
        smooth = "" if self.antialias else ", without antialiasing"
        return f"{self.image_size} pixels, crop {self.crop_pct:g}, {self.interpolation}{smooth}"


def published_weights(network: str = "") -> tuple[PublishedWeights, ...]:
    """The rows of a network by any of its names, the default first; all rows without a name."""
    table = _table()
    return (
        tuple(row for rows in table.values() for row in rows)
        if not network
        else table.get(canonical_network(network), ())
    )


def canonical_network(name: str) -> str:
    """netwright's name of a network by any of its names; empty for unknown names.

    Names that only a source of weights uses are known too: torchvision's regnet_y_8gf is regnet_y_8_0gf_tv here.
    """
    own = canonical_name(name)
    return own if own in NETWORKS else next((row.network for row in published_weights() if row.name == name), "")


def choose_weights(network: str, which: bool | str = True) -> PublishedWeights:
    """Choose published weights of a network.

    Args:
        network: Any of its names. A source's own name (regnetx_008, RegNetX-800MF) means that source's weights.
        which: True for the default, else a source ("timm"), a tag ("pycls_in1k"), or both ("timm/pycls_in1k").

    Raises:
        WeightsError: There are none, with a list of those that exist.
    """
    rows = published_weights(network)
    if not rows:
        raise WeightsError(
            f"there are no published weights for {network!r}; `netwright models list --pretrained` lists the networks "
            f"that have some ({', '.join(list_models(pretrained=True)[:3])}, ...). Give a file of weights, or train."
        )
    if which is True:
        return next((row for row in rows if row.name == network and network not in NETWORKS), rows[0])
    found = [row for row in rows if which in (row.source, row.tag, f"{row.source}/{row.tag}", row.ref)]
    if not found:
        tags = [f"{row.source}/{row.tag}" for row in rows]
        near = nearest(which, [*tags, *(row.tag for row in rows), *WEIGHTS_SOURCES])
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise WeightsError(f"the published weights of {network} are {', '.join(tags)}, and none is {which!r}.{hint}")
    return found[0]


def find_row(source: str, name: str, tag: str = "") -> PublishedWeights | None:
    """Find published weights; None if there are none.

    Args:
        source: mindcv, timm, torchvision or pycls.
        name: Of the network, the source's own or netwright's.
        tag: Of the weights; "" for the default ones.
    """
    own = [row for row in published_weights() if row.source == source and row.name == name]
    rows = own or [row for row in published_weights(name) if row.source == source]
    return next((row for row in rows if tag in ("", row.tag)), None)


def list_models(
    pattern: str | Sequence[str] = "*", pretrained: bool = False, exclude_filters: str | Sequence[str] = ()
) -> list[str]:
    """List networks by name, from small to large within a family.

    Args:
        pattern: Like "regnet_y*" or "regnetx_0*", or several of these; other names of the networks are matched too.
        pretrained: Only those with published weights.
        exclude_filters: Patterns of names to leave out.
    """
    excluded = [exclude_filters] if isinstance(exclude_filters, str) else list(exclude_filters)
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    names: dict[str, list[str]] = {name: [name] for name in NETWORKS}
    for alias, name in ALIASES.items():
        names[name].append(alias)
    for row in published_weights():
        names[row.network].append(row.name.lower())
    return [
        name
        for name, known in names.items()
        if (not pretrained or published_weights(name)) and _match(known, patterns) and not _match(known, excluded)
    ]


def _match(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for name in names for pattern in patterns)


@cache
def _table() -> dict[str, tuple[PublishedWeights, ...]]:
    text = (files("netwright.weights") / "zoo.csv").read_text(encoding="utf-8")
    rows = [_row(plain) for plain in csv.DictReader(text.splitlines())]
    return {
        name: tuple(row for row in rows if row.network == name) for name in dict.fromkeys(row.network for row in rows)
    }


def _row(plain: dict[str, str]) -> PublishedWeights:
    numbers = {
        "top1": float(plain["top1"]) if plain["top1"] else None,
        "image_size": int(plain["image_size"]),
        "crop_pct": float(plain["crop_pct"]),
        "classes": int(plain["classes"]),
    }
    return PublishedWeights(**(plain | numbers))  # type: ignore[arg-type]
