"""The guided job as a process: run again, in a folder of another configuration, on a full disk."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_it_says_what_it_does_and_what_came_out(designed: Any) -> None:
    lines = designed.answer.splitlines()
    assert lines[0].startswith("pick: regnetx")
    assert "test accuracy" in lines[0]
    assert designed.errors.rstrip().split("next:\n")[1].split()[:3] == ["netwright", "validate", "runs/d"]
    assert lines[1].strip().endswith("activations")
    assert lines[2].startswith("baseline: regnet_x_")
    assert lines[4].startswith("by guessing: ")
    assert lines[5].startswith("expected before the final training, as validation images tell it: ")
    assert lines[6].startswith("The pick's mean test error is ")
    assert lines[7].startswith("The mean error of regnetx_refined is ")
    assert lines[8] == "report: runs/d/report.html"
    assert "digits: decoded to 8 x 8 pixels" in designed.errors
    assert "The pick is network regnetx" in designed.errors


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seed=1"], "seed: 0 -> 1"),
        (["--space=regnety"], "space.setting.block: 'x' -> 'y'"),
        (["--trials=11"], "a population grows and never shrinks"),
        (["--trials=0"], "trials is a whole number of at least 1, not 0"),
        (["--confirm_trials=0"], "confirm_trials is a whole number of at least 1, or none, not 0"),
        (["--final_epochs=-1"], "final_epochs is a whole number of at least 1, or none, not -1"),
    ],
)
def test_another_configuration_is_refused_and_touches_nothing(
    designed: Any, netwright: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(designed.folder.parents[1])
    before = {path: path.stat().st_mtime_ns for path in designed.folder.rglob("*.*") if path.name != ".lock"}
    done = netwright(*designed.command, *words)
    assert (done.status, done.out) == (1, "")
    assert says in done.err
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_full_disk_at_the_report_leaves_the_old_one_and_is_told(designed: Any, tmp_path: Path) -> None:
    shutil.copytree(designed.folder, tmp_path / "runs" / "d")
    page = tmp_path / "runs" / "d" / "report.html"
    before = page.read_bytes()

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = subprocess.run(
        [sys.executable, "-m", "netwright.cli.main", *designed.command],
        cwd=tmp_path,
        env=os.environ,
        preexec_fn=little_room,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "File too large" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert page.read_bytes() == before
    assert not [path.name for path in page.parent.rglob("*.new")]
