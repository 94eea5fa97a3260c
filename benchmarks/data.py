"""How fast photos become training batches, beside timm's and torchvision's loaders on the same files in the same run.

    python benchmarks/data.py PHOTOS [--prepared FOLDER] [--workers 0 1 2] [--out table.json]

Random resized crop to 224 pixels and flip, to uint8 batches of 64. PHOTOS has a folder a class. --prepared: the same
images by `netwright data prepare`, which ours reads too. Loaders take turns; the fastest of --repeats epochs counts,
after one that starts the workers. --cifar: CIFAR-10 by padded crop, flip and normalization, beside torchvision.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sized
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netwright.data import open_source
from netwright.loader import Split, TrainLoader
from netwright.recipe import TrainConfig

SIDE, BATCH = 224, 64
Epoch = Callable[[], Iterable[Any]]


def ours(data_dir: str, workers: int) -> tuple[Epoch, Callable[[], None]]:
    """Batches of uint8 pixels, before they go to a device."""
    source = open_source(data_dir)
    index = source.splits.get("train", next(iter(source.splits.values())))
    training = TrainConfig().with_(
        image_size=SIDE, batch_size=BATCH, workers=workers, color_jitter=None, drop_last=False, data_dir=data_dir
    )
    loader = TrainLoader(Split(source, index, "train"), training, device=torch.device("cpu"))
    return lambda: loader._batches(loader._sampler.batches(1)), loader.close


def timms(data_dir: str, workers: int) -> tuple[Epoch, Callable[[], None]]:
    """timm's create_loader with its prefetcher off, so that batches are float tensors as it gives them on a CPU."""
    from timm.data import create_dataset, create_loader

    dataset = create_dataset("", root=data_dir)
    loader = create_loader(
        dataset, (3, SIDE, SIDE), BATCH, is_training=True, use_prefetcher=False, hflip=0.5, color_jitter=0.0,
        num_workers=workers, pin_memory=False, interpolation="bilinear", persistent_workers=workers > 0,
    )  # fmt: skip
    return lambda: loader, lambda: None


def torchvisions(data_dir: str, workers: int, *, version: int) -> tuple[Epoch, Callable[[], None]]:
    """torchvision v1 on Pillow, or v2 with its own decoder, in torch's DataLoader."""
    from torch.utils.data import DataLoader
    from torchvision import io
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    steps: list[Any] = [v2.RandomResizedCrop(SIDE, antialias=True), v2.RandomHorizontalFlip()]
    if version == 1:
        dataset = ImageFolder(data_dir, v2.Compose([*steps, v2.PILToTensor()]))
    else:
        dataset = ImageFolder(
            data_dir,
            v2.Compose(steps),
            loader=lambda path: io.decode_image(path, mode=io.ImageReadMode.RGB),  # type: ignore[arg-type]
        )
    loader: DataLoader[Any] = DataLoader(
        dataset, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda: loader, lambda: None


def cifar(folder: str, workers: int, *, theirs: bool) -> tuple[Epoch, Callable[[], None]]:
    """CIFAR-10: crop from 4 black pixels around, flip, normalize."""
    source = open_source(folder)
    split = Split(source, source.splits["train"], "train")
    training = TrainConfig().with_(
        image_size=32, batch_size=128, workers=workers, color_jitter=None, random_crop="padded", data_dir=folder
    )
    if not theirs:
        loader = TrainLoader(split, training, device=torch.device("cpu"))
        return lambda: loader.epoch(1), loader.close
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    from netwright.data import decode

    pixels = [decode(split.read(i).data, 32, 3) for i in range(len(split))]
    change = v2.Compose(
        [v2.RandomCrop(32, 4), v2.RandomHorizontalFlip(), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
         v2.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))]
    )  # fmt: skip

    class Images(Dataset[Any]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, index: int) -> Any:
            return change(Image.fromarray(pixels[index])), int(split.labels[index])

    their: DataLoader[Any] = DataLoader(
        Images(), 128, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda: their, lambda: None


def count_of(batch: Any) -> int:
    first = batch.pixels if hasattr(batch, "pixels") else batch[0]
    assert isinstance(first, Sized)
    return len(first)


def measured(make: dict[str, Callable[[], tuple[Epoch, Callable[[], None]]]], repeats: int) -> dict[str, float]:
    """Loader -> images a second, by turns."""
    made = {name: each() for name, each in make.items()}
    best = dict.fromkeys(made, 0.0)
    try:
        for repeat in range(repeats + 1):
            for name, (epoch, _) in made.items():
                started = time.perf_counter()
                count = sum(count_of(batch) for batch in epoch())
                if repeat:
                    best[name] = max(best[name], count / (time.perf_counter() - started))
    finally:
        for _, close in made.values():
            close()
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--prepared")
    parser.add_argument("--cifar")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table: dict[str, dict[str, float]] = {}
    for workers in options.workers:

        def of(function: Any, folder: str, workers: int = workers, **more: Any) -> Any:
            return lambda: function(folder, workers, **more)

        make = {
            "netwright": of(ours, options.photos),
            "timm": of(timms, options.photos),
            "torchvision v1": of(torchvisions, options.photos, version=1),
            "torchvision v2": of(torchvisions, options.photos, version=2),
        }
        if options.prepared:
            make["netwright, prepared"] = of(ours, options.prepared)
        if options.cifar:
            make["CIFAR-10, netwright"] = of(cifar, options.cifar, theirs=False)
            make["CIFAR-10, torchvision"] = of(cifar, options.cifar, theirs=True)
        table[str(workers)] = measured(make, options.repeats)
        for name, rate in table[str(workers)].items():
            print(f"{workers} workers  {name:<22} {rate:>9,.0f} images/s", flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(table, indent=1) + "\n")
    assert np.isfinite([rate for rates in table.values() for rate in rates.values()]).all()


if __name__ == "__main__":
    main()
