"""Finishes one trial after another, and says so: `python writing_program.py FOLDER FIRST`. To be killed."""

import sys

from netwright.population import Population

CURVE = [{"epoch": epoch, "loss": 1 / 3, "error": 100 / 3} for epoch in range(40)]


def main(folder: str, first: str) -> None:
    with Population.open(folder) as population:
        for index in range(int(first), len(population)):
            population.begin(index)
            population.finish(index, error=float(index), seconds=1.0, curve=CURVE)
            print(index, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
