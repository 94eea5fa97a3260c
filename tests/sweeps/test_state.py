"""A trial goes on from where a shorter one stopped."""

from dataclasses import replace

import pytest
import torch

from netwright.nn import build
from netwright.recipe.going_on import fall_epochs, rate_going_on
from netwright.sweeps.kept_states import KeptStates
from netwright.sweeps.state import read_state, write_state
from netwright.sweeps.trial import fit


def test_a_longer_training_begins_with_the_weights_and_the_curve_of_a_shorter_one(
    digits, split, tiny, recipe, tmp_path
):
    few = split(digits.train[:256])
    module, path = build(tiny, seed=3), tmp_path / "states" / "0.safetensors"
    short = fit(module, few, replace(recipe, epochs=2), seed=3, keep=path)
    state = read_state(path)
    assert state.epochs == 2
    other = build(tiny, seed=4)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9)
    state.load(other, optimizer)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in module.state_dict().items())
    assert all(optimizer.state[each]["momentum_buffer"].abs().sum() > 0 for each in other.parameters())
    long = fit(build(tiny, seed=3), few, replace(recipe, epochs=4), seed=3, start=state)
    assert long[:2] == short
    assert [record.epoch for record in long] == [1, 2, 3, 4]
    assert long[2].loss < short[0].loss
    assert long[2].lr == recipe.lr  # it rose again, and falls in the last epoch
    assert 0 < long[3].lr < 0.2 * recipe.lr


def test_what_goes_on_twice_goes_on_from_before_the_rate_fell(digits, split, tiny, recipe, tmp_path):
    few, path = split(digits.train[:128]), tmp_path / "s"
    fit(build(tiny, seed=3), few, replace(recipe, epochs=1), seed=3, keep=path)
    second = fit(build(tiny, seed=3), few, replace(recipe, epochs=6), seed=3, start=read_state(path), keep=path)
    state = read_state(path)
    assert state.epochs == 5
    third = fit(build(tiny, seed=3), few, replace(recipe, epochs=8), seed=3, start=state)
    assert third[:5] == second[:5]
    assert third[5] != second[5]


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_whatever_an_optimizer_remembers_is_kept(tiny, tmp_path, optimizer):
    module = build(tiny, seed=0)
    before = optimizer(module.parameters(), lr=0.01)
    for each in module.parameters():
        each.grad = torch.ones_like(each)
    before.step()
    before.state[module.head.fc.weight]["number"] = 3
    write_state(tmp_path / "s", module, before, [])
    after = optimizer(module.parameters(), lr=0.01)
    read_state(tmp_path / "s").load(module, after)
    assert after.state[module.head.fc.weight]["number"] == 3
    for each in module.parameters():
        kept = {key: value for key, value in before.state[each].items() if value is not None}
        assert kept.keys() == after.state[each].keys()
        assert all(
            value == after.state[each][key] for key, value in kept.items() if not isinstance(value, torch.Tensor)
        )
        tensors = {key: value for key, value in kept.items() if isinstance(value, torch.Tensor)}
        assert all(torch.equal(value, after.state[each][key]) for key, value in tensors.items())


@pytest.mark.parametrize("content", [None, b"", b"no state"])
def test_where_there_is_no_state_that_can_be_read_there_is_none(tmp_path, content):
    path = tmp_path / "s"
    if content is not None:
        path.write_bytes(content)
    assert read_state(path) is None
    assert read_state(None) is None


def test_the_rest_of_a_training_has_a_schedule_of_its_own(recipe):
    whole = replace(recipe, epochs=14, lr=0.4)
    rates = [rate_going_on(whole, 4, step, 10) for step in range(100)]
    assert fall_epochs(10) == 2
    assert set(rates[:80]) == {0.4}
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.4 * 0.5 / 20)
    assert fall_epochs(1) == 1


def test_only_states_of_the_best_stay(tmp_path):
    import pandas as pd

    def path(index):
        return tmp_path / str(index)

    frame = pd.DataFrame({"state": ["done", "waiting"], "trial": [0, 1], "error": [40.0, None]})
    kept = KeptStates(path, 2, frame)
    for index, error in enumerate((40.0, 30.0, 50.0, 20.0)):
        path(index).write_text("")
        kept.done(index, error)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["1", "3"]
