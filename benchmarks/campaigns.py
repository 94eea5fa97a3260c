"""What the campaigns of kills share: a sweep of tiny networks by the real command, and what must hold at its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from netwright.population import FILE, Population

__all__ = ["check", "children", "finished", "frame_of", "log_of", "reference", "run_campaigns", "start", "sweep_words"]


def sweep_words(out: Path, trials: int, epochs: int, seed: int) -> list[str]:
    """The command of a sweep of networks that train for a second, on a few of the bundled digits."""
    words = (
        f"sweep anynetx_a --data_dir digits --train_images 250 --flops 0.1M:0.4M --trials {trials} --epochs {epochs}"
    )
    return [*words.split(), "--seed", str(seed), "--device", "cpu", "--out", str(out)]


def start(*words: object, log: Path, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """netwright with these words, in a group of its own; what it prints is added to a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [*before, sys.executable, "-m", "netwright", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def reference(folder: Path, trials: int, epochs: int, seed: int) -> pd.DataFrame:
    """The same sweep where nothing happens."""
    words = sweep_words(folder / "reference", trials, epochs, seed)
    if start(*words, "--workers", "2", log=folder / "reference.log").wait():
        raise SystemExit((folder / "reference.log").read_text())
    return frame_of(folder / "reference")


def frame_of(folder: Path) -> pd.DataFrame:
    """The trials of a population."""
    with Population.open(folder) as population:
        return population.frame()


def finished(folder: Path) -> int:
    """Trials that are done or failed."""
    if not (folder / FILE).exists():
        return 0
    with Population.open(folder) as population:
        counts = population.counts()
    return counts["done"] + counts["failed"]


def children(process: int) -> list[tuple[int, str]]:
    """Process ids and command lines of what a process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except (OSError, ValueError):
            continue
        if parent == process:
            found.append((int(folder.name), words))
    return found


def check(folder: Path, expected: pd.DataFrame) -> list[str]:
    """What does not hold: every trial done, and its curve that of the undisturbed sweep to the last bit."""
    frame, wrong = frame_of(folder), []
    if frame["state"].tolist() != ["done"] * len(expected):
        wrong.append(f"states {frame['state'].value_counts().to_dict()}: {frame['reason'].dropna().tolist()}")
    if frame["trial"].tolist() != list(range(len(expected))):
        wrong.append("a trial is missing, or there twice")
    losses = [[[epoch["loss"] for epoch in curve or ()] for curve in each["curve"]] for each in (frame, expected)]
    if losses[0] != losses[1] or frame["error"].tolist() != expected["error"].tolist():
        wrong.append("results differ from those of the undisturbed sweep")
    return wrong


def log_of(path: Path, lines: int = 12) -> str:
    """The end of what a program printed."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def run_campaigns(
    home: Path, many: int, expected: pd.DataFrame, one: Callable[[int, Path], None], log: Callable[[int], Path]
) -> int:
    """Run them, print what holds, and return how many do not.

    Args:
        home: Where the campaigns' folders are.
        many: Campaigns.
        expected: Of the undisturbed sweep.
        one: (number, folder) -> sweeps, and disturbs it.
        log: Number -> where its programs print.
    """
    failed = 0
    for number in range(many):
        print(f"campaign {number + 1}", flush=True)
        began, folder = time.perf_counter(), home / f"c{number}"
        one(number, folder)
        wrong = check(folder, expected)
        failed += bool(wrong)
        again = int((frame_of(folder)["attempts"] > 1).sum())
        verdict = "; ".join(wrong) or (
            f"all {len(expected)} finished once, equal to the undisturbed sweep; {again} were begun more than once"
        )
        print(f"  {time.perf_counter() - began:.0f} s: {verdict}", flush=True)
        if wrong:
            print(log_of(log(number), 40), flush=True)
    print(f"{many - failed} of {many} campaigns hold")
    os.sync()
    return failed
