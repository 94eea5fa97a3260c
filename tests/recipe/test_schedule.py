"""Learning rates: golden doubles of MindCV, torch's schedulers, and what holds for every schedule."""

import itertools
import math
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.recipe import Schedule, learning_rate

STEPS = 2502  # of an epoch of ImageNet, at a global batch of 512
X_800MF = Schedule(lr=0.1, min_lr=0.0, warmup_epochs=5, warmup_factor=0.01, decay_epochs=195, lr_epoch_stair=True)
X_200MF = Schedule(lr=0.1, min_lr=0.0, warmup_epochs=5, warmup_factor=0.01, decay_epochs=145)


def rates(schedule: Schedule, steps: int, epochs: int) -> list[float]:
    return [learning_rate(schedule, step, steps, epochs) for step in range(steps * epochs)]


@pytest.mark.parametrize(
    ("epoch", "golden"),
    [
        (0, 0.001),
        (5, 0.1),
        (6, 0.09999351124856874),
        (50, 0.08742553740855506),
        (100, 0.05201329700547076),
        (199, 6.488751431266149e-06),
    ],
)
def test_mindcv_by_epochs_to_the_last_digit(epoch, golden):
    assert learning_rate(X_800MF, epoch * STEPS, STEPS, 200) == golden
    assert learning_rate(X_800MF, (epoch + 1) * STEPS - 1, STEPS, 200) == golden  # the whole epoch long


@pytest.mark.parametrize(
    ("step", "golden"),
    [
        (0, 0.001),
        (1, 0.0010079136690647483),
        (2501, 0.020792086330935253),
        (12509, 0.09999208633093526),
        (12510, 0.1),
        (12511, 0.09999999999812531),
        (187650, 0.05270694542927088),
        (375299, 1.8746892926913007e-12),
    ],
)
def test_mindcv_by_steps_to_the_last_digit(step, golden):
    assert learning_rate(X_200MF, step, STEPS, 150) == golden


@pytest.mark.parametrize(("epoch", "golden"), [(1, 0.0208), (2, 0.0406)])
def test_mindcv_in_the_warm_up(epoch, golden):
    # published with four digits: the formula's own doubles end in ...03 and ...04
    for schedule, epochs in ((X_800MF, 200), (X_200MF, 150)):
        assert learning_rate(schedule, epoch * STEPS, STEPS, epochs) == pytest.approx(golden, rel=1e-15)


