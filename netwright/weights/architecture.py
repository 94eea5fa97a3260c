"""Find the network that is meant by a name, a network.yaml, or a file of weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from netwright.arch import ALIASES, NETWORKS, STEMS, Arch, Stem, published, read_network
from netwright.errors import ArchError, WeightsError
from netwright.nn import AnyNet
from netwright.system.suggest import suggest
from netwright.weights.arch_inference import channels_of, classes_of, infer_arch
from netwright.weights.locate import NETWORK
from netwright.weights.match import check_state
from netwright.weights.read import StoredWeights
from netwright.weights.zoo import canonical_network

__all__ = ["build_on_meta", "resolve_arch", "resolve_stored_arch"]


def resolve_arch(
    model: str | Path,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    stem: str | None = None,
    resolution: int | None = None,
) -> Arch:
    """The network of a published name, a network.yaml, or a folder with one.

    Args:
        model: The name or path.
        num_classes: Replaces the network's own, if given; the others likewise.
        in_channels: Input channels.
        stem: Kind of the stem.
        resolution: Side of the input in pixels.

    Raises:
        ArchError: It is no network.
    """
    text, path = str(model), Path(model)
    if text and (name := canonical_network(text)):
        arch = published(name)
    elif path.suffix in (".yaml", ".yml") or (text and path.is_dir()):
        arch = read_network(path / NETWORK if path.is_dir() else path)
    else:
        hint = suggest(text, [*NETWORKS, *ALIASES], f"these are known: {', '.join(NETWORKS)}.")
        problem = f"no network is called {text!r}" if text else "a network is given by its name or its network.yaml"
        raise ArchError(f"{problem}: {hint}")
    given = {"num_classes": num_classes, "in_channels": in_channels, "resolution": resolution}
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if stem is not None:
        changes["stem"] = Stem(stem, arch.stem.width)
    return replace(arch, **changes)


def resolve_stored_arch(stored: StoredWeights, model: str = "", stem: str | None = None) -> tuple[Arch, list[str]]:
    """The network of weights: from the file, else from `model`, else inferred from names and shapes.

    Args:
        stored: The weights.
        model: A published name or a network.yaml; may be empty.
        stem: Kind of the stem, where the file does not say it.

    Returns:
        The network, and notices about it.

    Raises:
        WeightsError: Nothing tells the network, or model or stem contradict the file.
    """
    state, config = stored.state, stored.config.get("arch")
    counts = {"num_classes": classes_of(state), "in_channels": channels_of(state)}
    if config is not None:
        try:
            arch = Arch.from_dict(config)
        except ArchError as error:
            raise WeightsError(f"{stored.path} does not describe a network: {error}") from error
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
            f"{stored.path} does not name its network, and its {len(state):,} tensor names and shapes fit none. Give "
            "model: a published name or a network.yaml; or format, where the names are those of another library."
        )
    if stem is not None:
        found = replace(found, stem=Stem(stem, found.stem.width))
    if found.name:
        return found, []
    strides = "-".join(str(stage.stride) for stage in found.stages)
    kind = STEMS[found.stem.kind].summary
    return found, [
        f"{stored.path.name} does not name its network: by its shapes it has {len(found.stages)} stages of block "
        f"{found.block!r}; stem ({kind}) and strides ({strides}) do not show in shapes, and the usual ones are taken"
    ]


def _refuse_other_model(model: str, arch: Arch, path: Path) -> None:
    """Raise where the model is not the one that the file names; classes and channels are checked elsewhere."""
    if not model:
        return
    given = resolve_arch(model, num_classes=arch.num_classes, in_channels=arch.in_channels, stem=arch.stem.kind)
    if replace(given, name=arch.name, resolution=arch.resolution) != arch:
        raise WeightsError(
            f"the network in {path} is {arch.name or 'another'}, not {given.name or model}. Leave model out, or give "
            "the weights of that network."
        )


def build_on_meta(arch: Arch, stored: StoredWeights) -> AnyNet:
    """Build the network on the meta device, and check that tensors of file and network match, both ways.

    Nothing is allocated of a size that the file only claims.

    Raises:
        WeightsError: The tensors do not match, or the network cannot be built.
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
    check_state(module, stored.state, f"the weights in {stored.path}")
    return module
