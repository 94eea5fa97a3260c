"""What a section of a page is made of: each part is a frozen value and a template in `templates/parts/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

__all__ = [
    "Badge",
    "Cell",
    "ChartPart",
    "Details",
    "Download",
    "Facts",
    "Lead",
    "Part",
    "Preformatted",
    "Section",
    "SortableTable",
    "Table",
    "Tiles",
]


class Part(Protocol):
    """Something that a template draws; the template finds it under the name `part`."""

    template: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a page; `name` is its anchor."""

    name: str
    title: str
    parts: Sequence[Part]


class Badge(NamedTuple):
    """A conclusion in a few words; kind: a class of the style, such as "better"."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Lead:
    """What a section says first: a notice, badges, one paragraph for each sentence, and numbered decisions.

    The notice is what must be known before any badge is believed.
    """

    template: ClassVar[str] = "parts/lead.html"
    sentences: Sequence[str]
    badges: Sequence[Badge] = ()
    decisions: Sequence[str] = ()
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The figures that matter most, each as (what it is, its value); those without a value are left out."""

    template: ClassVar[str] = "parts/tiles.html"
    figures: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ChartPart:
    """A chart.

    Attributes:
        name: Of its specification and its files.
        title, sentences: Its description for readers who do not see it.
        formats: Of the files in the folder `figures` beside the page.
        role: "img"; "group" for a chart that can be operated, which must stay visible to assistive tools.
    """

    template: ClassVar[str] = "parts/chart.html"
    name: str
    title: str
    sentences: Sequence[str]
    formats: Sequence[str] = ()
    role: str = "img"

    @property
    def description(self) -> str:
        return " ".join([f"{self.title}.", *self.sentences])

    @property
    def files(self) -> list[str]:
        return [f"figures/{self.name}.{kind}" for kind in self.formats]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; kind: a class of the style, such as "numbers"."""

    template: ClassVar[str] = "parts/table.html"
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    kind: str = ""


class Cell(NamedTuple):
    """A cell of a sortable table: what is shown, and what it is sorted by; the key of an empty cell is empty."""

    text: str
    key: str

    @classmethod
    def of(cls, text: str, value: object) -> Cell:
        """The cell of a value; None has an empty key."""
        return cls(text, "" if value is None else str(value))


@dataclass(frozen=True, slots=True)
class SortableTable:
    """A table that is sorted by a click on the head of a column; note: a paragraph above it."""

    template: ClassVar[str] = "parts/sortable_table.html"
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """A part that is folded away under its summary."""

    template: ClassVar[str] = "parts/details.html"
    summary: str
    part: Part


@dataclass(frozen=True, slots=True)
class Facts:
    """Titled lists; the values of a list called "command" can be copied."""

    template: ClassVar[str] = "parts/facts.html"
    groups: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preformatted:
    """Text in which spaces and lines are kept."""

    template: ClassVar[str] = "parts/preformatted.html"
    text: str


@dataclass(frozen=True, slots=True)
class Download:
    """A link to a file that is inside the page, or beside it.

    Attributes:
        before: A paragraph above it.
        media_type: Such as "text/csv;charset=utf-8".
        base64: The content, empty where it is beside the page.
        beside: The name of the file beside the page.
    """

    template: ClassVar[str] = "parts/download.html"
    before: str
    label: str
    filename: str
    media_type: str
    base64: str
    beside: str = ""
