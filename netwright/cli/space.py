"""List the design spaces, show one, or count it.

list: every space that comes with netwright, with its degrees of freedom and size. show NAME|FILE: the whole space as
YAML, to be changed and given to any verb instead of a name. size NAME|FILE: how many combinations of parameters, ties
and orders counted exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.cli.options import add_limits, limited
from netwright.errors import SpaceError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """The flags."""
    parser.add_argument("action", choices=["list", "show", "size"], metavar="list|show|size", help="what to do")
    parser.add_argument("space", nargs="?", metavar="NAME|FILE", help="a design space, for show and size")
    add_limits(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.space import load_space, space_names

    if options.action == "list":
        for name in space_names():
            space = load_space(name)
            print(f"{name:<28} {len(space.columns):>3} free  {space.size():>10.2g} networks  {space.summary}")
        return 0
    if options.space is None:
        raise SpaceError(
            f"`space {options.action}` is of one space. Give a name ({', '.join(space_names())}) or a file."
        )
    space = limited(options.space, options)
    if options.action == "size":
        print(f"{space.size():,}" if space.size() != float("inf") else "infinite: a parameter is continuous")
        return 0
    import yaml

    print(yaml.safe_dump(space.to_dict(), sort_keys=False, default_flow_style=None), end="")
    return 0
