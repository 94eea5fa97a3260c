"""Networks block by block: the width of each block, as the RegNet paper draws them."""

from __future__ import annotations

from typing import Any

from netwright.report.charts.theme import GOOD, INK, SERIES, SMALL, Spec, finish
from netwright.report.figures.networks import Network, NetworksFigure

__all__ = ["networks_chart"]

_COLUMNS = 3


def networks_chart(figure: NetworksFigure) -> Spec:
    import altair as alt

    data = {}
    rows = []
    most = max(width for network in (*figure.best, *figure.worst) for width in network.widths)
    least = min(width for network in (*figure.best, *figure.worst) for width in network.widths)
    deepest = max(len(network.widths) for network in (*figure.best, *figure.worst))
    for group, networks, color in (("best", figure.best, GOOD), ("worst", figure.worst, SERIES[1])):
        panels = []
        for index, network in enumerate(networks):
            name = f"{group}{index}"
            # one block more at the end, so that the last block is drawn as wide as the others
            widths, fitted = (*network.widths, network.widths[-1]), (*network.fitted, network.fitted[-1])
            data[name] = [
                {"block": block, "width": width, "fitted": line}
                for block, (width, line) in enumerate(zip(widths, fitted, strict=True))
            ]
            panels.append(_panel(network, name, (least, most), deepest, color, is_first=index % _COLUMNS == 0))
        if panels:
            heading = alt.TitleParams(f"The {group}", fontSize=14, offset=10)
            rows.append(alt.concat(*panels, columns=_COLUMNS, spacing=16).properties(title=heading))
    return finish(alt.vconcat(*rows, spacing=24), data)


def _panel(network: Network, name: str, widths: tuple[int, int], deepest: int, color: str, is_first: bool) -> Any:
    import altair as alt

    base = alt.Chart(alt.NamedData(name)).encode(
        x=alt.X(
            "block:Q",
            title="block",
            scale=alt.Scale(domain=[0, deepest], nice=False),
            axis=alt.Axis(tickMinStep=1, grid=False),
        ),
        tooltip=["block:Q", "width:Q", alt.Tooltip("fitted:Q", format=".0f")],
    )
    scale = alt.Scale(type="log", base=2, domain=[widths[0] / 1.3, widths[1] * 1.3], nice=False)
    y = alt.Y("width:Q", title="width" if is_first else None, scale=scale, axis=alt.Axis(tickCount=4, format="d"))
    area = base.mark_area(
        interpolate="step-after", color=color, fillOpacity=0.25, line={"color": color, "strokeWidth": 2}, opacity=1
    ).encode(y=y, y2=alt.Y2Datum(widths[0] / 1.3))
    line = base.mark_line(interpolate="step-after", color=INK, strokeWidth=1.4, strokeDash=[4, 3]).encode(y="fitted:Q")
    title = alt.TitleParams(
        f"{network.population} {network.trial}: {network.error:.2f}%",
        subtitle=f"{len(network.widths)} blocks, e_fit {network.e_fit:.3f}",
    )
    return alt.layer(area, line).properties(width=SMALL, height=110, title=title)
