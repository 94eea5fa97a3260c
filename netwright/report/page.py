"""One HTML page that needs nothing else: sentences, pictures and tables, script and style inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from netwright.report.charts import Spec
from netwright.report.document import Section, document, facts_html, lead, picture
from netwright.report.figures import Figure, Missing
from netwright.report.figures.answer import AnswerFigure
from netwright.report.figures.verdict import Verdict
from netwright.report.story import Story
from netwright.report.tables import account_table, csv_link, failures_table, finalists_table, trials_table

__all__ = ["TITLES", "page"]

TITLES: Mapping[str, str] = {
    "answer": "The answer",
    "edf": "How good each space is",
    "parameters": "Which parameters matter",
    "explorer": "Choose networks, see their distribution",
    "costs": "Error against cost",
    "networks": "The best and the worst networks",
    "curves": "How they learned",
    "failures": "What failed",
    "spaces": "The space",
    "efficiency": "What a random search would find",
    "trials": "All trials",
    "facts": "How this was made",
}

_AFTER: Mapping[str, Callable[[Any], str]] = {
    "answer": finalists_table,
    "failures": failures_table,
    "spaces": account_table,
}


def page(
    story: Story,
    figures: Mapping[str, Figure | Missing],
    specs: Mapping[str, Spec],
    bundle: str,
    formats: Sequence[str],
) -> str:
    """The whole document. specs: of the drawn figures; bundle: the script that draws; formats: of the files beside."""
    sections = [
        _section(name, figure, formats if name in specs else None)
        for name, figure in figures.items()
        if not isinstance(figure, Missing)
    ]
    trials = f"<p>Click a column's head to sort.</p>{csv_link(story)}{trials_table(story)}"
    sections.append(Section("trials", TITLES["trials"], trials))
    if facts := facts_html(story.facts) + _spaces(story):
        sections.append(Section("facts", TITLES["facts"], facts))
    missing = [figure.why for figure in figures.values() if isinstance(figure, Missing)]
    left_out = "".join(f"<li>{escape(why)}</li>" for why in missing)
    aside = f"<aside><h3>Not in this report</h3><ul>{left_out}</ul></aside>" if missing else ""
    return document(story.title, _subtitle(story), sections, specs, bundle, left_out=aside)


def _subtitle(story: Story) -> str:
    counts = [f"{view.heading}: {len(view.done):,} of {len(view.trials):,} trials done" for view in story.populations]
    return " · ".join(counts)


def _section(name: str, figure: Figure, formats: Sequence[str] | None) -> Section:
    said = lead(figure.sentences)
    if isinstance(figure, AnswerFigure):
        said = f"{_badges(figure)}{said}{_decisions(figure.decisions)}"
    role = "group" if name == "explorer" else "img"
    drawn = "" if formats is None else picture(name, TITLES[name], figure.sentences, formats, role)
    after = _AFTER[name](figure) if name in _AFTER else ""
    return Section(name, TITLES[name], f'<div class="lead">{said}</div>{drawn}{after}')


def _badges(figure: AnswerFigure) -> str:
    verdicts: list[Verdict] = [verdict for verdict in (figure.verdict, figure.refinement) if verdict is not None]
    return "".join(f'<span class="badge {verdict.kind}">{escape(verdict.label)}</span>' for verdict in verdicts)


def _decisions(decisions: Sequence[str]) -> str:
    if not decisions:
        return ""
    return f"<h3>What was decided, and why</h3><ol>{''.join(f'<li>{escape(said)}</li>' for said in decisions)}</ol>"


def _spaces(story: Story) -> str:
    return "".join(
        f"<details><summary>The space {escape(view.name)}</summary><pre>"
        f"{escape(json.dumps(view.space, indent=2, ensure_ascii=False, default=str))}</pre></details>"
        for view in story.populations
        if view.space
    )
