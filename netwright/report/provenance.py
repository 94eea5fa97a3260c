"""What the errors of a population depend on beside its space, as it is stored; and where two differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netwright.report.text import amount, count, listing

__all__ = [
    "Difference",
    "Provenance",
    "differences",
    "differences_sentence",
    "is_one_space",
    "shown",
    "unlike_parts",
    "unrecorded",
    "whose",
]

# part -> what a sentence calls those of several populations
_PLURALS = {
    "recipe": "recipes",
    "images": "images",
    "budget": "budgets",
    "machine": "machines",
    "software": "software versions",
}
_IDLE = ("memory", "processors")  # facts of a machine on which no error depends
_MOST_NAMED = 4  # differences of one part in a sentence
_NOT_RECORDED = "not recorded"
_LONGEST = 24  # characters of a value in a sentence: a fingerprint has 64


@dataclass(frozen=True)
class Provenance:
    """How the trials of a population were trained.

    Attributes:
        parts: Part (recipe, images, budget, machine, software) -> name -> value; one that is not recorded is missing.
        facts: What else is stored and changes no error: the seed of the population, its command.
        mixed: In what the sessions that trained one and the same population differ, a line each.
        guess: Error in percent of always answering the commonest class, and the images that it is of; None where
            that is not recorded.
    """

    parts: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, str] = field(default_factory=dict)
    mixed: tuple[str, ...] = ()
    guess: tuple[float, int] | None = None

    @classmethod
    def of(
        cls, identity: Mapping[str, Any], notes: Mapping[str, Any], seed: int, mixed: Sequence[str] = ()
    ) -> Provenance:
        """From what a `Population` stores: its identity, its notes, its seed, and what `mixed_sessions` finds."""
        stored = _mapping(notes.get("provenance"))
        limits = _mapping(_mapping(identity.get("space")).get("limits"))
        devices = stored.get("devices") or ()
        machine = {
            "threads": identity.get("threads"),
            **_mapping(stored.get("hardware")),
            "devices": ", ".join(map(str, devices)) if isinstance(devices, (list, tuple)) else str(devices),
        }
        splits = {"splits": stored["splits"]} if "splits" in stored else {}
        parts: dict[str, dict[str, Any]] = {
            "recipe": _mapping(identity.get("recipe")),
            "images": {**_mapping(identity.get("data")), **splits},
            "budget": {name: limits[name] for name in ("flops", "params", "acts") if name in limits},
            "machine": {name: value for name, value in machine.items() if value not in (None, "")},
            "software": _mapping(stored.get("versions")),
        }
        if latency := _mapping(notes.get("latency")):
            parts["budget"]["latency"] = " ".join(
                f"{word} {latency[name]}".strip()
                for name, word in (("limit", ""), ("setting", "in"), ("device", "on"))
                if name in latency
            )
        imported = _mapping(notes.get("import"))
        facts = {"seed of the population": str(seed)} if not imported or "recipe" in identity else {}
        if imported:
            facts |= {"imported from": str(imported.get("source")), "error column": str(imported.get("column"))}
            if imported.get("sha256"):
                facts["SHA-256 of the source"] = str(imported["sha256"])
            if dropped := _mapping(imported.get("dropped")):
                facts["rows dropped"] = ", ".join(f"{many} ({why})" for why, many in dropped.items())
        if notes.get("command"):
            facts["command"] = str(notes["command"])
        if mixed:
            facts["sessions differ in"] = "; ".join(mixed)
        data = _mapping(stored.get("data"))
        guess = (
            (float(data["guess_error"]), int(data["validation"]))
            if {"guess_error", "validation"} <= data.keys()
            else None
        )
        return cls({part: values for part, values in parts.items() if values}, facts, tuple(mixed), guess)

    def table(self) -> dict[str, dict[str, str]]:
        """Part -> name -> text, for the facts of a report."""
        tables = {part: {name: shown(value) for name, value in values.items()} for part, values in self.parts.items()}
        return tables | ({"population": dict(self.facts)} if self.facts else {})


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in which populations differ; values: one for each, in their order, "none" where one lacks it."""

    part: str
    name: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        known = [_short(value) for value in self.values if value != _NOT_RECORDED or len(self.values) == 2]
        return f"{self.name} ({listing(known)})"


