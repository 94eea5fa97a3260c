"""Measure how fast networks train and answer on this machine.

MODEL is a published name (regnet_x_800mf), a network.yaml, weights or a run folder, timm:NAME or torchvision:NAME. Each
is trained with the loop that `netwright train` runs, on random images. Networks take turns, repeat by repeat. The table
has medians, and their share of the fastest matrix product of this machine in the same precision.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netwright.cli.options import add_options, options_given

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_WHAT = ("memory", "batch_size", "image_size")
_HOW = ("precision", "channels_last", "compile", "device", "threads", "seconds", "repeats", "seed")


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.bench.settings import Settings

    parser.add_argument("models", nargs="+", metavar="MODEL ...", help="what to measure")
    parser.add_argument(
        "--against",
        default="",
        metavar="LIBRARIES",
        help="the same networks from timm, torchvision or timm,torchvision too",
    )
    what = parser.add_argument_group("what (default: training and inference)")
    what.add_argument("--train", action="store_true", help="training only")
    what.add_argument("--infer", action="store_true", help="inference only")
    add_options(parser, Settings, _WHAT, group="what (default: training and inference)")
    add_options(parser, Settings, _HOW, group="how")
    parser.add_argument("--format", choices=["table", "json", "csv"], default="table", help="(default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.bench import Settings, contenders, measure, to_csv, to_json, to_table

    both = options.train == options.infer
    measured = {"train": options.train or both, "infer": options.infer or both}
    settings = Settings(**options_given(options, Settings) | measured)
    found, notices = contenders(options.models, [name for name in options.against.split(",") if name])
    benchmark = measure(found, settings, notices=notices, on_progress=_say)
    text = {"table": to_table, "json": to_json, "csv": to_csv}[options.format](benchmark)
    print(text, end="" if text.endswith("\n") else "\n")
    return 0


def _say(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
