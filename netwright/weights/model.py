"""A trained network ready for use, from whatever names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.nn import AnyNet
from netwright.weights.architecture import arch_of, unfilled
from netwright.weights.guess import channels_of, classes_of
from netwright.weights.match import fill
from netwright.weights.preprocessing import preprocessing_of, torchvision_facts
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.refs import find
from netwright.weights.zoo import PublishedWeights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["LoadedModel", "load_model"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """module: in eval mode, on the CPU, float32. class_names: of its outputs in order, or empty where nobody says.

    source: where the weights are from; notices: what a user should know of them; both in words. facts: what the file
    says of their training. row: of the table of published weights, where they are of one.
    """

    arch: Arch
    module: nn.Module
    preprocessing: Preprocessing
    class_names: tuple[str, ...] = ()
    source: str = ""
    notices: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    row: PublishedWeights | None = None


def load_model(
    ref: str | Path,
    *,
    model: str = "",
    num_classes: int | None = None,
    in_channels: int | None = None,
    stem: str | None = None,
    ema: bool = False,
    format: str = "",
) -> LoadedModel:
    """The network that `ref` names, with its weights and preprocessing.

    ref: a file of weights of ours, timm, torchvision, pycls, classy-vision or MindCV; the folder of a training (its
    best weights, else the newest), of a design, or of timm; a network.yaml with weights.safetensors beside it; a
    published name, for its default weights; NAME.TAG, timm/NAME[.TAG], torchvision/NAME[/TAG], pycls/NAME, mindcv/NAME;
    hf-hub:OWNER/NAME[@REVISION]; local-dir:FOLDER; an http address. model: the network, a published name or a
    network.yaml, where neither the file nor its shapes say it; num_classes, in_channels, stem: what is expected of it.
    ema, format: as in `read_state`. Raises WeightsError for what cannot be found, read or matched, and for what
    contradicts the file; ArchError for a model that does not exist.
    """
    found = find(ref)
    located = found.located
    stored = read_state(located.path, ema=ema, format=format)
    arch, notices = arch_of(stored, model or (str(located.network) if located.network else ""), stem)
    _refuse_other("num_classes", num_classes, classes_of(stored.state) or arch.num_classes, "classes", located.path)
    _refuse_other("in_channels", in_channels, channels_of(stored.state) or arch.in_channels, "channels", located.path)
    preprocessing, seen = preprocessing_of(stored, arch)
    if found.row is not None:
        preprocessing, seen = _as_published(preprocessing, seen, found.row)
    notices += [*seen, *stored.notices]
    if found.row is not None and not found.row.is_free:
        notices.append(f"these weights have the licence {found.row.licence}, which does not allow every use")
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
        found.row,
    )


def _refuse_other(name: str, given: int | None, own: int, what: str, path: Path) -> None:
    if given is not None and given != own:
        raise WeightsError(
            f"the network in {path} has {own:,} {what}, not {given:,}. Leave {name} out; to train it for other {what}, "
            "start a training from this file (--checkpoint)."
        )


def _as_published(own: Preprocessing, notices: list[str], row: PublishedWeights) -> tuple[Preprocessing, list[str]]:
    """As the published accuracy was measured: timm measures larger images than its config.json says for others."""
    if row.top1 is None:
        return own, notices
    published = replace(
        own,
        image_size=row.image_size,
        crop_pct=row.crop_pct,
        interpolation=row.interpolation,
        antialias=row.antialias,
    )
    if published.image_size != own.image_size:
        said = f"images are prepared as for the published {row.top1:.2f} percent ({row.evaluation})"
        return published, [f"{said}; the training had {own.image_size} pixels"]
    # what a format usually does need not be guessed
    return published, [notice for notice in notices if "does not say how its network sees images" not in notice]


def _class_names(stored: StoredWeights, arch: Arch) -> tuple[str, ...]:
    names = stored.config.get("class_names") or ()
    if not names and stored.layout == "torchvision" and arch.num_classes == 1000:
        names = torchvision_facts(stored.path).get("class_names", ())
    if not isinstance(names, list | tuple) or len(names) not in (0, arch.num_classes):
        raise WeightsError(
            f"{stored.path} names {len(names) if isinstance(names, list | tuple) else 'no'} classes, and its network "
            f"has {arch.num_classes:,}. Save it again, by save_model."
        )
    return tuple(str(name) for name in names)


def _filled(arch: Arch, stored: StoredWeights) -> AnyNet:
    module = unfilled(arch, stored)
    module.to_empty(device="cpu")
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()  # what other code bases do not have
    fill(module, stored.state, f"the weights in {stored.path}")
    return module
