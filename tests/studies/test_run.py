"""A study of tiny networks on digits: trained by turns, killed, resumed, extended, reported."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netwright.cli.main import main
from netwright.population import FILE, Population
from netwright.studies import study
from netwright.studies.report import tree, write_study_report
from netwright.studies.result import StudyResult
from netwright.sweeps import NullProgress, control

pytestmark = pytest.mark.slow


def begun_in(out: Path) -> dict[str, int]:
    """Name of a space -> its trials that have begun."""
    begun = {}
    for name in "CDX":
        with Population.open(out / name) as population:
            counts = population.counts()
            begun[name] = counts["done"] + counts["failed"] + counts["running"]
    return begun


class Watches(NullProgress):
    """Keeps how many trials of each space had begun whenever one ended."""

    def __init__(self, out: Path) -> None:
        self.out, self.seen = out, []

    def update(self, *_: Any) -> None:
        self.seen.append(begun_in(self.out))


@dataclass
class Made:
    """A study that was killed after some trials, and went on.

    killed: where it was then.
    """

    file: Path
    out: Path
    killed: dict[str, dict[int, float]]
    seen: list[dict[str, int]]
    result: StudyResult


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, text: str) -> Made:
    folder = tmp_path_factory.mktemp("study")
    file, out = folder / "small.yaml", folder / "out"
    file.write_text(text)
    program = subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", "study", str(file), "--out", str(out)], stderr=subprocess.DEVNULL
    )
    began = time.monotonic()
    while not (out / "X" / FILE).exists() or sum(map(len, errors_in(out).values())) < 5:
        assert program.poll() is None
        assert time.monotonic() - began < 300
        time.sleep(0.05)
    program.kill()
    program.wait()
    killed, watched = errors_in(out), Watches(out)
    result = study(file, out, watched, command="netwright study small.yaml")
    return Made(file, out, killed, watched.seen, result)


def errors_in(out: Path) -> dict[str, dict[int, float]]:
    """Name of a space -> trial -> its error."""
    found = {}
    for name in "CDX":
        with Population.open(out / name) as population:
            errors = population.frame()["error"].dropna()
            found[name] = dict(zip(errors.index, errors, strict=True))
    return found


def test_a_study_that_was_killed_keeps_its_trials(made: Made) -> None:
    after = errors_in(made.out)
    assert sum(map(len, made.killed.values())) >= 5
    assert all(after[name].items() >= errors.items() for name, errors in made.killed.items())


def test_spaces_are_trained_by_turns(made: Made) -> None:
    for begun in made.seen:
        open_ones = [many for many in begun.values() if many < 10]
        assert not open_ones or max(open_ones) - min(open_ones) <= 2  # one that runs, and one that was interrupted


def test_it_goes_on_until_each_comparison_is_over(made: Made) -> None:
    result = made.result
    assert result.is_over
    for state in result.states:
        assert state.n in (5, 10)
        assert state.alpha == pytest.approx(0.0225)
        assert state.n == 10 or state.decision != "undecided"
    for cost in result.costs:
        assert cost.done + cost.failed <= 10
        assert 0 < cost.mean < 100
        assert cost.hours > 0
    assert json.loads(json.dumps(result.to_dict()))["is_over"] is True
    with Population.open(made.out / "D") as population:
        assert population.frame()["attempts"].max() <= 2  # one may have been trained when the program was killed
        assert population.notes["study"] == {"name": "small", "space": "D"}
        assert population.identity["space"]["name"] == "anynetx_d"


def test_called_again_it_trains_nothing(made: Made) -> None:
    again = Watches(made.out)
    assert study(made.file, made.out, again).to_dict() == made.result.to_dict()
    assert again.seen == []


def test_a_study_is_paused_and_goes_on(made: Made, text: str, tmp_path: Path) -> None:
    file, out, told = tmp_path / "paused.yaml", tmp_path / "out", []
    file.write_text(text.replace("  - X - D\n", "").replace("  X: {", "  Y: {"))

    class Pauses(NullProgress):
        def update(self, *_: Any) -> None:
            if not told:
                told.append("paused")
                control(out, "paused")
                threading.Timer(2.0, lambda: (told.append("resumed"), control(out, "running"))).start()

    result = study(file, out, Pauses())
    assert told == ["paused", "resumed"]
    assert result.is_over


def test_the_report_has_the_comparisons_the_tree_and_all_spaces(made: Made) -> None:
    lines = tree(made.result)
    assert lines[0].startswith("C  ")
    assert lines[1].startswith("└─ D  ")
    assert lines[2].startswith("   └─ X  ")
    assert "widths that never fall" in lines[1]
    page = write_study_report(made.result, "netwright study small.yaml")
    assert page is not None
    html = page.read_text()
    for words in (
        "What is established",
        "The tree of refinements",
        "What it cost",
        "D - C",
        "do widths that never fall",
    ):
        assert words in html
    assert (made.out / "figures" / "study_intervals.svg").is_file()
    assert (made.out / "figures" / "study_pairs.svg").is_file()
    assert (made.out / "figures" / "edf.svg").is_file()


def test_a_space_and_a_comparison_can_be_added(made: Made, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = made.file.with_name("more.yaml")
    more.write_text(
        text.replace("  X: {", "  A: anynetx_a\n  X: {").replace("  - X - D", "  - X - D\n  - {of: C - A, trials: 10}")
    )
    status = main(["study", str(more), "--out", str(made.out), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert status == 0
    assert [each["name"] for each in found["comparisons"]] == ["D - C", "X - D", "C - A"]
    assert found["comparisons"][2]["alpha"] == pytest.approx(0.0025)
    assert found["comparisons"][0] == made.result.to_dict()["comparisons"][0]


def test_a_sitting_ends_by_its_budget_and_an_estimate_begins_nothing(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = str(write()), tmp_path / "out"
    assert main(["study", file, "--out", str(out), "--estimate", "--budget", "1h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["trials"], found["fitting"], found["workers"], found["budget"]) == (30, 30, 1, 3600.0)
    assert 0 < found["seconds"] == pytest.approx(3600 * found["worker_hours"])
    assert [each["look"] for each in found["comparisons"]] == [10, 10]
    assert [path.name for path in out.iterdir() if path.name != "cache" and not path.name.startswith(".")] == []

    assert main(["study", file, "--out", str(out), "--budget", "1s"]) == 0  # the networks are not even timed by then
    assert "the time is up, 2 comparisons still open: the same command goes on" in capsys.readouterr().out
    assert begun_in(out) == {"C": 0, "D": 0, "X": 0}


def test_the_plan_trains_nothing(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(write()), "--plan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("small: 3 spaces, 2 comparisons, at most 30 trainings; 95% sure of all statements together")
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
