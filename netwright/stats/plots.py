"""Charts of statistics, made with Altair, which is imported when the first one is drawn.

The results of `netwright.stats` draw themselves with these functions; all arguments are plain arrays and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from netwright.stats.checks import BoolArray, FloatArray, IntArray
from netwright.theme import CONFIG, GOOD, INK, MUTED, SERIES

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "draw_band",
    "draw_difference",
    "draw_efficiency",
    "draw_front",
    "draw_gap",
    "draw_power",
    "draw_range",
    "draw_steps",
    "picture",
    "to_svg",
]

_WIDTH, _HEIGHT = 460, 260
_MOST_POINTS = 2000  # more are slow to draw, and no clearer


def to_svg(chart: alt.LayerChart) -> str:
    """The chart in the project's colors and type, as SVG that needs nothing else."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_dict() | {"config": CONFIG}))


def picture(chart: alt.LayerChart, kind: str) -> bytes:
    """The same chart as a file. kind: "svg", "png" or "pdf"."""
    import vl_convert

    svg = to_svg(chart)
    encode: dict[str, Any] = {
        "svg": str.encode,
        "png": lambda text: vl_convert.svg_to_png(text, scale=2.0),
        "pdf": vl_convert.svg_to_pdf,
    }
    return bytes(encode[kind](svg))


def draw_steps(errors: FloatArray, shares: FloatArray, name: str) -> alt.LayerChart:
    """A distribution function. errors, shares: (k,) the corners of its curve."""

    kept = _thinned(len(errors))
    rows = [
        {"name": name, "error": error, "share": share, "order": i}
        for i, (error, share) in enumerate(zip(errors[kept].tolist(), shares[kept].tolist(), strict=True))
    ]
    line = _chart(rows).mark_line(strokeWidth=2).encode(x=_error(), y=_share("share"), color=_color(), order="order:Q")
    return _layered(line)


def draw_band(errors: FloatArray, lower: FloatArray, upper: FloatArray, name: str) -> alt.LayerChart:
    """A distribution function with its band. errors: (n,) ascending; lower, upper: (n + 1,) as a `Band` has them."""
    import altair as alt

    n = len(errors)
    margin = 0.03 * float(np.ptp(errors)) or 0.5
    edges = np.concatenate([[errors[0] - margin], errors, [errors[-1] + margin]])
    below = np.searchsorted(errors, np.nextafter(edges[:-1], np.inf), side="left")  # just above each edge
    kept = _thinned(n + 1)
    # the last row closes the last step
    places = [*zip(edges[:-1][kept].tolist(), below[kept].tolist(), strict=True), (float(edges[-1]), n)]
    rows = [
        {"name": name, "error": error, "share": k / n, "lower": float(lower[k]), "upper": float(upper[k])}
        for error, k in places
    ]
    base = _chart(rows).encode(x=_error(), color=_color())
    band = base.mark_area(interpolate="step-after", opacity=1, fillOpacity=0.16).encode(
        y=_share("lower"), y2=alt.Y2("upper:Q")
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=_share("share"))
    return _layered(band, line)


def draw_gap(
    curves: Mapping[str, tuple[FloatArray, FloatArray]], at: float, ends: tuple[float, float]
) -> alt.LayerChart:
    """Two distribution functions and the largest gap between them.

    Args:
        curves: Name -> the corners (errors, shares) of each curve.
        at: The error where the gap is.
        ends: Both shares there.
    """
    import altair as alt

    lines = [draw_steps(*corners, name) for name, corners in curves.items()]
    gap = _chart([{"error": at, "low": min(ends), "high": max(ends)}]).encode(x=_error())
    rule = gap.mark_rule(color=INK, strokeWidth=2.5).encode(y=alt.Y("low:Q"), y2="high:Q")
    return _layered(*lines, rule)


def draw_range(
    low: float, best: float, high: float, x: FloatArray | None = None, errors: FloatArray | None = None
) -> alt.LayerChart:
    """A good range, alone or over the networks that it was computed from. x, errors: (n,)."""
    import altair as alt

    good = _chart([{"low": low, "best": best, "high": high}])
    # an interval of one value would be an invisible band, so its edge is drawn too
    span = good.mark_rect(color=GOOD, opacity=1, fillOpacity=0.18, stroke=GOOD).encode(
        x=alt.X("low:Q", title="parameter", scale=alt.Scale(zero=False)), x2="high:Q"
    )
    line = good.mark_rule(color=GOOD, strokeWidth=2).encode(x="best:Q")
    if x is None or errors is None:
        return _layered(span, line, height=36)
    kept = _thinned(len(x))
    rows = [{"x": each, "error": error} for each, error in zip(x[kept].tolist(), errors[kept].tolist(), strict=True)]
    points = (
        _chart(rows)
        .mark_circle(color=SERIES[0], size=28, opacity=1, fillOpacity=0.55)
        .encode(x=alt.X("x:Q", scale=alt.Scale(zero=False)), y=_error("y"))
    )
    return _layered(span, line, points)


