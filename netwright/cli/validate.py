"""Validate a trained network on images: accuracy, loss, calibration, and what it confuses.

REF is a run folder, a weight file, a published name, or an exported .onnx, .xml, .pt2 or .tflite file or a folder with
one. The first line is MindCV's, with accuracies from 0 to 1. The loss is the cross-entropy, without label smoothing.
Classes are matched by name, and images are prepared as for REF unless a flag changes that. Without --data_dir, a run
is validated on the images that it kept for that: a design on its test images, a training on its validation images. On
several devices, start it with torchrun, mpirun, SLURM or msrun.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.options import truth
from netwright.cli.trained import add_trained_flags, chosen_ref, flags_alone, model_request
from netwright.cli.training_flags import training_of

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.evaluation.validation import Validation

__all__ = ["add_arguments", "run"]

_WORST_CLASSES = 5
_OUT = "folder for report.html, metrics.json, per_class.csv, confusion.csv and pictures (default: none is written)"
_IMAGES = {
    "--data_dir": "folder of the images (default: the run's own)",
    "--dataset": "imagenet or '': what data_dir holds; mnist, cifar10, cifar100; digits: bundled",
    "--val_split": "as --split",
    "--val_fraction": "the part of the train split that a training with this fraction and seed kept for validation",
    "--download": "fetch mnist, cifar10 or cifar100 when data_dir does not have it",
}
_RANKS = {
    "--batch_size": "images per step and device (default: 128)",
    "--workers": "processes that decode images (default: 8, at most the processors)",
    "--distribute": "one process per device, started by torchrun, mpirun, SLURM or msrun (default: where one of these "
    "did)",
    "--threads": "processor threads of each process (default: torch's)",
}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument(
        "ref",
        nargs="?",
        default="",
        metavar="REF",
        help="a run folder, a weight file, a published name, or an exported file; or give --ckpt_path",
    )
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="split to measure on: train, validation or test of the run's own images, a split that --data_dir has, or "
        "all; without it what the run kept to judge the network by, if it kept some (default: val_split)",
    )
    parser.add_argument(
        "--allow_subset",
        nargs="?",
        const=True,
        default=False,
        type=truth,
        metavar="true|false",
        help="the images may lack classes that the network knows",
    )
    parser.add_argument(
        "--most_wrong", type=int, default=48, metavar="N", help="images in the report (default: %(default)s)"
    )
    add_trained_flags(parser, images=_IMAGES, answer={"--out": _OUT}, machine=_RANKS)


def run(options: Namespace, command: str) -> int:
    """Validate and print the result."""
    flags, loaded = flags_alone(options), training_of(options)
    ref = chosen_ref(options.ref, loaded.training.network.checkpoint)
    # a recipe's ema says how it was trained
    training = loaded.training.with_(checkpoint=ref, ema=flags.training.optimization.ema)
    given = loaded.given
    if options.split:
        training = training.with_(val_split=options.split, val_fraction=0.0)
        given |= {"val_split", "val_fraction"}
    explicit = flags.given | ({"val_split"} if options.split else set())
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(training), end="")
        return 0
    from netwright.evaluation.validation import ValidateConfig, run_validation
    from netwright.training.launch import is_primary

    config = ValidateConfig(
        model_request(options, training, given, explicit),
        allow_subset=options.allow_subset,
        out=Path(training.checkpoints.out) if "out" in flags.given else None,
        most_wrong=max(0, options.most_wrong),
        command=command,
    )
    validation = run_validation(
        config, notify=lambda text: print(text, file=sys.stderr, flush=True), show_progress=True
    )
    if is_primary():
        print(validation.metrics.to_mindcv())
        print(_table(validation))
        if validation.report is not None:
            print(f"report: {validation.report}")
        if ref:
            _print_next(ref, validation)
    return 0


def _print_next(ref: str, validation: Validation) -> None:
    from netwright.cli.next_commands import print_next, words

    page = ("validate", f"{words(ref)} --out measured", "the same as a page, with the worst pictures")
    predict = ("predict", f"{words(ref)} PHOTO.jpg", "what it sees in a picture")
    if validation.is_export:
        last = ("serve", words(ref), "answer pictures over HTTP")
    else:
        last = ("export", words(ref), "a file for other programs and for `netwright serve`")
    print_next(*([page] if validation.report is None else []), predict, last)


def _table(validation: Validation) -> str:
    from netwright.evaluation.figures import labels_of, share
    from netwright.evaluation.metrics import wilson_interval
    from netwright.stats.guessing import doubt_of_guessing
    from netwright.system.plural import count

    metrics = validation.metrics
    labels = labels_of(metrics.class_names)
    low, high = wilson_interval(metrics.correct(), metrics.images)
    guess = f"{share(metrics.guess)}  (always {labels[metrics.commonest]}, the commonest class)"
    rows = [
        ("top-1 accuracy", f"{share(metrics.top1)}  (95% interval {share(low)} to {share(high)})"),
        ("by guessing", guess),
        ("balanced accuracy", f"{share(metrics.balanced)}  (mean of the classes)" if metrics.is_uneven else ""),
        ("top-5 accuracy", share(metrics.shown_top5)),
        ("loss", f"{metrics.loss:.4f}"),
        ("calibration error", share(metrics.calibration_error)),
        ("not sure", f"`netwright predict --threshold {metrics.keeping_threshold:.2g}` would keep 95% of these images"),
        ("speed", f"{metrics.images_per_second:,.1f} images/s on {validation.device}"),
    ]
    if validation.is_fused:
        hint = "" if validation.is_export else " (--fuse false: as trained)"
        rows.append(("batch norm", f"folded into the convolutions{hint}"))
    if metrics.skipped:
        first = metrics.skipped[0]
        many = count(len(metrics.skipped), "image")
        rows.append(("could not be read", f"{many}, {first.name} ({first.reason}) the first"))
    seen = sorted((row for row in metrics.classes if row.images), key=lambda row: row.correct / row.images)
    if len(seen) > 1:
        worst = [f"{labels[row.index]} {share(row.accuracy)}" for row in seen[:_WORST_CLASSES]]
        rows.append(("each class" if len(seen) <= _WORST_CLASSES else "worst classes", ", ".join(worst)))
    read = (
        f"{metrics.images:,} of {count(metrics.total, 'image')}" if metrics.skipped else count(metrics.images, "image")
    )
    many = f"{read}, {count(len(seen), 'class', 'classes')}"
    lines = [f"{validation.network} on {validation.images}: {many}"]
    lines += [f"  {name:<18} {text}" for name, text in rows if text]
    if not metrics.beats_guess:
        doubt = doubt_of_guessing(metrics.top1, metrics.guess, metrics.images)
        lines.append(f"warning: {doubt}: train longer, or look at the images and their classes")
    return "\n".join(lines)
