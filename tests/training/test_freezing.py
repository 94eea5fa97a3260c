"""freeze_stages and linear_probe from the recipe: whole trainings, interrupted ones, and two ranks."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from netwright.arch import BLOCKS, Arch, Stage, Stem
from netwright.errors import ArchError, RecipeError
from netwright.nn import build, freeze
from netwright.recipe import TrainConfig
from netwright.recipe.training import Optimization
from netwright.training.optimizer import parameter_groups
from netwright.training.precise_bn import precise_bn
from netwright.training.run import train

DIGITS: dict[str, Any] = {
    **{"dataset": "digits", "image_size": 8, "in_channels": 1, "mean": (127.5,), "std": (127.5,), "workers": 0},
    **{"random_crop": "padded", "hflip": 0.0, "color_jitter": None, "num_samples": 100, "val_fraction": 0.2},
    **{"validate": True, "optimizer": "momentum", "batch_size": 32, "epochs": 1, "lr": 0.05, "threads": 1, "seed": 3},
    **{"warmup_epochs": 0.0, "decay_epochs": None, "device": "cpu", "weight_decay": 1e-2},
}
# everything that could reach a weight or a statistic without a gradient
EVERYTHING = {"ema": True, "ema_decay": 0.5, "precise_bn": 2, "drop_path_rate": 0.2, "layer_decay": 0.8}


@pytest.fixture
def training(tiny: Arch, tmp_path: Path) -> Any:
    """A training that starts from the weights of another one."""
    network = tmp_path / "tiny.yaml"
    network.write_text(replace(tiny, name="tiny").to_yaml())
    common = DIGITS | {"model": str(network)}
    train(TrainConfig().with_(**common, out=str(tmp_path / "before")))

    def make(out: str = "out", **changes: Any) -> TrainConfig:
        start = {"checkpoint": str(tmp_path / "before" / "tiny_best.safetensors"), "out": str(tmp_path / out)}
        return TrainConfig().with_(**(common | start | changes))

    return make


def changed(tmp_path: Path, name: str, *, out: str = "out") -> set[str]:
    """Parts of which weights or statistics are others than before."""
    before, after = load_file(tmp_path / "before" / "tiny_best.safetensors"), load_file(tmp_path / out / name)
    different = {key for key, value in before.items() if not torch.equal(value, after[key])}
    return {".".join(key.split(".")[: 2 if key.startswith("head") else 1]) for key in different}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "learns"),
    [
        ({"freeze_stages": 0}, {"s1", "s2", "head.fc"}),
        ({"freeze_stages": 1}, {"s2", "head.fc"}),
        ({"linear_probe": True}, {"head.fc"}),
    ],
)
def test_what_is_frozen_is_written_as_it_was(training, tmp_path, capsys, changes, learns):
    trained = train(training(**changes, **EVERYTHING))
    assert trained.best is not None
    assert changed(tmp_path, trained.best.name) == learns
    state = next((tmp_path / "out" / "state").iterdir())
    kept = load_file(state / "tensors.safetensors")
    before = load_file(tmp_path / "before" / "tiny_best.safetensors")
    for name, value in before.items():
        if not any(name.startswith(part) for part in learns):
            assert torch.equal(kept[f"average/{name}"], value), name
    said = capsys.readouterr().out
    assert "frozen: stem" in said
    assert " parameters learn" in said


@pytest.mark.slow
def test_an_interrupted_one_ends_in_the_same_bits(training, tmp_path, monkeypatch):
    from netwright.training import monitor

    class Stop(Exception):  # noqa: N818 - no error
        pass

    changes = {"freeze_stages": 1, "epochs": 2, **EVERYTHING}
    train(training("whole", **changes))
    step = monitor.ConsoleMonitor.step

    def stopping(self: monitor.ConsoleMonitor, batches: int, loss: Tensor, lr: float) -> None:
        step(self, batches, loss, lr)
        if batches == 2:
            raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(monitor.ConsoleMonitor, "step", stopping)
        with pytest.raises(Stop):
            train(training("parts", state_interval=0.0, **changes))
    train(training("parts", **changes))
    first, second = (load_file(tmp_path / name / "tiny-2_3.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    with pytest.raises(RecipeError, match="freeze_stages was 1 and is 0"):
        train(training("parts", **(changes | {"freeze_stages": 0})))


@pytest.mark.slow
def test_two_ranks_train_what_is_left(training, tmp_path):
    path = tmp_path / "recipe.yaml"
    recipe = training(freeze_stages=1, distribute=True, **EVERYTHING).to_flat()
    path.write_text(json.dumps(recipe))
    words = [sys.executable, "-m", "netwright", "train", "--config", str(path)]
    job = f"test-{os.getpid()}-{time.monotonic_ns()}"
    own = {"PMI_SIZE": "2", "MPI_LOCALNRANKS": "2", "PMI_JOBID": job}
    processes = [
        subprocess.Popen(
            words,
            env=os.environ | own | {"PMI_RANK": str(rank), "MPI_LOCALRANKID": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert changed(tmp_path, "tiny_best.safetensors") == {"s2", "head.fc"}


@pytest.mark.slow
def test_a_training_of_an_older_version_goes_on(training, tmp_path):
    """Its state knows nothing of keys that came later."""
    train(training(epochs=1, state_interval=0.0))
    path = next((tmp_path / "out" / "state").iterdir()) / "state.json"
    state = json.loads(path.read_text())
    for key in ("freeze_stages", "linear_probe"):
        del state["identity"][key]
    path.write_text(json.dumps(state))
    assert len(train(training(epochs=1)).records) == 1
    with pytest.raises(RecipeError, match="linear_probe was False and is True"):
        train(training(epochs=1, linear_probe=True))


def test_recipes_that_cannot_be_are_refused(training):
    with pytest.raises(RecipeError, match="linear_probe freezes all stages, and freeze_stages is 1"):
        training(linear_probe=True, freeze_stages=1)
    with pytest.raises(ArchError, match="stages can freeze its stem and 0 to"):
        train(training(freeze_stages=9))


def test_precise_statistics_are_not_taken_of_frozen_parts(tiny):
    module = freeze(build(tiny, seed=0), 0)
    before = {name: value.clone() for name, value in module.named_buffers()}
    precise_bn(module, [torch.rand(8, tiny.in_channels, 8, 8)])
    differ = {name.split(".")[0] for name, value in module.named_buffers() if not torch.equal(before[name], value)}
    assert "s1" in differ
    assert "stem" not in differ


@pytest.mark.parametrize("block", BLOCKS)
def test_layers_count_from_the_head_in_every_family(block: str):
    family = BLOCKS[block]
    stages = (Stage(1, 8), Stage(2, 16))
    arch = Arch(stages, block, Stem("imagenet", 8), family.se_ratio, 16, 3, 1, head_width=12)
    module = freeze(build(arch, seed=0), 0)
    groups = parameter_groups(module, Optimization(layer_decay=0.5, weight_decay_filter="norm_and_bias"))
    scale_of = {name: group["lr_scale"] for group in groups for name in group["names"]}
    # frozen layers count, too: what is left learns as fast as it would beside them
    assert {".".join(name.split(".")[:2]): scale for name, scale in scale_of.items()} == {
        **{"s1.b1": 0.125, "s2.b1": 0.25, "s2.b2": 0.5},
        **{"head.conv": 1.0, "head.bn": 1.0, "head.fc": 1.0},
    }
    decay_of = {name: group["weight_decay"] for group in groups for name in group["names"]}
    assert {name.endswith(("bn.weight", "bias")) for name, decay in decay_of.items() if decay == 0.0} == {True}
    assert not any(name.endswith(("bn.weight", "bias")) for name, decay in decay_of.items() if decay)
