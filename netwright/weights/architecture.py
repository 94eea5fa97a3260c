"""Which network is meant: by a name or a description, or by a file of weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from netwright.arch import ALIASES, NETWORKS, STEMS, Arch, Stem, published
from netwright.errors import ArchError, WeightsError
from netwright.nn import AnyNet
from netwright.system.suggest import suggest
from netwright.weights.guess import channels_of, classes_of, infer_arch
from netwright.weights.locate import NETWORK
from netwright.weights.match import check
from netwright.weights.read import StoredWeights
from netwright.weights.zoo import network_of

__all__ = ["arch_of", "resolve_arch", "unfilled"]


def resolve_arch(
    model: str | Path,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    stem: str | None = None,
    resolution: int | None = None,
) -> Arch:
    """A published name, a network.yaml or a folder with one, as an Arch; None leaves what it says.

    ArchError for what is none of these.
    """
    text, path = str(model), Path(model)
    if text and (name := network_of(text)):
        arch = published(name)
    elif path.suffix in (".yaml", ".yml") or (text and path.is_dir()):
        arch = _described(path / NETWORK if path.is_dir() else path)
    else:
        hint = suggest(text, [*NETWORKS, *ALIASES], f"these are known: {', '.join(NETWORKS)}.")
        said = f"no network is called {text!r}" if text else "a network is given by its name or its network.yaml"
        raise ArchError(f"{said}: {hint}")
    given = {"num_classes": num_classes, "in_channels": in_channels, "resolution": resolution}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if stem is not None:
        changes["stem"] = Stem(stem, arch.stem.width)
    return replace(arch, **changes)


def _described(path: Path) -> Arch:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArchError(
            f"{path} cannot be read as a network.yaml: {getattr(error, 'strerror', None) or error}. Correct the path, "
            "or give a published name."
        ) from error
    try:
        return Arch.from_yaml(text)
    except ArchError as error:
        raise ArchError(f"{path}: {error}") from error


def arch_of(stored: StoredWeights, model: str = "", stem: str | None = None) -> tuple[Arch, list[str]]:
    """The network of weights as the file says it, else as `model` does, else by names and shapes; and what to know of
    it in words.

    stem: where the file does not say it. Raises WeightsError for a file that nothing tells the network of, and for a
    model or stem that contradicts the file.
    """
    state, said = stored.state, stored.config.get("arch")
    counts = {"num_classes": classes_of(state), "in_channels": channels_of(state)}
    if said is not None:
        try:
            arch = Arch.from_dict(said)
        except ArchError as error:
            raise WeightsError(f"{stored.path} describes no network: {error}") from error
        if stem is not None and stem != arch.stem.kind:
            raise WeightsError(
                f"the network in {stored.path} has the stem {arch.stem.kind!r}, not {stem!r}. Leave stem out."
            )
        _refuse_other_model(model, arch, stored.path)
        return arch, []
    if model:
        return resolve_arch(model, stem=stem, **counts), []
    found = infer_arch(state)
    if found is None:
        raise WeightsError(
            f"{stored.path} does not say which network it is of, and its {len(state):,} names and shapes show none. "
            "Give model: a published name or a network.yaml; or format, where its names are of another code base."
        )
    if stem is not None:
        found = replace(found, stem=Stem(stem, found.stem.width))
    if found.name:
        return found, []
    strides = "-".join(str(stage.stride) for stage in found.stages)
    kind = STEMS[found.stem.kind].summary
    return found, [
        f"{stored.path.name} does not say its network: by its shapes it has {len(found.stages)} stages of block "
        f"{found.block!r}; stem ({kind}) and strides ({strides}) are not seen in shapes, and taken as usual"
    ]


def _refuse_other_model(model: str, arch: Arch, path: Path) -> None:
    """A model that is given beside a file that knows its own must be the same; other counts are judged elsewhere."""
    if not model:
        return
    given = resolve_arch(model, num_classes=arch.num_classes, in_channels=arch.in_channels, stem=arch.stem.kind)
    if replace(given, name=arch.name, resolution=arch.resolution) != arch:
        raise WeightsError(
            f"the network in {path} is {arch.name or 'another'}, not {given.name or model}. Leave model out, or give "
            "the weights of that network."
        )


def unfilled(arch: Arch, stored: StoredWeights) -> AnyNet:
    """The network on the meta device, after every tensor of the file was found to fit it, both ways.

    Nothing of a size that the file only claims is built. Raises WeightsError.
    """
    if arch.depth > len(stored.state):
        raise WeightsError(
            f"{stored.path} has {len(stored.state):,} tensors, and {arch.name or 'its network'} has {arch.depth:,} "
            "blocks. Give the network of these weights."
        )
    try:
        with torch.device("meta"):
            module = AnyNet(arch)
    except (RuntimeError, OverflowError, TypeError) as error:
        raise WeightsError(f"{stored.path} describes a network that cannot be built: {error}") from error
    check(module, stored.state, f"the weights in {stored.path}")
    return module
