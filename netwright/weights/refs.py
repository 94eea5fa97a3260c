"""Resolve a reference to weights: a file, a folder, a published network, a repository or an address."""

from __future__ import annotations

import hashlib
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from netwright.arch import ALIASES, NETWORKS
from netwright.errors import WeightsError
from netwright.system.fetch import cache_folder
from netwright.system.suggest import nearest, suggest
from netwright.weights.download import download
from netwright.weights.hub import download_row, hub_weights, row_of_file
from netwright.weights.locate import Located, locate
from netwright.weights.zoo import (
    HASHED_NAME,
    WEIGHTS_SOURCES,
    PublishedWeights,
    canonical_network,
    choose_weights,
    find_row,
    published_weights,
)

__all__ = ["ResolvedRef", "is_ref", "published_row", "resolve_ref", "split_tag"]

_HUB = ("hf-hub:", "hf_hub:")
_FOLDER = "local-dir:"
_ADDRESS = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class ResolvedRef:
    """A resolved reference.

    Attributes:
        located: The file.
        row: Its row in the table of published weights, if any.
    """

    located: Located
    row: PublishedWeights | None = None


def is_ref(text: str) -> bool:
    """Whether a text says itself where weights are: hf-hub:, local-dir:, http(s)://, or SOURCE/NAME."""
    return text.startswith((*_HUB, _FOLDER, *_ADDRESS, *(f"{source}/" for source in WEIGHTS_SOURCES)))


def resolve_ref(ref: str | Path) -> ResolvedRef:
    """Find the file of weights that a reference means; download it if it is not here.

    Args:
        ref: An existing path; the name of a network, with or without a tag (regnetx_008.pycls_in1k); timm/NAME[.TAG],
            torchvision/NAME[/TAG], pycls/NAME, mindcv/NAME; hf-hub:OWNER/NAME[@REVISION]; local-dir:FOLDER; or an http
            address.

    Raises:
        WeightsError: There are no such weights, or they cannot be downloaded.
    """
    text = str(ref)
    if Path(ref).exists() or text.startswith(_FOLDER):
        return _here(Path(text.removeprefix(_FOLDER)))
    if text.startswith(_HUB):
        repository, _, revision = text.split(":", 1)[1].partition("@")
        return ResolvedRef(Located(hub_weights(repository, revision)))
    if text.startswith(_ADDRESS):
        return _at(text)
    row = published_row(text)
    if row is not None:
        return ResolvedRef(Located(download_row(row)), row)
    if text.startswith("timm/"):
        return _of_timm(text)
    hint = suggest(text, [*NETWORKS, *ALIASES], "") if not set(text) & set("/\\.") else ""
    if hint:
        raise WeightsError(f"no network, file or folder is called {text!r}: {hint}")
    return _here(Path(ref))


def published_row(text: str) -> PublishedWeights | None:
    """The row of the table of published weights that a text names; None for other texts.

    Raises:
        WeightsError: The network or the source has no such weights.
    """
    source, slash, rest = text.partition("/")
    if slash and source in WEIGHTS_SOURCES:
        name, tag = split_tag(rest) if source == "timm" else rest.partition("/")[::2]
        row = find_row(source, name, tag)
        if row is None and source != "timm":
            raise WeightsError(_unknown(source, rest))
        return row
    if slash:
        return None
    name, tag = split_tag(text)
    return choose_weights(name, tag or True) if canonical_network(name) else None


def split_tag(name: str) -> tuple[str, str]:
    """timm's NAME.TAG -> (NAME, TAG); a dot within the network's name (RegNetX-1.6GF) does not split it."""
    if "." not in name or canonical_network(name):
        return name, ""
    network, _, tag = name.partition(".")
    if not canonical_network(network):
        network, _, tag = name.rpartition(".")
    return network, tag


def _unknown(source: str, rest: str) -> str:
    name, _, tag = rest.partition("/")
    rows = [row for row in published_weights() if row.source == source]
    own = [row for row in rows if name == row.name or canonical_network(name) == row.network]
    if own:
        tags = ", ".join(row.tag for row in own)
        return f"{WEIGHTS_SOURCES[source].title} has {tags} for {name}, not {tag!r}. Choose one."
    near = nearest(name, dict.fromkeys(row.name for row in rows))
    hint = f"Did you mean {source}/{near[0]}?" if near else "`netwright models list --pretrained` lists them."
    return f"{WEIGHTS_SOURCES[source].title} has no weights of {name!r} for a network here. {hint}"


def _of_timm(text: str) -> ResolvedRef:
    """Weights of timm that are newer than the table here, by their tag."""
    name, tag = split_tag(text.removeprefix("timm/"))
    if not tag:
        raise WeightsError(_unknown("timm", name))
    return ResolvedRef(Located(hub_weights(f"timm/{name}.{tag}")))


def _here(path: Path) -> ResolvedRef:
    located = locate(path)
    return ResolvedRef(located, row_of_file(located.path))


def _at(address: str) -> ResolvedRef:
    """Download a file and keep its name; a hash in the name is checked, as by torch.hub."""
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(address).path)).name or "weights"
    row = next((row for row in published_weights() if row.where == address), None)
    if row is not None:
        return ResolvedRef(Located(download_row(row)), row)
    hashed = HASHED_NAME.fullmatch(name)
    # another address may have a file of the same name
    folder = cache_folder() / "weights" / hashlib.sha256(address.encode()).hexdigest()[:16]
    return ResolvedRef(Located(download(address, folder / name, hashed[1] if hashed else "")))
