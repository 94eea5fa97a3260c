"""benchmarks/statistics.py with its smallest settings, and that its name does no harm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_every_method_is_measured_on_a_table(tmp_path: Path) -> None:
    rows = "".join(f"{30 + (i * 37 % 101) / 10},8\n" for i in range(120))
    (tmp_path / "regnetx_400mf_imagenet.csv").write_text("top1_error,depth\n" + rows)
    words = [sys.executable, str(FOLDER / "statistics.py"), "--tables", str(tmp_path), "--repeats", "30"]
    done = subprocess.run([*words, "--json", "found.json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 pairs of populations a row, seed 14; regnetx (120)" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    wrong = {(row["space"], row["method"]): row["wrong"] for row in found["coverage"] + found["type I"]}
    assert wrong["regnetx", "all looks"] <= 0.1 < wrong["regnetx", "DKW, looked at every n"]
    assert wrong["regnetx", "betting, every n"] <= 0.1 < wrong["regnetx", "Welch, looked at every n"]
    assert {row["space"] for row in found["type I"]} == {"regnetx", "regnetx, 5% fail", "regnetx, other spreads"}
    saved = {(row["space"], row["method"]): row["saved"] for row in found["power"]}
    assert saved["regnetx, 1 sd", "Pocock, 5 looks"] > 0 > saved["regnetx, 1 sd", "betting, every n"]
    assert {row["pair"] for row in found["equivalence"]} == {"alike", "a margin apart"}


def test_the_other_scripts_still_find_the_standard_library() -> None:
    code = "import statistics; print(statistics.mean([1, 2, 6]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
