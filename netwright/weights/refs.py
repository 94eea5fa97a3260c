"""What a word means that names weights: a file or folder here, a published network, a repository, an address."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from netwright.arch import ALIASES, NETWORKS
from netwright.errors import WeightsError
from netwright.system.fetch import cache_folder
from netwright.system.suggest import nearest
from netwright.weights.download import download
from netwright.weights.hub import hub_weights, row_file, row_of
from netwright.weights.locate import Located, locate
from netwright.weights.zoo import SOURCES, PublishedWeights, choose, network_of, published_weights, weights_named

__all__ = ["Found", "find", "is_ref", "row_named", "split_tag"]

_HUB = ("hf-hub:", "hf_hub:")
_FOLDER = "local-dir:"
_ADDRESS = ("http://", "https://")
_HASH = re.compile(r".+-([0-9a-f]{8,64})\.[A-Za-z.]+")


@dataclass(frozen=True, slots=True)
class Found:
    """located: the file. row: of the table of published weights, where it is of one."""

    located: Located
    row: PublishedWeights | None = None


def is_ref(text: str) -> bool:
    """Whether a word says itself where weights are: hf-hub:, local-dir:, http(s)://, or SOURCE/NAME."""
    return text.startswith((*_HUB, _FOLDER, *_ADDRESS, *(f"{source}/" for source in SOURCES)))


def find(ref: str | Path) -> Found:
    """The file of weights that `ref` means, loaded into a cache where it is elsewhere.

    A path that is there is that path. Else ref is a network's name, with a tag or without (regnetx_008.pycls_in1k),
    timm/NAME[.TAG], torchvision/NAME[/TAG], pycls/NAME, mindcv/NAME, hf-hub:OWNER/NAME[@REVISION], local-dir:FOLDER, or
    an http address. WeightsError where it means nothing that can be had.
    """
    text = str(ref)
    if Path(ref).exists() or text.startswith(_FOLDER):
        return _here(Path(text.removeprefix(_FOLDER)))
    if text.startswith(_HUB):
        repository, _, revision = text.split(":", 1)[1].partition("@")
        return Found(Located(hub_weights(repository, revision)))
    if text.startswith(_ADDRESS):
        return _at(text)
    row = row_named(text)
    if row is not None:
        return Found(Located(row_file(row)), row)
    if text.startswith("timm/"):
        return _of_timm(text)
    near = nearest(text, [*NETWORKS, *ALIASES]) if not set(text) & set("/\\.") else []
    if near:
        raise WeightsError(f"no network is called {text!r}, and nothing here either. Did you mean {near[0]!r}?")
    return _here(Path(ref))


def row_named(text: str) -> PublishedWeights | None:
    """The row of published weights that a word means; None for other words.

    WeightsError for a network or a source that has none like this.
    """
    source, slash, rest = text.partition("/")
    if slash and source in SOURCES:
        name, tag = split_tag(rest) if source == "timm" else rest.partition("/")[::2]
        row = weights_named(source, name, tag)
        if row is None and source != "timm":
            raise WeightsError(_none_of(source, rest))
        return row
    if slash:
        return None
    name, tag = split_tag(text)
    return choose(name, tag or True) if network_of(name) else None


def split_tag(name: str) -> tuple[str, str]:
    """timm's NAME.TAG -> (NAME, TAG); a dot that is of the network's name (RegNetX-1.6GF) splits nothing."""
    if "." not in name or network_of(name):
        return name, ""
    network, _, tag = name.partition(".")
    if not network_of(network):
        network, _, tag = name.rpartition(".")
    return network, tag


def _none_of(source: str, rest: str) -> str:
    name, _, tag = rest.partition("/")
    rows = [row for row in published_weights() if row.source == source]
    own = [row for row in rows if name == row.name or network_of(name) == row.network]
    if own:
        return f"{SOURCES[source].title} has {', '.join(row.tag for row in own)} for {name}, not {tag!r}. Choose one."
    near = nearest(name, dict.fromkeys(row.name for row in rows))
    hint = f"Did you mean {source}/{near[0]}?" if near else "`netwright models list --pretrained` lists what there is."
    return f"{SOURCES[source].title} has no weights of {name!r} for a network here. {hint}"


def _of_timm(text: str) -> Found:
    """Of timm also what is newer than the table here, given by its tag."""
    name, tag = split_tag(text.removeprefix("timm/"))
    if not tag:
        raise WeightsError(_none_of("timm", name))
    return Found(Located(hub_weights(f"timm/{name}.{tag}")))


def _here(path: Path) -> Found:
    located = locate(path)
    return Found(located, row_of(located.path))


def _at(address: str) -> Found:
    """An address's file, kept under its own name; held against the hash that this says, as torch.hub's do."""
    name = Path(urllib.parse.unquote(urllib.parse.urlsplit(address).path)).name or "weights"
    row = next((row for row in published_weights() if row.where == address), None)
    if row is not None:
        return Found(Located(row_file(row)), row)
    hashed = _HASH.fullmatch(name)
    # other addresses may have files of the same name
    folder = cache_folder() / "weights" / hashlib.sha256(address.encode()).hexdigest()[:16]
    return Found(Located(download(address, folder / name, hashed[1] if hashed else "")))
