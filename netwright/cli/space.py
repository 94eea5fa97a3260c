"""List the design spaces, show one, or count it.

list [PATTERN]: every space that comes with netwright, by the block that its networks are made of, with its degrees of
freedom and size; 'anynetv*' lists some. show NAME|FILE: the whole space as YAML, to edit and give to any command
instead of a name. size NAME|FILE: how many combinations of parameters it has, ties and orders counted exactly.
diff A B: what two spaces differ in, a line for each part. intersect A B: the space of what is in both, as YAML.
union A B: the space of the networks of either, as YAML; --weights 2,1 draws two of three networks from A.

  netwright space union anynetx_d regnetx --weights 1,1 > both.yaml
  netwright sample both.yaml --n 20 --flops 360M:400M
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from netwright.cli.options import add_limits, limited_space
from netwright.errors import SpaceError

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.space import DesignSpace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    actions = ["list", "show", "size", "diff", "intersect", "union"]
    parser.add_argument("action", choices=actions, metavar="|".join(actions), help="what to do")
    parser.add_argument("space", nargs="?", metavar="NAME|FILE", help="a design space; for list, a pattern of names")
    parser.add_argument("other", nargs="?", metavar="NAME|FILE", help="another one, for diff, intersect and union")
    parser.add_argument(
        "--weights", metavar="X,Y", help="for union: how often networks are drawn from each (default: equally often)"
    )
    add_limits(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    if options.action == "list":
        print("\n".join(_listed(options.space or "*")))
        return 0
    if options.space is None:
        raise SpaceError(
            f"`netwright space {options.action}` needs a space. Name one; `netwright space list` lists all."
        )
    space = limited_space(options.space, options)
    if options.weights is not None and options.action != "union":
        raise SpaceError("--weights belongs to `netwright space union A B`. Leave it out.")
    if options.action in ("diff", "intersect", "union"):
        return _two(options.action, space, options.other, options.weights)
    if options.other is not None:
        raise SpaceError(
            f"`netwright space {options.action}` takes one space, not {options.other!r} too. Leave it out."
        )
    if options.action == "size":
        print(f"{space.size():,}" if space.size() != float("inf") else "infinite: a parameter is continuous")
        return 0
    print(_yaml(space), end="")
    return 0


def _two(action: str, space: DesignSpace, other: str | None, weights: str | None) -> int:
    from netwright.space import intersect, load_space, space_difference, union
    from netwright.space.table import short_size

    if other is None:
        raise SpaceError(f"`netwright space {action}` needs two spaces, and {space.name!r} is one. Name another.")
    second = load_space(other)
    if action == "intersect":
        print(_yaml(intersect(space, second)), end="")
        return 0
    if action == "union":
        print(_yaml(union(space, second, weights=_weights(weights))), end="")
        return 0
    lines = space_difference(space, second)
    sizes = [f"{each.name} has {short_size(each.size())} combinations of parameters" for each in (space, second)]
    print("\n".join([*(lines or ["no difference"]), ", ".join(sizes)]))
    return 0


def _weights(given: str | None) -> list[float] | None:
    if given is None:
        return None
    try:
        return [float(word) for word in given.split(",")]
    except ValueError as error:
        raise SpaceError(
            f"--weights are numbers with a comma between them, not {given!r}. For example: 2,1."
        ) from error


def _yaml(space: DesignSpace) -> str:
    import yaml

    return yaml.safe_dump(space.to_dict(), sort_keys=False, default_flow_style=None)


def _listed(pattern: str) -> list[str]:
    """A line for each space whose name matches the pattern, under a line for each block."""
    from netwright.arch import BLOCKS
    from netwright.space import load_space, space_names
    from netwright.space.table import short_size

    spaces = [load_space(name) for name in fnmatch.filter(space_names(), pattern.lower())]
    if not spaces:
        raise SpaceError(f"no design space has a name like {pattern!r}. `netwright space list` lists all.")
    lines = []
    for block in dict.fromkeys(space.setting.block for space in spaces):
        lines += [f"block {block}, {BLOCKS[block].summary}"]
        for space in spaces:
            if space.setting.block == block:
                freedom, size = len(space.columns), short_size(space.size())
                lines.append(f"  {space.name:<28} {freedom:>2} free  {size:>8} networks  {space.summary}")
    return lines
