"""Measure how fast networks train and answer on this machine.

MODEL is a published name (regnet_x_800mf), a network.yaml, weights or a run folder, timm:NAME or torchvision:NAME. Each
is trained with the loop that `netwright train` runs, on random images. Networks take turns, repeat by repeat; the table
has medians, and their share of the fastest matrix product that this machine does in the same precision.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from netwright.cli.options import truth

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """The flags."""
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
    what.add_argument(
        "--memory",
        type=truth,
        default=True,
        metavar="true|false",
        help="the most memory taken, in a process each (default: true)",
    )
    what.add_argument("--batch_size", type=int, default=32, metavar="N", help="(default: %(default)s)")
    what.add_argument("--image_size", type=int, metavar="PIXELS", help="(default: each network's own)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--precision",
        choices=["auto", "fp32", "bf16", "fp16"],
        default="auto",
        help="auto: bf16 where the device has it (default: %(default)s)",
    )
    how.add_argument(
        "--channels_last", type=truth, default=True, metavar="true|false", help="memory layout (default: true)"
    )
    how.add_argument(
        "--compile", type=truth, default=False, metavar="true|false", help="torch.compile, a minute or more each"
    )
    how.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: %(default)s)")
    how.add_argument("--threads", type=int, metavar="T", help="(default: as many as processors)")
    how.add_argument(
        "--seconds", type=float, default=2.0, metavar="S", help="of a repeat of a measurement (default: %(default)s)"
    )
    how.add_argument("--repeats", type=int, default=5, metavar="N", help="(default: %(default)s)")
    how.add_argument("--seed", type=int, default=0, help="of weights and images (default: %(default)s)")
    parser.add_argument("--format", choices=["table", "json", "csv"], default="table", help="(default: %(default)s)")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.bench import Settings, contenders, measure, to_csv, to_json, to_table

    both = options.train == options.infer
    settings = Settings(
        batch_size=options.batch_size,
        image_size=options.image_size,
        precision=options.precision,
        channels_last=options.channels_last,
        compile=options.compile,
        device=options.device,
        threads=options.threads,
        seconds=options.seconds,
        repeats=options.repeats,
        train=options.train or both,
        infer=options.infer or both,
        memory=options.memory,
        seed=options.seed,
    )
    found, notices = contenders(options.models, [name for name in options.against.split(",") if name])
    benchmark = measure(found, settings, notices=notices, say=_say)
    written = {"table": to_table, "json": to_json, "csv": to_csv}[options.format](benchmark)
    print(written, end="" if written.endswith("\n") else "\n")
    return 0


def _say(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
