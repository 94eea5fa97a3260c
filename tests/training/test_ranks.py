"""Real processes that train together on this machine, by every starter that is here."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from netwright.arch import Arch
from netwright.loader import EvalLoader, open_splits
from netwright.recipe import load_training
from netwright.training import evaluate_batches
from netwright.weights import load_model

RANK = Path(__file__).with_name("rank.py")
MPIRUN = shutil.which("mpirun")


def by_hand(world: int, words: list[str]) -> list[subprocess.Popen[str]]:
    """As MPICH starts them, each of its own so that a test can stop one."""
    job = f"test-{os.getpid()}-{time.monotonic_ns()}"
    return [
        subprocess.Popen(
            [sys.executable, *words],
            env=os.environ
            | {"PMI_RANK": str(rank), "PMI_SIZE": str(world), "MPI_LOCALRANKID": str(rank), "PMI_JOBID": job}
            | {"MPI_LOCALNRANKS": str(world)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(world)
    ]


def outputs(processes: list[subprocess.Popen[str]], seconds: float = 120) -> list[tuple[int, str]]:
    try:
        return [(process.wait(seconds), process.communicate()[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.fixture
def stopped() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that a test leaves stopped."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_ranks_tell_each_other(tmp_path: Path):
    for status, said in outputs(by_hand(3, [str(RANK), "speak", str(tmp_path)])):
        assert status == 0, said
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(3)]
    assert [each["sum"] for each in said] == [[3 * 2.0**50, 3.0]] * 3
    assert [each["average"] for each in said] == [[1.0] * 3] * 3
    assert [each["agree"] for each in said] == ["of rank 0"] * 3
    assert [each["gather"] for each in said] == [[0, 2, 4], [], []]


@pytest.mark.slow
def test_two_ranks_of_32_are_one_of_64_where_batch_norm_is_frozen(tmp_path: Path):
    for status, said in outputs(by_hand(2, [str(RANK), "frozen", str(tmp_path)])):
        assert status == 0, said
    for status, said in outputs(by_hand(1, [str(RANK), "frozen", str(tmp_path / "..")])):
        assert status == 0, said
    one = torch.load(tmp_path / ".." / "0.pt", weights_only=True)
    two = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name, value in one.items():
        assert torch.equal(two[0][name], two[1][name]), name
        assert torch.allclose(two[0][name], value, rtol=1e-4, atol=1e-6), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "says"),
    [
        ("die", r"rank 1 has been silent for \d+ s: it was killed or stopped"),
        ("stop", r"rank 1 has been silent for \d+ s: it was killed or stopped"),
        ("raise", "rank 1 stopped: ValueError: no images here"),
    ],
)
def test_a_rank_that_is_lost_ends_the_others_with_its_name(tmp_path: Path, stopped, job: str, says: str):
    begun = time.monotonic()
    processes = by_hand(2, [str(RANK), job, str(tmp_path)])
    stopped += processes
    said = processes[0].communicate(timeout=60)[0]
    assert processes[0].returncode != 0
    assert re.search(says, said), said
    assert time.monotonic() - begun < 60


def train_words(network: Path, out: Path, *more: str) -> list[str]:
    plain = {"dataset": "digits", "image_size": 8, "in_channels": 1, "mean": 127.5, "std": 127.5, "workers": 0}
    plain |= {"random_crop": "padded", "hflip": 0, "color_jitter": "none", "num_samples": 200, "val_fraction": 0.2}
    plain |= {"model": network, "out": out, "validate": True, "optimizer": "momentum", "batch_size": 32, "lr": 0.05}
    plain |= {"epochs": 2, "decay_epochs": "none", "warmup_epochs": 0, "threads": 1, "distribute": True}
    return ["-m", "netwright", "train", *(f"--{key}={value}" for key, value in plain.items()), *more]


@pytest.fixture
def network(tiny: Arch, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(replace(tiny, name="tiny").to_yaml())
    return path


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for the names of threads")
def test_threads_of_the_group_end_with_it(network: Path, tmp_path: Path):
    """One that outlives the interpreter can abort it: "terminate called without an active exception"."""
    words = train_words(network, tmp_path / "out")[2:]
    for status, said in outputs(by_hand(2, [str(RANK), "whole", str(tmp_path), *words])):
        assert status == 0, said
    for rank in range(2):
        names = json.loads((tmp_path / f"threads-{rank}.json").read_text())
        assert "python" in names
        assert not [name for name in names if "gloo" in name or "tcpstore" in name], names


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "tiny-2_3.safetensors")


@pytest.mark.slow
def test_a_training_of_two_ranks_is_the_same_by_every_starter(network: Path, tmp_path: Path):
    for status, said in outputs(by_hand(2, train_words(network, tmp_path / "hand"))):
        assert status == 0, said
    starters = {"torchrun": ["-m", "torch.distributed.run", "--nproc_per_node=2"]}
    commands = {"torchrun": [sys.executable, *starters["torchrun"], *train_words(network, tmp_path / "torchrun")]}
    if MPIRUN is not None:
        mpirun = [MPIRUN, "--allow-run-as-root", "--oversubscribe", "-n", "2"]
        commands["mpirun"] = [*mpirun, sys.executable, *train_words(network, tmp_path / "mpirun")]
    first = weights(tmp_path / "hand")
    for name, command in commands.items():
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("epoch 2/2: loss") == 1  # one rank speaks
        other = weights(tmp_path / name)
        assert all(torch.equal(value, other[key]) for key, value in first.items()), name


@pytest.mark.slow
def test_ranks_that_were_killed_go_on_together(network: Path, tmp_path: Path):
    for status, said in outputs(by_hand(2, train_words(network, tmp_path / "whole", "--epochs=6"))):
        assert status == 0, said
    processes = by_hand(2, train_words(network, tmp_path / "parts", "--epochs=6", "--log_interval=1"))
    assert processes[0].stdout is not None
    for line in processes[0].stdout:
        if "Epoch: [3/6]" in line:
            break
    for process in processes:
        process.kill()
        process.communicate()
    for status, said in outputs(by_hand(2, train_words(network, tmp_path / "parts", "--epochs=6"))):
        assert status == 0, said
    first, second = (load_file(tmp_path / name / "tiny-6_3.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(value, second[key]) for key, value in first.items())


@pytest.mark.slow
def test_validation_over_ranks_counts_every_image_once(network: Path, tmp_path: Path):
    for status, said in outputs(by_hand(3, train_words(network, tmp_path / "out"))):
        assert status == 0, said
    record = json.loads((tmp_path / "out" / "metrics.jsonl").read_text().splitlines()[1])["validation"]
    loaded = load_training(tmp_path / "out" / "training.yaml")
    model = load_model(tmp_path / "out" / "tiny-2_2.safetensors")
    _, split = open_splits(loaded.training)
    assert split is not None
    loader = EvalLoader(split, model.preprocessing, batch_size=32, workers=0, device=torch.device("cpu"))
    alone = evaluate_batches(model.module, ((x, target) for x, target, _ in loader))
    loader.close()
    assert (record["images"], record["top1"], record["top5"]) == (alone.images, alone.top1, alone.top5)
    assert record["loss"] == pytest.approx(alone.loss, rel=1e-5)
