"""Which file of weights a path means: a file itself, a training's folder, a design's folder, MindCV's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from netwright.errors import WeightsError

__all__ = ["NETWORK", "Located", "locate"]

NETWORK = "network.yaml"  # as `netwright design` writes it, weights.safetensors beside it
_DESIGNED = "weights.safetensors"
# as the hub and timm keep a network, config.json beside it
_REPOSITORY = ("model.safetensors", "pytorch_model.bin")
_BEST = re.compile(r"(?P<model>.+)_best\.(safetensors|ckpt)")
# model-epoch_steps, as MindCV names it too
_EPOCH = re.compile(r"(?P<model>.+)-(?P<epoch>\d+)_\d+(?P<average>_ema)?\.(safetensors|ckpt)")


@dataclass(frozen=True, slots=True)
class Located:
    """path: of the weights. network: its network.yaml, where there is one. why: it is these weights, in words, where
    there was a choice."""

    path: Path
    network: Path | None = None
    why: str = ""


def locate(ref: str | Path) -> Located:
    """The file that `ref` means; a file that is none of the kinds below is taken as it is, there or not.

    Of a training's folder the best weights by validation, else the newest epoch's. Of a network.yaml, or the folder
    with one, the weights.safetensors beside it; of a folder as timm or the hub have it, its model.safetensors. Raises
    WeightsError for a folder without weights, or of several models.
    """
    path = Path(ref)
    if path.is_dir():
        return _in_folder(path)
    if path.suffix in (".yaml", ".yml"):
        return _beside(path)
    return Located(path)


def _in_folder(folder: Path) -> Located:
    try:
        names = sorted(each.name for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    except OSError as error:
        raise WeightsError(f"{folder} cannot be read: {error.strerror}. Correct its permissions.") from error
    best = {found["model"]: found[0] for name in names if (found := _BEST.fullmatch(name))}
    if best:
        model = _only(list(best), folder)
        return Located(folder / best[model], why="the best by validation")
    epochs = [found for name in names if (found := _EPOCH.fullmatch(name))]
    if epochs:
        _only([found["model"] for found in epochs], folder)
        # of one epoch the weights as trained, before their moving average
        newest = max(epochs, key=lambda found: (int(found["epoch"]), found["average"] is None))
        return Located(folder / newest[0], why=f"of the newest epoch, {newest['epoch']}")
    if NETWORK in names:
        return _beside(folder / NETWORK)
    for name in _REPOSITORY:
        if name in names:
            return Located(folder / name)
    if "training.yaml" in names:
        raise WeightsError(f"the training in {folder} has written no weights yet. Let it finish an epoch.")
    weights = [name for name in names if name.endswith((".safetensors", ".ckpt", ".pth", ".pt"))]
    hint = f"It has {', '.join(weights[:4])}: give one of these." if weights else "Give the folder of a training."
    raise WeightsError(
        f"{folder} is no folder of a training (MODEL_best.safetensors, MODEL-EPOCH_STEPS.safetensors), of a design "
        f"({NETWORK}, {_DESIGNED}) or of the hub ({_REPOSITORY[0]}). {hint}"
    )


def _only(models: list[str], folder: Path) -> str:
    different = sorted(set(models))
    if len(different) > 1:
        raise WeightsError(f"{folder} has weights of {', '.join(different)}. Give the file that you mean.")
    return different[0]


def _beside(network: Path) -> Located:
    weights = network.with_name(_DESIGNED)
    if not network.is_file():
        raise WeightsError(f"there is no {network}. Correct the path.")
    if not weights.is_file():
        raise WeightsError(
            f"{network} describes a network, and its weights are expected beside it as {_DESIGNED}, which is not "
            "there. Give the file of its weights, and the network as model."
        )
    return Located(weights, network)
