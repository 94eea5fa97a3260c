"""One network on a device, ready to be timed. Training is the engine's own loop, with the optimizer of the published
recipes, for whoever's network it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from netwright.bench.contender import Network
from netwright.bench.settings import Settings
from netwright.training.engine import Engine, Tally, train_epoch
from netwright.training.precision import autocast, resolve_precision

__all__ = ["Subject", "matmul_rate", "synchronize"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_LR = 1e-4  # of one batch over and over: far from diverging
_WARM = 2  # batches before anything is timed: kernels are chosen, memory is fetched


class Subject:
    """A network with a batch of random images, weights and optimizer on the device."""

    def __init__(self, network: Network, settings: Settings, device: torch.device) -> None:
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
        self._called: Callable[[Tensor], Tensor] = torch.compile(self.module) if settings.compile else self.module
        self._engine: Engine | None = None

    def train(self, steps: int) -> None:
        """Forward, backward and optimizer step, so many times: SGD with Nesterov momentum, cross-entropy."""
        if self._engine is None:  # made when first needed: what only answers needs no momentum
            optimizer = torch.optim.SGD(
                self.module.parameters(), lr=_LR, momentum=0.9, nesterov=True, weight_decay=5e-5, fused=True
            )
            self._engine = Engine(
                self.module,
                optimizer,
                lr_at=lambda position: _LR,
                criterion=nn.functional.cross_entropy,
                autocast=self._autocast,
                wrapped=self._called,
            )
        batches = ((self.x, self.target) for _ in range(steps))
        train_epoch(self._engine, batches, Tally.begin(1, self.device), steps)

    @torch.inference_mode()
    def infer(self, steps: int, images: int | None = None) -> None:
        """Logits of the batch, or of its first images, so many times."""
        self.module.eval()
        x = self.x if images is None else self.x[:images]
        with self._autocast():
            for _ in range(steps):
                self._called(x)

    def train_rate(self, seconds: float) -> float:
        """Images a second of training."""
        return len(self.x) * _rate(self.train, seconds, self.device)

    def infer_rate(self, seconds: float) -> float:
        """Images a second of inference."""
        return len(self.x) * _rate(self.infer, seconds, self.device)

    def latencies(self, seconds: float) -> list[float]:
        """Milliseconds of single images, one after another, for so long; at least one."""
        found: list[float] = []
        began = time.perf_counter()
        while not found or time.perf_counter() - began < seconds:
            start = time.perf_counter()
            self.infer(1, images=1)
            synchronize(self.device)
            found.append(1e3 * (time.perf_counter() - start))
        return found

    def warm_up(self, *, train: bool, infer: bool) -> None:
        """Do untimed what will be timed."""
        if train:
            self.train(_WARM)
        if infer:
            self.infer(_WARM)
            self.infer(_WARM, images=1)
        synchronize(self.device)


def matmul_rate(precision: str, device: torch.device, seconds: float, side: int | None = None) -> float:
    """Operations a second (a multiply-add is two) of square matrix products in that precision.

    side: of the matrices; None: 2048 on a CPU, 8192 on accelerators, where a product is at its fastest.
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
    """Wait until the device has done what it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _rate(work: Callable[[int], None], seconds: float, device: torch.device) -> float:
    """Times a second that work is done, over about so many seconds; the first time only tells how often that is."""

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
