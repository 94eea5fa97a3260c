"""Networks that were picked from populations: trained longer, then measured once on the test split."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.data.data_path import is_digits
from netwright.studio.commands import as_typed, shown_path, words_of_run
from netwright.studio.entries import Entries
from netwright.studio.errors import StudioError
from netwright.studio.network import network_yaml
from netwright.studio.overview import curve_of
from netwright.studio.pick_images import PickImages
from netwright.studio.populations import Opened
from netwright.system.atomic import write_text

__all__ = ["PICKS", "Pick", "files_of", "pick_words", "picked", "test_folder", "test_words", "write_pick"]

PICKS = "picks"  # in the folder of the runs: NAME.yaml, the network, and NAME.json, where it is from
_FORMAT = 1
_KEPT = 0.2  # of the training images, for validation, where there is no such split


@dataclass(frozen=True, slots=True)
class Pick:
    """How a network is trained longer.

    Attributes:
        name: Of its run.
        epochs: Of its training.
        data_dir: Images of its sweep.
        images: The same, cut as the sweep cut them.
        val_fraction: Part of the training images that is kept to judge by; None for the validation split of the images,
            or a fifth where they have none.
    """

    name: str
    epochs: int
    data_dir: str
    images: PickImages
    val_fraction: float | None = None


def pick_words(home: Path, pick: Pick) -> list[str]:
    """`netwright train --model NETWORK ...`."""
    images = ["--dataset", "digits"] if is_digits(pick.images.data_dir) else ["--data_dir", pick.images.data_dir]
    fraction = pick.val_fraction
    if fraction is None:
        fraction = 0.0 if pick.images.has_validation else _KEPT
    kept = ["--val_fraction", f"{fraction:g}"] if fraction else []
    network = shown_path(home / PICKS / f"{pick.name}.yaml")
    words = ["netwright", "train", "--model", network, *images, "--epochs", str(pick.epochs), "--validate", *kept]
    return [*words, "--out", shown_path(home / pick.name)]


def write_pick(home: Path, pick: Pick, opened: Opened, trial: int) -> None:
    """Write the network, where it is from, and how its images are cut.

    Raises:
        StudioError: The trial has no network.
        DataError: The images are not what they were.
        OutputError: Something cannot be written.
    """
    text = network_yaml(opened, trial)
    pick.images.write(pick.data_dir)
    folder = home / PICKS
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{pick.name}.yaml", text, what="the network", elsewhere="another folder")
    record = {"format": _FORMAT, "population": opened.entry.id, "trial": trial, "data_dir": pick.data_dir}
    record |= {"split": "test" if pick.images.has_test else "validation"}
    write_text(folder / f"{pick.name}.json", json.dumps(record), what="the pick", elsewhere="another folder")


def picked(home: Path | None, entries: Entries, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of every pick: its training, its test, and the commands that come next."""
    if home is None or not (home / PICKS).is_dir():
        return []
    running = {job["id"]: job for job in jobs}
    known = entries.all()
    found = []
    for path in sorted((home / PICKS).glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            name, population, trial = path.stem, str(record["population"]), int(record["trial"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        run, tested = home / name, test_folder(home, name)
        training = next((each for each in known.values() if each.folder == run and each.kind == "training"), None)
        errors = [each["error"] for each in _curve(training.path)] if training else []
        found.append(
            {
                "name": name,
                "population": population,
                "trial": trial,
                "job": running.get(name),
                "test_job": running.get(tested.name),
                "epochs": len(errors),
                "error": next((each for each in reversed(errors) if each is not None), None),
                "split": str(record.get("split", "test")),
                "test": _metrics(tested),
                "train": words_of_run(training.path.parent) if training else "",
                "measured": as_typed(validate_words(home, name, str(record.get("split", "test")))),
                "files": [path.name for path in files_of(home, name)],
                "next": _next(home, name),
            }
        )
    return found


def test_folder(home: Path, name: str) -> Path:
    """Where what the test split shows is kept."""
    return home / f"{name}-test"


def test_words(home: Path, name: str, split: str) -> list[str]:
    """`netwright validate RUN --split test`. StudioError where it was measured before."""
    if (test_folder(home, name) / "metrics.json").exists():
        raise StudioError(
            409,
            f"{name} was measured on a test split already. Measured again until one looks good, it is none any more.",
        )
    if split.startswith("-") or not split.strip():
        raise StudioError(422, f"a split is a name such as test, not {split[:40]!r}.")
    return validate_words(home, name, split)


def validate_words(home: Path, name: str, split: str) -> list[str]:
    """`netwright validate RUN --split SPLIT`."""
    out = shown_path(test_folder(home, name))
    return ["netwright", "validate", shown_path(home / name), "--split", split, "--out", out]


def files_of(home: Path, name: str) -> list[Path]:
    """What can be had of a pick: its network, its weights, the best ones first, and what was exported of it."""
    run = home / name
    weights = sorted(run.glob("*.safetensors"), key=lambda path: (not path.stem.endswith("_best"), path.name))
    return [path for path in (home / PICKS / f"{name}.yaml", *weights, run / "model.onnx") if path.is_file()]


def _next(home: Path, name: str) -> list[str]:
    run = shown_path(home / name)
    return [
        as_typed(["netwright", "export", run, "--out", f"{run}/model.onnx"]),
        as_typed(["netwright", "serve", f"{run}/model.onnx"]),
    ]


def _curve(path: Path) -> list[dict[str, Any]]:
    try:
        return curve_of(path)
    except (OSError, ValueError):
        return []


def _metrics(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {name: value for name, value in found.items() if isinstance(value, int | float)}
