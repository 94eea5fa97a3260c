"""Plans without a machine: what they buy, and that they add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.workflow.plan import LEAST_EPOCHS, Candidate, Survey, final_plan, make_plan, plan_in_words, seeds_within
from netwright.workflow.speed import Speed

FLOWERS = Survey(train=2763, validation=691, test=863)


def candidates(milliseconds: float) -> list[Candidate]:
    """From 128 pixels down; milliseconds: of an image of 128."""
    return [
        Candidate(size, (0.9e6 * size, 1e6 * size), Speed(cost := milliseconds / 1e3 * (size / 128) ** 2, cost / 3))
        for size in (128, 96, 64, 32)
    ]


@given(
    st.floats(30, 1e5),
    st.integers(20, 100_000),
    st.floats(0.1, 100.0),
    st.integers(1, 64),
)
def test_whatever_the_machine_the_plan_fits_or_is_the_least_that_there_is(seconds, images, milliseconds, workers):
    survey = Survey(images, images // 4 + 1, images // 4 + 1)
    plan = make_plan(seconds, survey, candidates(milliseconds), workers, {})
    networks = plan.trials + plan.confirm_trials
    assert networks >= 2
    assert plan.final_epochs >= LEAST_EPOCHS
    least = plan.candidate.resolution == 32 and (plan.epochs == 3 or plan.final_epochs == LEAST_EPOCHS)
    # rounds of workers are whole
    assert sum(plan.seconds) <= seconds * 1.3 or least or networks < 2 * workers


def test_more_time_buys_larger_images_then_networks_and_seeds():
    plans = [make_plan(minutes * 60, FLOWERS, candidates(10.0), 2, {}) for minutes in (2, 10, 20, 60, 240, 1000)]
    sizes = [plan.candidate.resolution for plan in plans]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (32, 128)
    assert plans[-1].trials >= 32
    assert plans[-1].confirm_trials >= 8
    assert plans[-1].final_seeds == 3


def of_sizes(resolution: int = 128) -> list[Candidate]:
    """Networks of 128 pixels from the default flops down: a quarter of the flops takes less than half of the time."""
    return [
        Candidate(resolution, (0.9 * share * 131e6, share * 131e6), Speed((1.6 + 4.8 * share) / 1e3, 0.001), share)
        for share in (1.0, 0.5, 0.25)
    ]


def test_more_time_buys_larger_networks_once_there_are_epochs_enough():
    plans = [make_plan(minutes * 60, FLOWERS, of_sizes(), 2, {}) for minutes in (10, 20, 40, 60, 120)]
    shares = [plan.candidate.share for plan in plans]
    assert shares == sorted(shares)
    # by Muon 20 minutes are enough for the largest ones
    assert (shares[0], shares[1], shares[-1]) == (0.25, 1.0, 1.0)
    # by SGD 125M flops for 16 epochs were worse on 3,450 flowers than 33M for 36; by Muon 180M for 29 were better yet
    assert plans[1].final_epochs >= 29


def test_flops_that_are_given_are_not_spent_on_tiny_images():
    # of networks of the same flops an image takes about as long at any size, and here too long for all
    speeds = {128: 0.0105, 96: 0.0100, 64: 0.0098, 32: 0.0110}
    given = [Candidate(size, None, Speed(speed, 0.003)) for size, speed in speeds.items()]
    plan = make_plan(600, FLOWERS, given, 2, {})
    assert not plan.is_good
    assert plan.candidate.resolution == 128
    slow = [Candidate(128, None, Speed(0.02, 0.006)), *given[1:]]
    assert make_plan(600, FLOWERS, slow, 2, {}).candidate.resolution == 96


def test_a_plan_of_less_lacks_more():
    longer, shorter = (make_plan(minutes * 60, FLOWERS, of_sizes()[2:], 2, {}) for minutes in (30, 15))
    assert longer.shortfall < shorter.shortfall
    wide, narrow = (
        make_plan(1800, FLOWERS, [each], 2, {"final_epochs": 50}) for each in (of_sizes()[0], of_sizes()[2])
    )
    assert wide.final_images == narrow.final_images == 50 * FLOWERS.trained
    assert wide.shortfall < narrow.shortfall


def test_dearer_final_trainings_have_fewer_epochs():
    plain, dear = (make_plan(1150, FLOWERS, of_sizes()[2:], 2, {}, final_cost=cost) for cost in (1.0, 1.7))
    assert dear.final_epochs == pytest.approx(plain.final_epochs / 1.7, abs=1.5)
    assert sum(dear.seconds) <= 1150 * 1.1


def test_a_space_is_confirmed_only_where_it_can_be_narrowed():
    for minutes in range(2, 120, 7):
        plan = make_plan(minutes * 60, FLOWERS, candidates(3.0), 2, {})
        assert (plan.trials >= 32) == (plan.confirm_trials > 0)


def test_what_is_given_stays():
    given = {"trials": 40, "confirm_trials": 10, "epochs": 7, "final_epochs": 11, "final_seeds": 2, "train_images": 500}
    plan = make_plan(600, FLOWERS, candidates(3.0), 2, given)
    assert {name: getattr(plan, name) for name in given} == given


def test_trials_of_many_images_see_some_of_them():
    plan = make_plan(1200, Survey(40_000, 10_000, 10_000), candidates(20.0), 2, {})
    assert 2500 <= plan.train_images < 50_000
    assert make_plan(1200, FLOWERS, candidates(3.0), 2, {}).train_images is None


def test_final_trainings_fill_the_time_on_however_many_workers():
    same = Speed(0.003, 0.001)
    for workers, share in ((1, 0.5), (2, 1.0)):
        epochs, seeds, seconds = final_plan(600, FLOWERS, same, same, workers, {"final_seeds": 1})
        assert epochs == pytest.approx(share * 600 / (0.003 * FLOWERS.trained), abs=1)
        assert (seeds, seconds <= 600) == (1, True)
    slow = Speed(0.006, 0.002)
    assert final_plan(600, FLOWERS, same, slow, 2, {})[0] == pytest.approx(epochs / 2, abs=1)
    # idle workers train more seeds
    assert final_plan(600, FLOWERS, same, same, 16, {})[1] == 3


def test_seeds_are_added_as_there_is_time():
    speed = Speed(0.001, 0.0003)
    training = 0.001 * 10 * FLOWERS.trained + 0.0003 * FLOWERS.test
    assert [seeds_within(many * training + 1, 10, FLOWERS, speed, speed, 2) for many in (0, 1, 2, 5)] == [0, 1, 2, 3]


def test_a_plan_is_said_with_its_times():
    plan = make_plan(1150, FLOWERS, candidates(10.0), 2, {})
    lines = plan_in_words(plan, budget=1200, images="4,317 images of 5 classes", workers=2, threads=1, others=40)
    text = "\n".join(lines)
    assert lines[0] == "the plan for 20 minutes on 2 workers of 1 thread:"
    assert f"4,317 images of 5 classes at {plan.candidate.resolution} pixels" in lines[1]
    assert f"1/3 {plan.trials} networks for {plan.epochs} epochs each: about" in text
    assert "2/3 nothing: a space is narrowed from 32 networks on" in text
    assert f"{plan.final_epochs} epochs, one training each: about" in text
    assert "about 20 minutes. Each step is planned anew" in lines[-1]
    assert "recipe" not in text


def test_a_plan_names_the_recipe_of_its_final_trainings():
    plan = make_plan(1150, FLOWERS, candidates(10.0), 2, {})
    lines = plan_in_words(plan, budget=1200, images="x", workers=2, threads=1, others=40, recipe="mixup 0.2")
    assert "      their recipe: mixup 0.2; --final_recipe FILE replaces it" in lines
