"""benchmarks/refinement.py with its smallest settings, on the tables that it makes itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.analysis.policy import POLICIES

PATH = Path(__file__).parents[2] / "benchmarks" / "refinement.py"


@pytest.mark.slow  # it draws 12,000 networks
def test_every_policy_is_measured_beside_random_search(tmp_path: Path) -> None:
    words = [sys.executable, str(PATH), "--repeats", "2", "--sizes", "16", "9000"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rising, ridge = done.stdout.split("ridge (made here)")
    assert re.findall(r"^ +16  (\S+)", rising, re.MULTILINE) == list(POLICIES)
    assert re.findall(r"^ +16  (\S+)", ridge, re.MULTILINE) == ["relevant", "holm", "all"]  # no stages, no order
    assert " 9000  " not in done.stdout, "a table has fewer networks"
    assert "2 repeats of each table and n, noise 0.3 points, seed 0" in done.stdout
