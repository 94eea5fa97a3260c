"""What parameters explain alone, and two only together, by functional ANOVA."""

from __future__ import annotations

from dataclasses import dataclass

from netwright.report.comparison import LEVEL
from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.text import count, listing, p_value
from netwright.stats import Fanova, FanovaEffect
from netwright.theme import FAINT, SERIES, WIDTH, Spec, to_spec

__all__ = ["EffectBar", "InteractionsFigure", "interactions_chart", "interactions_figure"]

_MOST_BARS = 16
_MOST_UNSHOWN = 3  # pairs that are drawn though nothing is shown of them


@dataclass(frozen=True)
class EffectBar:
    """A share in percent, with its interval and what chance alone gives."""

    name: str
    share: float
    low: float
    high: float
    by_chance: float
    is_shown: bool


@dataclass(frozen=True)
class InteractionsFigure:
    """The parameters, and the pairs that matter most, of the population `name`."""

    name: str
    bars: tuple[EffectBar, ...]
    sentences: tuple[str, ...]


def interactions_figure(data: ReportData) -> InteractionsFigure | Missing:
    """The decomposition of the first population."""
    found, name = data.interactions, data.populations[0].name
    if found is None:
        return Missing(f"no forest was fitted to {name}: `netwright analyze` does, from 32 networks on")
    shown = found.shown(LEVEL) if found.predicted > 0 else ()
    pairs = [each for each in found.pairs if each in shown]
    pairs += [each for each in found.pairs if each not in shown][:_MOST_UNSHOWN]
    mains = sorted(found.mains, key=lambda each: -each.share)
    bars = [_bar(each, each in shown) for each in (*mains[: _MOST_BARS - len(pairs[:_MOST_BARS])], *pairs)]
    return InteractionsFigure(name, tuple(bars[:_MOST_BARS]), _sentences(name, found, shown))


def _bar(effect: FanovaEffect, is_shown: bool) -> EffectBar:
    low, high = effect.interval
    return EffectBar(_name(effect), 100 * effect.share, 100 * low, 100 * high, 100 * effect.by_chance, is_shown)


def _name(effect: FanovaEffect) -> str:
    return " × ".join(effect.parameters)


def _sentences(name: str, found: Fanova, shown: tuple[FanovaEffect, ...]) -> tuple[str, ...]:
    explanation = (
        f"A random forest, fitted to {count(found.n, 'network')} of {name}, taken apart exactly (functional ANOVA): "
        "the share of its variance that comes from each parameter alone, and from two only together. Bars have the "
        "interval by the jackknife; the tick is what shuffled errors give."
    )
    if found.predicted <= 0:
        return (explanation, "It predicts nothing of networks that it has not seen, so these shares show nothing.")
    learned = (
        f"It predicts {found.predicted:.0%} of the variance of errors of networks that it has not seen; "
        f"{found.rest:.0%} of what it learned needs three parameters or more."
    )
    alone = [_tested(each) for each in shown if len(each.parameters) == 1]
    together = [_tested(each) for each in shown if len(each.parameters) == 2]
    said = [
        f"Shown to explain errors at {LEVEL:.0%}: {listing(alone)}."
        if alone
        else f"No parameter is shown to explain errors by this forest at {LEVEL:.0%}."
    ]
    if found.pairs:
        said.append(
            f"Shown to act together at {LEVEL:.0%}: {listing(together)}."
            if together
            else "No two parameters are shown to act together."
        )
    end = f"Each p-value is against the largest share of all {len(found.mains)} parameters or {len(found.pairs)} pairs."
    return (explanation, learned, " ".join([*said, end]))


def _tested(effect: FanovaEffect) -> str:
    return f"{_name(effect)} ({effect.share:.0%}, by chance {effect.by_chance:.0%}, {p_value(effect.p_value)})"


# -- drawing -----------------------------------------------------------------------------------------------------------


def interactions_chart(figure: InteractionsFigure) -> Spec:
    """A bar for each effect, with its interval, and a tick where chance alone would be."""
    import altair as alt

    rows = [
        {
            "effect": bar.name,
            "share": bar.share,
            "low": bar.low,
            "high": bar.high,
            "chance": bar.by_chance,
            "shown": "shown" if bar.is_shown else "not shown",
        }
        for bar in figure.bars
    ]
    y = alt.Y("effect:N", sort=[bar.name for bar in figure.bars], title=None, axis=alt.Axis(labelLimit=260))
    color = alt.Color(
        "shown:N",
        scale=alt.Scale(domain=["shown", "not shown"], range=[SERIES[0], FAINT]),
        legend=alt.Legend(orient="top", direction="horizontal"),
    )
    base = alt.Chart(alt.NamedData("effects")).encode(y=y)
    scale = alt.Scale(domain=[0, max(5.0, *(bar.high for bar in figure.bars))], nice=True)
    x = alt.X("share:Q", title="share of the forest's variance, %", scale=scale)
    tooltip = ["effect:N", *(alt.Tooltip(f"{name}:Q", format=".1f") for name in ("share", "low", "high", "chance"))]
    bars = base.mark_bar(opacity=1, fillOpacity=0.35, height={"band": 0.6}).encode(x=x, color=color, tooltip=tooltip)
    ends = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q", color=color)
    ticks = base.mark_tick(thickness=2.5, color=SERIES[1], opacity=1).encode(x=alt.X("chance:Q", scale=scale))
    drawn = alt.layer(bars, ends, ticks).properties(width=WIDTH - 160, height=max(80, 24 * len(rows)))
    return to_spec(drawn, {"effects": rows})
