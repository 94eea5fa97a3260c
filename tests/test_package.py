"""The names that the README promises, and the commands that the help promises."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netwright


def test_the_snippet_of_the_readme_and_of_the_docstring(designed: Any) -> None:
    space = netwright.load_space("regnetx").refine(
        depth=(12, 28), group_width=(8, 128), flops=(360e6, 400e6), params=(0, 5.2e6)
    )
    assert isinstance(space.size(), int)
    batch = netwright.sample(space, 50, seed=0)
    cost = netwright.complexity(batch)
    assert len(cost.flops) == len(cost.params) == len(cost.acts) == len(batch) == 50
    assert ((cost.flops >= 360e6) & (cost.flops <= 400e6) & (cost.params <= 5.2e6)).all()
    assert batch[0].resolution == 224
    module = netwright.build(batch[0], num_classes=10)
    assert module(torch.zeros(1, 3, 64, 64)).shape == (1, 10)
    frame = netwright.Population.open(designed.folder).frame()
    assert len(frame) == 12
    lower, upper = netwright.stats.band(frame["error"]).at(np.linspace(0, 100, 9))
    assert (lower <= upper).all()
    for name in ("edf", "ks", "permutation_test", "bootstrap", "efficiency", "pareto"):
        assert callable(getattr(netwright.stats, name))


@pytest.mark.parametrize("name", netwright.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(netwright, name) is not None
    assert name in dir(netwright)


def test_no_room_hides_a_function_of_its_name() -> None:
    """An import of netwright.train would put a module in the place of the function."""
    rooms = {path.name.removesuffix(".py") for path in Path(netwright.__file__).parent.iterdir()}
    assert rooms & set(netwright.__all__) == {"stats"}


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trials'"):
        _ = netwright.trials


def test_the_design_has_its_names() -> None:
    from netwright import workflow

    assert set(workflow.__all__) == {"DesignConfig", "DesignResult", "design", "sweep"}


def test_the_installed_command_is_there() -> None:
    command = Path(sys.executable).with_name("netwright")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"netwright {netwright.__version__}\n"
