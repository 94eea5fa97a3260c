"""Locate the file of weights that a path means: a file, or the folder of a training, a design, the hub or MindCV."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from netwright.errors import WeightsError

__all__ = ["NETWORK", "Located", "locate", "locate_average"]

NETWORK = "network.yaml"  # as `netwright design` writes it, weights.safetensors beside it
_DESIGNED = "weights.safetensors"
# the names of the hub and timm, with config.json beside the file
_REPOSITORY = ("model.safetensors", "pytorch_model.bin")
_BEST = re.compile(r"(?P<model>.+)_best\.(safetensors|ckpt)")
# model-epoch_steps, also in MindCV
_EPOCH = re.compile(r"(?P<model>.+)-(?P<epoch>\d+)_\d+(?P<average>_ema)?\.(safetensors|ckpt)")


@dataclass(frozen=True, slots=True)
class Located:
    """A located file of weights.

    Attributes:
        path: Of the weights.
        network: Its network.yaml, if there is one.
        reason: Why these weights were chosen, where there are several.
    """

    path: Path
    network: Path | None = None
    reason: str = ""


def locate(ref: str | Path) -> Located:
    """Locate the file that a path means.

    For the folder of a training these are the best weights by validation, else those of the newest epoch; for a
    network.yaml or its folder the weights.safetensors beside it; for a folder of timm or the hub its model.safetensors.
    Any other path is returned as it is, whether it exists or not.

    Raises:
        WeightsError: A folder has no weights, or weights of several models.
    """
    path = Path(ref)
    if path.is_dir():
        return _in_folder(path)
    if path.suffix in (".yaml", ".yml"):
        return _beside(path)
    return Located(path)


def locate_average(ref: str | Path) -> Located | None:
    """The moving average that a training wrote beside its weights: of the newest epoch in a folder, of the same epoch
    for a file. None where there is none."""
    path = Path(ref)
    if path.is_dir():
        found = [match for each in path.iterdir() if (match := _EPOCH.fullmatch(each.name)) and match["average"]]
        if not found:
            return None
        newest = max(found, key=lambda match: int(match["epoch"]))
        return Located(
            path / newest[0], reason=f"the moving average of the newest epoch that has one, {newest['epoch']}"
        )
    match = _EPOCH.fullmatch(path.name)
    if match is None:
        return None
    beside = path if match["average"] else path.with_name(f"{path.stem}_ema{path.suffix}")
    return Located(beside, reason="the moving average of that epoch") if beside.is_file() else None


def _in_folder(folder: Path) -> Located:
    try:
        names = sorted(each.name for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    except OSError as error:
        raise WeightsError(f"{folder} cannot be read: {error.strerror}. Correct its permissions.") from error
    best = {found["model"]: found[0] for name in names if (found := _BEST.fullmatch(name))}
    if best:
        model = _only(list(best), folder)
        return Located(folder / best[model], reason="the best by validation")
    epochs = [found for name in names if (found := _EPOCH.fullmatch(name))]
    if epochs:
        _only([found["model"] for found in epochs], folder)
        # of the same epoch, the trained weights before their moving average
        newest = max(epochs, key=lambda found: (int(found["epoch"]), found["average"] is None))
        return Located(folder / newest[0], reason=f"of the newest epoch, {newest['epoch']}")
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
        raise WeightsError(f"{folder} has weights of {', '.join(different)}. Give one of the files.")
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
