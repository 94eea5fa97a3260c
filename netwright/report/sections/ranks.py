"""How sure the ranks of networks are: how soon an epoch knows them, and how far seeds let them be known at all."""

from __future__ import annotations

from dataclasses import dataclass

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import thin
from netwright.report.seed_noise import ceiling_sentence, noise_of, noise_sentence, unstable
from netwright.report.text import count
from netwright.report.view import PopulationView
from netwright.stats import RankFidelity, epoch_fidelity
from netwright.stats.epoch_errors import epoch_errors
from netwright.stats.fidelity import LEAST_BEST
from netwright.theme import SERIES, WIDTH, Spec, to_spec

__all__ = ["RankPoint", "RanksFigure", "ranks_chart", "ranks_figure"]

_LEAST = 4 * LEAST_BEST  # networks: of fewer, the best quarter has no ranks
_MOST_EPOCHS = 16
_REPEATS = 399
_OVER = ("all networks", "best quarter")


@dataclass(frozen=True)
class RankPoint:
    """Kendall's tau of an epoch with the last one, over some networks."""

    epoch: int
    over: str
    tau: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RanksFigure:
    """Of the first population. ceilings: over which networks -> the tau of two trainings with other seeds."""

    name: str
    points: tuple[RankPoint, ...]
    ceilings: tuple[tuple[str, float], ...]
    sentences: tuple[str, ...]


def ranks_figure(data: ReportData) -> RanksFigure | Missing:
    """Fidelity of epochs, and the noise of seeds."""
    view = data.populations[0]
    noise = noise_of(view)
    ranks, n, last = _fidelities(view)
    if not ranks and noise is None:
        return Missing(
            f"{view.name} has neither curves of {_LEAST} networks nor networks that were trained with several seeds"
        )
    points = [point for epoch, each in ranks.items() for point in _points(epoch, each)]
    ceilings: list[tuple[str, float]] = []
    sentences = _of_epochs(ranks, n, last)
    if noise is not None:
        ceilings = [(_OVER[0], noise.ceiling.tau)]
        ceilings += [] if noise.ceiling.best is None else [(_OVER[1], noise.ceiling.best)]
        said = [f"seeds make {noise_sentence(noise)}", ceiling_sentence(noise)]
        sentences += [f"{sentence[0].upper()}{sentence[1:]}." for sentence in said]
        if many := unstable(view):
            sentences.append(f"{count(many, 'network')} failed with some seeds and not with others.")
    elif ranks:
        sentences.append(
            "No network was trained with several seeds, so it is not known how far any ranking can agree with another "
            "(`netwright sweep --repeats 3 --repeated 16`)."
        )
    return RanksFigure(view.name, tuple(points), tuple(ceilings), tuple(sentences))


def _fidelities(view: PopulationView) -> tuple[dict[int, RankFidelity], int, int]:
    """Epoch -> fidelity, of how many networks, and the last epoch."""
    curves = epoch_errors(view.done)
    if curves is None or len(curves.values) < _LEAST:
        return {}, 0, 0
    last = curves.epochs[-1]
    # epochs after which all networks are still equal, or all are at the end, have no ranks
    varying = [epoch for epoch, x in zip(curves.epochs[:-1], curves.values.T, strict=False) if x.min() < x.max()]
    if not varying or curves.values[:, -1].min() == curves.values[:, -1].max():
        return {}, 0, 0
    early = [varying[i] for i in thin(len(varying), _MOST_EPOCHS)]
    return epoch_fidelity(curves.values, curves.epochs, early, last, repeats=_REPEATS), len(curves.values), last


def _points(epoch: int, each: RankFidelity) -> list[RankPoint]:
    low, high = each.interval or (None, None)
    points = [RankPoint(epoch, _OVER[0], each.tau, low, high)]
    if each.best is not None:
        low, high = each.best_interval or (None, None)
        points.append(RankPoint(epoch, _OVER[1], each.best, low, high))
    return points


def _of_epochs(ranks: dict[int, RankFidelity], n: int, last: int) -> list[str]:
    if not ranks:
        return []
    explanation = (
        f"How far the ranks of {count(n, 'network')} after early epochs agree with those after epoch {last}: Kendall's "
        "tau, 1 for the same order and 0 for none, with 95% intervals by bootstrap. A search needs the ranks of the "
        "best quarter, which are the hardest to know."
    )
    middle = min(ranks, key=lambda epoch: abs(epoch - last / 2))
    each = ranks[middle]
    best = "" if each.best is None else f", and within the best {each.n_best} it is {each.best:.2f}"
    return [explanation, f"After epoch {middle} of {last} tau is {each.tau:.2f} over all networks{best}."]


# -- drawing -----------------------------------------------------------------------------------------------------------


def ranks_chart(figure: RanksFigure) -> Spec | None:
    """Tau over epochs for all networks and for the best quarter; dashed: what two other seeds reach."""
    if not figure.points:
        return None
    import altair as alt

    rows = [
        {"epoch": point.epoch, "over": point.over, "tau": point.tau, "low": point.low, "high": point.high}
        for point in figure.points
    ]
    color = alt.Color(
        "over:N",
        scale=alt.Scale(domain=list(_OVER), range=list(SERIES[:2])),
        legend=alt.Legend(orient="top", direction="horizontal"),
    )
    low = min([0.0, *(point.tau for point in figure.points), *(p.low for p in figure.points if p.low is not None)])
    scale = alt.Scale(domain=[max(-1.0, low), 1])
    epochs = sorted({point.epoch for point in figure.points})
    axis = alt.Axis(values=epochs, format="d", labelOverlap="greedy")
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(zero=False, nice=False, padding=10), axis=axis)
    base = alt.Chart(alt.NamedData("ranks")).encode(x=x, color=color)
    band = base.mark_area(opacity=1, fillOpacity=0.16, strokeOpacity=0).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q"
    )
    y = alt.Y("tau:Q", title="Kendall's tau with the end", scale=scale)
    tooltip = ["over:N", "epoch:Q", alt.Tooltip("tau:Q", format=".2f")]
    line = base.mark_line(strokeWidth=2, point={"filled": True, "size": 45}).encode(y=y, tooltip=tooltip)
    ceilings = [{"over": over, "tau": tau} for over, tau in figure.ceilings]
    rules = (
        alt.Chart(alt.NamedData("ceilings"))
        .mark_rule(strokeDash=[6, 4], strokeWidth=1.6)
        .encode(y=alt.Y("tau:Q", scale=scale), color=color)
    )
    drawn = alt.layer(band, line, *([rules] if ceilings else [])).properties(width=WIDTH, height=280)
    return to_spec(drawn, {"ranks": rows, "ceilings": ceilings})
