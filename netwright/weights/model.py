"""Load a trained network, ready for use, from any reference to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.nn import AnyNet
from netwright.weights.arch_inference import channels_of, classes_of
from netwright.weights.architecture import build_on_meta, resolve_stored_arch
from netwright.weights.locate import locate_average
from netwright.weights.match import load_state
from netwright.weights.preprocessing import preprocessing_of, torchvision_facts
from netwright.weights.read import StoredWeights, read_state
from netwright.weights.refs import resolve_ref
from netwright.weights.zoo import PublishedWeights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["LoadedModel", "facts_of", "load_model"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network with its weights, ready for use.

    Attributes:
        arch: The network.
        module: In evaluation mode, on the CPU, float32.
        preprocessing: Of its input.
        class_names: Of its outputs in order; empty where they are not known.
        source: Where the weights are from.
        notices: What the user should know about them.
        facts: What the file says about their training.
        row: Their row in the table of published weights, if any.
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
    """Load the network that a reference names, with its weights and preprocessing.

    Args:
        ref: A file of weights of netwright, timm, torchvision, pycls, classy-vision or MindCV; the folder of a training
            (its best weights, else the newest), a design or timm; a network.yaml with weights.safetensors beside it; a
            published name, for its default weights; NAME.TAG, timm/NAME[.TAG], torchvision/NAME[/TAG], pycls/NAME,
            mindcv/NAME; hf-hub:OWNER/NAME[@REVISION]; local-dir:FOLDER; an http address.
        model: The network, a published name or a network.yaml, where neither the file nor its shapes tell it.
        num_classes: The expected number of classes.
        in_channels: The expected number of channels.
        stem: The kind of stem, where the file does not say it.
        ema: See `read_state`.
        format: See `read_state`.

    Raises:
        WeightsError: The weights cannot be found, read or matched, or contradict an argument.
        ArchError: The model does not exist.
    """
    resolved = resolve_ref(ref)
    located = resolved.located
    average = locate_average(ref) if ema else None
    if average is not None:  # a file of its own
        located, ema = average, False
    stored = read_state(located.path, ema=ema, format=format)
    arch, notices = resolve_stored_arch(stored, model or (str(located.network) if located.network else ""), stem)
    _refuse_other_count(
        "num_classes", num_classes, classes_of(stored.state) or arch.num_classes, "classes", located.path
    )
    _refuse_other_count(
        "in_channels", in_channels, channels_of(stored.state) or arch.in_channels, "channels", located.path
    )
    preprocessing, own_notices = preprocessing_of(stored, arch)
    if resolved.row is not None:
        preprocessing, own_notices = _as_published(preprocessing, own_notices, resolved.row)
    notices += [*own_notices, *stored.notices]
    if resolved.row is not None and not resolved.row.is_free:
        notices.append(f"these weights have the license {resolved.row.licence}, which does not allow every use")
    if stored.has_average and not ema:
        notices.append("the file also has the moving average of these weights; ema=True loads it")
    module = _load_module(arch, stored)
    names = _class_names(stored, arch)
    return LoadedModel(
        arch,
        module.eval(),
        preprocessing,
        names,
        f"{located.path}{f', {located.reason}' if located.reason else ''}",
        tuple(notices),
        facts_of(stored, has_names=bool(names)),
        resolved.row,
    )


def facts_of(stored: StoredWeights, *, has_names: bool) -> dict[str, Any]:
    """What a file says about the training, and without class names the usual order of its library (class_order)."""
    facts = stored.config.get("facts")
    known = dict(facts) if isinstance(facts, dict) else {}
    return {"class_order": stored.class_order, **known} if stored.class_order and not has_names else known


def _refuse_other_count(name: str, given: int | None, own: int, what: str, path: Path) -> None:
    if given is not None and given != own:
        raise WeightsError(
            f"the network in {path} has {own:,} {what}, not {given:,}. Leave {name} out; to train it for other {what}, "
            "start a training from this file (--checkpoint)."
        )


def _as_published(own: Preprocessing, notices: list[str], row: PublishedWeights) -> tuple[Preprocessing, list[str]]:
    """The preprocessing of the published accuracy; timm measures some on larger images than its config.json has."""
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
        text = f"images are prepared as for the published {row.top1:.2f} percent ({row.evaluation})"
        return published, [f"{text}; the training had {own.image_size} pixels"]
    # the row has what the format does not say
    return published, [notice for notice in notices if "does not contain its preprocessing" not in notice]


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


def _allocate(module: AnyNet) -> None:
    """Give a network of the meta device memory. `to_empty` does that too, and imports sympy for it, 40 MiB."""
    for each in module.modules():
        for name, parameter in list(each.named_parameters(recurse=False)):
            empty = torch.empty(parameter.shape, dtype=parameter.dtype, device="cpu")
            setattr(each, name, nn.Parameter(empty, requires_grad=parameter.requires_grad))
        for name, buffer in list(each.named_buffers(recurse=False)):
            setattr(each, name, torch.empty(buffer.shape, dtype=buffer.dtype, device="cpu"))


def _load_module(arch: Arch, stored: StoredWeights) -> AnyNet:
    module = build_on_meta(arch, stored)
    _allocate(module)
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()  # which other libraries do not have
    load_state(module, stored.state, f"the weights in {stored.path}")
    return module
