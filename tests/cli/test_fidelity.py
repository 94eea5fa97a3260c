import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Run = Callable[..., Any]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A column an epoch, as accuracies in fractions."""
    rng = np.random.default_rng(0)
    end = rng.uniform(0.5, 0.7, 40)
    curves = {f"e{k}Accuracy": end - 0.3 / k + rng.normal(0, 0.05 / k, 40) for k in range(1, 11)}
    path = tmp_path / "curves.csv"
    pd.DataFrame({"depth": np.arange(40), **curves, "MaxAccuracy": end}).to_csv(path, index=False)
    return path


def test_a_table_with_a_column_an_epoch(netwright: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranks.json"
    done = netwright("fidelity", table, "--epochs", "1,5", "--out", out)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "curves: 40 networks, early epochs against epoch 10"
    assert lines[1].split() == ["tau,", "all", "tau,", "best", "25%", "(10)"]
    assert [line.split()[:2] for line in lines[2:4]] == [["epoch", "1"], ["epoch", "5"]]
    assert "no ceiling" in done.out
    assert any("curves of 10 epochs, 1 to 10: Accuracy." in line for line in lines)
    written = json.loads(out.read_text())
    assert written["command"].startswith("netwright fidelity ")
    assert written["ranks"]["epoch 1"]["tau"] < written["ranks"]["epoch 5"]["tau"]


def test_two_of_them(netwright: Run, table: Path) -> None:
    done = netwright("fidelity", table, table, "--parameters", "depth", "--epochs", "2")
    assert done.status == 0
    assert "curves against curves" not in done.out
    assert "  end of A" in done.out
    assert "  epoch 2 of A" in done.out
    assert "networks matched by depth" in done.out


@pytest.mark.parametrize(
    ("flags", "status", "says"),
    [
        (("--epochs", "12"), 1, "no epoch 12: they have 1 to 10"),
        (("--epochs", "a"), 2, "epochs are whole numbers with commas between them, such as 1,3,9, not 'a'"),
        (("--out", "ranks.csv"), 1, "a file ending in .json"),
        (("--fraction", "1.5"), 1, "between 0 and 1"),
    ],
)
def test_mistakes_are_explained(netwright: Run, table: Path, flags: tuple[str, ...], status: int, says: str) -> None:
    done = netwright("fidelity", table, *flags)
    assert done.status == status
    assert says in done.err


@pytest.mark.slow
def test_a_sweep_with_repeats_tells_what_seeds_do(netwright: Run, tmp_path: Path) -> None:
    small = ("--flops=0.3M:0.6M", "--epochs=2", "--train_images=200", "--workers=1", f"--out={tmp_path}")
    first = netwright("sweep", "regnetx", *small, "--trials=5")
    done = netwright("sweep", "regnetx", *small, "--trials=6", "--repeats=2", "--repeated=4")
    assert (first.status, done.status) == (0, 0)
    assert done.out.startswith(f"6 trials done, 0 failed: {tmp_path}\n4 trainings with other seeds done, 0 failed\n")
    assert "regnetx, other seeds" in done.err
    again = netwright("sweep", "regnetx", *small, "--trials=6", "--repeats=2", "--repeated=4")
    assert again.out == done.out
    ranks = netwright("fidelity", tmp_path)
    assert ranks.out.startswith("regnetx: 6 networks, early epochs against epoch 2\n")
    assert "4 networks of 6 with several seeds" in ranks.out
    assert netwright("analyze", tmp_path).out.startswith("regnetx: 6 networks, 0 failed\n")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--repeats=0",), "repeats is at least 1, not 0"),
        (("--repeated=4",), "repeated is 4, and no network is repeated"),
        (("--repeats=3", "--repeated=2"), "repeated lies between 3"),
        (("--repeats=3", "--repeated=9"), "it is 9 of 5"),
    ],
)
def test_repeats_that_cannot_be_are_refused_before_any_training(
    netwright: Run, tmp_path: Path, flags: tuple[str, ...], says: str
) -> None:
    done = netwright("sweep", "regnetx", "--trials=5", f"--out={tmp_path / 'x'}", *flags)
    assert (done.status, done.out) == (1, "")
    assert says in done.err
    assert not (tmp_path / "x").exists()
