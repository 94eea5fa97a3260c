"""The page of a report: sentences, charts and tables, with script and style inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from netwright.report.data import ReportData
from netwright.report.parts import Badge, ChartPart, Details, Download, Facts, Lead, Part, Preformatted, Section
from netwright.report.sections import SECTIONS, Figure, Missing
from netwright.report.sections.answer import AnswerFigure
from netwright.report.sections.pictures import pictures_sections
from netwright.report.tables import (
    failures_table,
    finalists_table,
    pairs_table,
    rejections_table,
    trials_table,
)
from netwright.report.template import render_page
from netwright.theme import Spec

__all__ = ["page"]

# section -> its tables, below the chart
_TABLES: Mapping[str, Callable[[Any], Sequence[Part]]] = {
    "answer": finalists_table,
    "failures": failures_table,
    "spaces": rejections_table,
}


def page(
    data: ReportData,
    figures: Mapping[str, Figure | Missing],
    specs: Mapping[str, Spec],
    bundle: str,
    formats: Sequence[str],
    csv: Download,
) -> str:
    """The whole page as HTML.

    Args:
        data: What the report is made from.
        figures: Name -> data of each section, or why it is missing.
        specs: Name -> specification of each chart.
        bundle: The script that draws charts.
        formats: Of the charts that are files beside the page.
        csv: The link to all trials.
    """
    sections = pictures_sections(data)
    sections += [
        _section(data, name, figure, formats if name in specs else None)
        for name, figure in figures.items()
        if not isinstance(figure, Missing)
    ]
    after = next((at for at, section in enumerate(sections, 1) if section.name == "answer"), 0)
    sections[after:after] = data.extra.sections
    sections.append(Section("trials", "All trials", (csv, trials_table(data))))
    spaces = _spaces(data)
    if data.facts or spaces:
        sections.append(Section("facts", "How this was made", (Facts(data.facts), *spaces)))
    missing = [figure.why for figure in figures.values() if isinstance(figure, Missing)]
    return render_page(
        data.title,
        _subtitle(data),
        sections,
        specs,
        bundle,
        template="report.html",
        package=data.extra.package,
        missing=missing,
        style=Markup(data.extra.style),
    )


def _subtitle(data: ReportData) -> str:
    return " · ".join(f"{view.heading}: {view.tally()}" for view in data.populations)


def _section(data: ReportData, name: str, figure: Figure, formats: Sequence[str] | None) -> Section:
    title = SECTIONS[name].title
    parts: list[Part] = [_answer(figure) if isinstance(figure, AnswerFigure) else Lead(figure.sentences)]
    if formats is not None:
        role = "group" if name == "explorer" else "img"
        parts.append(ChartPart(name, title, figure.sentences, formats, role))
    if name == "edf":
        parts += pairs_table(data)
    if name in _TABLES:
        parts += _TABLES[name](figure)
    return Section(name, title, parts)


def _answer(figure: AnswerFigure) -> Lead:
    verdicts = [verdict for verdict in (figure.verdict, figure.refinement) if verdict is not None]
    badges = [Badge(each.kind, each.label) for each in verdicts]
    return Lead(figure.sentences, badges, figure.decisions, notice=figure.unlike)


def _spaces(data: ReportData) -> list[Part]:
    return [
        Details(
            f"The space {view.name}",
            Preformatted(json.dumps(view.space, indent=2, ensure_ascii=False, default=str)),
        )
        for view in data.populations
        if view.space
    ]
