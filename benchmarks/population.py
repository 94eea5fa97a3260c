"""A population of a million trials: how long each thing takes, and how much memory.

    python benchmarks/population.py [--trials 10000 100000 1000000] [--seed 0] [--folder DIR] [--steps create open ...]

Networks of RegNetX, drawn; errors are made up (they follow from the networks' flops, with noise): nothing is trained.
Each step is a process of its own, of which the peak of resident memory is shown.

create    all trials as waiting, in one transaction
fill      every trial done, with a curve of three epochs
open      the population, checked by SQLite, and its counts
append    a thousand trials more
finish    a hundred trials, one by one, each on the disk
query     all errors, and 20,000 rows as a data frame
analyze   what `netwright analyze` prints
report    the page of `netwright analyze --out`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from environment import as_line, environment  # beside this file

from netwright.arch import ArchBatch
from netwright.population import FILE, Population
from netwright.space import DesignSpace, draw, load_space

_DRAWN = 100_000  # networks at a time
CURVE = [{"epoch": epoch, "loss": 1 / epoch, "train_error": 50.0, "error": 40.0, "lr": 0.1} for epoch in (1, 2, 3)]


def space() -> DesignSpace:
    return load_space("regnetx").refine(flops=(100e6, 800e6))


def networks(trials: int, seed: int) -> ArchBatch:
    parts = [draw(space(), min(_DRAWN, trials - first), seed + first).batch for first in range(0, trials, _DRAWN)]
    return ArchBatch.concatenate(parts)


def create(folder: Path, trials: int, seed: int) -> None:
    identity = {"space": space().to_dict()}
    Population.create(folder, networks=networks(trials, seed), seed=seed, identity=identity).close()


def fill(folder: Path, trials: int, seed: int) -> None:
    rng, curve = np.random.default_rng(seed), json.dumps(CURVE)
    with Population.open(folder) as population:
        db = population._db
        db.execute("BEGIN IMMEDIATE")
        for first in range(0, trials, _DRAWN):
            rows = db.execute(
                "SELECT trial, flops FROM trials WHERE trial >= ? ORDER BY trial LIMIT ?", (first, _DRAWN)
            )
            done = [
                (min(99.0, 60 - 4 * np.log10(flops / 1e8) + float(noise)), curve, trial)
                for (trial, flops), noise in zip(rows.fetchall(), rng.normal(0, 2, _DRAWN), strict=False)
            ]
            db.executemany(
                "UPDATE trials SET state = 'done', attempts = 1, error = ?, seconds = 1.0, curve = ? WHERE trial = ?",
                done,
            )
        db.execute("COMMIT")


def open_it(folder: Path, trials: int, seed: int) -> None:
    with Population.open(folder) as population:
        assert population.counts()["done"] >= trials - 100


def append(folder: Path, trials: int, seed: int) -> None:
    with Population.open(folder) as population:
        batch = networks(1000, seed + 1)
        population.extend(_Longer(len(population), batch))  # type: ignore[arg-type]
        assert len(population) == trials + 1000


class _Longer:
    """The networks of a population without those that it has, of which none is looked at."""

    def __init__(self, held: int, more: ArchBatch) -> None:
        self._held, self._more = held, more

    def __len__(self) -> int:
        return self._held + len(self._more)

    def __getitem__(self, part: slice) -> list[object]:
        return list(self._more[part.start - self._held : part.stop - self._held])


def finish(folder: Path, trials: int, seed: int) -> None:
    with Population.open(folder) as population:
        for index in range(trials, trials + 100):
            population.begin(index)
            population.finish(index, error=50.0, seconds=1.0, curve=CURVE)


def query(folder: Path, trials: int, seed: int) -> None:
    with Population.open(folder) as population:
        assert len(population.errors()) >= trials
        assert len(population.frame(most=20_000)) == min(20_000, trials + 1000)


def analyze(folder: Path, trials: int, seed: int) -> None:
    from netwright.cli.main import main

    assert main(["analyze", str(folder)]) == 0


def report(folder: Path, trials: int, seed: int) -> None:
    from netwright.cli.main import main

    assert main(["analyze", str(folder), "--out", str(folder / "report")]) == 0


STEPS: dict[str, Callable[[Path, int, int], None]] = {
    "create": create,
    "fill": fill,
    "open": open_it,
    "append": append,
    "finish": finish,
    "query": query,
    "analyze": analyze,
    "report": report,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step is not None:
        began = time.perf_counter()
        STEPS[options.step](options.folder, options.trials[0], options.seed)
        seconds = time.perf_counter() - began
        # not ru_maxrss, which a process inherits from its parent
        status = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
        sys.stderr.write(json.dumps([seconds, peak]) + "\n")
        return
    print(as_line(environment()), flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as home:
        for trials in options.trials:
            folder = Path(home) / str(trials)
            for step in options.steps:
                words = ("--step", step, "--folder", str(folder), "--trials", str(trials), "--seed", str(options.seed))
                done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"{trials:9,} {step:8} failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
                    continue
                seconds, peak = json.loads(done.stderr.strip().splitlines()[-1])
                size = (folder / FILE).stat().st_size / 2**20
                print(f"{trials:9,} {step:8} {seconds:8.2f} s {peak:7.0f} MiB (file {size:,.0f} MiB)", flush=True)


if __name__ == "__main__":
    main()