def by_torch(kind: str, count: int, lr: float = 0.1, **settings: Any) -> list[float]:
    """The learning rates of a torch scheduler that is advanced `count` times."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    out = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(count):
            out.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return out


EPOCHS = 20
PLAIN: dict[str, Any] = {"lr": 0.1, "warmup_epochs": 0, "lr_epoch_stair": True}


@pytest.mark.parametrize(
    ("ours", "kind", "theirs"),
    [
        ({"scheduler": "constant"}, "ConstantLR", {"factor": 1.0}),
        ({"scheduler": "exponential_decay", "decay_rate": 0.8}, "ExponentialLR", {"gamma": 0.8}),
        ({"scheduler": "step_decay", "decay_epochs": 6, "decay_rate": 0.3}, "StepLR", {"step_size": 6, "gamma": 0.3}),
        (
            {"scheduler": "multi_step_decay", "milestones": (3, 11, 15), "decay_rate": 0.1},
            "MultiStepLR",
            {"milestones": [3, 11, 15], "gamma": 0.1},
        ),
        (
            {"scheduler": "polynomial_decay", "decay_rate": 0.9},
            "PolynomialLR",
            {"total_iters": EPOCHS, "power": 0.9},
        ),
        (
            {"scheduler": "cosine_decay", "decay_epochs": None, "min_lr": 1e-3},
            "CosineAnnealingLR",
            {"T_max": EPOCHS, "eta_min": 1e-3},
        ),
        (
            {"scheduler": "cosine_decay", "decay_epochs": 5, "num_cycles": 4, "min_lr": 1e-3},
            "CosineAnnealingWarmRestarts",
            {"T_0": 5, "eta_min": 1e-3},
        ),
    ],
)
def test_torch_agrees_by_epochs(ours, kind, theirs):
    schedule = Schedule(**(PLAIN | ours))
    assert rates(schedule, 3, EPOCHS)[::3] == pytest.approx(by_torch(kind, EPOCHS, **theirs), rel=1e-9)


def test_torch_agrees_on_one_cycle():
    schedule = Schedule(scheduler="one_cycle", lr=0.5, min_lr=0.5 / 25 / 1e4)
    theirs = by_torch("OneCycleLR", 70, max_lr=0.5, total_steps=70)
    assert rates(schedule, 7, 10) == pytest.approx(theirs, rel=1e-9)


def test_torch_agrees_on_cyclic():
    schedule = Schedule(scheduler="cyclic", lr=0.5, min_lr=0.01, num_cycles=3)
    theirs = by_torch("CyclicLR", 60, base_lr=0.01, max_lr=0.5, step_size_up=10)
    assert rates(schedule, 6, 10) == pytest.approx(theirs, rel=1e-9)


def test_epochs_are_counted_from_the_end_of_the_warm_up():
    schedule = Schedule(
        scheduler="multi_step_decay", lr=1.0, warmup_epochs=2, milestones=(3,), decay_rate=0.1, lr_epoch_stair=True
    )
    assert rates(schedule, 1, 8) == pytest.approx([0.0, 0.5, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1])


def test_each_cosine_starts_lower_and_after_the_last_stays_the_minimum():
    schedule = Schedule(lr=0.8, min_lr=0.1, warmup_epochs=1, decay_epochs=2, num_cycles=2, cycle_decay=0.5)
    found = rates(schedule, 10, 8)
    assert found[10] == pytest.approx(0.8)
    assert found[30] == pytest.approx(0.4)
    assert found[50:] == [0.1] * 30
    assert all(before > after for before, after in itertools.pairwise(found[10:30]))


def test_a_cosine_without_length_ends_with_the_training():
    schedule = Schedule(lr=0.3, min_lr=0.0, warmup_epochs=2, decay_epochs=None)
    whole = Schedule(lr=0.3, min_lr=0.0, warmup_epochs=2, decay_epochs=28)
    assert rates(schedule, 4, 30) == rates(whole, 4, 30)


def test_steps_between_epochs_change_only_without_stairs():
    for scheduler in ("exponential_decay", "polynomial_decay", "cosine_decay", "one_cycle", "cyclic"):
        smooth = Schedule(scheduler=scheduler, lr=0.1, warmup_epochs=0)
        stairs = Schedule(scheduler=scheduler, lr=0.1, warmup_epochs=0, lr_epoch_stair=True)
        assert len(set(rates(smooth, 5, 6)[5:10])) == 5, scheduler
        assert len(set(rates(stairs, 5, 6)[5:10])) == 1, scheduler


KINDS = st.sampled_from(
    [
        "constant",
        "cosine_decay",
        "exponential_decay",
        "step_decay",
        "multi_step_decay",
        "one_cycle",
        "cyclic",
        "polynomial_decay",
    ]
)
SCHEDULES = st.builds(
    Schedule,
    scheduler=KINDS,
    lr=st.floats(1e-3, 1.0),
    min_lr=st.floats(0.0, 1e-3),
    warmup_epochs=st.one_of(st.integers(0, 6), st.floats(0.0, 6.0)),
    warmup_factor=st.floats(0.0, 1.0),
    decay_epochs=st.one_of(st.none(), st.integers(1, 12), st.floats(0.1, 12.0)),
    decay_rate=st.floats(0.0, 1.0),
    milestones=st.lists(st.floats(0.0, 12.0), max_size=3).map(tuple),
    lr_epoch_stair=st.booleans(),
    num_cycles=st.integers(1, 3),
    cycle_decay=st.floats(0.0, 1.0),
)


@given(SCHEDULES, st.integers(1, 7), st.integers(1, 10))
@settings(max_examples=200, deadline=None)
def test_every_schedule_stays_within_its_bounds_and_warms_up_steadily(schedule, steps, epochs):
    found = rates(schedule, steps, epochs)
    highest = max(schedule.lr, schedule.min_lr) * (1 + 1e-12)
    assert all(0.0 <= rate <= highest and math.isfinite(rate) for rate in found)
    if schedule.scheduler not in ("one_cycle", "cyclic"):
        warm = found[: math.ceil(steps * schedule.warmup_epochs)]
        assert all(before <= after * (1 + 1e-12) for before, after in itertools.pairwise(warm))
    length = schedule.decay_epochs
    if length is None:
        length = (epochs - schedule.warmup_epochs) / schedule.num_cycles
    # a cosine of a part of an epoch begins again within it, and MindCV's stair counts from there
    whole = schedule.scheduler != "cosine_decay" or float(length).is_integer()
    if schedule.lr_epoch_stair and float(schedule.warmup_epochs).is_integer() and whole:
        assert all(len(set(found[at : at + steps])) == 1 for at in range(0, len(found), steps))
    past = learning_rate(schedule, steps * epochs + 3, steps, epochs)
    assert math.isfinite(past)
    assert 0.0 <= past <= highest


def test_steps_of_no_length_are_refused():
    with pytest.raises(RecipeError, match="decay_epochs is above 0, not 0"):
        Schedule(scheduler="step_decay", decay_epochs=0)
