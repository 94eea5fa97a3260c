"""Compare recipes for training a small network on a folder of photos: each idea alone, then the best ones together.

    python benchmarks/recipes.py --data_dir PHOTOS [--out DIR] [--device cuda] [--jobs 8] [--limit 200] [--epochs 40]
                                 [--only NAME ...] [--seeds 1] [--num_samples N] [--resolution 128] [--list]

The base is what `netwright design` trains photos with (`recipe_variants.py` has it, and what is changed in each
variant). All variants take about the same time: where one costs more an image (flops, pixels), it has fewer epochs.
Images are decoded once; each job is a process that keeps them on the device and trains one variant after another with
netwright's engine. Of each training: accuracy of its last weights and of two moving averages on the validation images,
and on the test images. Only the validation images choose what is combined.

Every result is a line of OUT/results.jsonl as soon as it is there; a training that is cut off leaves what it had
reached. After --limit seconds nothing new is begun, and after --stop seconds everything ends.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from environment import as_line, environment  # beside this file
from recipe_training import train
from recipe_variants import BASE, VARIANTS, Settings, combined

_SINGLES = 0.6  # of the time; what is left is for the best changes together, and for other seeds
_PATIENCE = 1.0  # seconds between looks at the clock


def main() -> None:
    options = _options()
    if options.list:
        for name, changes in VARIANTS.items():
            print(f"{name:16} {changes}")
        return
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    images = _decoded(options)
    print(as_line(environment("torch")))
    print(
        f"{options.data_dir}: {', '.join(f'{len(rows):,} {name}' for name, rows in images['splits'].items())} at "
        f"{options.resolution} pixels, ready after {time.monotonic() - began:.0f} s",
        flush=True,
    )
    results = _run(options, began)
    _print_table(results)
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare recipes on a folder of photos.")
    parser.add_argument("--data_dir", default="")
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each, on a processor")
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which nothing new is begun")
    parser.add_argument("--stop", type=float, default=1e9, help="seconds after which trainings are cut off")
    parser.add_argument("--epochs", type=float, default=40, help="of the base; others take the same time")
    parser.add_argument("--only", nargs="+", default=[], help="names of variants")
    parser.add_argument("--seeds", type=int, default=1, help="of each variant; the base has two more")
    parser.add_argument("--num_samples", type=int, help="of each split, to try this script out")
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--list", action="store_true", help="print the variants and end")
    options = parser.parse_args()
    if unknown := [name for name in options.only if name not in VARIANTS]:
        parser.error(f"no variant {', '.join(unknown)}: --list prints all")
    if not options.list and not options.data_dir:
        parser.error("--data_dir names the folder of the photos")
    return options


# -- images ------------------------------------------------------------------------------------------------------------


def _decoded(options: argparse.Namespace) -> dict[str, Any]:
    """All images in OUT/images.npy, and what is known of them in OUT/images.json."""
    from PIL import Image, ImageOps

    from netwright.data import cut_splits, open_source

    source = open_source(options.data_dir)
    splits = cut_splits(source, 0)
    side = options.resolution

    def decode(row: int) -> np.ndarray:
        with Image.open(Path(options.data_dir) / source.item_name(row)) as image:
            return np.asarray(ImageOps.fit(ImageOps.exif_transpose(image).convert("RGB"), (side, side)))

    with ThreadPoolExecutor(8) as pool:
        np.save(options.out / "images.npy", np.stack(list(pool.map(decode, range(len(source.labels))))))
    rng, most = np.random.default_rng(0), options.num_samples
    parts = {"train": splits.train, "val": splits.validation, "test": splits.test}
    facts = {
        "labels": source.labels.tolist(),
        "classes": len(source.class_names),
        "splits": {name: rng.permutation(rows)[:most].tolist() for name, rows in parts.items()},
    }
    (options.out / "images.json").write_text(json.dumps(facts))
    return facts


# -- trainings side by side --------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace, began: float) -> list[dict[str, Any]]:
    """The last record of each training."""
    context = multiprocessing.get_context("spawn")
    tasks, records = context.Queue(), context.Queue()
    deadline = time.time() + options.stop - (time.monotonic() - began)
    jobs = [context.Process(target=_job, args=(options, tasks, records, deadline)) for _ in range(options.jobs)]
    for job in jobs:
        job.start()
    waiting, running = _first_tasks(options), options.jobs
    has_combined = bool(options.only)
    found: dict[tuple[str, int], dict[str, Any]] = {}
    idle, wanted = 0, 0
    with (options.out / "results.jsonl").open("a") as file:
        while running:
            spent = time.monotonic() - began
            is_time = not has_combined and (spent > _SINGLES * options.limit or not waiting)
            if is_time and (more := combined(list(found.values()))):
                has_combined, waiting = True, [*more, *waiting]
            has_combined = has_combined or not (waiting or wanted)
            while idle and (waiting or wanted == 0 or spent > options.limit):
                task = waiting.pop(0) if waiting and spent < options.limit else None
                if task is None and not (has_combined or spent > options.limit):
                    break  # what runs now is to be combined
                tasks.put(task)
                idle, wanted = idle - 1, wanted + (task is not None)
                running -= task is None
            try:
                record = records.get(timeout=_PATIENCE)
            except queue.Empty:
                if not any(job.is_alive() for job in jobs):
                    break
                continue
            if record is None:  # a job waits for its next training
                idle += 1
                continue
            found[record["variant"], record["seed"]] = record
            wanted -= record["done"]
            file.write(json.dumps(record) + "\n")
            file.flush()
            if record["done"]:
                print(f"{spent:5.0f} s  {_in_words(record)}", flush=True)
    for job in jobs:
        job.join()
    return list(found.values())


def _first_tasks(options: argparse.Namespace) -> list[tuple[str, Settings, int]]:
    base = Settings(epochs=options.epochs, resolution=options.resolution)
    names = options.only or list(VARIANTS)
    tasks = [(BASE, base, seed) for seed in range(options.seeds + 2)] if not options.only else []
    for seed in range(options.seeds):
        tasks += [(name, base.with_(**VARIANTS[name]), seed) for name in names]
    return tasks


def _job(options: argparse.Namespace, tasks: Any, records: Any, deadline: float) -> None:
    """Train what comes until None comes."""
    import torch

    torch.set_num_threads(options.threads)
    facts = json.loads((options.out / "images.json").read_text())
    pixels = torch.from_numpy(np.load(options.out / "images.npy")).to(options.device)
    labels = torch.tensor(facts["labels"], device=options.device)
    splits = {name: torch.tensor(rows, device=options.device) for name, rows in facts["splits"].items()}
    while True:
        records.put(None)
        task = tasks.get()
        if task is None:
            return
        name, settings, seed = task
        try:
            for record in train(settings, pixels, labels, splits, facts["classes"], seed, deadline):
                records.put({"variant": name, "seed": seed, **record})
        except (RuntimeError, ValueError) as error:  # one that fails is a result too
            failed = {"settings": settings.to_dict(), "done": True, "error": str(error)[:300]}
            records.put({"variant": name, "seed": seed, **failed})


# -- what is printed ---------------------------------------------------------------------------------------------------


def _in_words(record: dict[str, Any]) -> str:
    name = f"{record['variant']:24} seed {record['seed']}"
    if "val" not in record:
        return f"{name}  failed: {record.get('error', 'cut off')}"
    cut = "" if record["epoch"] >= record["epochs"] else f"  cut off at epoch {record['epoch']}"
    return (
        f"{name}  {record['flops'] / 1e6:4.0f}M x {record['epochs']:3} epochs {record['seconds']:4.0f} s"
        f"  validation {record['val']:5.2f} (averages {record['val_99']:5.2f} {record['val_999']:5.2f}, loss "
        f"{record['val_loss']:.3f})  test {record['test']:5.2f} ({record['test_99']:5.2f} {record['test_999']:5.2f}, "
        f"flipped too {record['test_flip']:5.2f})  train {record['train']:5.2f}{cut}"
    )


def _print_table(results: list[dict[str, Any]]) -> None:
    """Means over seeds of what was trained to its end, the best on validation first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in results:
        if "val" in record and record["epoch"] >= record["epochs"]:
            groups.setdefault(record["variant"], []).append(record)
    keys = ("val", "val_99", "val_999", "val_loss", "test", "test_99", "test_999", "test_flip", "train", "seconds")
    print(f"{'variant':36} {'n':>2} " + " ".join(f"{key:>9}" for key in keys))
    rows = {name: {key: mean(each[key] for each in group) for key in keys} for name, group in groups.items()}
    for name in sorted(rows, key=lambda name: -rows[name]["val"]):
        print(f"{name:36} {len(groups[name]):2} " + " ".join(f"{rows[name][key]:9.3f}" for key in keys))


if __name__ == "__main__":
    main()
