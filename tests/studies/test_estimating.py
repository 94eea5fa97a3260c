"""How far a sitting goes, in words."""

import pytest

from netwright.studies.estimating import ExpectedLook, StudyEstimate

LOOKS = (ExpectedLook("D - C", 12, 8, 96, 7.25), ExpectedLook("X - D", 5, 0, 96, None))


def test_an_estimate_says_what_is_left_and_what_a_sitting_shows() -> None:
    text = StudyEstimate(960, 108_000.0, 60.0, 2, 7200.0, 64, LOOKS).text()
    assert text.splitlines() == [
        "at most 960 trainings are left: about 30 hours on 2 workers (60.00 worker-hours). "
        "A comparison that is decided takes no more",
        "in 2 hours about 64 of them:",
        "  D - C: 12 of each, looked at up to 8 of 96, shows 7.2 points",
        "  X - D: 5 of each, no look yet",
        "  (with 80% power, where errors vary by 4 points)",
    ]


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (StudyEstimate(0, 0.0, 0.0, 2, 60.0, 0, ()), "no training is left"),
        (
            StudyEstimate(1, 60.0, 0.02, 1, None, 1, LOOKS),
            "at most 1 training is left: about 60 seconds on 1 worker (0.02 worker-hours). A comparison that is "
            "decided takes no more",
        ),
    ],
)
def test_an_estimate_without_an_end_is_a_line(found: StudyEstimate, text: str) -> None:
    assert found.text() == text