def differences(populations: Sequence[Provenance | None]) -> tuple[Difference, ...]:
    """In what the populations differ, part by part, as far as they record it."""
    found = []
    for part in _PLURALS:
        rows = [_recorded(each, part) for each in populations]
        known = [row for row in rows if row is not None]
        for name in dict.fromkeys(name for row in known for name in row):
            # what an older version did not record yet is not known to differ; a budget that is not there is none
            values = [row.get(name) for row in known if name in row or part == "budget"]
            if name not in _IDLE and any(value != values[0] for value in values):
                texts = tuple(_text(row, name, part) for row in rows)
                found.append(Difference(part, name, texts))
    return tuple(found)


def _text(row: Mapping[str, Any] | None, name: str, part: str) -> str:
    return _NOT_RECORDED if row is None or (name not in row and part != "budget") else shown(row.get(name))


def _recorded(population: Provenance | None, part: str) -> Mapping[str, Any] | None:
    if population is None:
        return None
    return population.parts.get(part, {} if part == "budget" else None)  # a space without limits has no budget


def unrecorded(populations: Sequence[Provenance | None]) -> tuple[str, ...]:
    """The parts of which some population does not say what it was trained with, so that nobody knows them equal."""
    return tuple(part for part in _PLURALS if any(_recorded(each, part) is None for each in populations))


def whose(found: Sequence[Difference]) -> str:
    """`recipes differ in epochs (1 and 3) and images in resolution (8 and 16)`."""
    clauses: list[str] = []
    for part, plural in _PLURALS.items():
        named = [str(each) for each in found if each.part == part]
        if not named:
            continue
        more = [f"{len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else []
        verb = " differ in" if not clauses else " in"
        clauses.append(f"{plural}{verb} {listing([*named[:_MOST_NAMED], *more])}")
    return listing(clauses)


def differences_sentence(names: Sequence[str], populations: Sequence[Provenance | None]) -> str:
    """What stands above every verdict: in what the populations differ beside their spaces; empty where in nothing."""
    found, unknown = differences(populations), unrecorded(populations)
    sentences = []
    if found:
        sentences.append(f"{listing(names)} were not trained alike: their {whose(found)}.")
    if len(unknown) == len(_PLURALS):
        silent = [name for name, each in zip(names, populations, strict=True) if each is None] or list(names)
        sentences.append(
            f"{listing(silent)} {'records' if len(silent) == 1 else 'record'} nothing about how the networks were "
            "trained: that recipes, images and budgets are the same is assumed."
        )
    elif unknown:
        parts = listing([_PLURALS[part] for part in unknown])
        sentences.append(f"Not all of them record their {parts}, so whether these are the same is not known.")
    for name, each in zip(names, populations, strict=True):
        if each is not None and each.mixed:
            sentences.append(f"{name} itself was trained in sessions that differ: {'; '.join(each.mixed)}.")
    return " ".join(sentences)


def is_one_space(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two spaces, as dicts, are the same but for their names; False where one is not known."""
    return bool(first) and _nameless(first) == _nameless(second)


def shown(value: Any) -> str:
    """A stored value as text: `none`, `2M to 40M`, `auto`."""
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and all(isinstance(each, (int, float)) for each in value):
            return f"{amount(value[0])} to {amount(value[1])}"
        return ", ".join(map(str, value))
    return str(value)


def unlike_parts(found: Sequence[Difference]) -> str:
    """The differing parts in two or three words, for a badge: `recipes`, `recipes and images`."""
    parts = list(dict.fromkeys(_PLURALS[each.part] for each in found))
    return listing(parts) if len(parts) < 3 else f"{listing(parts[:1])} and {count(len(parts) - 1, 'other thing')}"


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST // 2]}…"


def _nameless(space: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in space.items() if key not in ("name", "summary")}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
