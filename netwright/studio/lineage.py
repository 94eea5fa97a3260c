"""Which population confirms a refinement of which: a tree, from a file beside each population that was refined to."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from netwright.errors import NetwrightError
from netwright.report.comparison import Comparison
from netwright.space import DesignSpace
from netwright.studio.candidates import Change, candidate_space, lowest_costs, space_yaml
from netwright.studio.commands import as_typed, look_command, shown_path, spreadsheet_text
from netwright.studio.entries import Entry
from netwright.studio.errors import StudioError
from netwright.studio.judging import comparison_dict, repeats_for
from netwright.studio.kept import Kept, key_of
from netwright.studio.populations import Opened, Populations
from netwright.studio.sweep_commands import recorded_words
from netwright.system.atomic import write_text
from netwright.system.run_folder import mark_run_folder

__all__ = ["REFINEMENT", "SPACE", "tree", "tree_commands", "tree_table", "tree_yaml", "verdict", "write_refinement"]

REFINEMENT, SPACE = "refinement.json", "space.yaml"
_FORMAT = 1
# a page that follows a sweep asks again and again
_comparisons: Kept[Comparison | None] = Kept(64)
_spaces: Kept[dict[str, Any]] = Kept(64)
_END = "END_OF_FILE"  # of a file within a script


def write_refinement(folder: Path, parent: Opened, change: Change, name: str, found: dict[str, Any], n: int) -> Path:
    """Make the folder of a fresh sample, with the candidate space and where it comes from.

    Args:
        folder: Of the new population.
        parent: That proposed it.
        change: How its space is changed.
        name: Of the new space.
        found: The evidence that the parent's trials gave, without their errors.
        n: Trials that were planned, before any of them was seen.

    Returns:
        The file of the space.

    Raises:
        SpaceError: Nothing is left of the space.
        StudioError: The folder has something in it.
        OutputError: It cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StudioError(409, f"{folder.name} is there already. Choose another name.")
    space = candidate_space(parent, change, name)
    folder.mkdir(parents=True, exist_ok=True)
    mark_run_folder(folder)
    path = folder / SPACE
    write_text(path, space_yaml(space), what="the candidate space", elsewhere="another folder")
    kept = {key: found[key] for key in ("changes", "size", "lowest", "test", "warning")}
    kept |= {"inside": len(found["inside"]["errors"]), "rest": len(found["rest"]["errors"])}
    record = {"format": _FORMAT, "parent": parent.entry.id, "trials": n, "made": time.time(), "evidence": kept}
    text = json.dumps(record, indent=1)
    write_text(folder / REFINEMENT, text, what="the refinement", elsewhere="another folder")
    return path


def tree(populations: Populations) -> list[dict[str, Any]]:
    """All populations with a space, each with the id of the one it was refined from ("" for none)."""
    entries = {id: each for id, each in populations.entries.all().items() if each.kind == "population"}
    nodes = []
    for id, entry in entries.items():
        record = _record(entry)
        parent = str(record.get("parent", "")) or _designed(entry, entries)
        node: dict[str, Any] = {"id": id, "parent": parent if parent in entries else "", "record": record or None}
        try:
            opened = populations.open(id)
        except StudioError as problem:
            nodes.append(node | {"problem": str(problem)})
            continue
        if opened.view.space:
            nodes.append(node | _spaces.once(key_of(opened), partial(_of_space, opened)))
    return nodes


def verdict(populations: Populations, id: str) -> dict[str, Any]:
    """What the fresh sample of a refinement says: compared with the population that proposed it, and with nothing else.

    Returns:
        The comparison, with `is_final`, how many trials are `missing` of those `planned`, and how many networks are in
        both samples (`shared`); or `problem`, where no trial has a result yet.

    Raises:
        StudioError: It is no refinement.
    """
    child = populations.open(id)
    record = _record(child.entry)
    entries = {each: found for each, found in populations.entries.all().items() if found.kind == "population"}
    parent_id = str(record.get("parent", "")) or _designed(child.entry, entries)
    if not parent_id:
        raise StudioError(404, f"{id} is no refinement of another population.")
    parent = populations.open(parent_id)
    counts = child.view.trials["state"].value_counts()
    waiting = int(counts.get("waiting", 0)) + int(counts.get("running", 0))
    pair = _compared(parent, child)
    if pair is None:
        return {"problem": f"no trial of {id} has a result yet."}
    planned = int(record.get("trials") or len(child.view.trials))
    return comparison_dict(pair) | {
        "is_final": waiting == 0 and len(child.view.trials) >= planned,
        "missing": max(waiting, planned - len(child.view.trials) + waiting),
        "planned": planned,
        "shared": _shared(parent, child),
        "command": look_command([parent.entry, child.entry]),
    }


def _compared(parent: Opened, child: Opened) -> Comparison | None:
    return _comparisons.once((key_of(parent), key_of(child)), lambda: _compare(parent, child))


def _compare(parent: Opened, child: Opened) -> Comparison | None:
    repeats = repeats_for(len(parent.view.errors) + len(child.view.errors))
    return Comparison.of(parent.view, child.view, repeats=repeats)


