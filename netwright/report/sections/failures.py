"""The trials that failed or did not finish, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.text import count
from netwright.theme import SERIES, WIDTH, Spec, to_spec

__all__ = ["FailuresFigure", "failures_chart", "failures_figure"]

_MOST_REASONS = 10
_LONGEST = 90
_MOST_LISTED = 50


@dataclass(frozen=True)
class FailuresFigure:
    """Failed trials.

    Attributes:
        reasons: (reason, number of trials), most frequent first.
        listed: (population, trial, whole reason) of the first ones.
        unlisted: How many more there are.
    """

    reasons: tuple[tuple[str, int], ...]
    listed: tuple[tuple[str, int, str], ...]
    unlisted: int
    sentences: tuple[str, ...]


def failures_figure(data: ReportData) -> FailuresFigure | Missing:
    """Failed trials by reason; missing where every trial is done."""
    states = Counter(str(state) for view in data.populations for state in view.trials["state"])
    failed = [
        (view.name, int(trial), _reason(reason))
        for view in data.populations
        for trial, state, reason in zip(view.trials["trial"], view.trials["state"], view.trials["reason"], strict=True)
        if state == "failed"
    ]
    unfinished = states["waiting"] + states["running"]
    if not failed and not unfinished:
        return Missing(f"failures: all {count(sum(states.values()), 'trial')} finished")
    reasons = Counter(_short(reason) for _, _, reason in failed).most_common()
    rest = sum(n for _, n in reasons[_MOST_REASONS:])
    shown = [*reasons[:_MOST_REASONS], *([("other reasons", rest)] if rest else [])]
    sentence = f"{len(failed):,} of {count(sum(states.values()), 'trial')} failed"
    sentence += f", most often because: {reasons[0][0]}." if failed else "."
    if unfinished:
        sentence += f" {count(unfinished, 'trial')} had not been finished when this was written."
    sentence += " They are in no other chart."
    listed = tuple(failed[:_MOST_LISTED])
    return FailuresFigure(tuple(shown), listed, len(failed) - len(listed), (sentence,))


def _reason(reason: object) -> str:
    return reason.strip() if isinstance(reason, str) and reason.strip() else "no reason recorded"


def _short(reason: str) -> str:
    line = reason.splitlines()[0]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


# -- drawing -----------------------------------------------------------------------------------------------------------


def failures_chart(figure: FailuresFigure) -> Spec | None:
    """A bar for each reason; None where no trial failed."""
    if not figure.reasons:
        return None
    import altair as alt

    rows = [{"reason": reason, "trials": trials} for reason, trials in figure.reasons]
    axis = alt.Axis(labelLimit=420, title=None, ticks=False, domain=False)
    base = alt.Chart(alt.NamedData("reasons")).encode(
        y=alt.Y("reason:N", scale=alt.Scale(domain=[reason for reason, _ in figure.reasons]), axis=axis),
        x=alt.X("trials:Q", title="trials", axis=alt.Axis(tickMinStep=1, format="d")),
    )
    bars = base.mark_bar(color=SERIES[1], cornerRadiusEnd=2, height=16)
    counts = base.mark_text(align="left", dx=5).encode(text="trials:Q")
    return to_spec(alt.layer(bars, counts).properties(width=WIDTH - 440, height=30 * len(rows)), {"reasons": rows})
