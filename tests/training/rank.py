"""A process of tests/train/test_ranks.py: one rank of a group, which does one job and writes what came of it."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from netwright.arch import Arch, Stage, Stem
from netwright.cli.main import main as main_of_netwright
from netwright.nn import build
from netwright.training import Engine, EpochMeter, train_epoch
from netwright.training.distributed import Group, join_group

ARCH = Arch(
    stages=(Stage(1, 16, stride=1, group_width=8),), stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1
)


def batches(count: int, size: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(size, 1, 8, 8, generator=generator), torch.randint(0, 10, (size,), generator=generator))
        for _ in range(count)
    ]


def frozen() -> nn.Module:
    """A network whose batch norm uses its statistics as they are, in training too."""
    module = build(ARCH, seed=5)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
            part.train = lambda mode=True, part=part: part  # type: ignore[method-assign]
    return module


def train_frozen(rank: int, world: int) -> dict[str, torch.Tensor]:
    """Weights after steps of 64 images, of which each rank has its share."""
    module = frozen()
    engine = Engine(
        module,
        torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9),
        lr_schedule=lambda _: 0.1,
        criterion=functional.cross_entropy,
        wrapped=DistributedDataParallel(module) if world > 1 else None,
    )
    parts = [(x[rank::world], target[rank::world]) for x, target in batches(6, 64)]
    train_epoch(engine, parts, EpochMeter.start(1, torch.device("cpu")), len(parts))
    return module.state_dict()


def speak(group: Group) -> dict[str, object]:
    """Every way to tell the others something."""
    values = [torch.full((3,), float(group.rank)), torch.ones(2, 2)]
    group.all_reduce_mean(values)
    return {
        "sum": group.all_reduce_sum(np.array([2.0**50, group.rank])).tolist(),
        "average": values[0].tolist(),
        "agree": group.broadcast(f"of rank {group.rank}"),
        "gather": group.gather(group.rank * 2),
    }


def threads() -> list[str]:
    """Names of this process's threads."""
    return sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))


def main(job: str, out: Path) -> None:
    torch.set_num_threads(1)
    if job == "whole":
        assert main_of_netwright(sys.argv[3:]) == 0
        (out / f"threads-{os.environ['PMI_RANK']}.json").write_text(json.dumps(threads()))
        return
    with join_group("cpu", distribute=True, timeout=30) as group:
        if job == "frozen":
            torch.save(train_frozen(group.rank, group.world), out / f"{group.rank}.pt")
        elif job == "speak":
            (out / f"{group.rank}.json").write_text(json.dumps(speak(group)))
        elif job in ("die", "stop", "raise"):
            group.barrier()
            if group.rank == 1:
                if job == "raise":
                    raise ValueError("no images here")
                os.kill(os.getpid(), signal.SIGKILL if job == "die" else signal.SIGSTOP)
            for _ in range(1000):
                group.heartbeat()
                group.all_reduce_sum(np.zeros(1))
                time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
