"""Create a network to train, new or from weights, and load weights into one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from torch import nn

from netwright.arch import Arch
from netwright.data.class_order import order_notice, sorted_as, usual_order
from netwright.errors import ArchError, WeightsError
from netwright.nn import AnyNet, FeatureExtractor, build
from netwright.weights.arch_inference import channels_of, classes_of
from netwright.weights.architecture import resolve_arch, resolve_stored_arch
from netwright.weights.locate import Located
from netwright.weights.match import adapt_state, load_state
from netwright.weights.preprocessing import preprocessing_of, torchvision_facts
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.refs import is_ref, published_row, resolve_ref, split_tag
from netwright.weights.zoo import WEIGHTS_SOURCES, canonical_network, choose_weights

__all__ = ["create_model", "load_weights"]


class _Options(TypedDict, total=False):
    """The keyword arguments that both overloads of `create_model` share."""

    pretrained: bool | str
    checkpoint_path: str | Path
    out_indices: int | Sequence[int] | None
    stem: str | None
    drop_rate: float
    drop_path_rate: float
    seed: int | None
    in_chans: int | None


@overload
def create_model(
    name: str | Path,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    features_only: Literal[False] = False,
    **options: Unpack[_Options],
) -> AnyNet: ...


@overload
def create_model(
    name: str | Path,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    features_only: Literal[True],
    **options: Unpack[_Options],
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
    in_chans: int | None = None,
) -> AnyNet | FeatureExtractor:
    """Create a network by its name, to train it or to build upon it.

    Weights for another number of classes or channels are adapted, with a warning.

    Args:
        name: A published name, timm's and pycls's too (see `list_models`), with or without a tag of its weights; a
            network.yaml; or a reference to weights as in `load_model`, which are loaded if `pretrained`.
        num_classes: Replaces the network's own number; 0 returns pooled features instead of logits.
        in_channels: Replaces the network's own number.
        pretrained: Load published weights. A source or tag, see `choose_weights`, selects others than the default.
        checkpoint_path: Load these weights, a reference as in `load_model`.
        features_only: Return a FeatureExtractor, whose result is a list of maps.
        out_indices: The maps of features_only, see `FeatureExtractor`.
        stem: Replaces the network's own stem; "cifar" has stride 1, for small images.
        drop_rate: See `build`; drop_path_rate and seed likewise.
        in_chans: timm's name of in_channels.

    Returns:
        An AnyNet; a FeatureExtractor with features_only.

    Raises:
        ArchError: The network does not exist, or out_indices are impossible.
        WeightsError: The weights cannot be found or read, or belong to another network.
    """
    if pretrained and checkpoint_path:
        raise WeightsError("weights are published ones or those of a file. Give pretrained or checkpoint_path.")
    if out_indices is not None and not features_only:
        raise ArchError("out_indices choose among the maps of features_only. Give features_only=True too.")
    if None not in (in_channels, in_chans):
        raise ArchError("in_chans is another name of in_channels. Give one of them.")
    in_channels = in_channels if in_chans is None else in_chans
    arch, located, stored = _resolve(name, pretrained, checkpoint_path, stem)
    is_headless = features_only or num_classes == 0
    if stored is not None and (is_headless or (pretrained and num_classes is None)):
        # the classifier of the weights is kept, or not used: nothing to adapt
        arch = replace(arch, num_classes=classes_of(stored.state) or arch.num_classes)
    given = {"num_classes": num_classes or None, "in_channels": in_channels}
    if is_headless:
        del given["num_classes"]
    arch = replace(arch, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    module = build(arch, seed=seed, drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    if stored is not None and located is not None:
        for notice in _load_into(module, arch, located, stored, adapt=True):
            warnings.warn(notice, stacklevel=2)
        module._pretrained_cfg = _timm_cfg(stored, arch)
    if features_only:
        return FeatureExtractor(module, out_indices)
    if num_classes == 0:
        module.reset_classifier(0)
    return module


def _timm_cfg(stored: StoredWeights, arch: Arch) -> dict[str, Any]:
    """The preparation of images for weights, by timm's keys, where the network still takes as many channels."""
    seen, _ = preprocessing_of(stored, replace(arch, in_channels=channels_of(stored.state) or arch.in_channels))
    size = seen.image_size
    cfg: dict[str, Any] = {"crop_pct": seen.crop_pct, "interpolation": seen.interpolation}
    cfg["input_size"] = (arch.in_channels, size, size)
    if seen.channels == arch.in_channels:
        cfg |= {key: tuple(value / 255 for value in getattr(seen, key)) for key in ("mean", "std")}
    if names := stored.config.get("class_names"):
        cfg["label_names"] = list(names)
    return cfg


