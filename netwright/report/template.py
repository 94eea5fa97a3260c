"""The project's dress of a page: one HTML document that needs nothing else, its sections, pictures and facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template

from netwright.report.charts import Spec

__all__ = ["Section", "asset", "document", "facts_html", "lead", "picture", "tiles"]


@dataclass(frozen=True, slots=True)
class Section:
    """name: of its anchor; body: HTML, escaped."""

    name: str
    title: str
    body: str

    def html(self) -> str:
        head = f'<h2 id="h-{self.name}">{escape(self.title)}</h2>'
        return f'<section id="{self.name}" aria-labelledby="h-{self.name}">{head}{self.body}</section>'


def document(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    specs: Mapping[str, Spec],
    bundle: str,
    *,
    left_out: str = "",
    style: str = "",
) -> str:
    """The whole page. specs: of the charts; bundle: the script that draws them; left_out: HTML at the end; style: more
    of it."""
    return Template(asset("netwright.report", "page.html")).substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        contents="".join(f'<li><a href="#{each.name}">{escape(each.title)}</a></li>' for each in sections),
        sections="\n".join(each.html() for each in sections),
        left_out=left_out,
        style=asset("netwright.report", "page.css") + style,
        specs=_script_safe(json.dumps(specs, allow_nan=False, ensure_ascii=False)),
        bundle=bundle.replace("</script", r"<\/script"),
        script=asset("netwright.report", "page.js"),
    )


def asset(package: str, name: str) -> str:
    """The text of a file in a package's assets."""
    return resources.files(package).joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def _script_safe(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def lead(sentences: Sequence[str]) -> str:
    """A paragraph a sentence."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def tiles(figures: Sequence[tuple[str, str]]) -> str:
    """The figures that matter most, each as (what it is, its value); those without a value are left out."""
    items = "".join(f"<li><b>{escape(value)}</b><span>{escape(name)}</span></li>" for name, value in figures if value)
    return f'<ul class="tiles">{items}</ul>'


def picture(name: str, title: str, sentences: Sequence[str], formats: Sequence[str], role: str = "img") -> str:
    """Where a chart is drawn, described by its title and sentences; formats: of the files beside the page.

    role: what can be operated must stay visible to assistive tools, so it is a group and not an image.
    """
    alt = escape(" ".join([f"{title}.", *sentences]))
    files = ", ".join(f"figures/{name}.{kind}" for kind in formats)
    caption = f"<figcaption>Also as {escape(files)}</figcaption>" if files else ""
    drawn = f'<div class="chart" id="chart-{name}" data-chart="{name}" role="{role}" aria-label="{alt}"></div>'
    return f'<figure class="card">{drawn}{caption}</figure>'


def facts_html(groups: Mapping[str, Mapping[str, object]]) -> str:
    """Titled lists; what is called `command` can be copied."""
    return "".join(
        f'<div class="facts"><h3>{escape(name)}</h3>{_group(name, facts)}</div>' for name, facts in groups.items()
    )


def _group(name: str, facts: Mapping[str, object]) -> str:
    if name == "command":
        copy = '<button type="button" class="button copy">Copy</button>'
        return "".join(
            f'<div class="command"><pre><code>{escape(str(value))}</code></pre>{copy}</div>' for value in facts.values()
        )
    said = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in facts.items())
    return f"<dl>{said}</dl>"
