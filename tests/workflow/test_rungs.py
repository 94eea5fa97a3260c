"""Which rungs there are, and what they cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.workflow.rungs import (
    Rung,
    by_default,
    plan_rungs,
    read_rungs,
    rungs_cost,
    rungs_in_words,
    rungs_seconds,
    to_text,
)


def test_rungs_are_read_and_written():
    text = "8x15,3x30,2x30x3"
    assert read_rungs(text, 5) == (Rung(8, 15), Rung(3, 30), Rung(2, 30, seeds=3))
    assert to_text(read_rungs(text)) == text
    assert read_rungs("3x30/5") == (Rung(3, 30, folds=5),)
    assert (read_rungs("none"), read_rungs("auto")) == ((), None)
    assert to_text(()) == "none"


@pytest.mark.parametrize("text", ["", "8", "8x", "x8", "3x30,8x40", "8x15,3x15", "0x9", "3x5", "3x30/1", "eight"])
def test_rungs_that_cannot_be_are_refused_with_the_cure(text):
    with pytest.raises(RecipeError, match="Correct 'rungs'"):
        read_rungs(text, 5)


def test_what_is_trained_again_costs_and_what_goes_on_does_not():
    two = 8 * 10 + 3 * (15 + 2)  # the second one goes on from before the last 2 epochs of the first
    assert rungs_cost((Rung(8, 15), Rung(3, 30)), 5) == two
    assert rungs_cost((Rung(8, 15), Rung(3, 30), Rung(2, 30, seeds=3)), 5) == two + 2 * 2 * 30
    assert rungs_cost((Rung(3, 20, folds=5),), 5) == 3 * 5 * 20
    assert rungs_seconds((Rung(3, 15),), 5, 2.0, 2) == 2 * 10 * 2.0  # two rounds of two workers
    assert rungs_seconds((), 5, 2.0, 2) == 0.0


@given(st.floats(0, 5000), st.integers(1, 200), st.integers(1, 12), st.integers(1, 200), st.integers(1, 2000))
def test_a_plan_fits_its_room_and_is_one_that_can_be_read(room, networks, epochs, full, validation):
    rungs = plan_rungs(room, networks, epochs, full, validation)
    assert rungs_cost(rungs, epochs) <= room
    assert all(rung.epochs <= full and 2 <= rung.networks <= networks for rung in rungs)
    assert read_rungs(to_text(rungs), epochs) == rungs


def test_more_room_buys_two_rungs_and_then_seeds():
    assert plan_rungs(8, 72, 10, 90, 1000) == ()
    [one] = plan_rungs(60, 72, 10, 90, 1000)
    assert one.networks == 2
    first, last = plan_rungs(300, 72, 10, 90, 1000)
    assert (first.epochs, last.epochs) == (30, 90)
    assert first.networks > last.networks >= 2
    assert plan_rungs(3000, 72, 10, 90, 1000)[-1].seeds == 3
    assert plan_rungs(3000, 9, 10, 90, 1000) == ()  # of so few, more are worth more


def test_few_validation_images_are_no_judge():
    [rung] = plan_rungs(500, 40, 5, 30, 60)
    assert rung.folds == 5
    assert not plan_rungs(500, 40, 5, 30, 600)[0].folds


def test_without_a_budget_they_take_a_small_part():
    rungs = by_default("auto", 5, 12, 64, 287)
    assert 0 < rungs_cost(rungs, 5) <= 0.2 * 64 * 5
    assert by_default("none", 5, 12, 64, 287) == ()
    with pytest.raises(RecipeError, match="from the 5 of a trial on"):
        by_default("4x5", 5, 12, 64, 287)


def test_they_are_said():
    said = rungs_in_words((Rung(8, 15), Rung(3, 30), Rung(2, 30, seeds=3)))
    assert said == "8 networks to 15 epochs, then 3 to 30 epochs, then 2 with 3 seeds each"
    assert rungs_in_words((Rung(3, 20, folds=5),)) == "3 networks in 5 parts, 20 epochs each"
