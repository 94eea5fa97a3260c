"""How the files in v0_1/ were made, with Netwright 0.1.0.dev0 on one processor thread; later versions only read them.

    python make_v0_1.py FOLDER      in an empty folder, which then holds what v0_1/ has

Numbers to compare with go to expected.json and logits.npz beside them.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from sklearn.datasets import load_digits

import netwright
from netwright.deploy import open_runtime

SWEEP = "sweep space.yaml --trials 5 --epochs 4 --train_images 600 --precision fp32 --device cpu --workers 1"
DESIGN = (
    "design --flops 0.1M:0.18M --trials 12 --confirm_trials 4 --epochs 2 --final_epochs 2 --final_seeds 2 "
    "--train_images 300 --precision fp32 --device cpu --workers 1 --out design"
)
TRAIN = "train --config recipe.yaml"
SAMPLE = "sample regnetx --n 5 --flops 360M:400M"
VALIDATE = "validate finished --device cpu --threads 1"
PREDICT = "predict finished digit.png --top_k 3 --device cpu --threads 1"
TRITON = "export finished --name digits --layout triton --max_batch 8"
# what a finished training, sweep or design has beside what is kept here: a cache, locks, pictures, reports
LEFT_OUT = ("cache", ".lock", "curve.png", "report.html", "figures", "*.png", "*.svg", "*.pdf")

RECIPE = """\
# A tiny network on the bundled digits: netwright train --config recipe.yaml
dataset: digits
val_fraction: 0.2
num_samples: 1024
batch_size: 32
workers: 0
image_size: 8
random_crop: padded
hflip: 0
color_jitter: null
mean: [127.5]
std: [127.5]
crop_pct: 1.0
mixup: 0.2
re_prob: 0.25
model: network.yaml
in_channels: 1
drop_path_rate: 0.1
epochs: 4
optimizer: adamw
weight_decay: 5e-4
ema: true
ema_decay: 0.9
lr: 3e-2
warmup_epochs: 1
decay_epochs: null
validate: true
checkpoint_keep: 1
device: cpu
threads: 1
seed: 7
"""


def run(command: str) -> str:
    """`netwright COMMAND`, to its end."""
    words = [sys.executable, "-m", "netwright", *command.split()]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def kill(command: str, is_time: Callable[[], bool]) -> None:
    """`netwright COMMAND`, until it is time: no program can do anything about this end."""
    words = [sys.executable, "-m", "netwright", *command.split()]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as program:
        while not is_time():
            assert program.poll() is None, f"it ended too early: {command}"
            time.sleep(0.001)
        program.kill()
    time.sleep(1.0)  # its worker ends itself


def done(folder: str) -> int:
    path = Path(folder, "population.sqlite")
    if not path.exists():
        return 0
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT count(*) FROM trials WHERE state = 'done'").fetchone()[0])
    finally:
        db.close()


def trials(folder: str) -> list[dict[str, Any]]:
    """What a population says of each trial."""
    with netwright.Population.open(folder) as population:
        frame = population.frame()
    names = ["trial", "state", "reason", "error", "flops", "params", "acts", "seed", "attempts", "label", "depth"]
    frame = frame[[name for name in names if name in frame]].assign(arch=[json.loads(each) for each in frame["arch"]])
    return [
        {key: None if value is None or value != value else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def recipes_and_spaces() -> dict[str, Any]:
    stages = (netwright.Stage(1, 8, 1, 1.0, 8), netwright.Stage(1, 16, 2, 1.0, 8))
    stem = netwright.Stem("cifar", 8)
    arch = netwright.Arch(stages, "y", stem, 0.25, 8, 10, 1, "tiny")
    Path("network.yaml").write_text(arch.to_yaml())
    Path("recipe.yaml").write_text(RECIPE)
    space = netwright.load_space("anynetx_a").refine(
        depth=(1, 2), width=(8, 24), group_width=(1, 8), tie=("bottleneck",), order={"width": "non_decreasing"}
    )
    space = replace(space.with_setting(stem="cifar", stem_width=8, strides=(1, 1, 2, 2)), name="golden")
    space = space.refine(params=(0, 20_000))
    Path("space.yaml").write_text(yaml.safe_dump(space.to_dict(), sort_keys=False))
    for suffix in ("csv", "parquet", "jsonl"):
        run(f"{SAMPLE} --out samples.{suffix}")
    Path("recipe_all.yaml").write_text(run(f"{TRAIN} --print_config"))
    drawn = [each.to_dict() for each in netwright.sample(space, 3, seed=0)]
    return {"network": arch.to_dict(), "space": space.to_dict(), "space_size": space.size(), "drawn": drawn}


def populations() -> dict[str, Any]:
    kill(f"{SWEEP} --out half", lambda: done("half") == 2)
    with netwright.Population.open("half") as population:  # as its owner may find it: SQLite's log is written in
        population.begin(4)
        population.fail(4, "diverged: the loss of epoch 1 is not finite")
        population.lock()
    shutil.copytree("half", "done")
    run(f"{SWEEP} --out done")
    return {"half": trials("half"), "done": trials("done")}


def designs() -> dict[str, Any]:
    said = run(DESIGN)
    parts = {name: trials(f"design/{name}") for name in (".", "refined", "final")}
    return {"said": said.splitlines(), "trials": parts}


def trainings() -> dict[str, Any]:
    run(f"{TRAIN} --out finished")
    kill(f"{TRAIN} --out stopped --state_interval 0", lambda: any(Path("stopped").glob("state/000003-0000002?")))
    for older in sorted(Path("stopped/state").iterdir())[:-1]:
        shutil.rmtree(older)  # the kill may have come while it was being removed
    shutil.copytree("stopped", "again")
    run(f"{TRAIN} --out again")
    (best,) = Path("finished").glob("*_best.safetensors")
    last = sorted(path.name for path in Path("finished").glob("tiny-4_*.safetensors"))
    digests = {}
    for name in last:
        whole, continued = (load_file(Path(folder, name)) for folder in ("finished", "again"))
        assert all(torch.equal(whole[key], continued[key]) for key in whole), "killed, and yet the same bits"
        digests[name] = digest(whole)
    run(f"{VALIDATE} --out validated")
    plain = netwright.load_model("finished")
    return {
        "best": best.name,
        "weights": digests,
        "arch": plain.arch.to_dict(),
        "preprocessing": plain.preprocessing.to_dict(),
        "class_names": list(plain.class_names),
        "arithmetic": arithmetic(),
        "made on": {"torch": torch.__version__, "processor": platform.machine()},
    }


def digest(state: dict[str, torch.Tensor]) -> str:
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode() + state[name].numpy().tobytes())
    return found.hexdigest()


def arithmetic() -> str:
    """Of torch alone: machines of the same one add up in the same order."""
    words = [sys.executable, str(Path(__file__).with_name("arithmetic.py"))]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def weights() -> dict[str, np.ndarray]:
    """A network that all code bases can build, in the formats of all; returns its input and logits."""
    arch = netwright.regnet(4, 8, 8.0, 1.6, 4, block="y", stem=netwright.Stem("simple", 8), resolution=32)
    arch = replace(arch, num_classes=5, name="narrow")
    torch.manual_seed(0)
    module = netwright.build(arch, seed=0).train()
    with torch.no_grad():
        for _ in range(20):
            module(torch.randn(32, 3, 32, 32) * 2 + 1)  # statistics of batch norm that are not 0 and 1
        module.head.fc.weight.mul_(30.0)
    module.eval()
    seen = netwright.Preprocessing(image_size=32, crop_pct=0.9, interpolation="bicubic", mean=(120.0, 110.0, 100.0))
    told = {"preprocessing": seen, "class_names": ("ant", "bee", "cat", "dog", "eel"), "facts": {"epoch": 3}}
    Path("weights").mkdir()
    netwright.save_model("weights/ours.safetensors", module, **told)
    netwright.save_ckpt("weights/mindcv.ckpt", module)
    netwright.save_timm("weights/timm", module, **told)
    run("models convert weights/ours.safetensors weights/torchvision.pth --to torchvision")
    run("models convert weights/ours.safetensors weights/pycls.pyth --to pycls")
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return {"weights_input": x.numpy(), "weights_logits": module(x).numpy()}


def exports() -> dict[str, np.ndarray]:
    """Of the finished training, for each runtime; returns pixels, and logits of the files and of the folders."""
    images = "--calibration_images 64 --evaluation_images 100"
    for name, words in {
        "fp32.onnx": "--report exports/fp32.json",
        "fp16.onnx": "--precision fp16",
        "int8.onnx": f"--precision int8 {images} --report exports/int8.json",
        "fp32.xml": "--to openvino",
        "int8.xml": f"--to openvino --precision int8 {images} --speed false",
        "fp32.pt2": "--to torch",
    }.items():
        run(f"export finished --name digits --out exports/{name} {words}")
    run(f"{TRITON} --out triton")
    pixels = np.rint(load_digits().images[:8] * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    Image.fromarray(pixels[0, ..., 0]).save("digit.png")
    for form in ("json", "csv"):
        run(f"{PREDICT} --format {form} --out predicted.{form}")
    found = {"pixels": pixels}
    files = sorted(path for path in Path("exports").iterdir() if path.suffix in (".onnx", ".xml", ".pt2"))
    for path in [*files, Path("triton/digits/1"), Path("finished"), Path("design")]:
        with open_runtime(path, threads=1) as runtime:
            found[str(path)] = runtime.logits(runtime.normalise(pixels))
    return found


def main() -> None:
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    os.chdir(target)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    commands = {"sweep": SWEEP, "design": DESIGN, "train": TRAIN, "sample": SAMPLE, "validate": VALIDATE}
    commands |= {"predict": PREDICT, "triton": TRITON}
    expected = {"netwright": netwright.__version__, "commands": commands} | recipes_and_spaces()
    expected |= {"populations": populations(), "design": designs(), "training": trainings()}
    np.savez_compressed("logits.npz", **weights(), **exports())
    for folder in ("half", "done", "design", "finished", "stopped", "validated"):
        for pattern in LEFT_OUT:
            for path in [*Path(folder).rglob(pattern)]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree("again")
    Path("expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
