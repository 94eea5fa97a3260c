"""benchmarks/gpu.py as far as a machine without a GPU shows it; `gpu.py --dry` runs all of it, in minutes."""

import argparse
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("benchmarks_gpu", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(PATH.parent))  # as `python benchmarks/gpu.py` has it: for modules beside the script
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(PATH.parent))
    del sys.modules[spec.name], sys.modules["environment"]


def test_programs_take_the_flags_that_they_are_given(script: ModuleType) -> None:
    for section in script.SECTIONS.values():
        source = (PATH.parent / section.program[0]).read_text(encoding="utf-8")
        flags = [each.split("=")[0] for each in (*section.flags, *section.quick, *section.dry) if each[:2] == "--"]
        for flag in (*flags, "--out", "--device"):
            assert f'add_argument("{flag}"' in source, (section.program, flag)


def test_all_sections_fit_into_the_time(script: ModuleType) -> None:
    *first, _ = script.SECTIONS.values()
    assert list(script.SECTIONS)[:3] == ["sweep", "parity", "serve"]  # what was never measured
    assert sum(section.limit for section in first) <= 480 - 110  # what is left is enough for a part of the last one


def test_a_section_that_fails_keeps_what_it_had_measured(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "fails.py"
    row = {"packed": 8, "kind": "graphs, MPS", "trials_per_hour": 3000.0}
    program.write_text(
        "import json, pathlib, sys\n"
        "out = next(word[6:] for word in sys.argv if word.startswith('--out='))\n"
        f"pathlib.Path(out).write_text(json.dumps({{'sweep': [{row!r}]}}))\n"
        "sys.exit(3)\n"
    )
    monkeypatch.setattr(script, "SECTIONS", {"sweep": script.Section((str(program),), 200.0)})
    options = argparse.Namespace(out=tmp_path / "gpu.json", device="cpu", dry=False, quick=False)
    found = script.run("sweep", options, 200.0)
    assert (found["sweep"], found["error"]) == ([row], "status 3")
    assert json.loads((tmp_path / "gpu.sweep.json").read_text()) == {"sweep": [row]}
    lines = script.table({"sweep": found, "train": {"error": "left out: the time is over"}})
    assert re.match(r"sweep, 8 at a time, graphs, MPS +3,000\.00 trials/hour", lines[0])
    assert [line.split("  ")[0] for line in lines[1:]] == ["sweep", "train"]


def test_a_section_ends_with_its_time(script: ModuleType) -> None:
    assert script.ended([sys.executable, "-c", "import time; time.sleep(600)"], 0.1) == "cut off after 0 s"
