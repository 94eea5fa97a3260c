"""One HTML page that needs nothing else: sentences, pictures and tables, script and style inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import Any

from netwright.report.charts import Spec
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


@dataclass(frozen=True)
class _Section:
    """body: HTML, escaped."""

    name: str
    body: str

    def html(self) -> str:
        title = escape(TITLES[self.name])
        head = f'<h2 id="h-{self.name}">{title}</h2>'
        return f'<section id="{self.name}" aria-labelledby="h-{self.name}">{head}{self.body}</section>'


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
    sections.append(_Section("trials", f"<p>Click a column's head to sort.</p>{csv_link(story)}{trials_table(story)}"))
    if facts := _facts(story):
        sections.append(_Section("facts", facts))
    missing = [figure.why for figure in figures.values() if isinstance(figure, Missing)]
    left_out = "".join(f"<li>{escape(why)}</li>" for why in missing)
    return Template(_asset("page.html")).substitute(
        title=escape(story.title),
        subtitle=escape(_subtitle(story)),
        contents="".join(f'<li><a href="#{s.name}">{escape(TITLES[s.name])}</a></li>' for s in sections),
        sections="\n".join(section.html() for section in sections),
        left_out=f"<aside><h3>Not in this report</h3><ul>{left_out}</ul></aside>" if missing else "",
        style=_asset("page.css"),
        specs=_script_safe(json.dumps(specs, allow_nan=False, ensure_ascii=False)),
        bundle=bundle.replace("</script", r"<\/script"),
        script=_asset("page.js"),
    )


def _asset(name: str) -> str:
    return resources.files("netwright.report").joinpath("assets", name).read_text(encoding="utf-8")


def _script_safe(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _subtitle(story: Story) -> str:
    counts = [f"{view.heading}: {len(view.done):,} of {len(view.trials):,} trials done" for view in story.populations]
    return " · ".join(counts)


def _section(name: str, figure: Figure, formats: Sequence[str] | None) -> _Section:
    lead = "".join(f"<p>{escape(sentence)}</p>" for sentence in figure.sentences)
    if isinstance(figure, AnswerFigure):
        lead = f"{_badges(figure)}{lead}{_decisions(figure.decisions)}"
    picture = "" if formats is None else _picture(name, figure.sentences, formats)
    after = _AFTER[name](figure) if name in _AFTER else ""
    return _Section(name, f'<div class="lead">{lead}</div>{picture}{after}')


def _picture(name: str, sentences: Sequence[str], formats: Sequence[str]) -> str:
    alt = escape(" ".join([f"{TITLES[name]}.", *sentences]))
    files = ", ".join(f"figures/{name}.{kind}" for kind in formats)
    caption = f"<figcaption>Also as {escape(files)}</figcaption>" if files else ""
    # what can be operated must stay visible to assistive tools, so it is a group and not an image
    role = "group" if name == "explorer" else "img"
    return (
        f'<figure class="card"><div class="chart" id="chart-{name}" data-chart="{name}" role="{role}" '
        f'aria-label="{alt}"></div>'
        f"{caption}</figure>"
    )


def _badges(figure: AnswerFigure) -> str:
    verdicts: list[Verdict] = [verdict for verdict in (figure.verdict, figure.refinement) if verdict is not None]
    return "".join(f'<span class="badge {verdict.kind}">{escape(verdict.label)}</span>' for verdict in verdicts)


def _decisions(decisions: Sequence[str]) -> str:
    if not decisions:
        return ""
    return f"<h3>What was decided, and why</h3><ol>{''.join(f'<li>{escape(said)}</li>' for said in decisions)}</ol>"


def _facts(story: Story) -> str:
    groups = []
    for name, facts in story.facts.items():
        if name == "command":
            body = "".join(_command(value) for value in facts.values())
        else:
            said = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in facts.items())
            body = f"<dl>{said}</dl>"
        groups.append(f'<div class="facts"><h3>{escape(name)}</h3>{body}</div>')
    spaces = "".join(
        f"<details><summary>The space {escape(view.name)}</summary><pre>"
        f"{escape(json.dumps(view.space, indent=2, ensure_ascii=False, default=str))}</pre></details>"
        for view in story.populations
        if view.space
    )
    return f"{''.join(groups)}{spaces}"


def _command(command: str) -> str:
    copy = '<button type="button" class="button copy">Copy</button>'
    return f'<div class="command"><pre><code>{escape(str(command))}</code></pre>{copy}</div>'
