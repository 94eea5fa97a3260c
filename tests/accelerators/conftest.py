"""Programs on a simulated accelerator: `simulated/torch_npu` registers it (its docstring has what it is)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STUB = Path(__file__).with_name("simulated")
ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    paths = [str(STUB), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def npu(tmp_path: Path) -> Callable[..., Any]:
    """Run Python source in tmp_path with the simulated device; what it gives to `show` comes back."""

    def run(source: str, check: bool = True) -> Any:
        program = tmp_path / "program.py"
        shown = tmp_path / "shown.json"
        head = f"""
        import json, logging
        from pathlib import Path
        import torch, torch_npu
        from torch_npu import copies

        def show(**values):
            Path({str(shown)!r}).write_text(json.dumps(values))
        """
        program.write_text(textwrap.dedent(head) + textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(program)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if not check:
            return done
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(shown.read_text())

    return run


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `netwright ...` in tmp_path where the simulated device can be had."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "netwright", *words],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    return run
