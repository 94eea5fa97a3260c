"""Format a benchmark as a table, JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from netwright.bench.run import Benchmark, BenchmarkRow, ratios

__all__ = ["p90", "to_csv", "to_json", "to_table"]

_SHARES = (
    "share: of the fastest square matrix product measured here; a multiply-add is two operations, training is three\n"
    "times forward. memory: above that of a process without the network; on a CPU it is the rise in resident memory."
)
_COLUMNS = (
    "name",
    "rival_of",
    "library",
    "image_size",
    "batch_size",
    "flops",
    "params",
    "train_images_per_second",
    "train_lowest",
    "train_highest",
    "train_share",
    "infer_images_per_second",
    "infer_lowest",
    "infer_highest",
    "infer_share",
    "single_ms_median",
    "single_ms_p90",
    "train_memory_bytes",
    "infer_memory_bytes",
)


def p90(values: Sequence[float]) -> float:
    """The 90th percentile, interpolated."""
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]


def to_table(benchmark: Benchmark) -> str:
    """A table for people: what was measured and where, one line per network, ratios to rivals, and definitions."""
    settings = benchmark.settings
    lines = [", ".join(f"{name} {value}" for name, value in benchmark.facts.items())]
    lines.append(
        f"batch {settings.batch_size}, {settings.repeats} repeats of {settings.seconds:g} s in turns, medians "
        f"(lowest to highest), seed {settings.seed}; matrix product {benchmark.peak / 1e9:,.0f} GFLOP/s"
    )
    lines += [*benchmark.notices, ""]
    columns = [["network", "pixels", "flops"], ["train images/s", "share"], ["infer images/s", "share", "1 image, ms"]]
    head = columns[0] + (columns[1] if settings.train else []) + (columns[2] if settings.infer else [])
    head += ["memory"] if settings.memory else []
    cells = [head, *(_cells(row, benchmark) for row in benchmark.rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    for line in cells:
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    lines += ["", *_ratios(benchmark), _SHARES]
    return "\n".join(lines)


def to_json(benchmark: Benchmark) -> str:
    """JSON with all measurements, single values too."""
    rows: list[dict[str, Any]] = []
    for row in benchmark.rows:
        raw = {"train": list(row.train), "infer": list(row.infer), "single_ms": [round(ms, 4) for ms in row.single]}
        rows.append(_values(row, benchmark) | {"repeats": raw})
    content = {
        "settings": benchmark.settings.to_dict(),
        "facts": benchmark.facts,
        "notices": list(benchmark.notices),
        "matmul_operations_per_second": benchmark.peak,
        "rows": rows,
        "ratios": _rivals(benchmark),
    }
    return json.dumps(content, indent=2)


def to_csv(benchmark: Benchmark) -> str:
    """CSV with one line per network; cells are empty where nothing was measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_values(row, benchmark) for row in benchmark.rows)
    return text.getvalue()


def _values(row: BenchmarkRow, benchmark: Benchmark) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(_COLUMNS)
    values |= {"name": row.contender.name, "rival_of": row.contender.rival_of, "library": row.contender.package}
    values |= {"image_size": row.image_size, "batch_size": benchmark.settings.batch_size}
    values |= {"flops": row.flops, "params": row.params}
    for what, rates in (("train", row.train), ("infer", row.infer)):
        if rates:
            values[f"{what}_images_per_second"] = median(rates)
            values |= {f"{what}_lowest": min(rates), f"{what}_highest": max(rates)}
    values |= {"train_share": row.train_share(benchmark.peak), "infer_share": row.infer_share(benchmark.peak)}
    if row.single:
        values |= {"single_ms_median": median(row.single), "single_ms_p90": p90(row.single)}
    return values | {"train_memory_bytes": row.train_memory, "infer_memory_bytes": row.infer_memory}


def _rivals(benchmark: Benchmark) -> list[dict[str, Any]]:
    """Each network against its rivals: median, lowest and highest ratio of the repeats."""
    found = []
    for rival in benchmark.rows:
        if not rival.contender.rival_of:
            continue
        own = benchmark.row(rival.contender.rival_of)
        for what in ("train", "infer"):
            if getattr(own, what):
                middle, low, high = ratios(getattr(own, what), getattr(rival, what))
                names = {"name": own.contender.name, "rival": rival.contender.name, "what": what}
                found.append(names | {"median": middle, "lowest": low, "highest": high})
    return found


def _ratios(benchmark: Benchmark) -> list[str]:
    verbs = {"train": "trains", "infer": "answers"}
    lines = [
        f"{each['name']} {verbs[each['what']]} {each['median']:.2f} times as fast as {each['rival']} "
        f"({each['lowest']:.2f} to {each['highest']:.2f})"
        for each in _rivals(benchmark)
    ]
    return [*lines, ""] if lines else []


def _cells(row: BenchmarkRow, benchmark: Benchmark) -> list[str]:
    settings = benchmark.settings
    cells = [row.contender.name, str(row.image_size), f"{row.flops / 1e6:,.1f}M"]
    if settings.train:
        cells += [_rate(row.train), f"{row.train_share(benchmark.peak) or 0:.0%}"]
    if settings.infer:
        cells += [_rate(row.infer), f"{row.infer_share(benchmark.peak) or 0:.0%}"]
        cells.append(f"{median(row.single):.2f}, p90 {p90(row.single):.2f}")
    if settings.memory:
        asked = [("train", row.train_memory)] if settings.train else []
        asked += [("infer", row.infer_memory)] if settings.infer else []
        cells.append(", ".join(f"{what} {_mebibytes(taken)}" for what, taken in asked))
    return cells


def _rate(rates: Sequence[float]) -> str:
    return f"{_digits(median(rates))} ({_digits(min(rates))} to {_digits(max(rates))})"


def _digits(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def _mebibytes(taken: int | None) -> str:
    return "failed" if taken is None else f"{taken / 2**20:,.0f} MiB"
