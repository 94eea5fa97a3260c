"""Options of the trials' recipe as parameters of a space."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, LogUniform, Uniform, load_space, sample

Tiny = Callable[..., DesignSpace]


def test_they_are_drawn_with_the_networks(tiny: Tiny) -> None:
    plain = tiny()
    space = plain.with_recipe(lr=LogUniform(0.01, 1.0), epochs=Uniform(2, 4, 1))
    assert space.columns == (*plain.columns, "lr", "epochs")
    batch = sample(space, 40, seed=1)
    assert set(batch.parameters["epochs"]) == {2.0, 3.0, 4.0}
    assert 0.01 <= batch.parameters["lr"].min() < 0.1 < batch.parameters["lr"].max() <= 1.0


def test_the_same_networks_are_drawn_as_without() -> None:
    space = load_space("regnetx")
    plain, both = sample(space, 20), sample(space.with_recipe(lr=LogUniform(0.01, 1.0)), 20)
    assert np.array_equal(plain.identity(), both.identity())


def test_a_network_with_another_recipe_is_another_trial(tiny: Tiny) -> None:
    space = tiny().with_recipe(weight_decay=Choice((0.0, 1e-4, 1e-3)))
    assert space.size() == 3 * tiny().size()
    batch = sample(space, 20, seed=0)
    assert len({row.tobytes() for row in batch.identity()}) < 20
    rest = sample(tiny(), 3)
    assert not {a.to_json() for a in rest} - {a.to_json() for a in tiny_networks(tiny)}


def tiny_networks(tiny: Tiny) -> list:
    return list(sample(tiny(), 16))


def test_spaces_are_read_back_and_refined(tiny: Tiny) -> None:
    space = tiny().with_recipe(lr=LogUniform(0.01, 1.0), weight_decay=Choice((0.0, 1e-4)))
    assert DesignSpace.from_dict(space.to_dict()) == space
    assert "recipe" not in tiny().to_dict()
    narrow = space.refine(lr=(0.1, 0.2), weight_decay=0.0)
    assert narrow.distributions["lr"].bounds == (0.1, 0.2)
    assert narrow.distributions["weight_decay"] == Choice((0.0,))
    assert narrow.with_recipe(lr=Choice((0.3,))).distributions["lr"] == Choice((0.3,))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"learning_rate": 0.1}, "unknown option of a recipe that can be drawn 'learning_rate'"),
        ({"precision": 1}, "unknown option of a recipe that can be drawn 'precision'"),
        ({"lr": {"log_uniform": [-1, 1]}}, "log_uniform"),
        ({"momentum": {"uniform": [0.5, 1.5]}}, "momentum.*1.5"),
        ({"epochs": {"uniform": [2, 4]}}, "epochs is a whole number; .* is continuous. Give it a quantum of 1"),
        ({"batch_size": [32, 48.5]}, "batch_size is a whole number, not 48.5"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tiny: Tiny, given: dict, text: str) -> None:
    with pytest.raises(SpaceError, match=text):
        tiny(recipe=given)


def test_ties_and_orders_are_of_networks(tiny: Tiny) -> None:
    space = tiny().with_recipe(lr=LogUniform(0.01, 1.0))
    with pytest.raises(SpaceError, match="unknown parameter 'lr'"):
        space.refine(tie=("lr",))
    with pytest.raises(SpaceError, match="unknown parameter 'lr'"):
        space.refine(order={"lr": "non_decreasing"})


def test_a_file_adds_them_to_a_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: regnetx\nrecipe:\n  lr: {log_uniform: [0.01, 1]}\n  epochs: [2, 4, 8]\n")
    space = load_space(str(path))
    assert space.columns[-2:] == ("lr", "epochs")
    assert space.distributions["epochs"] == Choice((2, 4, 8))
    path.write_text("base: regnetx\nname: a\nrecipe:\n  lr: [0.01, 1]\n")
    with pytest.raises(SpaceError, match=r"mine.yaml, line 4: .*lr: \[0.01, 1\] may mean the two values or the range"):
        load_space(str(path))
