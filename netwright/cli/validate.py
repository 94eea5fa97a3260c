"""Measure a trained network on images: accuracy, loss, calibration, and what it confuses.

The first line is MindCV's, with accuracies from 0 to 1. The loss is the cross-entropy, without label smoothing. Classes
are matched by name, and images are prepared as the weights say unless a flag says otherwise. Without --data_dir, a run
folder is validated on the images that it was trained for. On several devices, start it with torchrun or mpirun.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.options import truth
from netwright.cli.trained import add_trained_flags, chosen_weights, flags_alone
from netwright.cli.training_flags import training_of

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.evaluation.job import Result

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
    "--batch_size": "images a step and device (default: 128)",
    "--workers": "processes that decode images (default: 8, at most the processors)",
    "--distribute": "one process a device, started by torchrun, mpirun or SLURM (default: where one of these did)",
    "--threads": "processor threads of each process (default: torch's)",
}
# of a run's own recipe: what its images are, and the seed by which val_fraction cuts them
_OF_THE_RUN = ("dataset", "data_dir", "train_split", "val_split", "val_fraction", "batch_size", "seed")
_OF_ITS_FOLDER = ("dataset", "train_split", "val_split", "val_fraction")


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument(
        "ref", nargs="?", default="", metavar="REF", help="a run folder or a weight file; or give --ckpt_path"
    )
    parser.add_argument("--split", metavar="NAME", help="split to measure on (default: val_split)")
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
    """Do it."""
    flags, loaded = flags_alone(options), training_of(options)
    weights = chosen_weights(options.ref, loaded.training.network.checkpoint)
    # a recipe's ema says how it was trained
    training = loaded.training.with_(checkpoint=weights, ema=flags.training.optimization.ema)
    given = loaded.given
    if options.split:
        training = training.with_(val_split=options.split, val_fraction=0.0)
        given |= {"val_split", "val_fraction"}
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(training), end="")
        return 0
    from netwright.evaluation.job import Job, run_job
    from netwright.training.distributed import find_launch

    if "distribute" not in flags.given:  # a recipe's says how it was trained
        import os

        launch = find_launch(os.environ)
        training = training.with_(distribute=launch is not None and launch.world > 1)
    job = Job(
        training,
        given,
        allow_subset=options.allow_subset,
        fuse=options.fuse,
        out=Path(training.checkpoints.out) if "out" in flags.given else None,
        most_wrong=max(0, options.most_wrong),
        command=command,
    )
    result = run_job(job, lambda text: print(text, file=sys.stderr, flush=True))
    if result is not None:
        print(result.measured.to_mindcv())
        print(_table(result))
        if result.report is not None:
            print(f"report: {result.report}")
    return 0


def _table(result: Result) -> str:
    from netwright.evaluation.figures import labels_of, share
    from netwright.evaluation.measured import interval

    measured = result.measured
    low, high = interval(measured.correct(), measured.images)
    rows = [
        ("top-1", f"{share(measured.top1)}  (95% interval {share(low)} to {share(high)})"),
        ("top-5", share(measured.top5)),
        ("loss", f"{measured.loss:.4f}"),
        ("calibration error", share(measured.calibration_error)),
        ("speed", f"{measured.images_per_second:,.1f} images/s on {result.device}"),
    ]
    if result.is_folded:
        rows.append(("batch norm", "folded into the convolutions (--fuse false: as trained)"))
    if measured.skipped:
        first = measured.skipped[0]
        rows.append(("could not be read", f"{len(measured.skipped):,} images, {first.name} ({first.reason}) the first"))
    labels = labels_of(measured.class_names)
    seen = sorted((row for row in measured.classes if row.images), key=lambda row: row.correct / row.images)
    worst = [f"{labels[row.index]} {share(row.accuracy)}" for row in seen[:_WORST_CLASSES]]
    if len(seen) > 1:
        rows.append(("worst classes", ", ".join(worst)))
    lines = [f"{result.network} on {result.images}: {measured.images:,} images, {len(seen):,} classes"]
    return "\n".join([*lines, *(f"  {name:<18} {text}" for name, text in rows if text)])
