"""benchmarks/claims.py with its smallest settings: every claim is counted, and found where there is something."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "claims.py"


@pytest.mark.slow  # it makes a few hundred reports
def test_every_claim_is_counted_and_found_where_there_is_a_difference(tmp_path: Path) -> None:
    words = [sys.executable, str(PATH), "--populations", "2", "--largest", "10"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NEVER FOUND" not in done.stdout
    counted = set(re.findall(r"^ {12}(\S+(?: \S+)?)  +\S", done.stdout, re.MULTILINE))
    pages = {"badge", "terminal", "refinement", "networks", "recipes", "one space", "mixes", "equal mixes", "page"}
    assert (
        pages | {"refine", "policy holm", "e_fit", "curves", "sentence", "order", "linear", "step", "(relevant)"}
        <= counted
    )
    assert "2 null populations a cell, 199 shuffles a test, seed 0" in done.stdout
