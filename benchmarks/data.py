"""How fast photos become training batches, beside the loaders of the field on the same files in the same run.

    python benchmarks/data.py PHOTOS [--cifar FOLDER] [--cores 1 2] [--rounds 5] [--out table.json]

PHOTOS has a folder a class. Random resized crop to 224 pixels and flip, to uint8 batches of 64; with one core in this
process, with two in two worker processes (DALI: threads). Prepared shards are made of the photos first, as `netwright
data prepare` makes them. Loaders take turns in --rounds rounds, after an epoch that starts their workers; the median
counts. --cifar: CIFAR-10 by padded crop, flip and normalization. Peers: pip install opencv-python-headless webdataset
nvidia-dali-cuda120; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Sized
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import data_loaders as loaders  # beside this file
import torch
from environment import as_line, environment  # beside this file

from netwright import prepare_data

Maker = Callable[[], loaders.Loader]


def raw_shards(photos: Path, folder: Path, count: int = 4) -> list[str]:
    """The photos as they are in tar shards, in WebDataset's layout."""
    paths = sorted(path for path in photos.rglob("*") if path.is_file())
    classes = sorted({path.parent.name for path in paths})
    for number in range(count):
        with tarfile.open(folder / f"raw-{number}.tar", "w") as tar:
            for place, path in enumerate(paths[number::count]):
                tar.add(path, f"{place:06d}.jpg")
                label = folder / "label.cls"
                label.write_text(str(classes.index(path.parent.name)))
                tar.add(label, f"{place:06d}.cls")
    return [str(path) for path in sorted(folder.glob("raw-*.tar"))]


def makers(photos: str, prepared: str, raw: list[str], cifar: str | None, workers: int) -> dict[str, Maker]:
    """Name -> what makes the loader."""
    shards = sorted(str(path) for path in Path(prepared).glob("*.tar"))
    made: dict[str, Maker] = {
        "netwright": partial(loaders.ours, photos, workers),
        "netwright, prepared": partial(loaders.ours, prepared, workers),
        "timm": partial(loaders.timms, photos, workers),
        "torchvision v1": partial(loaders.torchvisions, photos, workers, version=1),
        "torchvision v2": partial(loaders.torchvisions, photos, workers, version=2),
    }
    if loaders.is_installed("cv2"):
        made["OpenCV"] = partial(loaders.opencvs, photos, workers)
    if loaders.is_installed("webdataset"):
        made["WebDataset"] = partial(loaders.webdatasets, raw, workers, by="pillow")
        made["WebDataset, prepared"] = partial(loaders.webdatasets, shards, workers, by="pillow")
        if loaders.is_installed("cv2"):
            made["WebDataset by OpenCV"] = partial(loaders.webdatasets, raw, workers, by="opencv")
            made["WebDataset by OpenCV, prepared"] = partial(loaders.webdatasets, shards, workers, by="opencv")
    if loaders.is_installed("nvidia.dali"):
        made["DALI"] = partial(loaders.dalis, photos, max(1, workers))
    if not workers:
        made["simplejpeg, decoding only"] = partial(loaders.bare_decode, photos, 0)
    if cifar:
        made["CIFAR-10, netwright"] = partial(loaders.cifar_ours, cifar, workers)
        made["CIFAR-10, torchvision"] = partial(loaders.cifar_torchvisions, cifar, workers)
    return made


def count_of(batch: Any) -> int:
    first = batch.pixels if hasattr(batch, "pixels") else batch[0]
    assert isinstance(first, Sized)
    return len(first)


def measured(make: dict[str, Maker], rounds: int) -> dict[str, list[float]]:
    """Name -> images a second of each round, by turns."""
    made = {name: each() for name, each in make.items()}
    rates: dict[str, list[float]] = {name: [] for name in made}
    try:
        for turn in range(rounds + 1):
            for name, loader in made.items():
                started = time.perf_counter()
                count = sum(count_of(batch) for batch in loader.epoch())
                if turn:
                    rates[name].append(count / (time.perf_counter() - started))
    finally:
        for loader in made.values():
            loader.close()
    return rates


def show(cores: int, rates: dict[str, list[float]]) -> None:
    base = median(rates["timm"])
    print(f"\n{cores} core{'s' * (cores > 1)}: images/s, median (lowest to highest), and times timm's")
    for name, each in rates.items():
        if name.startswith("CIFAR"):
            ratio = median(each) / median(rates["CIFAR-10, torchvision"])
        else:
            ratio = median(each) / base
        print(f"  {name:<32} {median(each):>9,.0f}  ({min(each):,.0f} to {max(each):,.0f})  {ratio:>6.2f}x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--cifar")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(as_line(environment()))
    available = sorted(os.sched_getaffinity(0))
    table: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        raw = raw_shards(Path(options.photos), Path(folder))
        prepare_data(options.photos, Path(folder, "prepared"), shards=4)
        for cores in options.cores:
            os.sched_setaffinity(0, available[:cores])
            make = makers(options.photos, f"{folder}/prepared", raw, options.cifar, 0 if cores == 1 else cores)
            table[str(cores)] = measured(make, options.rounds)
            show(cores, table[str(cores)])
    if options.out is not None:
        facts = {"environment": environment(), "rounds": options.rounds, "seed": 0, "images_per_second": table}
        options.out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
