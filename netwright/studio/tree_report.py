"""The tree of refinements as one page: every step with its evidence, all distributions, and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netwright.errors import NetwrightError
from netwright.report.charts import chart_script
from netwright.report.data import ReportData, with_distinct_names
from netwright.report.parts import Badge, ChartPart, Details, Lead, Part, Preformatted, Section
from netwright.report.sections import SECTIONS, Missing
from netwright.report.template import render_page
from netwright.report.view import PopulationView
from netwright.space import DesignSpace
from netwright.studio.candidates import space_yaml
from netwright.studio.lineage import tree, tree_commands, verdict
from netwright.studio.populations import Populations
from netwright.system.plural import count
from netwright.theme import Spec
from netwright.version import __version__

__all__ = ["tree_report"]

_MOST_DRAWN = 12
_LABELS = {"better": "confirmed: better", "worse": "refuted: worse", "undecided": "no difference is shown"}


def tree_report(populations: Populations) -> str:
    """The page as HTML; it holds everything that it shows, and requests nothing."""
    nodes = [node for node in _in_order(tree(populations)) if "problem" not in node]
    with chart_script() as script:
        views = [populations.open(node["id"]).view for node in nodes]
        part, specs = _distributions([view for view in views if len(view.errors)][:_MOST_DRAWN])
        sections = [Section("distributions", "Error distributions", part)] if part else []
        sections += [Section(f"step-{at}", _title(node), _step(populations, node)) for at, node in enumerate(nodes, 1)]
        sections.append(
            Section("commands", "The commands that repeat this", (Preformatted(tree_commands(populations)),))
        )
        refined = sum(bool(node["parent"]) for node in nodes)
        subtitle = (
            f"{count(len(nodes), 'population')}, {refined} of them refined from another · netwright {__version__}"
        )
        return render_page("Refinements", subtitle, sections, specs, script.result())


def _in_order(nodes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each before those that were refined from it."""
    found: list[dict[str, Any]] = []

    def add(parent: str) -> None:
        for node in nodes:
            if node["parent"] == parent and node not in found:
                found.append(node)
                add(node["id"])

    add("")
    return found


def _title(node: dict[str, Any]) -> str:
    return f"{node['id']}, refined from {node['parent']}" if node["parent"] else str(node["id"])


def _distributions(views: Sequence[PopulationView]) -> tuple[list[Part], dict[str, Spec]]:
    if not views:
        return [], {}
    data = with_distinct_names(ReportData("Refinements", tuple(views)))
    figure = SECTIONS["edf"].figure(data)
    spec = None if isinstance(figure, Missing) else SECTIONS["edf"].chart(figure)
    if isinstance(figure, Missing) or spec is None:
        return [], {}
    return [Lead(figure.sentences), ChartPart("edf", "Error distributions", figure.sentences)], {"edf": spec}


def _step(populations: Populations, node: dict[str, Any]) -> list[Part]:
    opened = populations.open(node["id"])
    evidence = (node["record"] or {}).get("evidence", {})
    sentences = [f"{node['space']}: {opened.view.tally()}. {node['legend']}"]
    if node["size"] is not None:
        sentences.append(f"10^{node['size']:.1f} combinations{_fewer(evidence)}.")
    badges: list[Badge] = []
    notice = ""
    if node["parent"]:
        if evidence:
            inside, rest = evidence["inside"], evidence["rest"]
            sentences.append(f"Changes: {'; '.join(evidence['changes']) or 'none'}.")
            sentences.append(f"Of the networks of {node['parent']}, {inside} of {inside + rest} lay inside.")
            sentences += _lowest(evidence)
        notice = _verdict(populations, node["id"], badges, sentences)
    space = Details(f"The space {node['space']}", Preformatted(space_yaml(DesignSpace.from_dict(opened.view.space))))
    return [Lead(sentences, badges, notice=notice), space]


def _verdict(populations: Populations, id: str, badges: list[Badge], sentences: list[str]) -> str:
    """Adds what the fresh sample says; returns why that is no verdict yet."""
    try:
        found = verdict(populations, id)
    except NetwrightError as error:
        return str(error)
    if "problem" in found:
        return str(found["problem"])
    low, high = found["interval"] or (None, None)
    interval = "" if low is None else f", 95% interval {low:+.2f} to {high:+.2f}"
    sentences.append(f"The fresh sample: {found['text']} Difference {found['difference']:+.2f} points{interval}.")
    if not found["is_final"]:
        return f"No verdict yet: {found['missing']} of {found['planned']} trials are missing."
    badges.append(Badge("better" if found["verdict"] != "undecided" else "none", _LABELS[found["verdict"]]))
    return ""


def _fewer(evidence: dict[str, Any]) -> str:
    before, after = (*evidence.get("size", ()), None, None)[:2]
    return "" if before is None or after is None else f", {before - after:.1f} orders of magnitude fewer than before"


def _lowest(evidence: dict[str, Any]) -> list[str]:
    pair = evidence.get("lowest", ())
    if len(pair) != 2 or not all(pair):
        return []
    before, after = (", ".join(f"{value:,.0f} {name}" for name, value in each.items()) for each in pair)
    return [f"The cheapest network: {before} before; {after} after."]
