"""Optimizers by name, parameter groups for weight decay and layer-wise learning rates, and state without pickle."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netwright.errors import RecipeError, WeightsError
from netwright.recipe.training import Optimization

__all__ = ["load_optimizer_state", "make_optimizer", "optimizer_state", "parameter_groups", "takes_fused"]

ParamGroup = dict[str, Any]

_NORMALIZATION = (
    nn.modules.batchnorm._NormBase,  # batch and instance normalization of every dimension, SyncBatchNorm
    nn.GroupNorm,
    nn.LayerNorm,
    nn.LocalResponseNorm,
    nn.RMSNorm,
)
_BLOCK = re.compile(r"s(\d+)\.b(\d+)\.")
_COUNTERS = ("step", "mu_product")  # per parameter; torch keeps them on the CPU unless the step is fused
_OWN_KEYS = ("params", "names", "lr_scale")  # of a group, in addition to the optimizer's options and state


def parameter_groups(module: nn.Module, optimization: Optimization) -> list[ParamGroup]:
    """Group the parameters of a module by weight decay and learning rate.

    Args:
        module: Parameters without gradient are left out.
        optimization: weight_decay_filter: `disable` decays all parameters; `auto` all but those of normalization
            layers; `norm_and_bias` all but those and biases. layer_decay: lr_scale is its power of the distance from
            the head, counted in blocks (BEiT, as timm's param_groups_layer_decay).

    Returns:
        Groups with `params`, their `names`, `weight_decay` and `lr_scale`, in the order of the module.
    """
    exempt = _exempt_names(module, optimization.weight_decay_filter)
    scales = _layer_scales(module, optimization.layer_decay)
    groups: dict[tuple[float, float], ParamGroup] = {}
    for name, value in module.named_parameters():
        if not value.requires_grad:
            continue
        decay, scale = 0.0 if name in exempt else optimization.weight_decay, scales[name]
        empty: ParamGroup = {"params": [], "names": [], "weight_decay": decay, "lr_scale": scale}
        group = groups.setdefault((decay, scale), empty)
        group["params"].append(value)
        group["names"].append(name)
    return list(groups.values())


def make_optimizer(module: nn.Module, optimization: Optimization, lr: float) -> Optimizer:
    """Make the optimizer of a recipe.

    torch: sgd, momentum, adam (L2 in the gradient), adamw, rmsprop, adagrad, nadam; timm: lion, lamb, adan, muon. sgd
    and momentum are the same, as in MindCV: SGD with momentum and dampening 0. rmsprop and muon use the momentum too.
    eps is for all but sgd, momentum, lion and muon; nesterov for sgd, momentum and muon. muon makes the steps of
    filters and matrices orthogonal (kellerjordan.github.io/posts/muon), of the size that AdamW's steps have, and takes
    AdamW, or NAdamW with nesterov, for biases and normalization. Other options have the libraries' defaults, but lamb
    does not clip gradients: clip_norm does.

    Args:
        module: On its device already.
        optimization: The recipe's optimization.
        lr: Learning rate of the first step.

    Raises:
        RecipeError: The timm that is installed does not have the optimizer.
    """
    groups = parameter_groups(module, optimization)
    assert groups, "a module to train has parameters with gradients"
    for group in groups:
        group["lr"] = lr * group["lr_scale"]
    # else torch chooses, with one kernel for many tensors where it has one
    fused = True if takes_fused(optimization.optimizer, groups[0]["params"][0].device) else None
    return _MAKERS[optimization.optimizer](groups, lr, optimization, fused)


def takes_fused(optimizer: str, device: torch.device) -> bool:
    """Whether torch has one kernel for the whole step of an optimizer on a device."""
    return optimizer in _FUSED.get(device.type, ())


def optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state of an optimizer of `make_optimizer`.

    The tensors are those that the optimizer uses: write or copy them before its next step. Options (lr, betas, ...) are
    no state; they come from the recipe.

    Returns:
        Tensors by `parameter/key`, and metadata that JSON can hold.
    """
    tensors: dict[str, Tensor] = {}
    groups = []
    for index, group in enumerate(optimizer.param_groups):
        for name, value in zip(group["names"], group["params"], strict=True):
            state = optimizer.state.get(value, {})
            # timm's muon keeps a truth too: which of its two rules a parameter has, which its shape decides
            kept = {key: each for key, each in state.items() if not isinstance(each, bool)}
            tensors |= {f"{name}/{key}": each for key, each in kept.items() if each is not None}
        values = {}
        for key in sorted(group.keys() - optimizer.defaults.keys() - {*_OWN_KEYS}):
            if isinstance(group[key], Tensor):
                tensors[f"group/{index}/{key}"] = group[key]
            else:
                values[key] = group[key]
        groups.append({"names": list(group["names"]), "state": values})
    assert all(isinstance(value, Tensor) for value in tensors.values()), "torch and timm keep tensors for parameters"
    return tensors, {"optimizer": type(optimizer).__name__, "groups": groups}


def load_optimizer_state(optimizer: Optimizer, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Restore an `optimizer_state`: the next steps are the same bit for bit.

    Args:
        optimizer: Of the same kind and for the same parameters.
        tensors: Name -> value; each gets the device and strides of its parameter.
        metadata: The rest of the state.

    Raises:
        WeightsError: The state is of another optimizer or other parameters; the optimizer is not changed.
    """
    parameters = _check_same(optimizer, metadata)
    state: dict[Tensor, dict[str, Tensor]] = {}
    group_states: list[dict[str, Any]] = [dict(group["state"]) for group in metadata["groups"]]
    for full, value in tensors.items():
        name, _, key = full.partition("/")
        index, _, group_key = key.partition("/")
        if name == "group" and group_key:
            group_states[int(index)][group_key] = value.detach().to("cpu", copy=True)
            continue
        if name not in parameters:
            raise WeightsError(
                f"the state of an optimizer is for the trained parameters, and {name!r} is none of them. {_CURE}"
            )
        parameter, group = parameters[name]
        if key in _COUNTERS:
            fused = group.get("fused") or group.get("capturable")
            restored = value.detach().to(parameter.device if fused else "cpu", copy=True)
        else:
            restored = _like(parameter, value, full)
        state.setdefault(parameter, {})[key] = restored
    optimizer.state.clear()
    optimizer.state.update(state)
    for group, saved in zip(optimizer.param_groups, group_states, strict=True):
        group.update(saved)


_CURE = "Set resume_optimizer to False, or train the same parameters as before."


def _exempt_names(module: nn.Module, weight_decay_filter: str) -> set[str]:
    """Names of the parameters that do not decay."""
    if weight_decay_filter == "disable":
        return set()
    of_norms = {
        id(value)
        for part in module.modules()
        if isinstance(part, _NORMALIZATION)
        for value in part.parameters(recurse=False)
    }
    return {
        name
        for name, value in module.named_parameters()
        if id(value) in of_norms or (weight_decay_filter == "norm_and_bias" and name.rpartition(".")[2] == "bias")
    }


def _layer_scales(module: nn.Module, layer_decay: float | None) -> dict[str, float]:
    """Parameter name -> lr_scale. Layers are the stem, each block, and the head."""
    layer_of = {name: _layer(name) for name, _ in module.named_parameters()}
    if layer_decay is None:
        return dict.fromkeys(layer_of, 1.0)
    from_head = {layer: distance for distance, layer in enumerate(sorted(set(layer_of.values()), reverse=True))}
    return {name: layer_decay ** from_head[layer] for name, layer in layer_of.items()}


def _layer(name: str) -> tuple[int, ...]:
    """A key that sorts layers from input to output."""
    if name.startswith("stem."):
        return (0,)
    block = _BLOCK.match(name)
    return (2,) if block is None else (1, int(block[1]), int(block[2]))


def _check_same(optimizer: Optimizer, metadata: Mapping[str, Any]) -> dict[str, tuple[Tensor, ParamGroup]]:
    """The parameters of an optimizer by name; WeightsError where the state is for others."""
    own = type(optimizer).__name__
    if metadata["optimizer"] != own:
        raise WeightsError(
            f"an optimizer resumes from its own state, and this state is of {metadata['optimizer']}, not {own}. {_CURE}"
        )
    before = [group["names"] for group in metadata["groups"]]
    now = [group["names"] for group in optimizer.param_groups]
    if before != now:
        counts = [f"{sum(map(len, names))} in {len(names)} groups" for names in (before, now)]
        raise WeightsError(
            f"an optimizer resumes with the same parameters in the same groups: there were {counts[0]}, and "
            f"there are {counts[1]}. {_CURE}"
        )
    return {
        name: (value, group)
        for group in optimizer.param_groups
        for name, value in zip(group["names"], group["params"], strict=True)
    }


def _like(parameter: Tensor, value: Tensor, name: str) -> Tensor:
    """A copy of the value in the memory format of the parameter, as fused steps need it."""
    if value.shape != parameter.shape:
        raise WeightsError(
            f"the state of an optimizer has the shapes of the parameters, and {name} is {tuple(value.shape)}, not "
            f"{tuple(parameter.shape)}. {_CURE}"
        )
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _sgd(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    # Nesterov needs momentum
    nesterov = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, lr, momentum=recipe.momentum, nesterov=nesterov, fused=fused)


def _adam(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    return torch.optim.Adam(groups, lr, eps=recipe.eps, fused=fused)


def _adamw(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    return torch.optim.AdamW(groups, lr, eps=recipe.eps, fused=fused)


def _rmsprop(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    return torch.optim.RMSprop(groups, lr, eps=recipe.eps, momentum=recipe.momentum)


def _adagrad(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    return torch.optim.Adagrad(groups, lr, eps=recipe.eps, fused=fused)


def _nadam(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    return torch.optim.NAdam(groups, lr, eps=recipe.eps)


def _lion(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    from timm.optim.lion import Lion

    return Lion(groups, lr)


def _lamb(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    from timm.optim.lamb import Lamb

    return Lamb(groups, lr, eps=recipe.eps, max_grad_norm=None)


def _adan(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    from timm.optim.adan import Adan

    return Adan(groups, lr, eps=recipe.eps)


def _muon(groups: list[ParamGroup], lr: float, recipe: Optimization, fused: bool | None) -> Optimizer:
    try:
        from timm.optim.muon import Muon
    except ImportError as error:
        raise RecipeError(
            "the optimizer muon is timm's, and the timm that is installed has none. Update timm."
        ) from error
    return Muon(groups, lr, momentum=recipe.momentum, nesterov=recipe.nesterov)


_MAKERS: dict[str, Callable[[list[ParamGroup], float, Optimization, bool | None], Optimizer]] = {
    "sgd": _sgd,
    "momentum": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "lion": _lion,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "lamb": _lamb,
    "nadam": _nadam,
    "adan": _adan,
    "muon": _muon,
}
# kind of device -> optimizers with one kernel for the whole step
_FUSED: dict[str, tuple[str, ...]] = {
    "cpu": ("sgd", "momentum", "adam", "adamw", "adagrad"),
    "cuda": ("sgd", "momentum", "adam", "adamw"),
}
