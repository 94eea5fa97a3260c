"""The trials that failed or did not finish, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from netwright.report.data import ReportData
from netwright.report.sections.missing import Missing
from netwright.report.text import count
from netwright.report.view import SURVIVORS
from netwright.theme import SERIES, WIDTH, Spec, to_spec

__all__ = ["FailuresFigure", "failures_chart", "failures_figure"]

_MOST_REASONS = 10
_LONGEST = 90
_MOST_LISTED, _LONGEST_LISTED = 50, 2000


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
    failed = [
        (view.name, int(trial), _reason(reason))
        for view in data.populations
        for trial, reason in zip(view.failures["trial"], view.failures["reason"], strict=True)
    ]
    total = sum(len(view.trials) for view in data.populations)
    unfinished = sum(view.outcomes.unfinished for view in data.populations)
    pruned = sum(view.outcomes.pruned for view in data.populations)
    if not failed and not unfinished and not pruned:
        return Missing(f"failures: all {count(total, 'trial')} finished")
    reasons = Counter(_short(reason) for _, _, reason in failed).most_common()
    rest = sum(n for _, n in reasons[_MOST_REASONS:])
    shown = [*reasons[:_MOST_REASONS], *([("other reasons", rest)] if rest else [])]
    sentence = f"{len(failed):,} of {count(total, 'trial')} failed"
    sentence += f", most often because: {reasons[0][0]}." if failed else "."
    if unfinished:
        sentence += f" {count(unfinished, 'trial')} had not been finished when this was written: they are in no figure."
    if pruned:
        sentence += (
            f" {count(pruned, 'trial')} {'was' if pruned == 1 else 'were'} pruned: ended early because others did "
            "better by then. They are in no figure, so all figures are of the better networks of their space."
        )
    listed = tuple((name, trial, reason[:_LONGEST_LISTED]) for name, trial, reason in failed[:_MOST_LISTED])
    sentences = (sentence, *_meaning(data, len(failed)))
    return FailuresFigure(tuple(shown), listed, len(failed) - len(listed), sentences)


def _meaning(data: ReportData, failed: int) -> list[str]:
    """What the failures are to the other sections."""
    lost = sum(view.outcomes.lost for view in data.populations)
    said = []
    if failed > lost and all(view.survivors for view in data.populations):
        said.append(f"All other figures are of the {SURVIVORS}.")
    elif failed > lost:
        worst = max(view.failure_error for view in data.populations)
        said.append(
            f"A network that fails is a result: it is behind all others, and counts as an error of {worst:g}% in "
            "means. --survivors leaves such networks out."
        )
    if lost:
        said.append(
            f"{count(lost, 'trial')} failed by the machine (out of memory, killed, a full disk): of these networks "
            "nothing is known, and they are in no figure."
        )
    return said


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
