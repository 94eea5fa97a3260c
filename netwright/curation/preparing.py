"""Prepare a data set once for quick reading: `netwright data prepare`."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.curation.preparation_page import write_preparation_page
from netwright.curation.shard_writer import ShardPlan, ShardRecord, read_record, write_shard
from netwright.data.data_path import as_text
from netwright.data.decode_rules import PIXEL_LIMIT, DecodeRules
from netwright.data.skipped import Skipped
from netwright.data.source import ImageSource
from netwright.data.sources import open_source
from netwright.errors import DataError
from netwright.system.atomic import explain_errors, write_text
from netwright.system.lock import locked
from netwright.system.machine import processors

__all__ = ["Preparation", "prepare_data"]

MANIFEST, CLASSES, PAGE = "manifest.json", "classes.txt", "report.html"
_FORMAT = 1  # of the manifest
_PER_SHARD = 1000  # images
_MOST_SHARDS = 100_000
_WHAT, _ELSEWHERE = "the prepared images", "another folder"


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """A prepared data set.

    Attributes:
        folder: Where it is; --data_dir takes it.
        shards: Its files.
        class_names: In the order of the labels.
        images: That were prepared.
        bytes: Of all shards.
        skipped: Images that could not be read.
        seconds: That it took now.
        reused: Shards that an earlier run had written.
    """

    folder: Path
    shards: tuple[ShardRecord, ...]
    class_names: tuple[str, ...]
    images: int
    bytes: int
    skipped: tuple[Skipped, ...]
    seconds: float
    reused: int


def prepare_data(
    source: str | Path,
    folder: str | Path,
    *,
    short_side: int = 256,
    quality: int = 95,
    shards: int | None = None,
    workers: int | None = None,
    background: str = "white",
    max_pixels: int = PIXEL_LIMIT,
    progress: Callable[[int, int], None] | None = None,
) -> Preparation:
    """Make images smaller once and write them as tar shards in WebDataset's layout, as `netwright data prepare` does.

    Images are mixed, by a fixed permutation, so that a shard has all classes. The same call continues what was
    interrupted; shards that are complete are kept.

    Args:
        source: The images, as --data_dir of a training.
        folder: Where to write; new, empty, or of an interrupted preparation of the same images.
        short_side: Pixels of the shorter side; larger images are made smaller, and JPEGs that are not stay unchanged.
        quality: Of the JPEGs that are written, 1 to 100.
        shards: Files for all splits together, by default one for 1,000 images.
        workers: Processes, by default one a processor.
        background: What transparent images are laid on.
        max_pixels: Larger images are left out: each takes some bytes a pixel while it is made smaller.
        progress: Called with (images done, all images).

    Raises:
        DataError: The images cannot be opened, or the folder holds something else.
        OutputError: It cannot be written.
    """
    if short_side < 1 or not 1 <= quality <= 100 or (shards is not None and not 1 <= shards <= _MOST_SHARDS):
        raise DataError(
            f"short_side is 1 or more, quality 1 to 100 and shards 1 to {_MOST_SHARDS:,}, not {short_side}, {quality} "
            f"and {shards}. Correct them."
        )
    started = time.perf_counter()
    opened = open_source(as_text(source))
    DecodeRules(background, max_pixels=max_pixels)
    folder = Path(folder).expanduser()
    plans = [replace(plan, max_pixels=max_pixels) for plan in _plans(opened, short_side, quality, background, shards)]
    with explain_errors(folder, what=_WHAT, elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        _claim(folder, _identity(opened, plans))
        records = {plan.name: record for plan in plans if (record := read_record(folder, plan.name)) is not None}
        reused, total = len(records), len(opened.labels)
        todo = [plan for plan in plans if plan.name not in records]
        done = total - sum(len(plan.images) for plan in todo)
        for plan, record in _write_all(opened, todo, folder, workers or processors()):
            records[plan.name] = record
            done += len(plan.images)
            if progress is not None:
                progress(done, total)
        made = _finish(opened, folder, [records[plan.name] for plan in plans], short_side, quality)
    return Preparation(**made, folder=folder, seconds=time.perf_counter() - started, reused=reused)


def _plans(
    source: ImageSource, short_side: int, quality: int, background: str, shards: int | None
) -> Iterator[ShardPlan]:
    total, first = len(source.labels), 0
    for place, (split, index) in enumerate(source.splits.items()):
        mixed = np.random.default_rng([0, place]).permutation(index)
        count = -(-len(index) // _PER_SHARD) if shards is None else max(1, round(shards * len(index) / total))
        word = "images" if split == "all" else split
        for number, part in enumerate(np.array_split(mixed, min(count, max(1, len(mixed))))):
            images = tuple(int(each) for each in part)
            yield ShardPlan(f"{word}-{number:06d}.tar", split, images, first, short_side, quality, background)
            first += len(images)


def _write_all(
    source: ImageSource, plans: list[ShardPlan], folder: Path, workers: int
) -> Iterator[tuple[ShardPlan, ShardRecord]]:
    """Each plan with its record, as they are finished; in other processes where there are several."""
    if workers <= 1 or len(plans) <= 1:
        for plan in plans:
            yield plan, write_shard(source, plan, folder)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(plans)), context, _keep, (source,)) as pool:
        try:
            futures = {pool.submit(_write, plan, folder): plan for plan in plans}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


_kept: list[ImageSource] = []  # of a worker process, which is given the source once


def _keep(source: ImageSource) -> None:
    _kept.append(source)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    """End a worker whose program was killed: its siblings hold the queue open, so it would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(plan: ShardPlan, folder: Path) -> ShardRecord:
    return write_shard(_kept[0], plan, folder)


