"""Measure networks in turns, so that a machine that gets slower or faster does so for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from netwright.bench.contender import Contender, Network, open_network
from netwright.bench.memory import peak_memory
from netwright.bench.settings import Settings
from netwright.bench.subject import Subject, matmul_rate
from netwright.errors import RecipeError
from netwright.system.machine import hardware, keep_memory, processors, versions
from netwright.training.device import describe, resolve_device
from netwright.training.precision import resolve_precision

__all__ = ["TRAINING", "Benchmark", "Measured", "measure", "ratios"]

# of a network's multiply-adds: forward, gradients of the activations, gradients of the weights
TRAINING = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One network. train, infer: images a second, one a repeat, empty where not measured; single: milliseconds of each
    single image; train_memory, infer_memory: bytes, None where not measured; flops: multiply-adds of an image."""

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
        """Of the peak (operations a second), the part that training does: 2 x 3 x multiply-adds an image."""
        return 2 * TRAINING * self.flops * median(self.train) / peak if self.train else None

    def infer_share(self, peak: float) -> float | None:
        """Of the peak, the part that inference does: 2 x multiply-adds an image."""
        return 2 * self.flops * median(self.infer) / peak if self.infer else None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """peak: operations a second of the fastest square matrix product; facts: in words, of machine and versions."""

    settings: Settings
    facts: dict[str, str]
    peak: float
    rows: tuple[Measured, ...]
    notices: tuple[str, ...] = ()

    def row(self, name: str) -> Measured:
        """The network of that name."""
        return next(row for row in self.rows if row.contender.name == name)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """(median, lowest, highest) of ours / theirs, each repeat with its own: what slows one repeat slows both."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return median(each), min(each), max(each)


def measure(
    contenders: Sequence[Contender],
    settings: Settings,
    *,
    notices: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
    matmul_side: int | None = None,
) -> Benchmark:
    """Time all of them in turns, the order turning too, then their memory. say: is told how far it is.

    matmul_side: of the matrices that the peak is measured with. RecipeError where memory does not suffice.
    """
    device = resolve_device(settings.device)
    torch.set_num_threads(settings.threads or processors())
    keep_memory()  # as every training has it; rivals in this process too
    precision, notice = resolve_precision(settings.precision, device)
    facts = _facts(settings, device, precision)
    networks = [open_network(each.name, settings.image_size, settings.seed) for each in contenders]
    notices = [*notices, *_differences(contenders, networks)]
    train: list[list[float]] = [[] for _ in networks]
    infer: list[list[float]] = [[] for _ in networks]
    single: list[list[float]] = [[] for _ in networks]
    peak = 0.0
    try:
        subjects = [Subject(network, settings, device) for network in networks]
        for each, subject in zip(contenders, subjects, strict=True):
            say(f"warming up {each.name}")
            subject.warm_up(train=settings.train, infer=settings.infer)
        for repeat in range(settings.repeats):
            say(f"repeat {repeat + 1} of {settings.repeats}")
            peak = max(peak, matmul_rate(precision, device, settings.seconds / 4, matmul_side))
            for turn in range(len(subjects)):
                i = (repeat + turn) % len(subjects)
                if settings.train:
                    train[i].append(subjects[i].train_rate(settings.seconds))
                if settings.infer:
                    infer[i].append(subjects[i].infer_rate(settings.seconds))
                    single[i] += subjects[i].latencies(settings.seconds / 2)
    except torch.OutOfMemoryError as error:
        raise RecipeError(
            f"a batch of {settings.batch_size} does not fit the memory of {describe(device)}. Lower --batch_size."
        ) from error
    rows = []
    for i, (each, network) in enumerate(zip(contenders, networks, strict=True)):
        taken: dict[str, int | None] = {}
        for what in ("train", "infer") if settings.memory else ():
            if getattr(settings, what):
                say(f"memory of {each.name}, {what}")
                taken[f"{what}_memory"] = peak_memory(each, settings, device, what)
        rows.append(
            Measured(
                each,
                network.flops,
                network.params,
                network.shape[-1],
                tuple(train[i]),
                tuple(infer[i]),
                tuple(single[i]),
                **taken,
            )
        )
    return Benchmark(settings, facts, peak, tuple(rows), tuple(each for each in (*notices, notice) if each))


def _differences(contenders: Sequence[Contender], networks: Sequence[Network]) -> list[str]:
    """Rivals that go by the same name and are not the same network: torchvision rounds some widths otherwise."""
    params = {each.name: network.params for each, network in zip(contenders, networks, strict=True)}
    return [
        f"{each.name} is another network than {each.rival_of}: {params[each.name]:,} parameters, "
        f"not {params[each.rival_of]:,}. Its ratio compares two networks."
        for each in contenders
        if each.rival_of in params and params[each.name] != params[each.rival_of]
    ]


def _facts(settings: Settings, device: torch.device, precision: str) -> dict[str, str]:
    import importlib.metadata

    known = {"device": describe(device), **hardware()}
    known |= {"threads": str(torch.get_num_threads()), "precision": precision}
    known |= {"channels_last": str(settings.channels_last), "compile": str(settings.compile)}
    known |= {name: value for name, value in versions().items() if name in ("netwright", "python", "torch")}
    known |= {name: importlib.metadata.version(name) for name in ("timm", "torchvision")}
    return known
