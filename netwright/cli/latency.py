"""Measure how long networks take to answer on this device, in what will serve them.

REF is a published name, a network.yaml, an exported file, weights or a run folder; several are measured one after
another. Or it is one design space: --n of its networks are measured, and a predictor is fitted on them, whose error on
networks that it has not seen is printed. `netwright sample`, `sweep` and `design` take --max_latency by it.

  netwright latency regnetx_200mf regnety_200mf --runtime openvino --threads 1
  netwright latency runs/design/model.onnx
  netwright latency regnetx --resolution 64 --max_flops 40M --n 60 --out latencies.csv

Each network is timed in turns with a reference network, after a warm-up. Its latency is the median ratio of their
turns, times what the reference takes in the quietest session on this device: so figures of different days can be
compared. They are kept in the user's cache folder by network, setting, device and versions; --again measures anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.cli.options import add_limits, add_options, limited_space, options_given
from netwright.errors import OutputError

if TYPE_CHECKING:
    from argparse import Namespace

    from netwright.cli.parser import CommandParser
    from netwright.timing.latencies import Latencies

__all__ = ["add_arguments", "run"]

_COSTS = ("flops", "params", "acts")


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.timing.setting import LatencySetting

    parser.add_argument("refs", nargs="+", metavar="REF|SPACE", help="networks, or one design space")
    add_options(parser, LatencySetting, group="how")
    parser.add_argument("--resolution", type=int, metavar="PIXELS", help="side of the input (default: their own)")
    parser.add_argument("--n", type=int, default=40, metavar="N", help="networks of a space (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of that sample (default: %(default)s)")
    parser.add_argument("--again", action="store_true", help="measure networks though they are known")
    parser.add_argument("--out", metavar="FILE", help="a .csv or .json file with a row a network")
    parser.add_argument("--json", action="store_true", help="JSON in place of a table")
    add_limits(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.timing import latency
    from netwright.timing.setting import LatencySetting

    out = None if options.out is None else Path(options.out)
    if out is not None and out.suffix not in (".csv", ".json"):
        raise OutputError(f"latencies go to a file ending in .csv or .json, not {out.name!r}. Rename it.")
    found = latency(
        _refs(options),
        n=options.n,
        seed=options.seed,
        resolution=options.resolution,
        again=options.again,
        progress=_say,
        **options_given(options, LatencySetting),
    )
    if out is not None:
        _write(found, out)
    print(json.dumps(found.to_dict(), indent=2) if options.json else _text(found))
    return 0


def _refs(options: Namespace) -> Any:
    """The references; a space within the limits of the flags."""
    from netwright.timing.subject import is_space

    if len(options.refs) == 1 and is_space(options.refs[0]):
        return limited_space(options.refs[0], options, options.resolution)
    given = [name for cost in _COSTS for name in (cost, f"max_{cost}") if getattr(options, name) is not None]
    if given:
        from netwright.errors import SpaceError

        raise SpaceError(f"--{given[0]} limits the networks of a design space, and {options.refs[0]} is none.")
    return options.refs


def _text(found: Latencies) -> str:
    facts = found.rows[0].facts
    lines = ["measured on " + ", ".join(f"{name} {value}" for name, value in facts.items() if name != "setting")]
    lines += [_of_space(found)] if found.held_out is not None else [_table(found)]
    if found.held_out is not None:
        lines.append(found.held_out.in_words())
    return "\n".join([*lines, *found.cautions])


def _table(found: Latencies) -> str:
    head = ["network", "pixels", "flops", "params", "acts", "latency, ms", "95% interval", "in"]
    rows = [head]
    for row in found.rows:
        values, (low, high) = row.to_dict(), row.latency.interval_ms
        costs = [f"{values[cost] / 1e6:,.2f}M" for cost in _COSTS]
        times = [f"{row.latency.ms:.4g}", f"{low:.4g} to {high:.4g}"]
        rows.append([row.name, str(values["resolution"]), *costs, *times, row.facts["setting"]])
    widths = [max(len(cells[at]) for cells in rows) for at in range(len(head))]
    last = len(head) - 1
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in (0, last) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    )


def _of_space(found: Latencies) -> str:
    """The latencies of a space in two lines: quartiles, and with which cost they go."""
    import numpy as np
    from scipy.stats import spearmanr

    frame = found.frame()
    quartiles = np.quantile(frame["latency_ms"], [0, 0.25, 0.5, 0.75, 1])
    ranks = (f"{cost} {spearmanr(frame[cost], frame['latency_ms']).statistic:.2f}" for cost in _COSTS)
    return (
        f"{len(frame)} networks of {found.space} in {found.rows[0].facts['setting']}\n"
        f"latency, ms: {' | '.join(f'{value:.4g}' for value in quartiles)}   [least | quartiles | most]\n"
        f"rank correlation with {', '.join(ranks)}"
    )


def _write(found: Latencies, path: Path) -> None:
    from netwright.system.atomic import write_text

    text = json.dumps(found.to_dict(), indent=2) if path.suffix == ".json" else found.frame().to_csv(index=False)
    write_text(path, text, what="the latencies", elsewhere="another --out")


def _say(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
