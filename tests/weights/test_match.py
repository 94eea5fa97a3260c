from collections.abc import Callable
from typing import Any

import pytest
import torch

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.weights.match import adapt_state, check_state, load_state


def test_leftovers_on_either_side_are_listed_and_nothing_is_changed(small: Arch, randomized: Callable[..., Any]):
    module, state = build(small, seed=0), randomized(seed=1).state_dict()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    del state["s1.b1.f.a.weight"]
    state |= {"s9.b1.f.a.weight": torch.ones(1), "head.fc.bias": torch.ones(3)}
    state["stem.bn.bias"] = torch.ones(8, dtype=torch.int64)
    with pytest.raises(WeightsError) as caught:
        load_state(module, state, "the weights in a")
    for said in (
        "the weights in a are not those of small",
        "1 missing (s1.b1.f.a.weight)",
        "1 unknown to this network (s9.b1.f.a.weight)",
        "1 of another shape (head.fc.bias [3], [5] here)",
        "1 not dense floating point (stem.bn.bias (torch.int64))",
    ):
        assert said in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_tensors_that_are_not_dense_are_refused(small: Arch):
    module = build(small, seed=0)
    for odd in (torch.ones(8).to_sparse(), torch.ones(8, device="meta")):
        with pytest.raises(WeightsError, match="not dense floating point"):
            check_state(module, dict(module.state_dict()) | {"stem.bn.bias": odd}, "a")


def test_counters_may_lack(small: Arch):
    module = build(small, seed=0)
    check_state(module, {name: value for name, value in module.state_dict().items() if "num_batches" not in name}, "a")


def test_weights_without_a_classifier_start_with_the_networks_own(small: Arch, randomized: Callable[..., Any]):
    module = build(small, seed=0)
    state = {name: value for name, value in randomized(seed=1).state_dict().items() if "head" not in name}
    adapted, notices = adapt_state(state, module, small)
    assert notices == ["the weights have no classifier, as after pretraining without labels: it starts untrained"]
    own = module.head.fc.weight.clone()
    load_state(module, adapted, "a")
    assert torch.equal(module.head.fc.weight, own)
    assert torch.equal(module.stem.bn.bias, state["stem.bn.bias"])


def test_half_a_classifier_is_an_error(small: Arch):
    module = build(small, seed=0)
    state = {name: value for name, value in module.state_dict().items() if name != "head.fc.weight"}
    adapted, notices = adapt_state(state, module, small)
    assert notices == []
    with pytest.raises(WeightsError, match=r"1 missing \(head.fc.weight\)"):
        load_state(module, adapted, "a")
