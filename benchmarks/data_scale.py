"""How long folders of many images take to open, and how much memory: as it grows with their number.

    python benchmarks/data_scale.py [--images 10000 100000 1000000] [--classes 1000] [--out table.json]

The images are files with a size and without content (sparse), in a folder a class. Each number is opened by a program
of its own: by `open_source`, as every command does, then the labels of an epoch's first batch are looked up.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from environment import as_line, environment  # beside this file

_OPEN = """
import json, resource, sys, time
from netwright.data import open_source
from netwright.loader import Split
from netwright.loader.sampler import BatchSampler
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, started = peak(), time.perf_counter()
source = open_source(sys.argv[1])
opened, memory = time.perf_counter() - started, peak()
split = Split(source, source.splits["all"], "all")
batch = BatchSampler(len(split), 128, 0).batches(1)[0]
split.labels[batch.positions]
print(json.dumps({"images": len(split), "open seconds": opened, "first batch seconds": time.perf_counter() - started,
                  "MiB before": before, "MiB": memory}))
"""


def make(folder: Path, images: int, classes: int) -> float:
    """Fill a folder; the seconds it took."""
    started = time.perf_counter()
    for label in range(classes):
        own = folder / f"n{label:08d}"
        own.mkdir(parents=True)
        for number in range(label, images, classes):
            descriptor = os.open(own / f"ILSVRC2012_{number:08d}.JPEG", os.O_CREAT | os.O_WRONLY)
            os.ftruncate(descriptor, 110_000)
            os.close(descriptor)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(as_line(environment()))
    table: list[dict[str, Any]] = []
    for images in options.images:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            folder = Path(temporary, "photos")
            made = make(folder, images, options.classes)
            words = [sys.executable, "-c", _OPEN, str(folder)]
            for turn in ("first", "again"):
                done = subprocess.run(words, capture_output=True, text=True, check=True)
                table.append({"turn": turn, "make seconds": made, **json.loads(done.stdout)})
                row = table[-1]
                print(
                    f"{row['images']:>9,} images, {turn:<5}  open {row['open seconds']:6.2f} s, first batch "
                    f"{row['first batch seconds']:6.2f} s, memory {row['MiB before']:.0f} to {row['MiB']:.0f} MiB "
                    f"({2**20 * (row['MiB'] - row['MiB before']) / row['images']:.0f} bytes an image)",
                    flush=True,
                )
            shutil.rmtree(folder)
    if options.out is not None:
        options.out.write_text(json.dumps({"environment": environment(), "rows": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
