"""Weights that others published for the networks here: a table, and choosing in it."""

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
    "SOURCES",
    "PublishedWeights",
    "Source",
    "choose",
    "list_models",
    "network_of",
    "published_weights",
    "weights_named",
]


@dataclass(frozen=True, slots=True)
class Source:
    """Who published weights. accuracy: where the figures of its rows are from; antialias: whether its evaluation
    smooths images before it shrinks them."""

    title: str
    accuracy: str
    antialias: bool = True


SOURCES = {
    "mindcv": Source("MindCV", "MindCV's table, on Ascend 910", antialias=False),
    "torchvision": Source("torchvision", "torchvision's own table"),
    "timm": Source("timm", "timm's results-imagenet.csv"),
    # OpenCV's bilinear resize
    "pycls": Source("pycls", "pycls's MODEL_ZOO.md, mean of 5 runs", antialias=False),
}
_FREE = ("apache-2.0", "mit", "bsd-3-clause")
# of a file whose name ends with how its sha256 begins
_HASHED = re.compile(r".+-([0-9a-f]{8,64})\.[A-Za-z.]+")


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """A row of the table. network: ours; name: the network's at the source; tag: of these weights there. where: an http
    address, or a repository of the Hugging Face hub. top1: percent on ImageNet-1K, None where the source says none,
    at image_size pixels, crop_pct and interpolation. classes: outputs. licence: as SPDX or the hub say it."""

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
        """What `load_model` knows these weights by."""
        return f"{self.source}/{self.name}{'.' if self.source == 'timm' else '/'}{self.tag}"

    @property
    def is_on_hub(self) -> bool:
        return not self.where.startswith("http")

    @property
    def file_name(self) -> str:
        return self.where.rsplit("/", 1)[-1]

    @property
    def sha256(self) -> str:
        """How the file's hash begins, as far as its name says it."""
        found = None if self.is_on_hub else _HASHED.fullmatch(self.file_name)
        return found[1] if found else ""

    @property
    def antialias(self) -> bool:
        return SOURCES[self.source].antialias

    @property
    def is_free(self) -> bool:
        """Whether the licence lets everyone use them for everything."""
        return self.licence in _FREE

    @property
    def evaluation(self) -> str:
        """In words, how the published accuracy was measured."""
        smooth = "" if self.antialias else ", without antialiasing"
        return f"{self.image_size} pixels, crop {self.crop_pct:g}, {self.interpolation}{smooth}"


def published_weights(network: str = "") -> tuple[PublishedWeights, ...]:
    """The rows of a network, by any of its names, the default first; without one, all rows."""
    table = _table()
    return tuple(row for rows in table.values() for row in rows) if not network else table.get(network_of(network), ())


def network_of(name: str) -> str:
    """Our name of a network by any of its names; empty where nobody calls one so.

    Names that only a source of weights has are known too: torchvision's regnet_y_8gf is regnet_y_8_0gf_tv here.
    """
    own = canonical_name(name)
    return own if own in NETWORKS else next((row.network for row in published_weights() if row.name == name), "")


def choose(network: str, which: bool | str = True) -> PublishedWeights:
    """A network's row: True for its default, else a source ("timm"), a tag ("pycls_in1k"), or both ("timm/pycls_in1k").

    The default of a network by a source's name for it (regnetx_008, RegNetX-800MF) is that source's. WeightsError, with
    what there is, where there is none.
    """
    rows = published_weights(network)
    if not rows:
        raise WeightsError(
            f"there are no published weights for {network!r}; `netwright models list --pretrained` lists the networks "
            f"with some ({', '.join(list_models(pretrained=True)[:3])}, ...). Give a file of weights, or train."
        )
    if which is True:
        return next((row for row in rows if row.name == network and network not in NETWORKS), rows[0])
    found = [row for row in rows if which in (row.source, row.tag, f"{row.source}/{row.tag}", row.ref)]
    if not found:
        tags = [f"{row.source}/{row.tag}" for row in rows]
        near = nearest(which, [*tags, *(row.tag for row in rows), *SOURCES])
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise WeightsError(f"the published weights of {network} are {', '.join(tags)}, and none is {which!r}.{hint}")
    return found[0]


def weights_named(source: str, name: str, tag: str = "") -> PublishedWeights | None:
    """The row of a source's own name of a network, or of ours, and of a tag where one is given."""
    own = [row for row in published_weights() if row.source == source and row.name == name]
    rows = own or [row for row in published_weights(name) if row.source == source]
    return next((row for row in rows if tag in ("", row.tag)), None)


def list_models(pattern: str | Sequence[str] = "*", pretrained: bool = False) -> list[str]:
    """The networks whose name, or another name of theirs, is like the pattern (or one of several): `"regnet_y*"`,
    `"regnetx_0*"`; small to large within a family. pretrained: those with published weights only."""
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    names: dict[str, list[str]] = {name: [name] for name in NETWORKS}
    for alias, name in ALIASES.items():
        names[name].append(alias)
    for row in published_weights():
        names[row.network].append(row.name.lower())
    return [
        name
        for name, known in names.items()
        if (not pretrained or published_weights(name))
        and any(fnmatch.fnmatchcase(each, one.lower()) for each in known for one in patterns)
    ]


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
