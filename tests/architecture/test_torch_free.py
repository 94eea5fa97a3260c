"""What does not train starts without torch, so that the command line answers in a fraction of a second."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

# what is done -> the module that it needs
DONE = {
    "import netwright": "netwright",
    "netwright.sample(netwright.load_space('regnetx'), 3).identity()": "netwright.space",
    "netwright.complexity(netwright.published('regnet_x_200mf'))": "netwright.arch",
    "netwright.load_space('anynetx_a').to_dict()": "netwright.space",
    "netwright.stats": "netwright.stats",
    "import netwright.report": "netwright.report",
    "import netwright.population": "netwright.population",
    "import netwright.recipe": "netwright.recipe",
    "import netwright.design": "netwright.design",
    "import netwright.cli.main": "netwright.cli.main",
}


def is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("line", DONE)
def test_torch_is_not_imported(line: str) -> None:
    if not is_here(DONE[line]):
        pytest.skip(f"{DONE[line]} is not here yet")
    program = f"import sys, netwright\n{line}\nsys.exit(any(name.split('.')[0] == 'torch' for name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or "torch was imported"