def _resolve(
    name: str | Path, pretrained: bool | str, checkpoint: str | Path, stem: str | None
) -> tuple[Arch, Located | None, StoredWeights | None]:
    """The network, and the weights to load into it, if any."""
    text = str(name)
    if is_ref(text):
        if isinstance(pretrained, str):
            raise WeightsError(f"{text} names its weights itself. Give pretrained=True, not {pretrained!r}.")
        if not pretrained and (named := _arch_of_ref(text, stem)):  # nothing is downloaded for a name alone
            return (named, *(_read(checkpoint) if checkpoint else (None, None)))
        located, stored = _read(text)
        arch, _ = resolve_stored_arch(stored, str(located.network or ""))
        arch = arch if stem is None else replace(arch, stem=replace(arch.stem, kind=stem))
        return (arch, *(_read(checkpoint) if checkpoint else (located, stored) if pretrained else (None, None)))
    network, tag = split_tag(text)
    if tag and not Path(text).exists():
        which: bool | str = tag if pretrained is True else pretrained
        row = choose_weights(network, tag)  # a tag that does not exist is an error even if its weights are not loaded
        arch = resolve_arch(row.network, stem=stem)
    else:
        which, arch = pretrained, resolve_arch(name, stem=stem)
    if which:
        return (arch, *_read(choose_weights(network, which).ref))
    return (arch, *(_read(checkpoint) if checkpoint else (None, None)))


def _arch_of_ref(text: str, stem: str | None) -> Arch | None:
    """The network of SOURCE/NAME, by the table of published weights; None where only the weights tell it."""
    source, _, rest = text.partition("/")
    if source not in WEIGHTS_SOURCES:
        return None
    row = published_row(text)
    name = row.network if row is not None else canonical_network(split_tag(rest)[0])
    return resolve_arch(name, stem=stem, num_classes=row.classes if row is not None else None) if name else None


def _read(ref: str | Path, *, ema: bool = False, format: str = "") -> tuple[Located, StoredWeights]:
    located = resolve_ref(ref).located
    return located, read_state(located.path, ema=ema, format=format)


def load_weights(
    module: nn.Module,
    path: str | Path,
    *,
    adapt: bool = False,
    ema: bool = False,
    format: str = "",
    class_names: Sequence[str] = (),
) -> list[str]:
    """Load weights into a network, strictly in both directions.

    Args:
        module: A network of `build` or `create_model`.
        path: The weights, a reference as in `load_model`.
        adapt: Accept weights of other classes (the classifier's rows are matched by name, others stay as they are) or
            channels (the first convolution is changed), and of other strides or another stem. Each is reported.
        ema: See `read_state`.
        format: See `read_state`.
        class_names: Of the network's outputs, to match those of the weights with `adapt`.

    Returns:
        Notices for the user.

    Raises:
        WeightsError: The weights do not match; the module is not changed.
    """
    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(f"weights are loaded into a network of netwright.build, not into {type(module).__name__}.")
    return _load_into(module, arch, *_read(path, ema=ema, format=format), adapt=adapt, class_names=class_names)


def _load_into(
    module: nn.Module,
    arch: Arch,
    located: Located,
    stored: StoredWeights,
    *,
    adapt: bool,
    class_names: Sequence[str] = (),
) -> list[str]:
    notices = [f"weights from {located.path}, {located.reason}"] if located.reason else []
    notices += [*stored.notices, *_differences(stored, arch, strict=not adapt)]
    state: Any = stored.state
    if adapt:
        before, told = _names_of(stored, class_names)
        state, changed = adapt_state(state, module, arch, (before, class_names))
        notices += [*changed, *told]
    load_state(module, state, f"the weights in {located.path}")
    return notices


def _names_of(stored: StoredWeights, class_names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The class names of weights, by their library's usual order where they have none, and notices about them."""
    classes = classes_of(stored.state)
    names = tuple(stored.config.get("class_names") or ())
    if not names and stored.layout == "torchvision":
        names = tuple(torchvision_facts(stored.path).get("class_names", ()))
    if names or not class_names or classes != len(class_names):
        return names, []
    facts = stored.config.get("facts")
    order = stored.class_order or usual_order(facts if isinstance(facts, dict) else {})
    if order:
        told = order_notice(order, class_names)
        names = sorted_as(class_names, order)
        return names, [f"the weights have no class names: its rows are taken to be in {told}"] if told else []
    return (), ["the weights have no class names: the classifier's rows are taken to be in the order of these classes"]


def _differences(stored: StoredWeights, arch: Arch, *, strict: bool) -> list[str]:
    """Differences that shapes do not show, in the kind of stem and the strides, where the file has them."""
    if "arch" not in stored.config:
        return []
    try:
        before = Arch.from_dict(stored.config["arch"])
    except ArchError as error:
        raise WeightsError(f"{stored.path} does not describe a network: {error}") from error
    pairs = (("stem", before.stem.kind, arch.stem.kind), ("strides", _strides(before), _strides(arch)))
    other = [f"{what} {old} there and {new} here" for what, old, new in pairs if old != new]
    if not other:
        return []
    text = f"the weights in {stored.path} are of a network that differs in {', '.join(other)}"
    if strict:
        raise WeightsError(f"{text}. Give the same network, or adapt=True.")
    return [f"{text}; they are loaded all the same"]


def _strides(arch: Arch) -> list[int]:
    return [stage.stride for stage in arch.stages]
