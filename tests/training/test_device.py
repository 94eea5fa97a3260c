import pytest
import torch

from netwright.errors import RecipeError
from netwright.training import bf16_helps, device_name, devices, resolve_device


def test_there_is_always_a_device():
    assert devices()
    assert resolve_device("auto") == torch.device(devices()[0])
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "no such thing", "cuda:x"])
def test_a_device_that_cannot_be_is_told_with_those_that_are(name):
    with pytest.raises(RecipeError, match=r"a device is one of auto, .*cpu, not"):
        resolve_device(name)


def test_a_device_that_is_not_here_is_refused():
    absent = next(kind for kind in ("xpu", "cuda", "mps") if not any(kind in name for name in devices()))
    with pytest.raises(RecipeError, match=f"there is no device '{absent}' here"):
        resolve_device(absent)


def test_what_it_is_good_at_and_called():
    assert bf16_helps(torch.device("cpu")) in (True, False)
    assert device_name(torch.device("cpu"))
