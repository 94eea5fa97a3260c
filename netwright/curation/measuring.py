"""How fast images come to the network, stage by stage, and what would make it faster: `netwright data bench`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netwright.data.decode import decode_full, read_header
from netwright.data.packed import PackedSource
from netwright.data.preprocess import Preprocessing
from netwright.data.source import Pixels
from netwright.data.sources import open_source
from netwright.errors import DataError
from netwright.loader import Split, TrainLoader
from netwright.loader.augment import Augment
from netwright.loader.batch import Batch, to_device
from netwright.recipe import TrainConfig
from netwright.system.machine import processors

__all__ = ["DataSpeed", "Stage", "bench_data"]

_FORMAT = 1  # of the JSON
_REPEATS = 3  # of which the fastest counts
_LARGE = 2.0  # the shorter side in sides of the input, from which smaller copies help


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of reading on one processor: its name, and seconds an image."""

    name: str
    seconds: float

    @property
    def rate(self) -> float:
        """Images a second."""
        return 1 / max(self.seconds, 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class DataSpeed:
    """What was measured.

    Attributes:
        name: Of the data set.
        images: That were read.
        kilobytes: Of a file, mean; shorter_side: pixels, mean.
        stages: In the order of the work, each alone on one processor.
        loader: Worker processes -> images a second of whole batches.
        bottleneck: The slowest stage.
        advice: Sentences.
    """

    name: str
    images: int
    kilobytes: float
    shorter_side: float
    stages: tuple[Stage, ...]
    loader: dict[int, float]
    bottleneck: str
    advice: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "images": self.images,
            "kilobytes": self.kilobytes,
            "shorter_side": self.shorter_side,
            "stages": {
                stage.name: {"seconds": stage.seconds, "images_per_second": stage.rate} for stage in self.stages
            },
            "loader": {str(workers): rate for workers, rate in self.loader.items()},
            "bottleneck": self.bottleneck,
            "advice": list(self.advice),
        }


def bench_data(data_dir: str | Path, training: TrainConfig | None = None, *, images: int = 256) -> DataSpeed:
    """Measure how fast images are read, decoded, augmented and moved, as `netwright data bench` does.

    Args:
        data_dir: The images, as --data_dir of a training.
        training: Its augmentation, batch size, workers and device; by default that of `netwright train --model`.
        images: From all over the training split, that are measured.

    Raises:
        DataError: The images cannot be opened or read.
        RecipeError: An augmentation is impossible.
    """
    source = open_source(data_dir)
    training = (training or TrainConfig()).with_(data_dir=str(data_dir))
    index = source.splits.get("train", next(iter(source.splits.values())))
    chosen = index[np.unique(np.linspace(0, len(index) - 1, min(images, len(index))).astype(np.int64))]
    split = Split(source, chosen, "train")
    data = _readable(split)
    stages = _stages(split, data, training)
    loader = {workers: _loader_rate(split, training, workers) for workers in sorted({0, *_workers(training)})}
    shorter = float(np.mean([min(read_header(each)[:2]) for each in data]))
    slowest = max(stages, key=lambda stage: stage.seconds).name
    speed = DataSpeed(
        source.name,
        len(data),
        float(np.mean([len(each) / 1000 for each in data])),
        shorter,
        stages,
        loader,
        slowest,
        (),
    )
    return replace(speed, advice=tuple(_advice(speed, training, isinstance(source, PackedSource))))


def _workers(training: TrainConfig) -> list[int]:
    return [min(training.images.workers, processors())]


def _readable(split: Split) -> list[bytes | Pixels]:
    data = []
    for position in range(len(split)):
        try:
            item = split.read(position).data
            decode_full(item, 3)
            data.append(item)
        except (DataError, OSError):
            continue
    if not data:
        raise DataError(f"none of {len(split):,} images of {split.source.name!r} can be read: `netwright data check`.")
    return data


def _stages(split: Split, data: list[bytes | Pixels], training: TrainConfig) -> tuple[Stage, ...]:
    plain = replace(training.augmentation, color_jitter=0.0, auto_augment=None, aug_splits=0)
    preprocessing = Preprocessing.from_training(training)
    part, full = (Augment(each, preprocessing) for each in (plain, training.augmentation))
    channels, count = preprocessing.channels, len(data)
    read = _fastest(lambda: [split.read(position) for position in range(len(split))]) / len(split)
    decode = _fastest(lambda: [decode_full(each, channels) for each in data]) / count
    cropped = _fastest(lambda: [part.of_file(each) for each in data]) / count
    made = [version for each in data for version in full.of_file(each)]
    augmented = _fastest(lambda: [full.of_file(each) for each in data]) / count
    collate = _fastest(lambda: np.stack(made)) / count
    batch = torch.from_numpy(np.stack(made))
    labels = torch.zeros(len(made), dtype=torch.int64)
    device = torch.device("cpu")
    moved = _fastest(lambda: to_device(Batch(batch, labels, labels), preprocessing, device, channels_last=True)) / count
    return (
        Stage("read", read),
        Stage("decode whole images", decode),
        Stage("decode, crop, resize, flip", cropped),
        Stage("colors and auto-augment", max(0.0, augmented - cropped)),
        Stage("collate", collate),
        Stage("normalize", moved),
    )


def _fastest(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _loader_rate(split: Split, training: TrainConfig, workers: int) -> float:
    """Images a second of an epoch, after one that starts the workers."""
    loader = TrainLoader(split, training.with_(workers=workers, drop_last=False), device=torch.device("cpu"))
    with closing(loader):
        for _ in loader.epoch(1):
            pass
        started = time.perf_counter()
        count = sum(len(x) for x, _ in loader.epoch(2))
        return count / (time.perf_counter() - started)


def _advice(speed: DataSpeed, training: TrainConfig, is_packed: bool) -> list[str]:
    stage = {each.name: each.seconds for each in speed.stages}
    work = stage["decode, crop, resize, flip"] + stage["colors and auto-augment"]
    advice = []
    if stage["read"] > work:
        advice.append(
            "Reading takes longer than decoding: the disk is slow, or its cache is cold. "
            + ("Copy the files to a faster disk." if is_packed else "`netwright data prepare` makes few large files.")
        )
    if speed.shorter_side > _LARGE * training.augmentation.image_size:
        advice.append(
            f"The shorter side is {speed.shorter_side:,.0f} pixels for an input of {training.augmentation.image_size}: "
            "`netwright data prepare SRC DST --short_side "
            f"{round(training.augmentation.image_size * 8 / 7)}` makes decoding quicker."
        )
    if stage["colors and auto-augment"] > stage["decode, crop, resize, flip"]:
        advice.append("Colors and auto-augment take longer than decoding: try --auto_augment trivialaugwide, or none.")
    most = max(speed.loader)
    if most < processors() and training.images.workers < processors():
        advice.append(f"There are {processors()} processors and --workers is {training.images.workers}: raise it.")
    if most and speed.loader[most] < speed.loader[0]:
        advice.append("Worker processes cost more than they bring here: try --workers 0.")
    return advice or ["Nothing stands out. A training is slower than this only where the network is."]
