"""What a report is made from: populations, what was concluded, the networks trained longer, and the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from netwright.report.comparison import REPEATS, Comparison
from netwright.report.parts import Section
from netwright.report.picture import Picture
from netwright.report.view import PopulationView, distinct
from netwright.theme import Spec

if TYPE_CHECKING:
    from netwright.arch import Arch
    from netwright.stats import Fanova

__all__ = [
    "Comparison",
    "Extra",
    "Finalist",
    "PopulationView",
    "RangeLike",
    "RelevanceLike",
    "ReportData",
    "with_distinct_names",
]


class RangeLike(Protocol):
    """A good range, such as `netwright.stats.bootstrap` returns."""

    @property
    def low(self) -> float: ...
    @property
    def best(self) -> float: ...
    @property
    def high(self) -> float: ...


class RelevanceLike(Protocol):
    """How much a parameter explains the error, such as `netwright.stats.importance` returns."""

    @property
    def p_holm(self) -> float: ...
    @property
    def explained(self) -> float: ...


@dataclass(frozen=True)
class Finalist:
    """A network that was trained longer: the pick, or a baseline of about the same cost.

    Attributes:
        role: "pick", "baseline" or that of another opponent.
        flops: Multiply-adds of one image.
        params: Trainable parameters.
        acts: Activations: outputs of all convolutions, linear layers and pools.
        test_errors: Percent, one for each seed.
        seeds: In the order of `test_errors`.
        curves: For each seed, one record for each epoch.
        test_images: Size of the test split, None where it is unknown.
        test_guess: Accuracy in percent of always answering the commonest class of the test split, None likewise.
        latency: How long it takes to answer, in words; empty where that was not measured.
        balanced_errors: Percent, the mean over classes, in the order of `test_errors`; empty where classes are even.
    """

    role: str
    name: str
    arch: Arch
    flops: int
    params: int
    acts: int
    test_errors: tuple[float, ...]
    seeds: tuple[int, ...] = ()
    curves: tuple[Sequence[Mapping[str, float]], ...] = ()
    note: str = ""
    test_images: int | None = None
    test_guess: float | None = None
    latency: str = ""
    balanced_errors: tuple[float, ...] = ()


@dataclass(frozen=True)
class Extra:
    """Sections that another room has made, after the answer.

    Attributes:
        sections: In their order.
        specs: Name -> specification of each chart that they show.
        package: Whose templates their parts have.
        style: CSS of these.
    """

    sections: tuple[Section, ...] = ()
    specs: Mapping[str, Spec] = field(default_factory=dict)
    package: str = "netwright.report"
    style: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows.

    Attributes:
        good_ranges: Parameter -> good range, from the first population.
        decisions: One sentence for each decision.
        comparison: Of the last population with the first one.
        facts: Title -> a table of strings.
        relevance: Parameter -> how much it explains the error in the first population, with Holm-corrected p-values.
        pairs: Of more than two populations, the comparison of each pair, corrected for their number.
        repeats: Shuffles of the tests that sections make.
        extra: Sections that another room has made.
        pictures: Images as the network sees them.
        pictures_text: How they were prepared, in sentences.
        interactions: What a forest says of parameters and pairs of the first population, None where it was not asked.
    """

    title: str
    populations: tuple[PopulationView, ...]
    good_ranges: Mapping[str, RangeLike] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    comparison: Comparison | None = None
    finalists: tuple[Finalist, ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    relevance: Mapping[str, RelevanceLike] = field(default_factory=dict)
    pairs: tuple[Comparison, ...] = ()
    repeats: int = REPEATS
    extra: Extra = field(default_factory=Extra)
    pictures: tuple[Picture, ...] = ()
    pictures_text: tuple[str, ...] = ()
    interactions: Fanova | None = None


def with_distinct_names(data: ReportData) -> ReportData:
    """The same data, with a number added to each population name that is used before, as in two sweeps of one space."""
    return replace(data, populations=distinct(data.populations))
