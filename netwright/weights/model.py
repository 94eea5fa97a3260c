"""A trained network ready for use, from whatever names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from netwright.arch import PUBLISHED, Arch
from netwright.errors import ArchError, DataError, WeightsError
from netwright.nn import AnyNet
from netwright.weights.create import resolve_arch
from netwright.weights.guess import channels_of, classes_of, guess_name
from netwright.weights.hub import mindcv_preprocessing, pretrained_file
from netwright.weights.locate import Located, locate
from netwright.weights.match import check, fill
from netwright.weights.read import StoredWeights, read_state

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["LoadedModel", "load_model"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """module: in eval mode, on the CPU, float32. class_names: of its outputs in order, or empty where nobody says.

    source: where the weights are from; notices: what a user should know of them; both in words. facts: what the file
    says of their training.
    """

    arch: Arch
    module: nn.Module
    preprocessing: Preprocessing
    class_names: tuple[str, ...] = ()
    source: str = ""
    notices: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def load_model(
    ref: str | Path,
    *,
    model: str = "",
    num_classes: int | None = None,
    in_channels: int | None = None,
    stem: str | None = None,
    ema: bool = False,
) -> LoadedModel:
    """The network that `ref` names, with its weights and preprocessing.

    ref: a file of weights (ours, plain safetensors, MindCV's .ckpt, torch's .pth by our names); the folder of a
    training (its best weights, else the newest) or of a design; a network.yaml with weights.safetensors beside it; or
    a published name. model: the network, a published name or a network.yaml, where neither the file nor its shapes
    say it; num_classes, in_channels, stem: what is expected of it. ema: the moving average in a .ckpt. Raises
    WeightsError for what cannot be found, read or matched, and for what contradicts the file; ArchError for a model
    that does not exist.
    """
    is_name = str(ref) in PUBLISHED and not Path(ref).exists()
    located = Located(pretrained_file(str(ref))) if is_name else locate(ref)
    stored = read_state(located.path, ema=ema)
    arch = _arch(stored, model or (str(located.network) if located.network else ""), stem)
    _refuse_other("num_classes", num_classes, classes_of(stored.state) or arch.num_classes, "classes", located.path)
    _refuse_other("in_channels", in_channels, channels_of(stored.state) or arch.in_channels, "channels", located.path)
    preprocessing, notices = _preprocessing(stored, arch)
    if stored.has_average and not ema:
        notices.append("the file also has the moving average of these weights; ema takes it")
    module = _filled(arch, stored)
    return LoadedModel(
        arch,
        module.eval(),
        preprocessing,
        _class_names(stored, arch),
        f"{located.path}{f', {located.why}' if located.why else ''}",
        tuple(notices),
        facts if isinstance(facts := stored.config.get("facts"), dict) else {},
    )


def _arch(stored: StoredWeights, model: str, stem: str | None) -> Arch:
    """As the file says, else as `model` does, else by the shapes."""
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
        return arch
    name = model or guess_name(state)
    if not name:
        raise WeightsError(
            f"{stored.path} does not say which network it is of, and its shapes are those of no published one. "
            "Give model: a published name or a network.yaml."
        )
    return resolve_arch(name, stem=stem, **counts)


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


def _refuse_other(name: str, given: int | None, own: int, what: str, path: Path) -> None:
    if given is not None and given != own:
        raise WeightsError(
            f"the network in {path} has {own:,} {what}, not {given:,}. Leave {name} out; to train it for other {what}, "
            "start a training from this file (--checkpoint)."
        )


def _preprocessing(stored: StoredWeights, arch: Arch) -> tuple[Preprocessing, list[str]]:
    from netwright.data.preprocess import Preprocessing

    config = stored.config
    try:
        if "preprocessing" in config:
            return Preprocessing.from_dict(config["preprocessing"]), []
        if "mean" in config:  # of `netwright design`, which shrinks whole images, and counts pixels 0..1
            mean, std = (tuple(255 * float(value) for value in config[name]) for name in ("mean", "std"))
            return Preprocessing(int(config["resolution"]), arch.in_channels, 1.0, "bilinear", True, mean, std), []
    except (DataError, TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"{stored.path} does not say how its network sees images: {error}") from error
    if stored.format == "mindspore":
        return mindcv_preprocessing(stored.path, image_size=arch.resolution, channels=arch.in_channels)
    preprocessing = replace(Preprocessing(), image_size=arch.resolution)
    if arch.in_channels == 1:
        preprocessing = replace(
            preprocessing, channels=1, mean=(sum(preprocessing.mean) / 3,), std=(sum(preprocessing.std) / 3,)
        )
    return preprocessing, [f"{stored.path.name} does not say how its network sees images: as usual for ImageNet"]


def _class_names(stored: StoredWeights, arch: Arch) -> tuple[str, ...]:
    names = stored.config.get("class_names") or ()
    if not isinstance(names, list | tuple) or len(names) not in (0, arch.num_classes):
        raise WeightsError(
            f"{stored.path} names {len(names) if isinstance(names, list | tuple) else 'no'} classes, and its network "
            f"has {arch.num_classes:,}. Save it again, by save_model."
        )
    return tuple(str(name) for name in names)


def _filled(arch: Arch, stored: StoredWeights) -> AnyNet:
    """The network with its weights. Nothing of a size that the file only claims is built: shapes come first."""
    source = f"the weights in {stored.path}"
    if arch.depth > len(stored.state):
        raise WeightsError(
            f"{source} are {len(stored.state):,} tensors, and {arch.name or 'the network'} has {arch.depth:,} blocks. "
            "Give the network of these weights."
        )
    try:
        with torch.device("meta"):
            module = AnyNet(arch)
    except (RuntimeError, OverflowError, TypeError) as error:
        raise WeightsError(f"{stored.path} describes a network that cannot be built: {error}") from error
    check(module, stored.state, source)
    module.to_empty(device="cpu")
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()  # what other code bases do not have
    fill(module, stored.state, source)
    return module
