"""One page of a study: what is established, all distributions, the tree of refinements, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.analysis.reading import read
from netwright.population import FILE
from netwright.report import ReportData, write_report
from netwright.report.data import Extra
from netwright.report.parts import Badge, ChartPart, Lead, Part, Preformatted, Section, Table
from netwright.studies.charts import intervals_chart, pairs_chart
from netwright.studies.deciding import ComparisonState
from netwright.studies.result import StudyResult
from netwright.system.plural import count
from netwright.theme import Spec

if TYPE_CHECKING:
    from netwright.report.view import PopulationView

__all__ = ["tree", "write_study_report"]

_KINDS = {"better": "better", "worse": "better", "equivalent": "none", "undecided": "none"}
_FORMATS = ("png", "svg", "pdf")


def write_study_report(result: StudyResult, command: str = "") -> Path | None:
    """Write report.html in the study's folder; None where no trial is finished.

    Raises:
        OutputError: The folder cannot be written.
    """
    views = _views(result)
    if not views:
        return None
    specs = {"study_intervals": intervals_chart(result.states)} if any(state.n for state in result.states) else {}
    errors = {view.name: view.errors for view in views}
    if any({state.planned.a, state.planned.b} <= errors.keys() for state in result.states):
        specs["study_pairs"] = pairs_chart(result.states, errors)
    data = ReportData(
        title=f"The study {result.study.name}",
        populations=views,
        facts={
            "command": {"command": command},
            "study": {
                "file": result.study.source,
                "confidence": f"{result.study.confidence:.0%} of all statements together",
                "test": result.study.test,
                "seed": str(result.study.seed),
                **{name: str(value) for name, value in result.study.options.items()},
            },
        },
        extra=Extra(tuple(_sections(result, specs)), specs),
    )
    return write_report(data, result.folder)


def _views(result: StudyResult) -> tuple[PopulationView, ...]:
    found = []
    for each in result.study.spaces:
        if (result.folder / each.name / FILE).exists():
            view = replace(read(result.folder / each.name), name=each.name)
            if len(view.errors):
                found.append(view)
    return tuple(found)


def _sections(result: StudyResult, charts: Mapping[str, Spec]) -> list[Section]:
    sections = [_decisions(result, charts), _tree_section(result), _costs(result)]
    return [section for section in sections if section.parts]


def _decisions(result: StudyResult, charts: Mapping[str, Spec]) -> Section:
    study, states = result.study, result.states
    decided = [state for state in states if state.decision != "undecided"]
    sentences = [
        *([study.text] if study.text else []),
        f"{len(decided)} of {count(len(states), 'comparison')} decided. With {study.confidence:.0%} confidence none of "
        "these intervals misses the true difference, at none of all looks.",
        _method(result),
        *result.notices,
    ]
    badges = [Badge(_KINDS[state.decision], state.words()) for state in decided]
    parts: list[Part] = [Lead(sentences, badges)]
    if "study_intervals" in charts:
        about = ["Each line is the interval of a difference at its last look; the gray band is the margin."]
        parts.append(ChartPart("study_intervals", "The differences", about, _FORMATS))
    if "study_pairs" in charts:
        about = [
            "The share of networks below each error, of both spaces of a difference: a curve further left is better."
        ]
        parts.append(ChartPart("study_pairs", "The distributions, two by two", about, _FORMATS))
    heads = ("difference", "question", "points", "interval", "margin", "networks of each", "decision", "others found")
    parts.append(Table(heads, [_row(state) for state in states]))
    return Section("study", "What is established", parts)


def _row(state: ComparisonState) -> tuple[str, ...]:
    planned = state.planned
    return (
        planned.name,
        planned.question,
        f"{state.difference:+.2f}" if state.n else "",
        "{:+.2f} to {:+.2f}".format(*state.interval) if state.n else "no look yet",
        f"{planned.margin:g}",
        f"{state.n} of {planned.trials}",
        state.words(),
        planned.paper,
    )


def _method(result: StudyResult) -> str:
    if result.study.test == "betting":
        return "Means are compared by betting, which assumes only that errors lie within 0 and 100%."
    how = result.study.test.replace("_", "-").replace("obrien-fleming", "O'Brien-Fleming")
    return (
        f"Means are compared at planned looks by group-sequential tests ({how}), which treat means as normal. Trials "
        "count in their order, a network that failed as an error of 100%."
    )


def _tree_section(result: StudyResult) -> Section:
    lines = tree(result)
    note = Lead(["A space below another one is that one, narrowed. Beside it: what is known of that step."])
    return Section("tree", "The tree of refinements", (note, Preformatted("\n".join(lines))))


def tree(result: StudyResult) -> list[str]:
    """The spaces as a tree, each with its mean and with what is known of the step from its parent."""
    study = result.study
    costs = {cost.name: cost for cost in result.costs}
    steps = {frozenset((state.planned.a, state.planned.b)): state for state in result.states}
    lines: list[str] = []

    def add(name: str, before: str, mark: str) -> None:
        space, cost = study.space(name), costs.get(name)
        text = f"{before}{mark}{name}"
        if cost is not None and cost.mean == cost.mean:
            text += f"  {cost.mean:.2f}% ({cost.done + cost.failed})"
        step = steps.get(frozenset((name, space.parent)))
        text += f"  {step.words()}" if step is not None else ""
        lines.append(text + (f"  {space.text}" if space.text else ""))
        below = [each.name for each in study.spaces if each.parent == name]
        for place, child in enumerate(below):
            inner = before + ({"├─ ": "│  ", "└─ ": "   "}.get(mark, ""))
            add(child, inner, "└─ " if place == len(below) - 1 else "├─ ")

    for root in (each.name for each in study.spaces if not each.parent):
        add(root, "", "")
    return lines


def _costs(result: StudyResult) -> Section:
    rows = [
        (
            cost.name,
            f"{cost.done:,}",
            f"{cost.failed:,}",
            f"{cost.planned:,}",
            "" if cost.mean != cost.mean else f"{cost.mean:.2f}",
            f"{cost.hours:.2f}",
        )
        for cost in result.costs
    ]
    trained, planned = sum(cost.done + cost.failed for cost in result.costs), sum(c.planned for c in result.costs)
    hours = sum(cost.hours for cost in result.costs)
    sentence = (
        f"{trained:,} trainings of at most {planned:,}, {hours:.1f} hours on one worker. A comparison that is decided "
        "takes no more networks."
    )
    heads = ("space", "done", "failed", "planned", "mean error, %", "worker-hours")
    return Section("costs_of_study", "What it cost", (Lead([sentence]), Table(heads, rows, kind="numbers")))
