"""One training of `benchmarks/recipes.py`: images stay on the device, and netwright's engine trains."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from recipe_variants import Settings  # beside this file
from torch import Tensor, nn
from torch.nn import functional

from netwright.arch import Arch, complexity, published
from netwright.arch.scaling import scale_to_flops
from netwright.loader.mixup import Mixup
from netwright.nn import build
from netwright.recipe.training import Optimization
from netwright.sweeps.trial_batches import jittered, resized_crop
from netwright.training.ema import EmaModel
from netwright.training.engine import EpochMeter, train_epoch
from netwright.training.graphed import engine_class
from netwright.training.optimizer import make_optimizer
from netwright.training.precision import autocast, resolve_precision

__all__ = ["train"]

_LOOKS = 4  # evaluations of a training
_TOGETHER = 8  # images that an operation of a policy changes in the same way
_EVALUATED = 500
_MEAN, _STD = 0.45, 0.25  # of pixels 0 ... 1


class _Average(EmaModel):
    """A moving average that is of use from the first epochs on."""

    def decay_at(self, update: int) -> float:
        return min(self.decay, (1 + update) / (10 + update))


class _Averages:
    """Two of them."""

    def __init__(self, module: nn.Module) -> None:
        self.short, self.long = _Average(module, 0.99), _Average(module, 0.999)

    def update(self, module: nn.Module) -> None:
        self.short.update(module)
        self.long.update(module)


def train(
    settings: Settings,
    pixels: Tensor,
    labels: Tensor,
    splits: dict[str, Tensor],
    classes: int,
    seed: int,
    deadline: float,
) -> Iterator[dict[str, Any]]:
    """Train a network, and yield what it has reached a few times.

    Args:
        settings: Network and recipe.
        pixels: (N, H, W, 3) uint8, on the device that trains.
        labels: (N,) int64, there too.
        splits: train, val, test -> rows.
        classes: Number of classes.
        seed: Of weights, order and augmentation.
        deadline: time.time() at which it ends.
    """
    device, epochs = pixels.device, settings.actual_epochs
    arch = _network(settings, classes)
    torch.manual_seed(seed)
    module = build(arch, seed=seed, drop_path_rate=settings.drop_path, drop_rate=settings.dropout)
    module.to(device).to(memory_format=torch.channels_last)
    steps = max(1, len(splits["train"]) // settings.batch_size)
    optimization = Optimization(
        optimizer=settings.optimizer,
        nesterov=settings.optimizer == "sgd",
        weight_decay=settings.weight_decay,
        weight_decay_filter=settings.weight_decay_filter,
        eps=1e-8,
    )
    precision, _ = resolve_precision("auto", device)
    context = partial(autocast, precision, device)
    averages = _Averages(module)
    engine = engine_class(device)(
        module,
        make_optimizer(module, optimization, settings.lr),
        lr_schedule=lambda step: _lr(settings, step, steps * epochs),
        criterion=partial(functional.cross_entropy, label_smoothing=settings.label_smoothing),
        autocast=context,
        ema=averages,
        clip_norm=settings.clip_norm,
    )
    known = {"settings": settings.to_dict(), "epochs": epochs, "flops": int(complexity(arch).flops[0])}
    looks = {round(epochs * (look + 1) / _LOOKS) for look in range(_LOOKS)} | {epochs}
    seconds, wrong = 0.0, []
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        meter = EpochMeter.start(epoch, device)
        rng = np.random.default_rng([seed, epoch])
        side = _side(settings, epoch, epochs)
        train_epoch(engine, _batches(settings, pixels, labels, splits["train"], classes, rng, side), meter, steps)
        seconds += time.perf_counter() - started
        is_late = time.time() > deadline
        wrong.append(meter.train_error)
        if epoch in looks or is_late:
            measured = _measured(module, averages, pixels, labels, splits, context)
            yield {
                **known,
                **measured,
                "train": 100 - wrong[-1],
                "epoch": epoch,
                "seconds": seconds,
                "done": is_late or epoch == epochs,
            }
        if is_late:
            return


def _network(settings: Settings, classes: int) -> Arch:
    arch = published(settings.network, num_classes=classes, resolution=settings.resolution)
    arch = scale_to_flops(arch, settings.flops)
    return replace(arch, stem=replace(arch.stem, width=settings.stem_width))


def _lr(settings: Settings, step: int, total: int) -> float:
    warmup = settings.warmup * total
    if step < warmup:
        return settings.lr * (step + 1) / (warmup + 1)
    return settings.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))


def _side(settings: Settings, epoch: int, epochs: int) -> int:
    """Of training images, a multiple of 16: a graph is recorded for one size, and few sizes are recorded anew."""
    first, last = settings.sides
    share = first + (last - first) * (epoch - 1) / max(1, epochs - 1)
    return max(16, round(share * settings.resolution / 16) * 16)


# -- batches -----------------------------------------------------------------------------------------------------------


def _batches(
    settings: Settings,
    pixels: Tensor,
    labels: Tensor,
    rows: Tensor,
    classes: int,
    rng: np.random.Generator,
    side: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    size = min(settings.batch_size, len(rows))
    order = rows[torch.from_numpy(rng.permutation(len(rows))).to(rows.device)]
    mixup = Mixup(settings.mixup, settings.cutmix, 1.0, classes)
    for start in range(0, len(rows) - size + 1, size):
        chosen = order[start : start + size]
        raw = pixels[chosen].permute(0, 3, 1, 2)
        if settings.policy:
            raw = _by_policy(raw, settings.policy, int(rng.integers(2**31)))
        x = _normalized(raw)
        mirrored = torch.from_numpy(rng.random(size) < 0.5).to(x.device)[:, None, None, None]
        x = resized_crop(torch.where(mirrored, x.flip(3), x), rng, settings.scale, side)
        if settings.jitter:
            x = jittered(x, rng, settings.jitter)
        if settings.erase:
            x = _erased(x, rng, settings.erase)
        target = labels[chosen]
        if mixup.is_enabled:
            x, target = mixup(x, target, int(rng.integers(2**31)))
        yield x, target


def _normalized(pixels: Tensor) -> Tensor:
    return ((pixels.float() / 255 - _MEAN) / _STD).contiguous(memory_format=torch.channels_last)


def _by_policy(pixels: Tensor, policy: str, seed: int) -> Tensor:
    """(B, 3, H, W) uint8, changed by one operation for some images at a time: they take turns within a batch."""
    from torchvision.transforms import v2

    transform = v2.TrivialAugmentWide() if policy == "trivial" else v2.RandAugment(num_ops=2, magnitude=9)
    state = torch.get_rng_state()  # the policies draw from the global generator
    torch.manual_seed(seed)
    parts = [transform(part) for part in pixels.contiguous().split(_TOGETHER)]
    torch.set_rng_state(state)
    return torch.cat(parts)


def _erased(x: Tensor, rng: np.random.Generator, probability: float) -> Tensor:
    """A square of a twentieth to a third of the area is set to the mean, in some of the images."""
    n, _, height, width = x.shape
    half = np.sqrt(rng.uniform(0.05, 0.33, n)) * np.where(rng.random(n) < probability, 0.5, 0.0)
    down, right = rng.random((2, n))

    def near(center: np.ndarray, length: int) -> Tensor:
        place = (np.arange(length)[None] + 0.5) / length
        return torch.from_numpy(np.abs(place - center[:, None]) < half[:, None]).to(x.device)

    erased = near(down, height)[:, None, :, None] & near(right, width)[:, None, None, :]
    return x.masked_fill(erased, 0.0)


# -- what was reached --------------------------------------------------------------------------------------------------


def _measured(
    module: nn.Module, averages: _Averages, pixels: Tensor, labels: Tensor, splits: dict[str, Tensor], context: Any
) -> dict[str, float]:
    """Accuracies in percent; `_99` and `_999` are of the moving averages, `flip` of images with their mirror images."""
    found: dict[str, float] = {}
    for split in ("val", "test"):
        rows = splits[split]
        for name, net in (("", module), ("_99", averages.short.module), ("_999", averages.long.module)):
            logits = _logits(net, pixels, rows, context, flip=False)
            found[split + name] = 100 * float((logits.argmax(1) == labels[rows]).float().mean())
            if not name:
                found[f"{split}_loss"] = float(functional.cross_entropy(logits, labels[rows]))
                both = logits.softmax(1) + _logits(net, pixels, rows, context, flip=True).softmax(1)
                found[f"{split}_flip"] = 100 * float((both.argmax(1) == labels[rows]).float().mean())
    module.train()
    return found


@torch.no_grad()
def _logits(module: nn.Module, pixels: Tensor, rows: Tensor, context: Any, *, flip: bool) -> Tensor:
    module.eval()
    parts = []
    for chosen in rows.split(_EVALUATED):
        x = _normalized(pixels[chosen].permute(0, 3, 1, 2))
        with context():
            parts.append(module(x.flip(3) if flip else x).float())
    return torch.cat(parts)