def tree_yaml(populations: Populations) -> str:
    """The tree as YAML: every space in full, what changed, and what the fresh samples say."""
    nodes = []
    for node in tree(populations):
        if "problem" in node:
            continue
        opened = populations.open(node["id"])
        record = node["record"] or {}
        evidence = record.get("evidence", {})
        said: dict[str, Any] = {
            "population": node["id"],
            "legend": opened.view.legend() if len(opened.view.errors) else "[0]",
        }
        if node["parent"]:
            said |= {
                "refined_from": node["parent"],
                "changes": evidence.get("changes", []),
                "verdict": _said(populations, node["id"]),
            }
        nodes.append(said | {"space": dict(opened.view.space)})
    return str(yaml.safe_dump({"format": _FORMAT, "refinements": nodes}, sort_keys=False, default_flow_style=None))


def tree_table(populations: Populations) -> str:
    """The tree as CSV: a line for each population."""
    file = io.StringIO()
    writer = csv.writer(file)
    heads = (
        "population",
        "refined_from",
        "space",
        "log10_size",
        "networks",
        "best",
        "mean",
        "difference",
        "p",
        "final",
    )
    writer.writerow(heads)
    for node in tree(populations):
        if "problem" in node:
            continue
        errors = populations.open(node["id"]).view.errors
        found: dict[str, Any] = {}
        if node["parent"]:
            with suppress(NetwrightError):
                found = verdict(populations, node["id"])
        ends = (float(errors[0]), float(errors.mean())) if len(errors) else ("", "")
        judged = (found.get("difference", ""), found.get("p", ""), found.get("is_final", ""))
        writer.writerow(
            (
                *map(spreadsheet_text, (node["id"], node["parent"], node["space"])),
                node["size"],
                len(errors),
                *ends,
                *judged,
            )
        )
    return file.getvalue()


def tree_commands(populations: Populations) -> str:
    """The commands that repeat the tree, as a script."""
    lines = [
        "#!/bin/sh",
        "# Repeats the sweeps and the comparisons of a studio, where they record their commands.",
        "set -e",
    ]
    nodes = {node["id"]: node for node in tree(populations) if "problem" not in node}
    done: set[str] = set()

    def add(id: str) -> None:
        if id in done:
            return
        done.add(id)
        node = nodes[id]
        if node["parent"] in nodes:
            add(node["parent"])
        opened = populations.open(id)
        words = recorded_words(opened)
        lines.extend(_files(opened) if words and words[2].endswith(f"/{SPACE}") else ())
        lines.append(as_typed(words) if words else f"# {id} does not record the command of a sweep".replace("\n", " "))
        if node["parent"] in nodes:
            places = [shown_path(populations.open(each).entry.folder) for each in (node["parent"], id)]
            lines.append(as_typed(["netwright", "compare", *places]))

    for id in nodes:
        add(id)
    return "\n".join(lines) + "\n"


def _files(opened: Opened) -> list[str]:
    """Lines that write the space of a refinement, and where it comes from."""
    folder = opened.entry.folder
    lines = [as_typed(["mkdir", "-p", shown_path(folder)])]
    for name in (SPACE, REFINEMENT):
        with suppress(OSError):
            text = (folder / name).read_text(encoding="utf-8").rstrip("\n")
            if _END not in text:
                lines += [f"cat > {as_typed([shown_path(folder / name)])} <<'{_END}'", text, _END]
    return lines


def _said(populations: Populations, id: str) -> str:
    try:
        found = verdict(populations, id)
    except NetwrightError as error:
        return str(error)
    if "problem" in found:
        return str(found["problem"])
    return (
        str(found["text"])
        if found["is_final"]
        else f"not final, {found['missing']} trials are missing: {found['text']}"
    )


def _of_space(opened: Opened) -> dict[str, Any]:
    space = DesignSpace.from_dict(opened.view.space)
    size = space.size()
    return {
        "space": space.name,
        "size": None if size == math.inf else math.log10(size),
        "legend": opened.view.legend() if len(opened.view.errors) else "[0]",
        "limits": {name: list(ends) for name, ends in space.limits.items() if all(map(math.isfinite, ends))},
        "tie": [each.name for each in space.parameters if each.tied],
        "order": {each.name: each.order for each in space.parameters if each.order},
        "lowest": lowest_costs(space),
    }


def _record(entry: Entry) -> dict[str, Any]:
    try:
        found = json.loads((entry.folder / REFINEMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("format") == _FORMAT else {}


def _designed(entry: Entry, entries: dict[str, Entry]) -> str:
    """The first population of a design, for the refined one that it confirmed."""
    if entry.folder.name != "refined":
        return ""
    above = entry.folder.parent
    return next((id for id, each in entries.items() if each.folder == above), "")


def _shared(parent: Opened, child: Opened) -> int:
    """How many networks the fresh sample has in common with the one that proposed its space."""
    frames = parent.view.trials, child.view.trials
    if not all("arch" in frame for frame in frames):
        return 0
    return len({*frames[0]["arch"].dropna()} & {*frames[1]["arch"].dropna()})
