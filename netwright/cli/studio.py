"""Show populations in the browser: look at them, refine a space, set off the next sweep.

FOLDER holds run folders of `netwright sweep` and `netwright design`, however deep; it can also be one of them, or a
table with an error column. While a sweep runs, the page follows it; only snapshots are read, so no sweep waits for it.

  netwright studio                       what is in runs/
  netwright studio runs/ others.csv      and a table
  netwright studio runs/ --look_only     without buttons that start or stop anything

The page is for this machine; nothing is requested from any other server. Beyond it (--host 0.0.0.0) it has a token,
which stands in the address that is printed. Ctrl-C ends the studio, and leaves sweeps that it started running. Needs
pip install "netwright[serve]".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_options, options_given

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.studio.settings import StudioSettings

    parser.add_argument(
        "folders", metavar="FOLDER", nargs="*", default=[], help="what to show: folders of runs, runs, tables (runs)"
    )
    add_options(parser, StudioSettings)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.studio import StudioSettings, open_studio

    def on_ready(address: str) -> None:
        print(f"studio on {address}; Ctrl-C ends it", flush=True)

    open_studio(*options.folders, on_ready=on_ready, **options_given(options, StudioSettings))
    return 0
