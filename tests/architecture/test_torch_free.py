"""What does not train starts without torch, so that the command line answers in a fraction of a second."""

import subprocess
import sys

import pytest

# what is done without it
DONE = (
    "import netwright",
    "netwright.sample(netwright.load_space('regnetx'), 3).identity()",
    "netwright.complexity(netwright.published('regnet_x_200mf'))",
    "netwright.load_space('anynetx_a').to_dict()",
    "netwright.stats",
    "import netwright.report",
    "import netwright.population",
    "import netwright.recipe",
    "import netwright.workflow",
    "import netwright.cli.main",
)


@pytest.mark.slow
@pytest.mark.parametrize("line", DONE)
def test_torch_is_not_imported(line: str) -> None:
    program = f"import sys, netwright\n{line}\nsys.exit(any(name.split('.')[0] == 'torch' for name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or "torch was imported"
