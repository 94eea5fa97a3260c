"""Sweeps as processes: interrupted, resumed, extended; and what is refused before any training."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.population import Population
from netwright.report.text import count

Run = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]

SMALL = ("sweep", "regnetx", "--flops=0.3M:0.6M", "--epochs=2", "--workers=1")


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_more_trials_go_on_from_there(
    started: Start, netwright: Run, tmp_path: Path
) -> None:
    out = tmp_path / "runs.v1"  # a dot is no suffix of a folder
    program = started(*SMALL, "--trials=500", f"--out={out}", cwd=tmp_path, until=out)
    program.send_signal(signal.SIGINT)
    answer, errors = program.communicate()
    assert (program.returncode, answer) == (130, "")
    assert errors.endswith("netwright sweep: interrupted. What was finished is kept; the same command continues.\n")
    assert "Traceback" not in errors
    with Population.open(out) as population:
        counts = population.counts()
        done = population.frame().query("state == 'done'").set_index("trial")["error"]
    assert counts["running"] == counts["failed"] == 0
    assert counts["done"] >= 1
    fewer = netwright(*SMALL, "--trials=4", f"--out={out}")
    assert fewer.status == 1
    assert "has 500 trials, and 4 are wanted" in fewer.err
    other = netwright("analyze", out)
    assert other.out.startswith(f"regnetx: {count(len(done), 'network')}, 0 failed")


@pytest.mark.slow
def test_a_sweep_ends_with_what_comes_next(netwright: Run, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "x"
    first = netwright(*SMALL, "--trials=1", f"--out={out}")
    assert (first.status, first.out) == (0, f"1 trial done, 0 failed: {out}\nnetwright analyze {out}\n")
    with Population.open(out) as population:
        error = population.frame()["error"][0]
    more = netwright(*SMALL, "--trials=2", f"--out={out}")
    assert "regnetx: 1 of 2 trials were finished before; continuing" in more.err
    with Population.open(out) as population:
        assert population.frame()["error"][0] == error
        assert population.counts()["done"] == 2
    changed = netwright(*SMALL, "--trials=2", "--lr=0.3", f"--out={out}")
    assert changed.status == 1
    assert re.search(r"made differently:\n  recipe\.lr: 0\.05 -> 0\.3\nGive the same", changed.err)


@pytest.mark.slow
def test_a_sweep_of_which_the_machine_failed_all_is_status_1_until_it_is_retried(
    netwright: Run, tmp_path: Path
) -> None:
    out = tmp_path / "x"
    words = [*SMALL, "--trials=2", f"--out={out}"]
    for more in (["--trial_timeout=0.001"], [], ["--epochs=2"]):
        failed = netwright(*words, *more)
        assert failed.status == 1
        assert failed.out.splitlines() == [
            f"0 trials done, 2 failed (0 by their networks, 2 by the machine): {out}",
            "2 trials were failed by the machine, not by their networks: 2 x no result within 0.001 s (--trial_timeout)"
            ". To train what the machine failed again:",
            f"netwright {' '.join([*words, *more])} --retry_failed",
        ]
    again = netwright(*words, "--retry_failed")
    assert (again.status, again.out) == (0, f"2 trials done, 0 failed: {out}\nnetwright analyze {out}\n")
    assert "regnetx: 2 failed trials are trained again" in again.err
    with Population.open(out) as population:
        assert population.frame()["attempts"].tolist() == [2, 2]
        assert population.notes["provenance"]["command"].endswith("--trial_timeout=0.001")


@pytest.mark.slow
def test_a_sweep_of_networks_that_diverge_is_status_1(netwright: Run, tmp_path: Path) -> None:
    hot = ("--lr=100", "--epochs=30", "--trials=1", f"--out={tmp_path / 'x'}")
    failed = netwright(*SMALL, *hot)
    assert (failed.status, failed.out) == (1, f"0 trials done, 1 failed: {tmp_path / 'x'}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trials=0"], "trials is a whole number of at least 1, not 0"),
        (["--epochs=-1"], "epochs is a whole number of at least 1, not -1"),
        (["--workers=0"], "workers is a whole number of at least 1, or none, not 0"),
        (["--workers=-2"], "workers is a whole number of at least 1, or none, not -2"),
        (["--threads=0"], "threads is a whole number of at least 1, not 0"),
        (["--seed=-1"], "seed is a whole number of at least 0, not -1"),
        (["--batch_size=0"], "batch_size is a whole number of at least 1, not 0"),
        (["--trial_timeout=0"], "trial_timeout is a number above 0, or none, not 0"),
        (["--lr=nan"], "lr is a number within 0 to 100, or auto, not nan"),
        (["--device=cuda:77"], "device"),
        (["--data_dir=no/such"], "the data folder 'no/such' does not exist"),
        (
            ["--out=/proc/no/such"],
            "the results cannot be written to /proc/no/such: No such file or directory. Choose another --out.",
        ),
    ],
)
def test_a_mistake_is_explained_before_any_training(
    netwright: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = netwright(*SMALL, "--trials=2", "--out=x", *words)
    assert (done.status, done.out) == (1, "")
    assert says in done.err.splitlines()[-1]
    assert not (tmp_path / "x" / "population.sqlite").exists()
