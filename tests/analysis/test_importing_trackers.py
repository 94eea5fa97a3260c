"""Tables of W&B and Ray Tune as populations."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright import import_population
from netwright.population import Population

N = 24


def note(population: Population) -> dict[str, Any]:
    return dict(population.notes["import"])


def wandb_runs() -> pd.DataFrame:
    """As the page of W&B exports its table of runs."""
    rng = np.random.default_rng(2)
    lr, depth = 10 ** rng.uniform(-3, -1, N), rng.integers(8, 20, N)
    states = ["finished"] * (N - 3) + ["crashed", "killed", "running"]
    accuracy = np.where(np.arange(N) < N - 3, 0.6 + depth / 100, np.nan)
    described = {"Name": [f"run-{i}" for i in range(N)], "State": states, "Notes": "-", "User": "ann", "Tags": ""}
    timed = {"Created": "2026-01-01T10:00:00.000Z", "Runtime": rng.integers(50, 90, N), "Sweep": "abc123"}
    return pd.DataFrame(
        described | timed | {"lr": lr, "depth": depth, "_step": 99, "val_acc": accuracy, "train_loss": 1.0}
    )


def test_the_runs_of_wandb(tmp_path: Path) -> None:
    table = wandb_runs()
    table.to_csv(tmp_path / "wandb.csv", index=False)
    with import_population(tmp_path / "wandb.csv", tmp_path / "run") as population:
        frame, about, counts = population.frame(), note(population), population.counts()
    assert about["parameters"] == ["lr", "depth"]
    assert counts == {"waiting": 0, "running": 1, "done": N - 3, "failed": 2}
    assert frame["failure"].dropna().tolist() == ["network", "machine"]
    assert frame["label"][5] == "run-5"
    assert frame["seconds"].tolist() == table["Runtime"].tolist()


def test_the_script_of_wandb_writes_mappings_as_python_prints_them(tmp_path: Path) -> None:
    rows = wandb_runs().iloc[: N - 3]
    config = [
        str({"lr": float(a), "depth": int(b), "_wandb": {"a": 1}})
        for a, b in zip(rows["lr"], rows["depth"], strict=True)
    ]
    summary = [str({"_step": 9, "val_acc": float(a), "grad": float("nan")}) for a in rows["val_acc"]]
    pd.DataFrame({"summary": summary, "config": config, "name": rows["Name"]}).to_csv(tmp_path / "project.csv")
    with import_population(tmp_path / "project.csv", tmp_path / "run") as population:
        frame, about = population.frame(), note(population)
    assert about["parameters"] == ["lr", "depth"]
    np.testing.assert_allclose(frame["error"], 100 - 100 * rows["val_acc"])


def test_a_history_of_wandb_has_a_row_for_each_step(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for i in range(12):
        for step in range(6):  # training and validation are logged at different steps
            value = {"val_acc": 50.0 + i + step} if step % 2 else {"train_loss": 3.0 - step / 10}
            rows.append({"run_id": f"r{i}", "_step": step, "lr": 0.1 * (i * 5 % 12 + 1), **value})
    pd.DataFrame(rows).to_csv(tmp_path / "history.csv", index=False)
    with import_population(tmp_path / "history.csv", tmp_path / "run") as population:
        frame, about = population.frame(), note(population)
    assert (about["rows"], about["trials"], about["parameters"]) == (72, 12, ["lr"])
    assert frame["error"].tolist() == [45.0 - i for i in range(12)]
    assert [(r["epoch"], r.get("error")) for r in frame["curve"][1]][:2] == [(0, None), (1, 48.0)]
    assert frame["label"].tolist() == [f"r{i}" for i in range(12)]


def ray_rows(n: int = 15, iterations: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(n):
        config = {"config/lr": float(10 ** rng.uniform(-4, -1)), "config/depth": int(rng.integers(2, 9))}
        for iteration in range(1, iterations + 1):
            rows.append(
                {
                    "accuracy": 0.5 + config["config/depth"] / 50 + iteration / 100,
                    "training_iteration": iteration,
                    "trial_id": f"e1f2_{i:05d}",
                    "date": "2026-01-01_10-00-00",
                    "timestamp": 1_700_000_000 + i,
                    "time_total_s": 3.5 * iteration,
                    "time_this_iter_s": 3.5,
                    "done": iteration == iterations,
                    "pid": 100 + i % 2,
                    "hostname": "node",
                    "node_ip": "10.0.0.1",
                    "iterations_since_restore": iteration,
                    **config,
                    "logdir": f"e1f2_{i:05d}",
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("iterations", [1, 4])
def test_results_of_ray_tune(tmp_path: Path, iterations: int) -> None:
    table = ray_rows(iterations=iterations)
    table.to_csv(tmp_path / "ray.csv", index=False)
    with import_population(tmp_path / "ray.csv", tmp_path / "run") as population:
        frame, about = population.frame(), note(population)
    last = table[table["training_iteration"] == iterations].reset_index(drop=True)
    assert about["parameters"] == ["lr", "depth"]
    assert len(frame) == 15
    np.testing.assert_allclose(frame["error"], 100 - 100 * last["accuracy"])
    assert frame["lr"].tolist() == last["config/lr"].tolist()
    assert frame["seconds"].tolist() == last["time_total_s"].tolist()
    assert frame["label"][2] == "e1f2_00002"
    assert [len(curve) for curve in frame["curve"]] == [0 if iterations == 1 else 4] * 15


def test_trials_that_stop_early_are_told(tmp_path: Path) -> None:
    table = ray_rows(iterations=4)
    short = table[(table["trial_id"] != "e1f2_00003") | (table["training_iteration"] < 3)]
    short.to_csv(tmp_path / "x.csv", index=False)
    with import_population(tmp_path / "x.csv", tmp_path / "p") as population:
        assert any(
            notice.startswith("1 of 15 trials end before training_iteration 4")
            for notice in note(population)["notices"]
        )
        assert len(population.frame()["curve"][3]) == 2
