"""Draw networks from a design space, without training any.

Prints a table, or writes a file: .csv and .parquet have a row a network with its parameters and complexity, .jsonl a
whole network a line. The same seed draws the same networks. How many draws each constraint rejected is printed last.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netwright.cli.options import add_limits, limited_space
from netwright.errors import OutputError

if TYPE_CHECKING:
    from argparse import Namespace

    import pandas as pd

    from netwright.arch import ArchBatch
    from netwright.cli.parser import CommandParser

__all__ = ["add_arguments", "run"]

_SHOWN = 20


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    parser.add_argument("space", metavar="NAME|FILE", help="design space")
    parser.add_argument("--n", type=int, default=10, metavar="N", help="networks (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--out", metavar="FILE", help="a .csv, .parquet or .jsonl file instead of a table")
    parser.add_argument("--resolution", type=int, metavar="PIXELS", help="side of the input (default: the space's own)")
    add_limits(parser)


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.space import draw
    from netwright.system.plural import count

    writer = None if options.out is None else _writer(Path(options.out))
    space = limited_space(options.space, options, options.resolution)
    sample = draw(space, options.n, options.seed)
    if writer is None:
        table = _table(sample.batch)
        print(table.head(_SHOWN).to_string(index=False))
        if len(table) > _SHOWN:
            print(f"... and {len(table) - _SHOWN:,} more; --out FILE writes all")
    else:
        writer(sample.batch)
        print(f"{count(len(sample.batch), 'network')}: {options.out}")
    counts = ", ".join(f"{name} {many:,}" for name, many in sample.rejection_counts.items())
    print(f"rejection counts: {counts}", file=sys.stderr)
    return 0


def _table(batch: ArchBatch) -> pd.DataFrame:
    import pandas as pd

    from netwright.arch import complexity

    cost = complexity(batch)
    columns: dict[str, Any] = {
        name: [int(v) if float(v).is_integer() else round(float(v), 4) for v in values]
        for name, values in batch.parameters.items()
    }
    columns |= {"depths": [[s.depth for s in arch.stages] for arch in batch]}
    columns |= {"widths": [[s.width for s in arch.stages] for arch in batch]}
    return pd.DataFrame(columns | {"flops": cost.flops, "params": cost.params, "acts": cost.acts})


def _writer(path: Path) -> Callable[[ArchBatch], None]:
    if path.suffix not in _WRITERS:
        raise OutputError(f"networks go to a file ending in {', '.join(_WRITERS)}, not {path.name!r}. Rename it.")

    def write(batch: ArchBatch) -> None:
        from netwright.system.atomic import atomic_file

        with atomic_file(path, what="the sampled networks", elsewhere="another --out") as file:
            _WRITERS[path.suffix](batch, file)

    return write


def _write_lines(batch: ArchBatch, file: BinaryIO) -> None:
    file.writelines(f"{arch.to_json()}\n".encode() for arch in batch)


_WRITERS: dict[str, Callable[[ArchBatch, BinaryIO], None]] = {
    ".csv": lambda batch, file: _table(batch).to_csv(file, index=False, mode="wb"),
    ".parquet": lambda batch, file: _table(batch).to_parquet(file, index=False),
    ".jsonl": _write_lines,
}
