"""A network to train: new, or from weights, which are adapted to it and said so."""

from __future__ import annotations

import difflib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from netwright.arch import PUBLISHED, Arch, Stem, published
from netwright.errors import ArchError, WeightsError
from netwright.nn import AnyNet, build
from netwright.weights.hub import pretrained_file
from netwright.weights.locate import NETWORK, locate
from netwright.weights.match import adapt, fill
from netwright.weights.read import StoredWeights, read_state

__all__ = ["create_model", "load_weights", "resolve_arch"]


def create_model(
    name: str,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    stem: str | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    checkpoint_path: str | Path = "",
    pretrained: bool = False,
    seed: int | None = None,
) -> AnyNet:
    """A network by its published name, or by the path of a network.yaml, to train.

    num_classes, in_channels, stem ("cifar": stride 1, for small images): None leaves the network's own.
    pretrained: with published weights; checkpoint_path: with those of a file or a training's folder. Weights of another
    number of classes or channels are adapted, which a warning says. drop_rate, drop_path_rate, seed: as in `build`.
    Raises ArchError for a network that does not exist, WeightsError for weights that are not its.
    """
    if pretrained and checkpoint_path:
        raise WeightsError("weights are published ones or those of a file. Give pretrained or checkpoint_path.")
    arch = resolve_arch(name, num_classes=num_classes, in_channels=in_channels, stem=stem)
    module = build(arch, seed=seed, drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    source = pretrained_file(name) if pretrained else checkpoint_path
    if source:
        for notice in load_weights(module, source, adapt=True):
            warnings.warn(notice, stacklevel=2)
    return module


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
    if text in PUBLISHED:
        arch = published(text)
    elif path.suffix in (".yaml", ".yml") or (text and path.is_dir()):
        arch = _described(path / NETWORK if path.is_dir() else path)
    else:
        near = difflib.get_close_matches(text, PUBLISHED, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"these are known: {', '.join(PUBLISHED)}."
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


def load_weights(module: nn.Module, path: str | Path, *, adapt: bool = False, ema: bool = False) -> list[str]:
    """Put the weights of a file, or of a training's folder, into a network; returns what is worth saying, in words.

    Strict in both directions. adapt: another number of classes leaves the classifier as it is, another number of
    channels changes the first convolution, and other strides or another stem are allowed, all of which is said. ema:
    the moving average in a .ckpt. Raises WeightsError, and leaves the module as it was, where weights do not fit.
    """
    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(f"weights are put into a network of netwright.build, not into {type(module).__name__}.")
    located = locate(path)
    stored = read_state(located.path, ema=ema)
    notices = [f"weights from {located.path}, {located.why}"] if located.why else []
    notices += _differences(stored, arch, strict=not adapt)
    state = stored.state
    if adapt:
        state, changed = _adapted(state, module, arch)
        notices += changed
    fill(module, state, f"the weights in {located.path}")
    return notices


_adapted = adapt  # the name is taken by the argument above


def _differences(stored: StoredWeights, arch: Arch, *, strict: bool) -> list[str]:
    """What shapes do not show: a stem's kind and strides, where the file says them."""
    if "arch" not in stored.config:
        return []
    try:
        before = Arch.from_dict(stored.config["arch"])
    except ArchError as error:
        raise WeightsError(f"{stored.path} describes no network: {error}") from error
    pairs = (("stem", before.stem.kind, arch.stem.kind), ("strides", _strides(before), _strides(arch)))
    other = [f"{what} {old} there and {new} here" for what, old, new in pairs if old != new]
    if not other:
        return []
    said = f"the weights in {stored.path} are of a network that differs in {', '.join(other)}"
    if strict:
        raise WeightsError(f"{said}. Give the same network, or adapt.")
    return [f"{said}; they are taken all the same"]


def _strides(arch: Arch) -> list[int]:
    return [stage.stride for stage in arch.stages]
