"""The populations that statistics.py draws from: tables of measured networks, or made ones where there are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MOST = 1000  # networks of a table


@dataclass(frozen=True)
class Space:
    """Networks that are all trained: what populations are drawn from.

    Attributes:
        errors: (k,) ascending, in percent.
    """

    name: str
    errors: Floats

    @property
    def spread(self) -> float:
        return float(self.errors.std())

    def draw(self, rng: np.random.Generator, repeats: int, n: int) -> Floats:
        """(repeats, n) errors."""
        return self.errors[rng.integers(self.errors.size, size=(repeats, n))]

    def moved(self, by: float) -> Space:
        return Space(self.name, np.clip(self.errors + by, 0, 100))

    def narrowed(self) -> Space:
        return Space(self.name, self.errors.mean() + (self.errors - self.errors.mean()) / 2)

    def failing(self, share: float) -> Space:
        failed = round(self.errors.size * share / (1 - share))
        return Space(f"{self.name}, {share:.0%} fail", np.append(self.errors, np.full(failed, 100.0)))


# -- tables ----------------------------------------------------------------------------------------------------------


def _accel(frame: pd.DataFrame) -> tuple[Floats, dict[str, Bools]]:
    squeezed = (frame.filter(regex=r"^block\d_se$").astype(str) == "True").sum(axis=1).to_numpy()
    return frame["top1_error"].to_numpy(), {"without SE": squeezed == 0, "with SE": squeezed > 0}


def _naap(frame: pd.DataFrame) -> tuple[Floats, dict[str, Bools]]:
    params = frame["NumParams"].to_numpy()
    halves = {"small": params <= np.median(params), "large": params > np.median(params)}
    return 100 * (1 - frame["MaxAccuracy"].to_numpy()), halves


def _regnetx(frame: pd.DataFrame) -> tuple[Floats, dict[str, Bools]]:
    return frame["top1_error"].to_numpy(), {}


READERS: Mapping[str, Callable[[pd.DataFrame], tuple[Floats, dict[str, Bools]]]] = {
    "accel_nasbench_imagenet": _accel,
    "naap440_curves": _naap,
    "regnetx_400mf_imagenet": _regnetx,
}


def spaces(folder: Path) -> tuple[list[Space], list[tuple[Space, Space]]]:
    """The spaces, and pairs of real ones that differ."""
    rng, found, pairs = np.random.default_rng(0), [], []
    for name, reader in READERS.items():
        path = folder / f"{name}.csv"
        if path.is_file():
            errors, halves = reader(pd.read_csv(path))
            short = name.split("_")[0]
            kept = rng.permutation(errors)[:MOST]
            found.append(Space(short, np.sort(kept)))
            if halves:
                one, other = (Space(f"{short} {half}", np.sort(errors[rows])) for half, rows in halves.items())
                pairs.append((one, other))
    if not found:
        found = [Space("made (lognormal)", np.sort(30 + 5 * rng.lognormal(-0.125, 0.5, MOST)))]
    return [*found, found[0].failing(0.05)], pairs
