"""Measure networks in turns, so that a machine that becomes slower or faster does so for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch

from netwright.bench.contender import BuiltNetwork, Contender, build_contender
from netwright.bench.memory import peak_memory
from netwright.bench.settings import Settings
from netwright.bench.timed_network import TimedNetwork, matmul_rate
from netwright.errors import RecipeError
from netwright.system.machine import default_threads, hardware, keep_memory, versions
from netwright.training.device import device_name, resolve_device
from netwright.training.precision import resolve_precision
from netwright.training.process import process_settings

__all__ = ["TRAINING", "Benchmark", "BenchmarkRow", "measure", "ratios"]

# training over inference, in multiply-adds: forward, gradients of activations, gradients of weights
TRAINING = 3


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """The measurements of one network.

    Attributes:
        contender: The network.
        flops: Multiply-adds of an image.
        params: Learnable parameters.
        image_size: Side of the input in pixels.
        train: Images per second of training, one value per repeat; empty where it was not measured.
        infer: Likewise of inference.
        single: Milliseconds of each single image.
        train_memory: Bytes; None where it was not measured.
        infer_memory: Likewise.
    """

    contender: Contender
    flops: int
    params: int
    image_size: int
    train: tuple[float, ...] = ()
    infer: tuple[float, ...] = ()
    single: tuple[float, ...] = ()
    train_memory: int | None = None
    infer_memory: int | None = None

    def train_share(self, peak: float) -> float | None:
        """The share of the peak (operations per second) that training reaches; 2 x 3 x multiply-adds per image."""
        return 2 * TRAINING * self.flops * median(self.train) / peak if self.train else None

    def infer_share(self, peak: float) -> float | None:
        """The share of the peak that inference reaches; 2 x multiply-adds per image."""
        return 2 * self.flops * median(self.infer) / peak if self.infer else None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The result of a benchmark.

    Attributes:
        settings: How it measured.
        facts: Of the machine and versions, by name.
        peak: Operations per second of the fastest square matrix product.
        rows: One per network.
        notices: What a reader should know.
    """

    settings: Settings
    facts: dict[str, str]
    peak: float
    rows: tuple[BenchmarkRow, ...]
    notices: tuple[str, ...] = ()

    def row(self, name: str) -> BenchmarkRow:
        """The row of a network by its name."""
        return next(row for row in self.rows if row.contender.name == name)


def ratios(rates: Sequence[float], rival_rates: Sequence[float]) -> tuple[float, float, float]:
    """(median, lowest, highest) ratio of rates, repeat by repeat: what slows a repeat slows both networks."""
    each = [a / b for a, b in zip(rates, rival_rates, strict=True)]
    return median(each), min(each), max(each)


def measure(
    contenders: Sequence[Contender],
    settings: Settings,
    *,
    notices: Sequence[str] = (),
    on_progress: Callable[[str], None] = lambda line: None,
    matmul_side: int | None = None,
) -> Benchmark:
    """Measure networks in turns, the order of which also rotates, then their memory.

    Args:
        contenders: The networks.
        settings: How to measure.
        notices: To be added to the result.
        on_progress: Called with a line for each part.
        matmul_side: Side of the matrices for the peak; None for a side at which a product is fastest.

    Raises:
        RecipeError: Memory is not enough.
        ArchError: A network is unknown.
    """
    with process_settings(threads=settings.threads or default_threads()):
        return _measure(contenders, settings, notices, on_progress, matmul_side)


def _measure(
    contenders: Sequence[Contender],
    settings: Settings,
    notices: Sequence[str],
    on_progress: Callable[[str], None],
    matmul_side: int | None,
) -> Benchmark:
    device = resolve_device(settings.device)
    keep_memory()  # as in every training; for the rivals in this process too
    precision, notice = resolve_precision(settings.precision, device)
    facts = _facts(settings, device, precision)
    networks = [build_contender(each.name, settings.image_size, settings.seed) for each in contenders]
    notices = [*notices, *_differences(contenders, networks)]
    times = _Times([[] for _ in networks], [[] for _ in networks], [[] for _ in networks])
    try:
        peak = _take_turns(contenders, networks, settings, device, precision, times, matmul_side, on_progress)
    except torch.OutOfMemoryError as error:
        raise RecipeError(
            f"a batch of {settings.batch_size} does not fit the memory of {device_name(device)}. Lower --batch_size."
        ) from error
    rows = []
    for i, (each, network) in enumerate(zip(contenders, networks, strict=True)):
        memory: dict[str, int | None] = {}
        for what in ("train", "infer") if settings.memory else ():
            if getattr(settings, what):
                on_progress(f"memory of {each.name}, {what}")
                memory[what] = peak_memory(each, settings, device, what)
        rows.append(
            BenchmarkRow(
                each,
                network.flops,
                network.params,
                network.shape[-1],
                tuple(times.train[i]),
                tuple(times.infer[i]),
                tuple(times.single[i]),
                memory.get("train"),
                memory.get("infer"),
            )
        )
    return Benchmark(settings, facts, peak, tuple(rows), tuple(each for each in (*notices, notice) if each))


class _Times(NamedTuple):
    """Of each network: images per second of training and inference, and milliseconds of single images."""

    train: list[list[float]]
    infer: list[list[float]]
    single: list[list[float]]


def _take_turns(
    contenders: Sequence[Contender],
    networks: Sequence[BuiltNetwork],
    settings: Settings,
    device: torch.device,
    precision: str,
    times: _Times,
    matmul_side: int | None,
    on_progress: Callable[[str], None],
) -> float:
    """Fill the times; returns the peak of the matrix product, in operations per second."""
    peak = 0.0
    timed = [TimedNetwork(network, settings, device) for network in networks]
    for each, network in zip(contenders, timed, strict=True):
        on_progress(f"warming up {each.name}")
        network.warm_up(train=settings.train, infer=settings.infer)
    for repeat in range(settings.repeats):
        on_progress(f"repeat {repeat + 1} of {settings.repeats}")
        peak = max(peak, matmul_rate(precision, device, settings.seconds / 4, matmul_side))
        for turn in range(len(timed)):
            i = (repeat + turn) % len(timed)
            if settings.train:
                times.train[i].append(timed[i].train_rate(settings.seconds))
            if settings.infer:
                times.infer[i].append(timed[i].infer_rate(settings.seconds))
                times.single[i] += timed[i].latencies(settings.seconds / 2)
    return peak


def _differences(contenders: Sequence[Contender], networks: Sequence[BuiltNetwork]) -> list[str]:
    """Notices on rivals that are another network in spite of the name: torchvision rounds some widths differently."""
    params = {each.name: network.params for each, network in zip(contenders, networks, strict=True)}
    return [
        f"{each.name} is another network than {each.rival_of}: {params[each.name]:,} parameters, "
        f"not {params[each.rival_of]:,}. Its ratio compares two networks."
        for each in contenders
        if each.rival_of in params and params[each.name] != params[each.rival_of]
    ]


def _facts(settings: Settings, device: torch.device, precision: str) -> dict[str, str]:
    import importlib.metadata

    known = {"device": device_name(device), **hardware()}
    known |= {"threads": str(torch.get_num_threads()), "precision": precision}
    known |= {"channels_last": str(settings.channels_last), "compile": str(settings.compile)}
    known |= {name: value for name, value in versions().items() if name in ("netwright", "python", "torch")}
    known |= {name: importlib.metadata.version(name) for name in ("timm", "torchvision")}
    return known
