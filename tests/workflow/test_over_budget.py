"""What is said of a plan that cannot be kept, and nothing of one that can."""

import re
from dataclasses import replace

import pytest

from netwright.options import read_duration
from netwright.workflow.over_budget import over_budget_in_words
from netwright.workflow.plan import Candidate, Survey, make_plan
from netwright.workflow.speed import Speed

PHOTOS = Survey(train=1320, validation=330, test=412)


def plan(seconds: float, milliseconds: float, pixels: int = 64, **given: int):
    speed = Speed(milliseconds / 1e3, milliseconds / 3e3)
    return make_plan(seconds, PHOTOS, [Candidate(pixels, None, speed)], 2, given)


def test_a_plan_within_its_budget_needs_no_words():
    assert over_budget_in_words(plan(1100, 2.0), budget=1200, others=40) == []


def test_the_least_plan_that_is_over_says_why_and_the_cures():
    least = plan(100, 100.0)
    first, second = over_budget_in_words(least, budget=180, others=60, given=("resolution",))
    whole = sum(least.seconds) + 60
    assert whole > 180
    assert "over the budget of 3 minutes" in first
    assert f"({least.trials} networks, then {least.final_epochs} final epoch" in first
    assert "with what was given (--resolution)" in first
    assert first.endswith("decode, measure and report about 60 seconds")
    budget = re.search(r"--budget (\S+),", second)
    assert budget is not None
    # with the budget that it names, this plan is no longer over
    assert over_budget_in_words(least, budget=read_duration(budget[1]), others=60) == []
    assert "--train_images 800 for the networks of 1/3" in second
    assert "a smaller --resolution than 64, such as 32" in second


def test_only_what_helps_is_advised():
    small = over_budget_in_words(plan(100, 100.0, pixels=32), budget=180, others=60)
    assert "--resolution" not in small[-1]
    # nothing that is trained is why: workers alone take longer than all of the budget
    [_, alone] = over_budget_in_words(plan(11, 0.1), budget=60, others=90)
    assert re.fullmatch(r"  what helps: --budget \d+(\.5)?m", alone)
    few = over_budget_in_words(plan(100, 100.0, train_images=600), budget=180, others=60)
    assert "--train_images" not in few[-1]


@pytest.mark.parametrize("budget", [60, 180, 600])
def test_an_estimate_is_no_better_than_that(budget):
    made = replace(plan(100, 2.0), seconds=(budget * 0.5, 0.0, budget * 0.52))
    assert over_budget_in_words(made, budget=budget, others=0.0) == []
