import pytest
import torch

from netwright.arch import PUBLISHED, Stage, published
from netwright.nn import build
from netwright.weights.guess import channels_of, classes_of, guess_name


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_is_known_by_its_shapes(name: str):
    with torch.device("meta"):
        state = build(published(name), num_classes=7, in_channels=1).state_dict()
    assert (guess_name(state), classes_of(state), channels_of(state)) == (name, 7, 1)


def test_another_network_is_not(small):
    state = build(small).state_dict()
    assert guess_name(state) == ""
    assert Stage(2, 8, 1, 1.0, 4) == small.stages[0]
    for strange in ({}, {"stem.conv.weight": torch.ones(3)}, {"s1.b1.f.a.weight": torch.ones(2)} | state):
        assert guess_name(strange) == ""
    assert (classes_of({}), channels_of({"stem.conv.weight": torch.ones(3)})) == (None, None)
