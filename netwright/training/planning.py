"""What a training is given that leaves things open: by its weights, by its network, by its images and this machine.

Only keys that nobody gave are set, and all of them are said. A training that has begun keeps what its folder says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from netwright.data.decode_rules import BY_FILE
from netwright.errors import WeightsError
from netwright.recipe import LoadedRecipe, TrainConfig, load_training
from netwright.recipe.load import conflicts
from netwright.recipe.yaml_file import in_yaml
from netwright.training.device import bf16_helps, resolve_device
from netwright.training.first_training import CHOSEN, first_training

__all__ = ["planned"]

# how images are prepared, which the weights say
_PREPARATION = (
    *("image_size", "crop_pct", "interpolation", "antialias", "mean", "std"),
    *("resize", "background", "full_scale"),
)


def planned(loaded: LoadedRecipe, notify: Callable[[str], None] = lambda text: None) -> LoadedRecipe:
    """The training with what was left open.

    `checkpoint` says how images are prepared, and without `model` which network it is of. A network.yaml says its
    resolution. With neither, a small network is chosen with its recipe (`first_training`), unless several processes
    train together.

    Args:
        loaded: The training.
        notify: Called with which images these are, before a network is chosen for them.

    Raises:
        DataError, WeightsError, ArchError: What a user can correct.
    """
    begun = _begun(loaded.training)
    loaded = _on_device(loaded, begun)
    training = loaded.training
    network = training.network
    is_first = not network.model and not training.machine.distribute
    if begun is not None and is_first:
        before = begun.to_flat()
        open_ = {key: before[key] for key in (*CHOSEN, *_PREPARATION) if key not in loaded.given}
        return _with(loaded, open_, f"as in {training.checkpoints.out}", [])
    if network.checkpoint:
        chosen, why = _of_weights(training), f"from {network.checkpoint}"
    else:
        chosen, why = _of_network(training), "from the network"
    notices: list[str] = []
    if is_first:
        wanted = training.with_(**{key: value for key, value in chosen.items() if key not in loaded.given})
        more, notices = first_training(wanted, loaded.given, notify)
        chosen, why = more | chosen, "chosen, as they were not given"
    open_ = {key: value for key, value in chosen.items() if key not in loaded.given}
    if begun is not None:
        before = begun.to_flat()
        open_, why = {key: before[key] for key in open_}, f"as in {training.checkpoints.out}"
    return _with(loaded, open_, why, notices)


def _on_device(loaded: LoadedRecipe, begun: TrainConfig | None) -> LoadedRecipe:
    """bf16 on GPUs that compute it, where neither a flag nor a recipe file says how: without a precision it is fp32."""
    if loaded.from_file or "precision" in loaded.given:
        return loaded
    if begun is not None:
        return replace(loaded, training=loaded.training.with_(precision=begun.precision.precision))
    device = resolve_device(loaded.training.machine.device)
    if device.type != "cuda" or not bf16_helps(device):
        return loaded
    return _with(loaded, {"precision": "bf16"}, "on GPUs, where --precision fp32 is not given", [])


def _with(loaded: LoadedRecipe, open_: Mapping[str, Any], why: str, notices: list[str]) -> LoadedRecipe:
    """The training with these values, and what they change as a notice."""
    training = loaded.training
    flat = training.to_flat()
    changes = {key: value for key, value in open_.items() if flat[key] != _plain(value)}
    if changes:
        notices = [f"{why}: {_flags(changes)}", *notices]
    complete, stale = training.with_(**open_), conflicts(training, loaded.given)
    before = [text for text in loaded.notices if text not in stale]  # what was left open is no conflict any more
    return replace(loaded, training=complete, notices=(*before, *conflicts(complete, loaded.given), *notices))


def _begun(training: TrainConfig) -> TrainConfig | None:
    """The training that the folder holds already, if it is to go on."""
    out = Path(training.checkpoints.out)
    recipe = out / "training.yaml"
    if not (
        training.checkpoints.resume and recipe.is_file() and (out / "state").is_dir() and any((out / "state").iterdir())
    ):
        return None
    return load_training(recipe).training


def _of_weights(training: TrainConfig) -> dict[str, Any]:
    """How images are prepared for the weights to start from, and for how many channels."""
    from netwright.weights import load_model

    network = training.network
    try:
        model = load_model(network.checkpoint, model=network.model)
    except WeightsError:
        if network.model:
            return {}  # weights of another stem are adapted; what is wrong is said when they are loaded
        raise
    if any("preprocessing" in notice for notice in model.notices):
        return {"in_channels": model.arch.in_channels} if not network.model else {}
    own = model.preprocessing
    chosen = {"in_channels": own.channels} | {key: getattr(own, key) for key in _PREPARATION}
    if own.full_scale == BY_FILE:
        del chosen["full_scale"]  # it is looked for in these images
    return chosen


def _of_network(training: TrainConfig) -> dict[str, Any]:
    """The resolution of a network.yaml; a published name has that of ImageNet, which is the default."""
    from netwright.weights import resolve_arch

    model = training.network.model
    if not model or not (Path(model).suffix in (".yaml", ".yml") or Path(model).is_dir()):
        return {}
    return {"image_size": resolve_arch(model).resolution}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _flags(changes: Mapping[str, Any]) -> str:
    """As they would be typed."""
    words = []
    for key, value in changes.items():
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else in_yaml(value)
        words.append(f"--{key} {'none' if value is None else text}")
    return " ".join(words)