def draw_difference(difference: float, interval: tuple[float, float] | None, title: str) -> alt.LayerChart:
    """A difference of two statistics with its interval, beside the line of no difference."""
    import altair as alt

    low, high = interval or (difference, difference)
    reach = 1.15 * max(abs(low), abs(high), abs(difference)) or 1.0
    base = _chart([{"difference": difference, "low": low, "high": high}])
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    x = alt.X("difference:Q", title=title, scale=scale)
    none = _chart([{"difference": 0}]).mark_rule(color=MUTED, strokeDash=[5, 4]).encode(x=x)
    line = base.mark_rule(color=SERIES[0], strokeWidth=3).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    point = base.mark_point(color=SERIES[0], filled=True, size=110, opacity=1).encode(x=x)
    return _layered(none, line, point, height=50)


def draw_efficiency(sizes: IntArray, mean: FloatArray, spread: FloatArray, name: str) -> alt.LayerChart:
    """The best error of k networks over k, with one standard deviation around it. All arguments: (s,)."""
    import altair as alt

    rows = [
        {"name": name, "k": k, "mean": m, "low": max(m - s, min(m, 0.0)), "high": m + s}  # no error is below 0%
        for k, m, s in zip(sizes.tolist(), mean.tolist(), spread.tolist(), strict=True)
    ]
    x = alt.X(
        "k:Q",
        title="k: networks trained",
        scale=alt.Scale(type="log", base=2, nice=False),
        axis=alt.Axis(values=sizes.tolist(), format="d"),
    )
    base = _chart(rows).encode(x=x, color=_color())
    scale, title = alt.Scale(zero=False), "lowest error of k"
    band = base.mark_area(opacity=1, fillOpacity=0.16).encode(y=alt.Y("low:Q", scale=scale, title=title), y2="high:Q")
    line = base.mark_line(strokeWidth=2, point={"filled": True, "size": 40}).encode(y=alt.Y("mean:Q", title=title))
    return _layered(band, line)


def draw_front(cost: FloatArray, errors: FloatArray, on_front: BoolArray) -> alt.LayerChart:
    """Error against cost, with the Pareto front as a line of steps. All arguments: (n,)."""
    import altair as alt

    is_log = bool(cost.min() > 0 and cost.max() > 15 * cost.min())
    scale = alt.Scale(type="log", nice=False, padding=8) if is_log else alt.Scale(zero=False, padding=8)
    x = alt.X("cost:Q", scale=scale, axis=alt.Axis(format="~s"))
    kept = np.union1d(np.argsort(errors, kind="stable")[_thinned(len(errors))], np.flatnonzero(on_front))
    points = _chart(_cost_rows(cost[kept], errors[kept])).encode(x=x, y=_error("y"))
    best = np.flatnonzero(on_front)
    best = best[np.lexsort((errors[best], cost[best]))]
    front = _chart(_cost_rows(cost[best], errors[best])).encode(x=x, y=_error("y"))
    return _layered(
        points.mark_circle(color=SERIES[0], size=28, opacity=1, fillOpacity=0.5),
        # between two networks of the front only the cheaper one is available, hence steps
        front.mark_line(interpolate="step-after", color=INK, strokeWidth=1.4),
        front.mark_point(color=INK, size=60, strokeWidth=1.4),
    )


def _cost_rows(cost: FloatArray, errors: FloatArray) -> list[dict[str, float]]:
    return [{"cost": c, "error": e} for c, e in zip(cost.tolist(), errors.tolist(), strict=True)]


def _layered(*charts: alt.Chart | alt.LayerChart, height: int = _HEIGHT) -> alt.LayerChart:
    import altair as alt

    return cast("alt.LayerChart", alt.layer(*charts).properties(width=_WIDTH, height=height))


def _chart(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    import altair as alt

    data: Any = alt.Data
    return alt.Chart(data(values=list(rows)))


def _error(channel: str = "x") -> Any:
    import altair as alt

    kind = alt.X if channel == "x" else alt.Y
    return kind("error:Q", title="error", scale=alt.Scale(zero=False, nice=False))


def _share(field: str) -> Any:
    import altair as alt

    title = "share of networks with a lower error"
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))


def _color() -> Any:
    """By name, so that charts can be layered."""
    import altair as alt

    return alt.Color("name:N", scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(orient="top", title=None))


def _thinned(n: int) -> Any:
    """Which of n rows to draw: all, or an even selection with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).round().astype(np.intp))


def draw_power(sizes: Sequence[int], curves: Mapping[str, Sequence[float]], n: int, power: float) -> alt.LayerChart:
    """The power of a comparison over the number of networks.

    Args:
        sizes: (k,) networks of each population.
        curves: Difference -> (k,) probability that it is shown.
        n: The number that is planned.
        power: Of it.
    """
    import altair as alt

    rows = [
        {"name": name, "n": size, "power": each}
        for name, powers in curves.items()
        for size, each in zip(sizes, powers, strict=True)
    ]
    x = alt.X("n:Q", title="networks of each population", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("power:Q", title="chance that it is shown", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    color = alt.Color(
        "name:N", sort=list(curves), scale=alt.Scale(range=list(SERIES)), legend=alt.Legend(orient="top", title=None)
    )
    lines = _chart(rows).mark_line(strokeWidth=2).encode(x=x, y=y, color=color)
    planned = _chart([{"n": n, "power": power}])
    return _layered(
        planned.mark_rule(color=MUTED, strokeDash=[5, 4]).encode(x=x),
        planned.mark_rule(color=MUTED, strokeDash=[5, 4]).encode(y=y),
        lines,
        planned.mark_point(color=INK, filled=True, size=70, opacity=1).encode(x=x, y=y),
    )
