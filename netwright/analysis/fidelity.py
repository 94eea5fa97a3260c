"""How well cheap measurements rank networks: early epochs against late ones, one population against another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.analysis.matching import match_networks
from netwright.analysis.reading import read
from netwright.errors import StatsError
from netwright.report.seed_noise import noise_of, noise_sentence
from netwright.report.text import count
from netwright.stats import RankFidelity, epoch_fidelity, rank_fidelity
from netwright.stats.epoch_errors import EpochErrors, epoch_errors

if TYPE_CHECKING:
    from netwright.report import PopulationView
    from netwright.stats import SeedNoise

__all__ = ["Fidelity", "fidelity", "fidelity_text", "usual_epochs"]

_PARTS = (0.03, 0.1, 0.3, 0.5, 0.8)  # of all epochs


@dataclass(frozen=True)
class Fidelity:
    """Rankings of the same networks, compared with one that costs more.

    Attributes:
        title: What was compared, as a line of text.
        target: What the others are compared with: `epoch 90`, or the name of a population.
        ranks: What was compared with it -> how well its ranks agree.
        noise: What seeds do to the errors of the target, and the ceiling that this puts on every tau; None where fewer
            than 3 of its networks have several seeds.
        notices: What was understood and left out, in sentences.
    """

    title: str
    target: str
    ranks: Mapping[str, RankFidelity]
    noise: SeedNoise | None
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        from dataclasses import asdict

        noise = None if self.noise is None else asdict(self.noise)
        ranks = {name: asdict(each) for name, each in self.ranks.items()}
        return {
            "title": self.title,
            "target": self.target,
            "ranks": ranks,
            "noise": noise,
            "notices": list(self.notices),
        }


def fidelity(
    run: str | Path | PopulationView,
    other: str | Path | PopulationView | None = None,
    *,
    epochs: Sequence[int] = (),
    to: int | None = None,
    fraction: float = 0.25,
    seed: int = 0,
    **table: Any,
) -> Fidelity:
    """Kendall's tau over all networks and within the best quarter: what `netwright fidelity` prints.

        netwright.fidelity("runs/x", epochs=(1, 3)).ranks["epoch 3"].best

    Args:
        run: A run folder or a table, as `netwright analyze` takes it. Alone, its epochs are compared with its last one.
        other: A population of the same networks that costs more: the ranks of `run` are compared with its ranks.
        epochs: Of `run`; by default a few from the first to the last.
        to: With one population, the epoch to compare with.
        fraction: Of the networks, how many are best by the one that costs more.
        seed: Of bootstraps and simulations.
        **table: What `netwright.analysis.reading.read` takes about tables: error, maximize, unit, parameters, ignore.

    Raises:
        StatsError: No curves, unknown epochs, or fewer than 5 networks in common.
        PopulationError: There is no population in the folder.
    """
    first = read(run, **table) if isinstance(run, str | Path) else run
    settings = {"fraction": fraction, "seed": seed}
    if other is None:
        return _of_epochs(first, tuple(epochs), to, settings)
    if to is not None:
        raise StatsError("'to' is an epoch of one population; two are compared by their ends. Leave one of them out.")
    second = read(other, **table) if isinstance(other, str | Path) else other
    return _of_two(first, second, tuple(epochs), settings)


def usual_epochs(epochs: Sequence[int], last: int) -> tuple[int, ...]:
    """A few epochs before the last one: the first, and those nearest to fixed parts of the way."""
    before = [epoch for epoch in epochs if epoch < last]
    wanted = [min(before, key=lambda epoch: abs(epoch - math.ceil(part * last - 1e-9))) for part in _PARTS if before]
    return tuple(sorted({*before[:1], *wanted}))


def _of_epochs(view: PopulationView, epochs: tuple[int, ...], to: int | None, settings: dict[str, Any]) -> Fidelity:
    curves = _curves(view)
    last = curves.epochs[-1] if to is None else to
    # at first all networks may guess alike: then there are no ranks yet
    ranked = [epoch for epoch, x in zip(curves.epochs, curves.values.T, strict=True) if x.min() < x.max()]
    chosen = epochs or usual_epochs(ranked, last)
    ranks = epoch_fidelity(curves.values, curves.epochs, chosen, last, **settings)
    if not ranks:
        raise StatsError(
            f"{view.name} has no epoch before {last} that tells any two networks apart. Train them longer."
        )
    n, failed = len(curves.values), view.outcomes.n_failed
    notices: list[str] = []
    if n < len(view.done):
        notices.append(f"{len(view.done) - n:,} of {count(len(view.done), 'network')} have no whole curve: left out")
    if failed:
        notices.append(f"{count(failed, 'network')} that failed: left out")
    return Fidelity(
        f"{view.name}: {count(n, 'network')}, early epochs against epoch {last}",
        f"epoch {last}",
        {f"epoch {epoch}": each for epoch, each in ranks.items()},
        noise_of(view, settings["seed"]) if last == curves.epochs[-1] else None,
        tuple(notices),
    )


def _of_two(
    first: PopulationView, second: PopulationView, epochs: tuple[int, ...], settings: dict[str, Any]
) -> Fidelity:
    names = [first.name, second.name] if first.name != second.name else ["A", "B"]
    a, b, how = match_networks(first, second)
    if len(a) < 5:
        raise StatsError(
            f"{names[0]} and {names[1]} have {count(len(a), 'network')} in common, matched by {how}, and ranks need 5: "
            "compare populations of the same sample."
        )
    late = b["error"].to_numpy(np.float64)
    ranks = {f"end of {names[0]}": rank_fidelity(a["error"].to_numpy(np.float64), late, **settings)}
    if epochs:
        curves = epoch_errors(a.reset_index(drop=True))
        if curves is None:
            raise StatsError(f"{first.name} has no curves, so no epochs can be chosen: leave 'epochs' out.")
        for epoch in epochs:
            pair = np.column_stack([_at(curves, epoch), late[curves.rows]])
            ranks |= {f"epoch {epoch} of {names[0]}": epoch_fidelity(pair, (1, 2), (1,), **settings)[1]}
    left = [f"networks matched by {how}"]
    for name, view in zip(names, (first, second), strict=True):
        if len(view.done) > len(a):
            left.append(f"{len(view.done) - len(a):,} of {count(len(view.done), 'network')} of {name} are in this only")
    title = f"{names[0]} against {names[1]}: {count(len(a), 'network')} in common"
    return Fidelity(title, names[1], ranks, noise_of(second, settings["seed"]), tuple(left))


def _curves(view: PopulationView) -> EpochErrors:
    curves = epoch_errors(view.done)
    if curves is None:
        raise StatsError(
            f"{view.name} has no learning curves: no column 'curve', and no columns that count epochs, such as "
            "e1_accuracy, e2_accuracy, ... Give a second population of the same networks to compare with."
        )
    return curves


def _at(curves: EpochErrors, epoch: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    if epoch not in curves.epochs:
        raise StatsError(f"the curves have no epoch {epoch}: they go from {curves.epochs[0]} to {curves.epochs[-1]}.")
    return np.asarray(curves.values[:, curves.epochs.index(epoch)])


def fidelity_text(found: Fidelity) -> str:
    """The figures, as several lines of text."""
    names = list(found.ranks)
    width = max(map(len, [*names, "two other seeds"]))
    any_one = next(iter(found.ranks.values()))
    best = f"best {any_one.fraction:.0%} ({any_one.n_best})"
    lines = [found.title, f"  {'':<{width}}   {'tau, all':<22}   {'tau, ' + best}"]
    for name, each in found.ranks.items():
        lines.append(f"  {name:<{width}}   {_tau(each.tau, each.interval):<22}   {_tau(each.best, each.best_interval)}")
    lines += _ceiling(found, width)
    lines.append(
        "tau: Kendall's tau-b, 1 the same order, 0 none; in brackets 95% intervals, by bootstrap over networks"
    )
    return "\n".join([*lines, *found.notices])


def _ceiling(found: Fidelity, width: int) -> list[str]:
    """What seeds allow, below the rows that it is to be compared with."""
    if found.noise is None:
        return [
            "no ceiling: how well two trainings with other seeds agree is not known; it takes networks with several "
            "seeds, as `netwright sweep --repeats 3 --repeated 16` trains them"
        ]
    ceiling = found.noise.ceiling
    row = f"  {'two other seeds':<{width}}   {_tau(ceiling.tau, ceiling.interval):<22}   "
    lines = [row + _tau(ceiling.best, ceiling.best_interval)]
    how = "seen in the repeats of all networks" if ceiling.method == "repeats" else "simulated from what seeds do"
    lines += [f"two other seeds: two trainings of the same networks, {how}", f"seeds: {noise_sentence(found.noise)}"]
    if found.target.startswith("epoch"):
        lines.append("epochs of one training share its seed, so late ones may agree better than two trainings can")
    return lines


def _tau(tau: float | None, interval: tuple[float, float] | None) -> str:
    if tau is None:
        return "too few"
    return f"{tau:+.2f}" if interval is None else f"{tau:+.2f} [{interval[0]:+.2f}, {interval[1]:+.2f}]"
