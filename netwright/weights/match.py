"""Match tensors with a module, strictly in both directions, or adapt them to its number of classes and channels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import WeightsError

__all__ = ["CLASSIFIER_WEIGHT", "STEM_WEIGHT", "adapt_state", "check_state", "load_state"]

STEM_WEIGHT, CLASSIFIER_WEIGHT = "stem.conv.weight", "head.fc.weight"
_HEAD = "head.fc."
# counters that change no output, and that other libraries do not have
_COUNTER = "num_batches_tracked"
_SHOWN = 4


def load_state(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a module of any precision.

    Args:
        module: Changed in place.
        state: Name -> tensor, by the module's names.
        source: Where they are from, for messages.

    Raises:
        WeightsError: As `check_state`; the module is not changed.
    """
    check_state(module, state, source)
    module.load_state_dict(dict(state), strict=False)  # strict apart from the counters, as was checked


def check_state(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Check that tensors and module have the same names and shapes.

    Args:
        module: The network.
        state: Tensors by name.
        source: Where they are from, for the message.

    Raises:
        WeightsError: A name or shape is on one side only, or a tensor is not dense floating point.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state and not name.endswith(_COUNTER)]
    surplus = [name for name in state if name not in own]
    other = [
        f"{name} {_shape(state[name])}, {_shape(own[name])} here"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    unfit = [
        f"{name} ({value.dtype})"
        for name, value in state.items()
        if name in own and not name.endswith(_COUNTER) and not _is_usable(value)
    ]
    problems = [
        _listed(f"{len(names)} {what}", names)
        for names, what in (
            (missing, "missing"),
            (surplus, "unknown to this network"),
            (other, "of another shape"),
            (unfit, "not dense floating point"),
        )
        if names
    ]
    if problems:
        name = getattr(getattr(module, "arch", None), "name", "") or "this network"
        raise WeightsError(
            f"{source} are not those of {name}; of their {len(state)} tensors: {'; '.join(problems)}. Give the "
            "weights of this network, or the network of these weights."
        )


def _is_usable(value: Tensor) -> bool:
    return value.is_floating_point() and value.layout == torch.strided and value.device.type == "cpu"


def _shape(value: Tensor) -> list[int]:
    return list(value.shape)


def _listed(what: str, names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} ({', '.join(name[:120] for name in names[:_SHOWN])}{more})"


def adapt_state(
    state: Mapping[str, Tensor],
    module: nn.Module,
    arch: Arch,
    names: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> tuple[dict[str, Tensor], list[str]]:
    """Adapt tensors to a module with other classes or another number of input channels.

    Args:
        state: Name -> tensor. Of other classes, the classifier's rows are taken by name, and the module's own stay
            for new ones. With another number of classes without names, or without a classifier, the module's own
            classifier stays. With another number of channels the stem's weights are summed (to one channel), or
            repeated and scaled so that activations keep about their size, as in timm.
        module: The network that will get them.
        arch: Its architecture.
        names: Of the classes in `state`, and of those of the module; empty where they are not known.

    Returns:
        The adapted tensors, and notices about what was changed.
    """
    own, adapted, notices = module.state_dict(), dict(state), []
    stem, classifier = state.get(STEM_WEIGHT), state.get(CLASSIFIER_WEIGHT)
    if stem is not None and stem.dim() == 4 and stem.shape[1] not in (0, arch.in_channels):
        adapted[STEM_WEIGHT] = _with_channels(stem, arch.in_channels)
        notices.append(
            f"the weights take {stem.shape[1]} channels and this network {arch.in_channels}: the first convolution is "
            f"{'summed' if arch.in_channels == 1 else 'repeated and scaled'}"
        )
    before, now = (tuple(each) for each in names)
    is_named = classifier is not None and classifier.shape[:1] == (len(before),) and len(now) == arch.num_classes
    if is_named and before and before != now:
        notices.append(_match_rows(adapted, own, before, now))
    elif classifier is not None and classifier.dim() == 2 and classifier.shape[0] != arch.num_classes:
        for name in (CLASSIFIER_WEIGHT, CLASSIFIER_WEIGHT.replace("weight", "bias")):
            if name in adapted:
                adapted[name] = own[name]
        notices.append(
            f"the weights know {classifier.shape[0]:,} classes and this network {arch.num_classes:,}: its classifier "
            "starts untrained"
        )
    elif not any(name.startswith(_HEAD) for name in state):
        adapted.update({name: value for name, value in own.items() if name.startswith(_HEAD)})
        notices.append("the weights have no classifier, as after pretraining without labels: it starts untrained")
    return adapted, notices


def _match_rows(
    adapted: dict[str, Tensor], own: Mapping[str, Tensor], before: tuple[str, ...], now: tuple[str, ...]
) -> str:
    """Put the classifier's rows where the names of its classes are now, in place; returns what to tell the user."""
    index = {name: row for row, name in enumerate(before)}
    kept = [row for row, name in enumerate(now) if name in index]
    for name in (CLASSIFIER_WEIGHT, CLASSIFIER_WEIGHT.replace("weight", "bias")):
        if name in adapted:
            old, new = adapted[name], own[name].clone()
            for row in kept:
                new[row] = old[index[now[row]]].to(new.dtype)
            adapted[name] = new
    fresh = [name for name in now if name not in index]
    if not kept:
        return (
            f"the weights know other classes ({_some(before)}) than these images ({_some(now)}): the classifier "
            "starts untrained"
        )
    if not fresh and len(before) == len(now):
        return "the weights know these classes in another order: the classifier's rows are matched by name"
    parts = [f"those of {len(kept):,} classes are matched by name ({_some([now[row] for row in kept])})"]
    parts += [f"{len(fresh):,} start untrained ({_some(fresh)})"] if fresh else []
    left = [name for name in before if name not in set(now)]
    parts += [f"{len(left):,} of the weights are left out ({_some(left)})"] if left else []
    return f"the classifier's rows: {'; '.join(parts)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(name[:60] for name in names[:_SHOWN])}{more}"


def _with_channels(weight: Tensor, channels: int) -> Tensor:
    """weight: (outputs, c, k, k) -> (outputs, channels, k, k)."""
    weight, before = weight.float(), weight.shape[1]
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return weight.repeat(1, math.ceil(channels / before), 1, 1)[:, :channels] * (before / channels)
