"""Draw networks from a design space, without training any.

Prints a table, or writes a file: .csv and .parquet have a row a network with its parameters and complexity, .jsonl a
whole network a line. The same seed draws the same networks. How many draws each constraint rejected is printed last.

With --max_latency 5ms every network answers within that time on this device, in --runtime onnx, openvino or torch:
predicted while sampling, and then measured. The table has the measured latency.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netwright.cli.options import add_limits, add_options, limited_space, options_given
from netwright.errors import OutputError

if TYPE_CHECKING:
    from argparse import Namespace

    import pandas as pd

    from netwright.arch import ArchBatch
    from netwright.cli.parser import CommandParser
    from netwright.space import DesignSpace, Sample
    from netwright.timing.limit import LatencyLimit

__all__ = ["add_arguments", "run"]

_SHOWN = 20


def add_arguments(parser: CommandParser) -> None:
    """The flags."""
    from netwright.timing.limit import LatencyLimit

    parser.add_argument("space", metavar="NAME|FILE", help="design space")
    parser.add_argument("--n", type=int, default=10, metavar="N", help="networks (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--out", metavar="FILE", help="a .csv, .parquet or .jsonl file instead of a table")
    parser.add_argument("--resolution", type=int, metavar="PIXELS", help="side of the input (default: the space's own)")
    add_limits(parser)
    add_options(parser, LatencyLimit, group="limit on latency (on this device)")


def run(options: Namespace, command: str) -> int:
    """Do it."""
    from netwright.space import draw
    from netwright.system.plural import count
    from netwright.timing.limit import LatencyLimit, latency_limit

    writer = None if options.out is None else _writer(Path(options.out))
    space = limited_space(options.space, options, options.resolution)
    limit = latency_limit(options_given(options, LatencyLimit))
    latency: dict[str, Any] = {}
    if limit is None:
        sample = draw(space, options.n, options.seed)
    else:
        sample, latency = _within(limit, space, options)
    if writer is None:
        table = _table(sample.batch, {name: values for name, values in latency.items() if name == "latency_ms"})
        print(table.head(_SHOWN).to_string(index=False))
        if len(table) > _SHOWN:
            print(f"... and {len(table) - _SHOWN:,} more; --out FILE writes all")
    else:
        writer(sample.batch, latency)
        print(f"{count(len(sample.batch), 'network')}: {options.out}")
    counts = ", ".join(f"{name} {many:,}" for name, many in sample.rejection_counts.items())
    print(f"rejection counts: {counts}", file=sys.stderr)
    return 0


def _within(limit: LatencyLimit, space: DesignSpace, options: Namespace) -> tuple[Sample, dict[str, Any]]:
    """A sample within a limit on latency, with columns of what was measured; says how, on standard error."""
    from netwright.timing.sampler import LatencySampler

    with LatencySampler(limit, space, options.seed) as sampler:
        sample = sampler.draw(space, options.n, options.seed)
        ms = [float(f"{sampler.latency(arch).ms:.5g}") for arch in sample.batch]
        off = sampler.prediction_error(sample.batch)
        lines = [f"latency: {sampler.in_words()}", sampler.held_out.in_words()]
        lines.append(f"The networks below were measured: the predictions were off by {off:.1%} on average.")
        lines.append(sampler.measurer.caution())
    print("\n".join(filter(None, lines)), file=sys.stderr)
    return sample, {"latency_ms": ms, "latency_of": sampler.in_words()}


def _table(batch: ArchBatch, latency: dict[str, Any]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    from netwright.arch import complexity

    cost = complexity(batch)
    columns: dict[str, Any] = {
        name: [
            v if isinstance(v, str) else int(v) if v.is_integer() else round(v, 4) for v in np.asarray(values).tolist()
        ]
        for name, values in batch.parameters.items()
    }
    columns |= {"depths": [[s.depth for s in arch.stages] for arch in batch]}
    columns |= {"widths": [[s.width for s in arch.stages] for arch in batch]}
    return pd.DataFrame(columns | {"flops": cost.flops, "params": cost.params, "acts": cost.acts} | latency)


def _writer(path: Path) -> Callable[[ArchBatch, dict[str, Any]], None]:
    if path.suffix not in _WRITERS:
        raise OutputError(f"networks go to a file ending in {', '.join(_WRITERS)}, not {path.name!r}. Rename it.")

    def write(batch: ArchBatch, latency: dict[str, Any]) -> None:
        from netwright.system.atomic import atomic_file

        with atomic_file(path, what="the sampled networks", elsewhere="another --out") as file:
            _WRITERS[path.suffix](batch, latency, file)

    return write


def _write_lines(batch: ArchBatch, latency: dict[str, Any], file: BinaryIO) -> None:
    file.writelines(f"{arch.to_json()}\n".encode() for arch in batch)


_WRITERS: dict[str, Callable[[ArchBatch, dict[str, Any], BinaryIO], None]] = {
    ".csv": lambda batch, latency, file: _table(batch, latency).to_csv(file, index=False, mode="wb"),
    ".parquet": lambda batch, latency, file: _table(batch, latency).to_parquet(file, index=False),
    ".jsonl": _write_lines,
}
