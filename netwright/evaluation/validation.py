"""Validate a network: from the weights and images that a user names to the numbers and the report, over all ranks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netwright.arch import complexity
from netwright.data.class_order import ORDERS, usual_order
from netwright.data.classes import match_classes
from netwright.data.data_path import as_text
from netwright.data.source import Pixels
from netwright.data.summarize import summarize
from netwright.evaluation.images import choose_images
from netwright.evaluation.measure import measure_split
from netwright.evaluation.metrics import ValidationMetrics
from netwright.evaluation.opening import ModelRequest, OpenedModel, device_of, open_model, request_of
from netwright.evaluation.progress import Progress
from netwright.evaluation.write import write_validation_report
from netwright.loader import Split, signal_warnings
from netwright.training import device_name
from netwright.training.distributed import Group, join_group
from netwright.training.launch import find_launch
from netwright.training.process import process_settings
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = ["ValidateConfig", "Validation", "run_validation", "validate"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ValidateConfig:
    """Everything that `netwright validate` takes.

    Attributes:
        model: The network; its training also has the images (of val_split) and the machine.
        allow_subset: The images may lack classes of the network.
        out: Folder of the report; None for none.
        most_wrong: Images that the report shows.
        command: What the user typed, for the report.
    """

    model: ModelRequest
    allow_subset: bool = False
    out: Path | None = None
    most_wrong: int = 48
    command: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """A network, validated.

    Attributes:
        metrics: The numbers.
        network: Its name.
        images: Which images, for people.
        device: What computed, for people.
        is_fused: Whether batch norm was folded into the convolutions.
        is_export: Whether an exported file was validated.
        is_seen: Whether the network was trained on any of the images; None where that is not known.
        report: The page; None if none was wanted, and on other ranks than the first.
    """

    metrics: ValidationMetrics
    network: str
    images: str
    device: str
    is_fused: bool = False
    is_export: bool = False
    report: Path | None = None
    is_seen: bool | None = None


def validate(
    ref: str | Path | LoadedModel,
    *,
    data_dir: str | Path | None = None,
    dataset: str | None = None,
    split: str | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    runtime: str = "auto",
    fuse: bool | None = None,
    allow_subset: bool = False,
    out: str | Path | None = None,
    most_wrong: int = 48,
    class_order: str = "",
    **keys: Any,
) -> Validation:
    """Validate a network on labeled images, as `netwright validate` does.

    Args:
        ref: A run folder, a file of weights, a published name, an exported .onnx, .xml, .pt2 or .tflite file or a
            folder with one, or a loaded model.
        data_dir: Folder of the images; by default the run's own.
        dataset: imagenet or '' for what data_dir holds, mnist, cifar10, cifar100, or digits, which are bundled.
        split: The very split of that name: of the run's own images, or that data_dir has; all for all images. By
            default what the run kept to judge the network by.
        batch_size: Images per step and device; 128 by default.
        workers: Processes that decode images; 8 by default, at most the processors.
        device: auto, cpu, cuda, cuda:1, ...; weights only.
        precision: fp32, bf16 or fp16; by default fp32 for weights, and the file's own for an exported file.
        runtime: auto, torch, onnx, openvino or litert.
        fuse: Whether batch norm is folded into the convolutions; by default where that is faster.
        allow_subset: The images may lack classes of the network.
        out: Folder for report.html, metrics.json, per_class.csv, confusion.csv and figures.
        most_wrong: Images that the report shows.
        class_order: Of weights without class names: natural, string, or a file with a class name a line.
        **keys: Other keys of `netwright validate`: crop_pct, ema, threads, val_fraction, ...

    Returns:
        The validation, on every rank where several were started together.

    Raises:
        WeightsError: For weights that cannot be loaded.
        ExportError: For an exported file that cannot be opened, and for what does not apply to it.
        DataError: For images that cannot be read, and for classes that are not the network's.
        RecipeError: For an unknown key, or a value that a key does not take.
        OutputError: If the report cannot be written.
    """
    keys |= {"data_dir": None if data_dir is None else as_text(data_dir), "dataset": dataset, "batch_size": batch_size}
    keys |= {"workers": workers, "device": device, "val_precision": precision}
    if split is not None:
        keys |= {"val_split": split, "val_fraction": 0.0}
    model = request_of(ref, keys, fuse=fuse, runtime=runtime, class_order=class_order)
    return run_validation(ValidateConfig(model, allow_subset, None if out is None else Path(out), most_wrong))


def run_validation(
    config: ValidateConfig, *, notify: Callable[[str], None] = _log.info, show_progress: bool = False
) -> Validation:
    """Validate as configured; every rank gets the validation.

    Args:
        config: What to do.
        notify: Called on the first rank with what the user should know, a line at a time.
        show_progress: Show on the first rank's standard error how far it is.
    """
    training = config.model.training
    if "distribute" not in config.model.explicit:  # a recipe's says how it was trained
        launch = find_launch(os.environ)
        training = training.with_(distribute=launch is not None and launch.world > 1)
    machine = training.machine
    with join_group(device_of(config.model), distribute=machine.distribute, timeout=machine.timeout) as group:
        if machine.threads is None and group.world > 1:  # an exported file would use all processors on each rank
            training = training.with_(threads=torch.get_num_threads())
        config = replace(config, model=replace(config.model, training=training))
        with process_settings(threads=machine.threads):
            opened = open_model(config.model, group.device)
            with opened.runtime:
                return _run(config, opened, group, notify if group.is_primary else lambda text: None, show_progress)


def _run(
    config: ValidateConfig, opened: OpenedModel, group: Group, notify: Callable[[str], None], show_progress: bool
) -> Validation:
    info = opened.runtime.info
    training = config.model.training
    chosen = choose_images(info.facts, config.model)
    split = chosen.split
    given = config.model.class_order
    classes = match_classes(
        opened.class_names,
        info.arch.num_classes,
        split.class_names,
        allow_subset=config.allow_subset,
        order=given if given in ORDERS else usual_order(info.facts),
        is_usual=given not in ORDERS,
    )
    notices = tuple(text for text in (*opened.notices, chosen.notice, classes.notice) if text)
    described = summarize(split.source, {split.name: split.index}).all_lines() if group.is_primary else []
    for line in (*notices, *described):  # before an image is decoded: a wrong folder is seen at once
        notify(line)
    of_images = signal_warnings(split, info.preprocessing) if group.is_primary else ()
    for line in of_images:
        notify(line)
    notices += of_images
    is_shown = show_progress and group.is_primary
    with Progress(len(split), group.world) if is_shown else nullcontext() as progress:
        metrics = measure_split(
            opened.runtime,
            split,
            classes,
            group=group,
            batch_size=training.images.batch_size,
            workers=training.images.workers,
            most=config.most_wrong,
            on_batch=None if progress is None else progress.update,
        )
    validation = Validation(
        replace(metrics, notices=notices),
        network=info.arch.name or "network",
        images=f"{split.source.name} ({chosen.label})",
        device=f"{group.world} x {device_name(group.device)}" if group.world > 1 else device_name(group.device),
        is_fused=opened.is_fused,
        is_export=opened.is_export,
        is_seen=chosen.is_seen,
    )
    if config.out is None or not group.is_primary:
        return validation
    return replace(validation, report=_report(config, config.out, validation, opened, split))


def _report(config: ValidateConfig, out: Path, validation: Validation, opened: OpenedModel, split: Split) -> Path:
    metrics, info = validation.metrics, opened.runtime.info
    cost = complexity(info.arch)
    facts: Mapping[str, Mapping[str, Any]] = {
        "command": {"": config.command} if config.command else {},
        "network": {
            "name": validation.network,
            "weights": opened.source,
            "parameters": f"{int(cost.params[0]):,}",
            "flops": f"{int(cost.flops[0]):,} at {info.arch.resolution} pixels",
            "classes": f"{info.arch.num_classes:,}",
        },
        "images": {
            "source": validation.images,
            "images": _counted(metrics),
            "seen in training": {None: "not known", False: "no", True: "yes"}[validation.is_seen],
            **{key: _as_text(value) for key, value in info.preprocessing.to_dict().items()},
        },
        "machine": {
            "device": validation.device,
            "runtime": opened.runtime.kind,
            "precision": opened.runtime.precision,
            "batch norm": "folded into the convolutions" if validation.is_fused else "as trained",
            "batch": f"{config.model.training.images.batch_size}",
            "speed": f"{metrics.images_per_second:,.1f} images/s, {metrics.seconds:.1f} s",
            "netwright": __version__,
            "torch": torch.__version__,
        },
    }

    def pixels_of(index: int) -> Pixels:
        return info.preprocessing.pixels(split.source.read(index).data)

    return write_validation_report(
        metrics,
        out,
        title=f"{validation.network} on {split.source.name}",
        subtitle=f"{metrics.images:,} images of {len(split.class_names):,} classes ({split.name})",
        facts={title: {key: str(value) for key, value in group.items()} for title, group in facts.items() if group},
        pixels_of=pixels_of,
    )


def _counted(metrics: ValidationMetrics) -> str:
    if not metrics.skipped:
        return f"{metrics.images:,}, each counted once"
    return f"{metrics.images:,} of {metrics.total:,}, each counted once; the others could not be read"


def _as_text(value: Any) -> str:
    """Numbers without the digits that binary fractions add."""
    if isinstance(value, list):
        return ", ".join(map(_as_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
