"""`netwright validate`: from the weights and images that a user names to what they show, over all ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netwright.arch import complexity
from netwright.data.classes import match_classes
from netwright.data.source import Pixels
from netwright.evaluation.folding import is_foldable
from netwright.evaluation.loading import images_of_run, load_for
from netwright.evaluation.measure import validate
from netwright.evaluation.measured import Measured
from netwright.evaluation.progress import Progress
from netwright.evaluation.write import write_report
from netwright.loader import Split, open_split
from netwright.training import describe
from netwright.training.distributed import Group, join
from netwright.training.precision import resolve_precision
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.recipe import TrainConfig
    from netwright.weights import LoadedModel

__all__ = ["Job", "Result", "run_job"]


@dataclass(frozen=True, slots=True)
class Job:
    """training: weights, images (of val_split) and machine in the keys of a training; given: those that the user gave.

    fuse: fold batch norm into the convolutions, where that pays (`is_foldable`). out: a folder for the report, None for
    none; most_wrong: images that it shows.
    """

    training: TrainConfig
    given: frozenset[str] = frozenset()
    allow_subset: bool = False
    fuse: bool = True
    out: Path | None = None
    most_wrong: int = 48
    command: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """network, images: in words; is_folded: whether batch norm was folded; report: the page, None where none was asked
    for."""

    measured: Measured
    network: str
    images: str
    device: str
    is_folded: bool = False
    report: Path | None = None


def run_job(job: Job, say: Callable[[str], None]) -> Result | None:
    """Do it; on other ranks than the first None. say: is given what a user must know, a line at a time."""
    machine = job.training.machine
    with join(machine.device, distribute=machine.distribute, timeout=machine.timeout) as group:
        if machine.threads is not None:
            torch.set_num_threads(machine.threads)
        return _run(job, group, say if group.is_first else lambda text: None)


def _run(job: Job, group: Group, say: Callable[[str], None]) -> Result | None:
    model, notices = load_for(job.training, job.given)
    training, of_run = images_of_run(model, job.training, job.given)
    split = open_split(training.images, training.images.val_split, training.machine.seed)
    classes = match_classes(model.class_names, model.arch.num_classes, split.class_names, allow_subset=job.allow_subset)
    precision, said = resolve_precision(training.precision.val_precision, group.device)
    notices = tuple(text for text in (*notices, of_run, said, classes.notice) if text)
    for notice in notices:
        say(notice)
    is_folded = job.fuse and is_foldable(model.module, group.device, precision)
    with Progress(len(split), group.world) if group.is_first else nullcontext() as progress:
        measured = validate(
            model,
            split,
            classes,
            group=group,
            batch_size=training.images.batch_size,
            workers=training.images.workers,
            precision=precision,
            fold=is_folded,
            most=job.most_wrong,
            on_batch=None if progress is None else progress.update,
        )
    if not group.is_first:
        return None
    result = Result(
        replace(measured, notices=notices),
        network=model.arch.name or "network",
        images=f"{split.source.name} ({split.name})",
        device=f"{group.world} x {describe(group.device)}" if group.world > 1 else describe(group.device),
        is_folded=is_folded,
    )
    return result if job.out is None else replace(result, report=_report(job, job.out, result, model, split, precision))


def _report(job: Job, out: Path, result: Result, model: LoadedModel, split: Split, precision: str) -> Path:
    measured, preprocessing, cost = result.measured, model.preprocessing, complexity(model.arch)
    facts: Mapping[str, Mapping[str, Any]] = {
        "command": {"": job.command} if job.command else {},
        "network": {
            "name": result.network,
            "weights": model.source,
            "parameters": f"{int(cost.params[0]):,}",
            "flops": f"{int(cost.flops[0]):,} at {model.arch.resolution} pixels",
            "classes": f"{model.arch.num_classes:,}",
        },
        "images": {
            "source": result.images,
            "images": f"{measured.images:,}, each counted once",
            **{key: _in_words(value) for key, value in preprocessing.to_dict().items()},
        },
        "machine": {
            "device": result.device,
            "precision": precision,
            "batch norm": "folded into the convolutions" if result.is_folded else "as trained",
            "batch": f"{job.training.images.batch_size}",
            "speed": f"{measured.images_per_second:,.1f} images/s, {measured.seconds:.1f} s",
            "netwright": __version__,
            "torch": torch.__version__,
        },
    }

    def pixels_of(index: int) -> Pixels:
        return preprocessing.pixels(split.source.read(index).data)

    return write_report(
        measured,
        out,
        title=f"{result.network} on {split.source.name}",
        subtitle=f"{measured.images:,} images of {len(split.class_names):,} classes ({split.name})",
        facts={title: {key: str(value) for key, value in group.items()} for title, group in facts.items() if group},
        pixels_of=pixels_of,
    )


def _in_words(value: Any) -> str:
    """Numbers without the tail that binary fractions have."""
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
