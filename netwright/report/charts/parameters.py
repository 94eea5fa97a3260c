"""Each parameter against the error, one small picture each."""

from __future__ import annotations

from typing import Any

from netwright.report.charts.theme import GOOD, SERIES, SMALL, Spec, finish
from netwright.report.figures.parameters import ParameterPanel, ParametersFigure
from netwright.report.words import meaning, number

__all__ = ["parameters_chart"]

_COLUMNS = 3


def parameters_chart(figure: ParametersFigure) -> Spec:
    import altair as alt

    data: dict[str, list[dict[str, float | None]]] = {}
    panels = []
    errors = [error for panel in figure.panels for error in panel.error]
    for index, panel in enumerate(figure.panels):
        name = f"points{index}"
        data[name] = [
            {"x": x, "error": error, "trial": trial}
            for x, error, trial in zip(panel.x, panel.error, panel.trial, strict=True)
        ]
        data[f"good {name}"] = [{"low": panel.low, "best": panel.best, "high": panel.high}]
        panels.append(_panel(panel, name, (min(errors), max(errors)), is_first=index % _COLUMNS == 0))
    return finish(alt.concat(*panels, columns=_COLUMNS, spacing=18), data)


def _panel(panel: ParameterPanel, name: str, errors: tuple[float, float], is_first: bool) -> Any:
    import altair as alt

    x = alt.X(
        "x:Q",
        title=meaning(panel.parameter) or None,
        scale=x_scale(panel.domain, panel.is_log),
        axis=alt.Axis(tickCount=5),
    )
    y = alt.Y(
        "error:Q", title="error, %" if is_first else None, scale=alt.Scale(domain=list(errors), zero=False, nice=True)
    )
    points = (
        alt.Chart(alt.NamedData(name))
        .mark_circle(size=26, opacity=1, fillOpacity=0.55, color=SERIES[0], clip=True)
        .encode(
            x=x,
            y=y,
            tooltip=[
                "trial:Q",
                alt.Tooltip("x:Q", title=panel.parameter),
                alt.Tooltip("error:Q", format=".2f", title="error, %"),
            ],
        )
    )
    layers: list[Any] = []
    title: Any = panel.parameter
    if panel.low is not None and panel.high is not None and panel.best is not None:
        good = alt.Chart(alt.NamedData(f"good {name}"))
        # a good range of one value would be an invisible band, so its edge is drawn too
        layers.append(
            good.mark_rect(color=GOOD, opacity=1, fillOpacity=0.18, stroke=GOOD, strokeWidth=1).encode(
                x=alt.X("low:Q"), x2="high:Q"
            )
        )
        layers.append(good.mark_rule(color=GOOD, strokeWidth=2).encode(x="best:Q"))
        span = f"good {number(panel.low)} to {number(panel.high)}, best {number(panel.best)}"
        title = alt.TitleParams(panel.parameter, subtitle=span)
    return alt.layer(*layers, points).properties(width=SMALL, height=150, title=title)


def x_scale(domain: tuple[float, float], is_log: bool, base: int = 2) -> Any:
    """An axis with a little room at both ends, in powers of the base where it is logarithmic."""
    import altair as alt

    low, high = domain
    if is_log:
        return alt.Scale(type="log", base=base, domain=[low / 1.12, high * 1.12], nice=False)
    room = 0.04 * (high - low) or 0.5
    return alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
