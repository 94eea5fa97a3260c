"""Kill a training many times, resume it with the same command, and compare the final weights bit for bit.

    python benchmarks/kill9.py --kills 20 --seed 0

Trains twice with the same arguments: once undisturbed, and once killed with SIGKILL at random moments, from start-up to
the writing of weights, and restarted each time. The exit status is 0 if every tensor of the final weights is equal.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_file

from netwright.arch import Arch, Stage, Stem

ARGUMENTS = shlex.split(
    "--dataset digits --stem cifar --image_size 16 --in_channels 1 --mean [127.5] --std [127.5] --random_crop padded "
    "--hflip 0 --color_jitter none --val_fraction 0.2 --validate --optimizer adamw --batch_size 32 "
    "--drop_path_rate 0.1 --ema --mixup 0.2 --re_prob 0.25 --workers 0 --state_interval 1 --log_interval 10"
)
START_SECONDS = 4.0  # about the time until the first batch
NETWORK = Arch(
    stages=(Stage(1, 16, stride=1, group_width=8), Stage(2, 32, group_width=8)),
    stem=Stem("cifar", 8),
    resolution=8,
    num_classes=10,
    in_channels=1,
    name="tiny",
)


def start(out: Path, epochs: int) -> subprocess.Popen[bytes]:
    network = out.with_name("network.yaml")
    network.write_text(NETWORK.to_yaml())
    command = [sys.executable, "-m", "netwright", "train", *ARGUMENTS, "--model", str(network)]
    command += ["--epochs", str(epochs), "--out", str(out)]
    log = open(out.with_suffix(".log"), "ab")  # noqa: SIM115 (the child writes to it)
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--out", type=Path, default=None, help="default: a temporary folder")
    options = parser.parse_args()
    folder = options.out or Path(tempfile.mkdtemp(prefix="kill9-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    if start(folder / "undisturbed", options.epochs).wait():
        print((folder / "undisturbed.log").read_text(), file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    print(f"undisturbed: {seconds:.1f} s")
    rng = random.Random(options.seed)
    kills, starts = 0, 0
    while True:
        starts += 1
        process = start(folder / "killed", options.epochs)
        # some kills hit the start, most the training, so that each start trains only a part of it
        moment = rng.uniform(0.3, START_SECONDS + seconds / 8) if kills < options.kills else None
        try:
            status = process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            print(f"kill {kills} after {moment:.2f} s of start {starts}", flush=True)
            continue
        if status:
            print((folder / "killed.log").read_text()[-3000:], file=sys.stderr)
            return 1
        if kills < options.kills:
            print(f"the training finished after {kills} kills")
        break
    names = sorted(path.name for path in (folder / "undisturbed").glob("*.safetensors"))
    different = [
        f"{name}: {key}"
        for name in names
        for key, value in load_file(folder / "undisturbed" / name).items()
        if not value.equal(load_file(folder / "killed" / name)[key])
    ]
    print(f"{kills} kills, {starts} starts: {len(names)} weight files, {len(different)} tensors differ")
    return 1 if different or kills < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
