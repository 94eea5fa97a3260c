"""A network to train: new, or from weights, which are adapted to it and said so."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from torch import nn

from netwright.arch import Arch
from netwright.errors import ArchError, WeightsError
from netwright.nn import AnyNet, FeatureExtractor, build
from netwright.weights.architecture import arch_of, resolve_arch
from netwright.weights.guess import classes_of
from netwright.weights.locate import Located
from netwright.weights.match import adapt, fill
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.refs import find, is_ref, split_tag
from netwright.weights.zoo import choose

__all__ = ["create_model", "load_weights"]


@overload
def create_model(
    name: str | Path,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    pretrained: bool | str = False,
    checkpoint_path: str | Path = "",
    features_only: Literal[False] = False,
    out_indices: int | Sequence[int] | None = None,
    stem: str | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    seed: int | None = None,
) -> AnyNet: ...


@overload
def create_model(
    name: str | Path,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    pretrained: bool | str = False,
    checkpoint_path: str | Path = "",
    features_only: Literal[True],
    out_indices: int | Sequence[int] | None = None,
    stem: str | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    seed: int | None = None,
) -> FeatureExtractor: ...


def create_model(
    name: str | Path,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    pretrained: bool | str = False,
    checkpoint_path: str | Path = "",
    features_only: bool = False,
    out_indices: int | Sequence[int] | None = None,
    stem: str | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    seed: int | None = None,
) -> AnyNet | FeatureExtractor:
    """A network by its name, to train or to build upon.

    name: a published name, timm's and pycls's too (`list_models()` has them), with a tag of its weights or without; a
    network.yaml; or what names weights to `load_model`, which are then taken where pretrained. num_classes,
    in_channels, stem ("cifar": stride 1, for small images): None leaves the network's own; num_classes 0 gives pooled
    features instead of logits. pretrained: with published weights; a source or tag of `choose` for others than the
    default. checkpoint_path: with those that it names, as to `load_model`. Weights of another number of classes or
    channels are adapted, which a warning says. features_only: a FeatureExtractor, a list of maps per call, of
    out_indices. drop_rate, drop_path_rate, seed: as in `build`. Raises ArchError for a network that does not exist,
    WeightsError for weights that are not its.
    """
    if pretrained and checkpoint_path:
        raise WeightsError("weights are published ones or those of a file. Give pretrained or checkpoint_path.")
    if out_indices is not None and not features_only:
        raise ArchError("out_indices choose among the maps of features_only. Give features_only=True too.")
    arch, located, stored = _asked(name, pretrained, checkpoint_path, stem)
    is_headless = features_only or num_classes == 0
    if stored is not None and (is_headless or (pretrained and num_classes is None)):
        # the classifier is the weights' own, or thrown away: nothing to adapt, nothing to warn of
        arch = replace(arch, num_classes=classes_of(stored.state) or arch.num_classes)
    given = {"num_classes": num_classes or None, "in_channels": in_channels}
    if is_headless:
        del given["num_classes"]
    arch = replace(arch, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    module = build(arch, seed=seed, drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    if stored is not None and located is not None:
        for notice in _put(module, arch, located, stored, adapted=True):
            warnings.warn(notice, stacklevel=2)
    if features_only:
        return FeatureExtractor(module, out_indices)
    if num_classes == 0:
        module.reset_classifier(0)
    return module


def _asked(
    name: str | Path, pretrained: bool | str, checkpoint: str | Path, stem: str | None
) -> tuple[Arch, Located | None, StoredWeights | None]:
    """The network, and the weights that go into it, where there are any."""
    text = str(name)
    if is_ref(text):
        if isinstance(pretrained, str):
            raise WeightsError(f"{text} says itself which weights are meant. Give pretrained=True, not {pretrained!r}.")
        located, stored = _read(text)
        arch, _ = arch_of(stored, str(located.network or ""))
        arch = arch if stem is None else replace(arch, stem=replace(arch.stem, kind=stem))
        return (arch, *(_read(checkpoint) if checkpoint else (located, stored) if pretrained else (None, None)))
    network, tag = split_tag(text)
    if tag and not Path(text).exists():
        which: bool | str = tag if pretrained is True else pretrained
        row = choose(network, tag)  # also without its weights, a tag that does not exist is a mistake
        arch = resolve_arch(row.network, stem=stem)
    else:
        which, arch = pretrained, resolve_arch(name, stem=stem)
    if which:
        return (arch, *_read(choose(network, which).ref))
    return (arch, *(_read(checkpoint) if checkpoint else (None, None)))


def _read(ref: str | Path, *, ema: bool = False, format: str = "") -> tuple[Located, StoredWeights]:
    located = find(ref).located
    return located, read_state(located.path, ema=ema, format=format)


def load_weights(
    module: nn.Module, path: str | Path, *, adapt: bool = False, ema: bool = False, format: str = ""
) -> list[str]:
    """Put weights into a network; returns what is worth saying, in words. path: what names them to `load_model`.

    Strict in both directions. adapt: another number of classes leaves the classifier as it is, another number of
    channels changes the first convolution, and other strides or another stem are allowed, all of which is said. ema,
    format: as in `read_state`. Raises WeightsError, and leaves the module as it was, where weights do not fit.
    """
    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(f"weights are put into a network of netwright.build, not into {type(module).__name__}.")
    return _put(module, arch, *_read(path, ema=ema, format=format), adapted=adapt)


def _put(module: nn.Module, arch: Arch, located: Located, stored: StoredWeights, *, adapted: bool) -> list[str]:
    notices = [f"weights from {located.path}, {located.why}"] if located.why else []
    notices += [*stored.notices, *_differences(stored, arch, strict=not adapted)]
    state: Any = stored.state
    if adapted:
        state, changed = adapt(state, module, arch)
        notices += changed
    fill(module, state, f"the weights in {located.path}")
    return notices


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
