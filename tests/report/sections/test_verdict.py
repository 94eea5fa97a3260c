from dataclasses import replace

import pytest

from netwright.report import ReportData
from netwright.report.sections.verdict import of_finalists, of_refinement


@pytest.mark.parametrize(
    ("pick", "baseline", "kind"),
    [
        ((1.0, 1.1, 1.2, 1.1, 1.0), (2.0, 2.1, 2.2, 2.1, 2.0), "better"),
        ((2.0, 2.1, 2.2, 2.1, 2.0), (1.0, 1.1, 1.2, 1.1, 1.0), "worse"),
        ((1.0, 1.1, 1.2), (2.0, 2.1, 2.2), "leaning"),
        ((1.0, 2.0, 3.0), (1.5, 2.5, 2.0), "even"),
        ((1.0,), (2.0, 3.0), "open"),
        ((), (2.0,), "open"),
    ],
)
def test_verdicts_claim_no_more_than_the_seeds_show(
    pick: tuple[float, ...], baseline: tuple[float, ...], kind: str
) -> None:
    assert of_finalists(pick, baseline, "the baseline").kind == kind


def test_a_refinement_without_a_test_is_open() -> None:
    assert of_refinement(None, "before", "after").kind == "open"


def test_unrelated_spaces_are_compared_and_not_called_a_refinement(guided: ReportData) -> None:
    assert guided.comparison is not None
    verdict = of_refinement(replace(guided.comparison, is_refinement=False), "a", "b")
    assert verdict.kind == of_refinement(guided.comparison, "a", "b").kind == "better"
    assert verdict.label == "b is better"
    assert "refinement" not in verdict.sentence
