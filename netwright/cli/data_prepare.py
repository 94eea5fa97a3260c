"""Make images smaller once, and write them as shards that are read many times as fast.

SRC is whatever --data_dir of a training takes: a folder, an archive, ImageNet's archives, shards, an address. DST gets
tar shards in WebDataset's layout, which other programs read too, classes.txt, manifest.json with the SHA-256 of each
shard, and report.html; it is then a --data_dir of every command. Interrupted, the same command continues: complete
shards are kept.

  netwright data prepare PHOTOS photos-256                       the shorter side to 256 pixels, JPEGs of quality 95
  netwright data prepare ILSVRC2012/ imagenet-256 --workers 16   of the published archives, without unpacking them
  netwright train --data_dir photos-256 ...

JPEGs whose shorter side is not larger are copied bit by bit. Images that cannot be read are left out and named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.source_flags import add_source_flags, data_dir_with

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_MOST_NAMED = 5


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    number = {"type": int, "metavar": "N"}
    parser.add_argument("source", metavar="SRC", help="the images, as --data_dir of a training")
    parser.add_argument("folder", metavar="DST", help="a new folder, or that of an interrupted preparation")
    parser.add_argument(
        "--short_side", **number, default=256, help="pixels of the shorter side at most (default: %(default)s)"
    )
    parser.add_argument("--quality", **number, default=95, help="of the JPEGs, 1 to 100 (default: %(default)s)")
    parser.add_argument("--shards", **number, help="files, for all splits together (default: one for 1,000 images)")
    parser.add_argument("--workers", **number, help="processes (default: one a processor)")
    parser.add_argument(
        "--background", default="white", metavar="COLOR", help="of transparent images (default: %(default)s)"
    )
    parser.add_argument(
        "--max_pixels",
        type=int,
        metavar="N",
        help="of an image; more are left out, here as in every command, unless this says otherwise (default: 89478485)",
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    add_source_flags(parser)


def run(options: Namespace, command: str) -> int:
    """Prepare, and print what was made."""
    from netwright.curation.preparing import prepare_data
    from netwright.evaluation.progress import Progress
    from netwright.system.plural import count

    with Progress(0, what="preparing") as progress:
        made = prepare_data(
            data_dir_with(options, options.source),
            options.folder,
            short_side=options.short_side,
            quality=options.quality,
            shards=options.shards,
            workers=options.workers,
            background=options.background,
            **({} if options.max_pixels is None else {"max_pixels": options.max_pixels}),
            progress=progress.update_of,
        )
    if options.json:
        print((made.folder / "manifest.json").read_text(encoding="utf-8"), end="")
        return 0
    kept = f", {made.reused:,} of them from before" if made.reused else ""
    print(f"{count(made.images, 'image')} of {count(len(made.class_names), 'class', 'classes')} in "
          f"{count(len(made.shards), 'shard')}{kept}: {made.bytes / 1e6:,.1f} MB, {made.seconds:.1f} s")  # fmt: skip
    for bad in made.skipped[:_MOST_NAMED]:
        print(f"  could not be read: {bad.name} ({bad.reason})")
    if len(made.skipped) > _MOST_NAMED:
        print(f"  and {len(made.skipped) - _MOST_NAMED:,} more, in manifest.json")
    print(f"report: {made.folder / 'report.html'}")
    print(f"--data_dir {made.folder}")
    return 0
