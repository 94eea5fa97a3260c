"""The answer first: the network that was picked, what it reached, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.report.figures.missing import Missing
from netwright.report.figures.verdict import Verdict, of_finalists, of_refinement, spread, with_spread
from netwright.report.story import Finalist, Story
from netwright.report.words import amount, count, percent, ratio

__all__ = ["AnswerFigure", "FinalistRow", "answer_figure"]

_SAME_FLOPS = 1.15  # beyond this ratio the comparison is not at equal cost


@dataclass(frozen=True)
class FinalistRow:
    """errors: percent, one a seed; deviation: of those, None for fewer than two; stages: (depth, width) of each."""

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
    """verdict: of the pick beside the baseline; refinement: of the second population beside the first; None without."""

    rows: tuple[FinalistRow, ...]
    verdict: Verdict | None
    refinement: Verdict | None
    decisions: tuple[str, ...]
    sentences: tuple[str, ...]


def answer_figure(story: Story) -> AnswerFigure | Missing:
    rows = tuple(_row(finalist) for finalist in story.finalists if finalist.test_errors)
    picks = [row for row in rows if row.role == "pick"]
    baselines = [row for row in rows if row.role == "baseline"]
    verdict = of_finalists(picks[0].errors, baselines[0].errors, baselines[0].name) if picks and baselines else None
    views = [view for view in story.populations if not view.done.empty]
    refinement = of_refinement(story.contrast, views[0].name, views[-1].name) if len(views) > 1 else None
    sentences = [*_finalists(picks, baselines), *([verdict.sentence] if verdict else [])]
    if not picks and views:
        sentences.append(_leader(story))
    if not sentences and not story.decisions:
        return Missing("the answer: no trial has an error and no network was trained longer")
    if refinement and refinement.kind in ("even", "worse"):
        sentences.append(refinement.sentence)
    return AnswerFigure(rows, verdict, refinement, story.decisions, tuple(sentences))


def _row(finalist: Finalist) -> FinalistRow:
    errors = finalist.test_errors
    seeds = finalist.seeds if len(finalist.seeds) == len(errors) else tuple(range(len(errors)))
    note = finalist.note
    if finalist.test_images:
        note = f"{note} One test image is {100 / finalist.test_images:.2g} percent points.".strip()
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
    says = f"The pick, {pick.name}, has a test error of {with_spread(pick.errors)} at {amount(pick.flops)} flops"
    if not baselines:
        return [f"{says}. No baseline was trained beside it."]
    base = baselines[0]
    told = [f"{says}; the baseline {base.name} has {with_spread(base.errors)} at {amount(base.flops)} flops."]
    if not 1 / _SAME_FLOPS < pick.flops / base.flops < _SAME_FLOPS:
        times = max(pick.flops, base.flops) / min(pick.flops, base.flops)
        more = "pick" if pick.flops > base.flops else "baseline"
        told.append(f"They do not cost the same: the {more} has {ratio(times)} times the flops of the other.")
    return told


def _leader(story: Story) -> str:
    """The best trial where no network was trained longer; its error is a choice among many, so it flatters."""
    view = min((view for view in story.populations if not view.done.empty), key=lambda v: v.done["error"].iloc[0])
    first = view.done.iloc[0]
    return (
        f"The best of {count(len(view.done), 'trained network')} of {view.name} is trial {int(first['trial'])} with "
        f"{percent(first['error'])}. It was chosen by this error, so expect a little more of it on new images."
    )
