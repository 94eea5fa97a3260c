"""The answer first: the network that was picked, what it reached, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.report.comparison import CAUTION, Comparison
from netwright.report.data import Finalist, ReportData
from netwright.report.provenance import differences_sentence, unlike_parts
from netwright.report.sections.missing import Missing
from netwright.report.sections.points import error_scale
from netwright.report.sections.verdict import Verdict, of_finalists, of_refinement, spread, with_spread
from netwright.report.text import amount, count, p_value, percent, ratio
from netwright.stats.guessing import doubt_of_guessing, no_better_than_guessing
from netwright.theme import INK, SERIES, Spec, to_spec

__all__ = ["AnswerFigure", "FinalistRow", "answer_chart", "answer_figure"]

_ANSWER = 400  # pixels: with its labels it is as wide as a phone can show legibly
_MOST_PAIRS = 4  # in a sentence
_SAME_FLOPS = 1.15  # beyond this ratio the comparison is not at equal cost


@dataclass(frozen=True)
class FinalistRow:
    """A network that was trained longer.

    Attributes:
        errors: Percent, one for each seed.
        deviation: Their standard deviation, None for fewer than two.
        stages: (depth, width) of each.
        latency: In words; empty where it was not measured.
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
    latency: str = ""


@dataclass(frozen=True)
class AnswerFigure:
    """The networks that were trained longer, and what the evidence supports.

    Attributes:
        unlike: In what the populations differ beside their spaces, above all verdicts; empty where in nothing.
        verdict: On the pick beside the baseline, None without a baseline.
        refinement: On the last population beside the first one, None for a single population.
    """

    rows: tuple[FinalistRow, ...]
    verdict: Verdict | None
    refinement: Verdict | None
    decisions: tuple[str, ...]
    sentences: tuple[str, ...]
    unlike: str = ""


def answer_figure(data: ReportData) -> AnswerFigure | Missing:
    """Both verdicts, and the sentences that give the answer first."""
    rows = tuple(_row(finalist) for finalist in data.finalists if finalist.test_errors)
    picks = [row for row in rows if row.role == "pick"]
    baselines = [row for row in rows if row.role == "baseline"]
    verdict = of_finalists(picks[0].errors, baselines[0].errors, baselines[0].name) if picks and baselines else None
    views = [view for view in data.populations if len(view.errors)]
    refinement = (
        of_refinement(data.comparison, views[0].name, views[-1].name) if len(views) > 1 and not data.pairs else None
    )
    sentences = [
        *_finalists(picks, baselines),
        *_beside_guess(data.finalists),
        *([verdict.sentence] if verdict else []),
    ]
    unlike = _unlike(data)
    # of other populations than a design's, which of them is better is the question
    first = data.comparison is not None and not data.comparison.is_refinement
    if refinement and first:
        sentences.append(refinement.sentence)
    sentences += _pairs(data.pairs)
    if not picks and any(not view.done.empty for view in views):
        sentences.append(_leader(data))
    if not sentences and not data.decisions:
        return Missing("the answer: no trial has an error and no network was trained longer")
    if refinement and not first and refinement.kind in ("even", "unlike", "worse"):
        sentences.append(refinement.sentence)
    return AnswerFigure(rows, verdict, refinement, data.decisions, tuple(sentences), unlike)


def _unlike(data: ReportData) -> str:
    """Of populations that are compared as they are: what was not the same in their trainings."""
    is_design = bool(data.finalists) or (data.comparison is not None and data.comparison.is_refinement)
    if len(data.populations) < 2 or is_design:
        return ""
    return differences_sentence([v.name for v in data.populations], [v.provenance for v in data.populations])


def _pairs(pairs: Sequence[Comparison]) -> list[str]:
    """Which of several populations are better than others."""
    if not pairs:
        return []
    shown = [pair for pair in pairs if pair.is_better or pair.is_worse]
    test = f"of the {len(pairs)} pairs, after Holm's correction at 5%"
    if not shown:
        return [f"No population is shown to be better than another by the mean error: none {test}."]
    named = [f"{_better(pair)}" for pair in shown[:_MOST_PAIRS]]
    found = "; ".join([*named, *([f"and {len(shown) - _MOST_PAIRS} more"] if len(shown) > _MOST_PAIRS else [])])
    caution = f" {CAUTION}." if any(pair.is_of_few for pair in shown) else ""
    return [f"By the mean error {len(shown)} {test}, differ by more than chance explains: {found}.{caution}"]


