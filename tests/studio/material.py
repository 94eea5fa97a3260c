"""A folder of runs of every kind, made in a moment: populations, a refinement with its sample, trainings, picks."""

from __future__ import annotations

import json
from pathlib import Path

from fixtures.populations import made_population

from netwright.space import DesignSpace, load_space

__all__ = ["full_runs"]

_WIDTHS = {"width": "non_decreasing"}
_LOWEST = {"flops": 2.2e6, "params": 3.1e5, "acts": 1.1e5}


def full_runs(folder: Path) -> Path:
    """A population, a refinement with its sample, one that is half done, trainings, a validation, picks."""
    command = f"netwright sweep anynetx_a --data_dir digits --trials 80 --epochs 3 --out {folder / 'a'}"
    made_population(folder / "a", "anynetx_a", 80, command=command)
    base = load_space("anynetx_a").for_images(32, 10, 3)
    rises = "width non-decreasing from stage to stage"
    _refined(folder, "a-r1", "a", base.refine(order=_WIDTHS, name="a-r1"), (60, 1.0), rises)
    narrower = base.refine(order=_WIDTHS, tie=["bottleneck"], name="a-r2")
    _refined(folder, "a-r2", "a-r1", narrower, (40, 0.5), "bottleneck shared by all stages")
    _training(folder / "a-t1", 12, 60.0)
    _training(folder / "a-t2", 8, 66.0)
    _validation(folder / "a-t1-test", 71.5)
    (folder / "picks").mkdir()
    for name, trial in (("a-t1", 1), ("a-t2", 2)):
        record = {"format": 1, "population": "a", "trial": trial, "data_dir": "digits", "split": "test"}
        (folder / "picks" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        (folder / "picks" / f"{name}.yaml").write_text("name: made\n", encoding="utf-8")
    return folder


def _refined(folder: Path, name: str, parent: str, space: DesignSpace, trials: tuple[int, float], change: str) -> None:
    """trials: how many, and which share of them is done."""
    run, (n, done) = folder / name, trials
    command = f"netwright sweep {run / 'space.yaml'} --data_dir digits --trials {n} --epochs 3 --out {run}"
    made_population(run, space, n, seed=len(name) + n, done=done, failed=0.0, command=command)
    evidence = {
        "changes": [change],
        "size": [17.6, 15.2],
        "lowest": [_LOWEST, {key: 1.4 * value for key, value in _LOWEST.items()}],
        "inside": 9,
        "rest": 69,
        "test": None,
        "warning": "",
    }
    record = {"format": 1, "parent": parent, "trials": n, "made": 0.0, "evidence": evidence}
    (run / "refinement.json").write_text(json.dumps(record), encoding="utf-8")
    (run / "space.yaml").write_text("name: made\n", encoding="utf-8")


def _training(run: Path, epochs: int, start: float) -> None:
    run.mkdir()
    command = f"netwright train --model picks/{run.name}.yaml --dataset digits --epochs {epochs} --out {run}"
    (run / "training.yaml").write_text(f"# {command}\nepochs: {epochs}\n", encoding="utf-8")
    lines = [
        {
            "epoch": epoch,
            "loss": 2.2 / epoch,
            "lr": 0.1,
            "train_error": start / epoch,
            "validation": {"top1": 100 - start / epoch**0.5},
        }
        for epoch in range(1, epochs + 1)
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    (run / "made_best.safetensors").write_bytes(b"weights")


def _validation(run: Path, top1: float) -> None:
    run.mkdir()
    measured = {"images": 359, "top1": top1, "top1_interval": [0.667, 0.759], "balanced": top1 - 0.4, "loss": 0.93}
    (run / "metrics.json").write_text(json.dumps(measured), encoding="utf-8")
    (run / "per_class.csv").write_text("class,top1\n", encoding="utf-8")