def _identity(source: ImageSource, plans: list[ShardPlan]) -> str:
    """A hash of the images and of what is done with them."""
    digest = hashlib.sha256(f"{source.signature} {source.class_names}".encode(errors="backslashreplace"))
    facts = [asdict(plan) for plan in plans]
    for each in facts:
        if each["max_pixels"] == PIXEL_LIMIT:  # as before there was a choice
            del each["max_pixels"]
    digest.update(repr(facts).encode())
    return digest.hexdigest()


def _claim(folder: Path, identity: str) -> None:
    """Refuse a folder that holds something else."""
    path = folder / ".preparation"
    own = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    others = [name for name in os.listdir(folder) if name not in (".lock", ".preparation")]
    if own != identity and (own or others):
        what = "another preparation, of other images or options" if own else f"other files ({others[0]})"
        raise DataError(
            f"images are prepared into a new folder, and {folder} holds {what}. Give another, or remove it."
        )
    write_text(path, identity + "\n", what=_WHAT, elsewhere=_ELSEWHERE)


def _finish(
    source: ImageSource, folder: Path, records: list[ShardRecord], short_side: int, quality: int
) -> dict[str, Any]:
    """Write the names of classes and, last of all, the manifest; the facts of a `Preparation`."""
    skipped = tuple(bad for record in records for bad in record.skipped)
    images = sum(record.images for record in records)
    if not images:
        reason = f"{skipped[0].name} ({skipped[0].reason})" if skipped else "none"
        raise DataError(
            f"no image of {source.name!r} can be read: {reason} first. Repair them, or give another folder."
        )
    write_text(folder / CLASSES, "\n".join(source.class_names) + "\n", what=_WHAT, elsewhere=_ELSEWHERE)
    manifest = {
        "format": _FORMAT,
        "name": source.name,
        "source": source.signature,
        "short_side": short_side,
        "quality": quality,
        "class_names": list(source.class_names),
        "images": images,
        "shards": [{key: value for key, value in asdict(each).items() if key != "skipped"} for each in records],
        "skipped": [asdict(bad) for bad in skipped],
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n", what=_WHAT, elsewhere=_ELSEWHERE)
    write_preparation_page(folder / PAGE, open_source(folder), records, short_side=short_side, quality=quality)
    total = sum(record.bytes for record in records)
    return {
        "shards": tuple(records),
        "class_names": source.class_names,
        "images": images,
        "bytes": total,
        "skipped": skipped,
    }
