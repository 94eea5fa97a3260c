"""A network on a device, ready to be timed.

Networks of every library are trained by the same loop, the engine's, with the optimizer of the published recipes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from netwright.bench.contender import BuiltNetwork
from netwright.bench.settings import Settings
from netwright.training.compiled import compile_module
from netwright.training.engine import Engine, EpochMeter, train_epoch
from netwright.training.graphed import engine_class
from netwright.training.optimizer import takes_fused
from netwright.training.precision import autocast, resolve_precision

__all__ = ["TimedNetwork", "matmul_rate", "synchronize"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_LR = 1e-4  # far from diverging, on one batch again and again
_WARM_UP = 2  # batches before the timing: kernels are chosen, memory is allocated


class TimedNetwork:
    """A network with a batch of random images and an optimizer on a device.

    Args:
        network: The network.
        settings: Of the benchmark.
        device: To run on.
    """

    def __init__(self, network: BuiltNetwork, settings: Settings, device: torch.device) -> None:
        precision, _ = resolve_precision(settings.precision, device)
        self.device = device
        self._autocast = partial(autocast, precision, device)
        self.module = network.module.to(device)
        generator = torch.Generator().manual_seed(settings.seed)
        x = torch.randn(settings.batch_size, *network.shape, generator=generator)
        self.x = x.to(device)
        if settings.channels_last:
            self.module.to(memory_format=torch.channels_last)
            self.x = self.x.contiguous(memory_format=torch.channels_last)
        self.target = torch.randint(0, network.classes, (len(x),), generator=generator).to(device)
        self._called: Callable[[Tensor], Tensor] = self.module
        if settings.compile:
            self._called = compile_module(self.module, device)
        self._engine: Engine | None = None

    def train(self, steps: int) -> None:
        """Do training steps: SGD with Nesterov momentum, cross-entropy."""
        if self._engine is None:  # made when first needed: inference needs no momentum
            optimizer = torch.optim.SGD(
                self.module.parameters(),
                lr=_LR,
                momentum=0.9,
                nesterov=True,
                weight_decay=5e-5,
                fused=takes_fused("sgd", self.device),
            )
            self._engine = engine_class(self.device)(
                self.module,
                optimizer,
                lr_schedule=lambda position: _LR,
                criterion=nn.functional.cross_entropy,
                autocast=self._autocast,
                wrapped=self._called,
            )
        batches = ((self.x, self.target) for _ in range(steps))
        train_epoch(self._engine, batches, EpochMeter.start(1, self.device), steps)

    @torch.inference_mode()
    def infer(self, steps: int, images: int | None = None) -> None:
        """Compute the logits of the batch, or of its first images, `steps` times."""
        self.module.eval()
        x = self.x if images is None else self.x[:images]
        with self._autocast():
            for _ in range(steps):
                self._called(x)

    def train_rate(self, seconds: float) -> float:
        """Images per second of training, over about `seconds`."""
        return len(self.x) * _rate(self.train, seconds, self.device)

    def infer_rate(self, seconds: float) -> float:
        """Images per second of inference, over about `seconds`."""
        return len(self.x) * _rate(self.infer, seconds, self.device)

    def latencies(self, seconds: float) -> list[float]:
        """Milliseconds of single images, one after another for `seconds`; at least one."""
        times: list[float] = []
        started = time.perf_counter()
        while not times or time.perf_counter() - started < seconds:
            start = time.perf_counter()
            self.infer(1, images=1)
            synchronize(self.device)
            times.append(1e3 * (time.perf_counter() - start))
        return times

    def warm_up(self, *, train: bool, infer: bool) -> None:
        """Run once, untimed, what will be timed."""
        if train:
            self.train(_WARM_UP)
        if infer:
            self.infer(_WARM_UP)
            self.infer(_WARM_UP, images=1)
        synchronize(self.device)


def matmul_rate(precision: str, device: torch.device, seconds: float, side: int | None = None) -> float:
    """Operations per second (a multiply-add is two) of square matrix products.

    Args:
        precision: fp32, bf16 or fp16.
        device: To run on.
        seconds: To measure.
        side: Of the matrices; None: 2048 on a CPU, 8192 on accelerators, where products are fastest.
    """
    side = side or (2048 if device.type == "cpu" else 8192)
    a = torch.randn(side, side, generator=torch.Generator().manual_seed(0)).to(device, _DTYPES[precision])
    out = torch.empty_like(a)

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(a, a, out=out)

    multiply(1)
    return 2 * side**3 * _rate(multiply, seconds, device)


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _rate(work: Callable[[int], None], seconds: float, device: torch.device) -> float:
    """How often per second work(1) is done, over about `seconds`; a first time only tells how often that is."""

    def timed(times: int) -> float:
        synchronize(device)
        start = time.perf_counter()
        work(times)
        synchronize(device)
        return time.perf_counter() - start

    once = timed(1)
    if once >= seconds:
        return 1 / once
    times = math.ceil((seconds - once) / once)
    return times / timed(times)
