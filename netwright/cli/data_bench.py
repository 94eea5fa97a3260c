"""Measure how fast images come to the network: images a second of each stage, the slowest one, and what to do.

Each stage is measured alone on one processor: reading, decoding whole images, decoding with a random part, colors,
collating, normalizing. Then whole batches, without worker processes and with --workers. It takes the flags and recipes
of `netwright train`. Files that were read before are in the system's cache: a first epoch may be slower.

  netwright data bench PHOTOS
  netwright data bench PHOTOS --image_size 160 --auto_augment randaug-m9-mstd0.5-inc1 --workers 4
  netwright data bench PHOTOS --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.data_show import LISTED
from netwright.cli.source_flags import data_dir_with
from netwright.cli.training_flags import add_training_flags, training_of

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_MORE = {
    "--batch_size": "images of a batch (default: 128)",
    "--workers": "processes (default: 8, at most one a processor)",
}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.cli.source_flags import add_source_flags

    parser.add_argument("folder", metavar="DIR", help="the images, as --data_dir of a training")
    parser.add_argument("--images", type=int, default=256, metavar="N", help="that are read (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="for machines")
    add_source_flags(parser)
    add_training_flags(parser, listed={**LISTED, "batches": _MORE})


def run(options: Namespace, command: str) -> int:
    """Measure, and print a table."""
    import json

    loaded = training_of(options)
    if options.print_config:
        from netwright.recipe import training_to_yaml

        print(training_to_yaml(loaded.training), end="")
        return 0
    from netwright.curation.measuring import bench_data

    speed = bench_data(data_dir_with(options, options.folder), loaded.training, images=options.images)
    if options.json:
        print(json.dumps(speed.to_dict(), indent=1))
        return 0
    print(f"{speed.name}: {speed.images:,} images of {speed.kilobytes:,.0f} kB, shorter side {speed.shorter_side:,.0f}")
    for stage in speed.stages:
        mark = "  <- slowest" if stage.name == speed.bottleneck else ""
        print(f"  {stage.name:<28} {stage.rate:>12,.0f} images/s  {1e6 * stage.seconds:>8,.0f} us{mark}")
    for workers, rate in speed.loader.items():
        name = f"batches, {workers} workers" if workers else "batches, this process"
        print(f"  {name:<28} {rate:>12,.0f} images/s")
    for sentence in speed.advice:
        print(sentence)
    return 0
