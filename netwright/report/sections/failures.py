"""The trials that did not finish, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from netwright.report.figures.missing import Missing
from netwright.report.story import Story
from netwright.report.words import count

__all__ = ["FailuresFigure", "failures_figure"]

_MOST_REASONS = 10
_LONGEST = 90
_MOST_LISTED = 50


@dataclass(frozen=True)
class FailuresFigure:
    """reasons: (reason, trials), most frequent first; listed: (population, trial, whole reason)."""

    reasons: tuple[tuple[str, int], ...]
    listed: tuple[tuple[str, int, str], ...]
    unlisted: int
    sentences: tuple[str, ...]


def failures_figure(story: Story) -> FailuresFigure | Missing:
    states = Counter(str(state) for view in story.populations for state in view.trials["state"])
    failed = [
        (view.name, int(trial), _reason(reason))
        for view in story.populations
        for trial, state, reason in zip(view.trials["trial"], view.trials["state"], view.trials["reason"], strict=True)
        if state == "failed"
    ]
    unfinished = states["waiting"] + states["running"]
    if not failed and not unfinished:
        return Missing(f"failures: all {count(sum(states.values()), 'trial')} finished")
    reasons = Counter(_short(reason) for _, _, reason in failed).most_common()
    rest = sum(n for _, n in reasons[_MOST_REASONS:])
    shown = [*reasons[:_MOST_REASONS], *([("other reasons", rest)] if rest else [])]
    says = f"{len(failed):,} of {count(sum(states.values()), 'trial')} failed"
    says += f", most often because: {reasons[0][0]}." if failed else "."
    if unfinished:
        says += f" {count(unfinished, 'trial')} had not been finished when this was written."
    says += " They are in no other picture."
    listed = tuple(failed[:_MOST_LISTED])
    return FailuresFigure(tuple(shown), listed, len(failed) - len(listed), (says,))


def _reason(reason: object) -> str:
    return reason.strip() if isinstance(reason, str) and reason.strip() else "no reason recorded"


def _short(reason: str) -> str:
    line = reason.splitlines()[0]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
