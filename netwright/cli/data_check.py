"""Look for what is wrong with a data set, before anything is trained on it.

Every image is read once. Errors are what makes a result wrong: images that cannot be read, the same image in two
splits or under two labels, splits with other classes, labels without images. Warnings are worth a look: wrong endings,
blank or tiny images, images that look the same, another mix of classes in a split. Notes are good to know.

  netwright data check PHOTOS                        in the terminal; the exit status is 1 where there are errors
  netwright data check PHOTOS --out checked          a page with thumbnails, check.json, and a table of all images
  netwright data check PHOTOS --model runs/a         labels too that are likely wrong, by a network trained on them
  netwright data check PHOTOS --json --fail_on never for programs

A network finds wrong labels best among images that it was not trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.cli.source_flags import add_source_flags, data_dir_with

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_FAILS = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument(
        "data_dir", metavar="DIR", help="a folder of images, or what else --data_dir of a training takes"
    )
    parser.add_argument(
        "--model", metavar="RUN", help="a run folder, weights or an exported file that knows the classes"
    )
    parser.add_argument("--out", metavar="FOLDER", help="for report.html, check.json and images.csv (default: none)")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--fail_on", choices=list(_FAILS), default="error", help="what makes the exit status 1 (default: %(default)s)"
    )
    add_source_flags(parser)
    parser.add_argument("--threads", type=int, metavar="N", help="that read and decode (default: one a processor)")


def run(options: Namespace, command: str) -> int:
    """Check, print, and write what is wanted."""
    import json

    from netwright.curation import check_data
    from netwright.curation.check_text import check_text
    from netwright.evaluation.progress import Progress

    with Progress(0, what="reading") as progress:
        check = check_data(
            data_dir_with(options, options.data_dir),
            model=options.model,
            threads=options.threads,
            progress=progress.update_of,
        )
    print(json.dumps(check.to_dict(), indent=1, ensure_ascii=False) if options.json else check_text(check))
    if options.out is not None:
        from netwright.curation.check_page import write_check

        page = write_check(check, Path(options.out), command=command)
        print(f"report: {page}", file=sys.stderr if options.json else sys.stdout)
    return 1 if any(check.of_level(level) for level in _FAILS[options.fail_on]) else 0