def _better(pair: Comparison) -> str:
    first, second = pair.names
    claim = f"{second} is better than {first}" if pair.is_better else f"{first} is better than {second}"
    claim = f"{claim} ({p_value(pair.p_value)})"
    if pair.differences:
        return f"{claim}, but {unlike_parts(pair.differences)} differ"
    return f"{claim}, {pair.at_equal_mixes}" if pair.at_equal_mixes else claim


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
        latency=finalist.latency,
    )


def _finalists(picks: list[FinalistRow], baselines: list[FinalistRow]) -> list[str]:
    if not picks:
        return []
    pick = picks[0]
    start = (
        f"The pick, {pick.name}, classifies {percent(100 - pick.mean)} of the test images correctly: a test error of "
        f"{with_spread(pick.errors)} at {amount(pick.flops)} flops"
    )
    if not baselines:
        return [f"{start}. No baseline was trained beside it."]
    base = baselines[0]
    sentences = [
        f"{start}; the baseline {base.name} has an error of {with_spread(base.errors)} at {amount(base.flops)} flops."
    ]
    if not 1 / _SAME_FLOPS < pick.flops / base.flops < _SAME_FLOPS:
        times = max(pick.flops, base.flops) / min(pick.flops, base.flops)
        more = "pick" if pick.flops > base.flops else "baseline"
        sentences.append(f"They do not cost the same: the {more} has {ratio(times)} times the flops of the other.")
    return sentences


def _beside_guess(finalists: Sequence[Finalist]) -> list[str]:
    """What the pick's accuracy is worth: beside always answering the commonest class."""
    for pick in finalists:
        if pick.role == "pick" and pick.test_errors and pick.test_images and pick.test_guess is not None:
            mean, guess = float(np.mean(pick.test_errors)), pick.test_guess
            would = f"always answering the commonest class would give {percent(guess)} of the test images"
            if not no_better_than_guessing(mean, pick.test_images, 100 - guess):
                return [f"{would[0].upper()}{would[1:]}."]
            doubt = doubt_of_guessing(100 - mean, guess, pick.test_images)
            return [f"{doubt[0].upper()}{doubt[1:]}: {would}."]
    return []


def _leader(data: ReportData) -> str:
    """The best trial, where no network was trained longer: the lowest error of many is too good an estimate."""
    view = min((view for view in data.populations if not view.done.empty), key=lambda v: v.done["error"].iloc[0])
    first = view.done.iloc[0]
    failed = f" ({view.n_failed:,} of which failed)" if view.n_failed else ""
    return (
        f"The best of {count(len(view.counted), 'trained network')} of {view.name}{failed} is trial "
        f"{int(first['trial'])} with {percent(first['error'])}. It was chosen by this error, so expect a slightly "
        "higher one on new images."
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
            "low": max(0.0, row.mean - (row.deviation or 0)),  # no error is below 0%
            "high": row.mean + (row.deviation or 0),
        }
        for label, row in zip(labels, figure.rows, strict=True)
    ]
    y = alt.Y(
        "label:N",
        scale=alt.Scale(domain=labels),
        title=None,
        axis=alt.Axis(labelLimit=260, labelFontSize=14, ticks=False, domain=False),
    )
    ends = [float(str(row[end])) for row in means for end in ("low", "high")]
    x = error_scale([*ends, *(error for row in figure.rows for error in row.errors)])
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
                "error:Q",
                # two lines: it fits a phone
                title=["test error, %: dots are seeds, the bar their", "mean, the line one standard deviation"],
                axis=alt.Axis(tickCount=6, labelFontSize=13, titleFontSize=13),
            ),
            color=color,
            tooltip=["label:N", "seed:Q", alt.Tooltip("error:Q", format=".2f", title="test error, %")],
        )
    )
    chart = alt.layer(deviation, mean, dot).properties(width=_ANSWER, height=56 * len(names))
    return to_spec(chart, {"means": means, "seeds": dots})


def _color(index: int) -> str:
    return SERIES[(index + 1) % 2]  # the pick in the refined population's color
