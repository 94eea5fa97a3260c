"""The answer first: the network that was picked, what it reached, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.report.data import Finalist, ReportData
from netwright.report.sections.missing import Missing
from netwright.report.sections.verdict import Verdict, of_finalists, of_refinement, spread, with_spread
from netwright.report.text import amount, count, percent, ratio
from netwright.theme import INK, SERIES, WIDTH, Spec, to_spec

__all__ = ["AnswerFigure", "FinalistRow", "answer_chart", "answer_figure"]

_SAME_FLOPS = 1.15  # beyond this ratio the comparison is not at equal cost


@dataclass(frozen=True)
class FinalistRow:
    """A network that was trained longer.

    Attributes:
        errors: Percent, one for each seed.
        deviation: Their standard deviation, None for fewer than two.
        stages: (depth, width) of each.
    """

    role: str
    name: str
    seeds: tuple[int, ...]
    errors: tuple[float, ...]
    mean: float
    deviation: float | None
    flops: int
    params: int
    acts: int
    depth: int
    stages: tuple[tuple[int, int], ...]
    note: str


@dataclass(frozen=True)
class AnswerFigure:
    """The networks that were trained longer, and what the evidence supports.

    Attributes:
        verdict: On the pick beside the baseline, None without a baseline.
        refinement: On the last population beside the first one, None for a single population.
    """

    rows: tuple[FinalistRow, ...]
    verdict: Verdict | None
    refinement: Verdict | None
    decisions: tuple[str, ...]
    sentences: tuple[str, ...]


def answer_figure(data: ReportData) -> AnswerFigure | Missing:
    """Both verdicts, and the sentences that give the answer first."""
    rows = tuple(_row(finalist) for finalist in data.finalists if finalist.test_errors)
    picks = [row for row in rows if row.role == "pick"]
    baselines = [row for row in rows if row.role == "baseline"]
    verdict = of_finalists(picks[0].errors, baselines[0].errors, baselines[0].name) if picks and baselines else None
    views = [view for view in data.populations if not view.done.empty]
    refinement = of_refinement(data.comparison, views[0].name, views[-1].name) if len(views) > 1 else None
    sentences = [*_finalists(picks, baselines), *([verdict.sentence] if verdict else [])]
    if not picks and views:
        sentences.append(_leader(data))
    if not sentences and not data.decisions:
        return Missing("the answer: no trial has an error and no network was trained longer")
    if refinement and refinement.kind in ("even", "worse"):
        sentences.append(refinement.sentence)
    return AnswerFigure(rows, verdict, refinement, data.decisions, tuple(sentences))


def _row(finalist: Finalist) -> FinalistRow:
    errors = finalist.test_errors
    seeds = finalist.seeds if len(finalist.seeds) == len(errors) else tuple(range(len(errors)))
    note = finalist.note
    if finalist.test_images:
        note = f"{note} One test image is {100 / finalist.test_images:.2g} percentage points.".strip()
    return FinalistRow(
        role=finalist.role,
        name=finalist.name,
        seeds=seeds,
        errors=tuple(float(error) for error in errors),
        mean=float(np.mean(errors)),
        deviation=spread(errors),
        flops=finalist.flops,
        params=finalist.params,
        acts=finalist.acts,
        depth=finalist.arch.depth,
        stages=tuple((stage.depth, stage.width) for stage in finalist.arch.stages),
        note=note,
    )


def _finalists(picks: list[FinalistRow], baselines: list[FinalistRow]) -> list[str]:
    if not picks:
        return []
    pick = picks[0]
    start = f"The pick, {pick.name}, has a test error of {with_spread(pick.errors)} at {amount(pick.flops)} flops"
    if not baselines:
        return [f"{start}. No baseline was trained beside it."]
    base = baselines[0]
    sentences = [f"{start}; the baseline {base.name} has {with_spread(base.errors)} at {amount(base.flops)} flops."]
    if not 1 / _SAME_FLOPS < pick.flops / base.flops < _SAME_FLOPS:
        times = max(pick.flops, base.flops) / min(pick.flops, base.flops)
        more = "pick" if pick.flops > base.flops else "baseline"
        sentences.append(f"They do not cost the same: the {more} has {ratio(times)} times the flops of the other.")
    return sentences


def _leader(data: ReportData) -> str:
    """The best trial, where no network was trained longer: the lowest error of many is too good an estimate."""
    view = min((view for view in data.populations if not view.done.empty), key=lambda v: v.done["error"].iloc[0])
    first = view.done.iloc[0]
    return (
        f"The best of {count(len(view.done), 'trained network')} of {view.name} is trial {int(first['trial'])} with "
        f"{percent(first['error'])}. It was chosen by this error, so expect a slightly higher one on new images."
    )


# -- drawing -----------------------------------------------------------------------------------------------------------


def answer_chart(figure: AnswerFigure) -> Spec | None:
    """The test errors of the pick and its baseline, one dot for each seed; None where there are none."""
    if not figure.rows:
        return None
    import altair as alt

    names = [row.name for row in figure.rows]
    labels = [f"{row.role}: {row.name}" for row in figure.rows]
    dots = [
        {"label": label, "error": error, "seed": seed}
        for label, row in zip(labels, figure.rows, strict=True)
        for seed, error in zip(row.seeds, row.errors, strict=True)
    ]
    means = [
        {
            "label": label,
            "mean": row.mean,
            "low": row.mean - (row.deviation or 0),
            "high": row.mean + (row.deviation or 0),
        }
        for label, row in zip(labels, figure.rows, strict=True)
    ]
    y = alt.Y(
        "label:N",
        scale=alt.Scale(domain=labels),
        title=None,
        axis=alt.Axis(labelLimit=260, labelFontSize=13, ticks=False, domain=False),
    )
    x = alt.Scale(zero=False, nice=True)
    color = alt.Color(
        "label:N", scale=alt.Scale(domain=labels, range=[_color(i) for i in range(len(names))]), legend=None
    )
    base = alt.Chart(alt.NamedData("means"))
    deviation = base.mark_rule(strokeWidth=2, color=INK, strokeOpacity=0.6).encode(
        y=y, x=alt.X("low:Q", scale=x), x2="high:Q"
    )
    mean = base.mark_tick(thickness=3, size=26, color=INK).encode(
        y=y,
        x="mean:Q",
        tooltip=[alt.Tooltip("label:N", title="network"), alt.Tooltip("mean:Q", format=".2f", title="mean, %")],
    )
    dot = (
        alt.Chart(alt.NamedData("seeds"))
        .mark_circle(size=130, opacity=1, fillOpacity=0.8)
        .encode(
            y=y,
            x=alt.X(
                "error:Q", title="test error, %: dots are seeds, the bar their mean, the line one standard deviation"
            ),
            color=color,
            tooltip=["label:N", "seed:Q", alt.Tooltip("error:Q", format=".2f", title="test error, %")],
        )
    )
    chart = alt.layer(deviation, mean, dot).properties(width=WIDTH - 180, height=52 * len(names))
    return to_spec(chart, {"means": means, "seeds": dots})


def _color(index: int) -> str:
    return SERIES[(index + 1) % 2]  # the pick in the refined population's color
