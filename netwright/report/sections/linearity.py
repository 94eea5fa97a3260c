"""Error against e_fit: are networks whose widths are nearly a quantized linear function better? DDS, Figure 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netwright.report.comparison import LEVEL, holm
from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import MOST_POINTS, error_scale, failure_marks, thin, values_of, x_scale
from netwright.report.text import count, p_value
from netwright.report.view import PopulationView
from netwright.stats import BestAgainstRest, best_against_rest, bootstrap
from netwright.theme import GOOD, SERIES, SMALL, Spec, to_spec

__all__ = ["STRAIGHT", "LinearityFigure", "LinearityPanel", "linearity_chart", "linearity_figure"]

STRAIGHT = 0.05  # an e_fit below it: the widths are on the line
_LEAST_TESTED = 10
_MOST_MARKS = 4000  # in all panels together


@dataclass(frozen=True)
class LinearityPanel:
    """One population.

    Attributes:
        e_fit, error, trial: One entry for each point, lowest error first; the error is in percent.
        failed: (e_fit, trial) of networks that failed, which have no error.
        low, best, high: The range of e_fit with the best network of 95 in 100 random quarters, and its median; None for
            fewer than 10 networks.
        test: The best quarter against the others; None for fewer than 10 networks, or where all are on the line.
        p_holm: Its p-value with Holm's correction for several populations.
    """

    population: str
    e_fit: tuple[float, ...]
    error: tuple[float, ...]
    trial: tuple[int, ...]
    failed: tuple[tuple[float, int], ...] = ()
    low: float | None = None
    best: float | None = None
    high: float | None = None
    test: BestAgainstRest | None = None
    p_holm: float = 1.0


@dataclass(frozen=True)
class LinearityFigure:
    """One panel for each population whose networks are known."""

    panels: tuple[LinearityPanel, ...]
    sentences: tuple[str, ...]


def linearity_figure(data: ReportData) -> LinearityFigure | Missing:
    """e_fit and error of all networks that count."""
    known = [
        view for view in data.populations if "e_fit" in view.done and np.isfinite(values_of(view.done, "e_fit")).any()
    ]
    if not known:
        return Missing("no network is described (a column 'arch'), so e_fit is not known")
    tests = [_test(view, data.repeats) for view in known]
    tested = [test.p_value for test in tests if test is not None]
    corrected = iter(holm(tested))
    panels = tuple(
        _panel(view, test, 1.0 if test is None else next(corrected), _MOST_MARKS // len(known))
        for view, test in zip(known, tests, strict=True)
    )
    return LinearityFigure(panels, (_explanation(known), *filter(None, (_sentence(p, len(tested)) for p in panels))))


def _test(view: PopulationView, repeats: int) -> BestAgainstRest | None:
    values = values_of(view.counted, "e_fit")
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < _LEAST_TESTED or values[rows].max() < STRAIGHT:
        return None
    return best_against_rest(values[rows], view.errors[rows], repeats=repeats)


def _panel(view: PopulationView, test: BestAgainstRest | None, p_holm: float, most: int) -> LinearityPanel:
    values, n_done = values_of(view.counted, "e_fit"), len(view.done)
    known = np.flatnonzero(np.isfinite(values))
    good = None
    if len(known) >= _LEAST_TESTED:
        good = bootstrap({"e_fit": values[known]}, view.errors[known], method="exact")["e_fit"]
    drawn = known[thin(len(known), min(MOST_POINTS, most))]
    done, failed = drawn[drawn < n_done], drawn[drawn >= n_done]
    trials = view.counted["trial"].to_numpy()
    return LinearityPanel(
        population=view.name,
        e_fit=tuple(values[done].tolist()),
        error=tuple(view.errors[done].tolist()),
        trial=tuple(int(trial) for trial in trials[done]),
        failed=tuple((float(values[i]), int(trials[i])) for i in failed),
        low=None if good is None else good.low,
        best=None if good is None else good.best,
        high=None if good is None else good.high,
        test=test,
        p_holm=p_holm,
    )


def _explanation(views: Sequence[PopulationView]) -> str:
    text = (
        "e_fit is how far the widths of a network's blocks are from the nearest quantized linear function: the mean "
        "absolute difference of their logarithms. It is 0 for a RegNet, up to the rounding of widths. The band "
        "contains the best network of 95 in 100 random quarters of a population, and its line is the median; a narrow "
        "band alone is no evidence."
    )
    if failed := sum(view.n_failed for view in views):
        text += f" The {count(failed, 'network')} that failed are crosses at the upper edge."
    return text


def _sentence(panel: LinearityPanel, tests: int) -> str:
    """What the test says of one population."""
    name = panel.population
    if panel.test is None:
        if len(panel.e_fit) < _LEAST_TESTED:
            return ""
        return f"All networks of {name} are on such a line (e_fit at most {max(panel.e_fit):.3f}): it tells none apart."
    test = panel.test
    corrected = f", Holm-corrected for {tests} populations" if tests > 1 else ""
    medians = f"median {test.median_best:.3f} against {test.median_rest:.3f}, {p_value(panel.p_holm)}{corrected}"
    if panel.p_holm > LEVEL:
        return f"That e_fit differs between the best quarter of {name} and the others is not shown ({medians})."
    size = "smaller" if test.superiority > 0.5 else "larger"
    return f"The best quarter of {name} has a {size} e_fit than the others ({medians})."


# -- drawing -----------------------------------------------------------------------------------------------------------

_COLUMNS = 3


def linearity_chart(figure: LinearityFigure) -> Spec:
    """A panel for each population, on the same axes."""
    import altair as alt

    errors = [error for panel in figure.panels for error in panel.error]
    widest = max(e_fit for panel in figure.panels for e_fit in (*panel.e_fit, *(x for x, _ in panel.failed)))
    data: dict[str, list[dict[str, float | None]]] = {}
    panels = []
    for index, panel in enumerate(figure.panels):
        name = f"points{index}"
        data[name] = [
            {"e_fit": e_fit, "error": error, "trial": trial}
            for e_fit, error, trial in zip(panel.e_fit, panel.error, panel.trial, strict=True)
        ]
        data[f"good {name}"] = [{"low": panel.low, "best": panel.best, "high": panel.high}]
        data[f"failed {name}"] = [{"e_fit": e_fit, "trial": trial} for e_fit, trial in panel.failed]
        panels.append(_draw_panel(panel, name, errors, widest, is_first=index % _COLUMNS == 0))
    return to_spec(alt.concat(*panels, columns=_COLUMNS, spacing=18), data)


def _draw_panel(panel: LinearityPanel, name: str, errors: Sequence[float], widest: float, is_first: bool) -> Any:
    import altair as alt

    x = alt.X("e_fit:Q", title="e_fit", scale=x_scale((0.0, widest), is_log=False))
    y = alt.Y("error:Q", title="error, %" if is_first else None, scale=error_scale(errors))
    tips = ["trial:Q", alt.Tooltip("e_fit:Q", format=".3f")]
    points = (
        alt.Chart(alt.NamedData(name))
        .mark_circle(size=26, opacity=1, fillOpacity=0.55, color=SERIES[0])
        .encode(x=x, y=y, tooltip=[*tips, alt.Tooltip("error:Q", format=".2f", title="error, %")])
    )
    layers: list[Any] = []
    title: Any = panel.population
    if panel.low is not None and panel.best is not None and panel.high is not None:
        good = alt.Chart(alt.NamedData(f"good {name}"))
        layers.append(
            good.mark_rect(color=GOOD, opacity=1, fillOpacity=0.18, stroke=GOOD, strokeWidth=1).encode(
                x=alt.X("low:Q"), x2="high:Q"
            )
        )
        layers.append(good.mark_rule(color=GOOD, strokeWidth=2).encode(x="best:Q"))
        good_range = f"good {panel.low:.3f} to {panel.high:.3f}, best {panel.best:.3f}"
        title = alt.TitleParams(panel.population, subtitle=good_range)
    failed = [failure_marks(f"failed {name}", x, tips)] if panel.failed else []
    return alt.layer(*layers, points, *failed).properties(width=SMALL, height=170, title=title)
