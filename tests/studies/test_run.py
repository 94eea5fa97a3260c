"""A study of tiny networks on digits: trained by turns, stopped, resumed, extended, reported."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netwright.cli.main import main
from netwright.population import Population
from netwright.studies import study
from netwright.studies.report import tree, write_study_report
from netwright.studies.result import StudyResult
from netwright.sweeps import NullProgress, control

pytestmark = pytest.mark.slow


class Watches(NullProgress):
    """Keeps how many trials of each space had begun whenever one ended; ends the study after some."""

    def __init__(self, out: Path, most: int = 1000) -> None:
        self.out, self.most, self.seen = out, most, []

    def update(self, *_: Any) -> None:
        begun = {}
        for name in "CDX":
            with Population.open(self.out / name) as population:
                counts = population.counts()
                begun[name] = counts["done"] + counts["failed"] + counts["running"]
        self.seen.append(begun)
        if len(self.seen) == self.most:
            raise KeyboardInterrupt


@dataclass
class Made:
    """A study that was ended after some trials, and went on."""

    file: Path
    out: Path
    seen: list[dict[str, int]]
    result: StudyResult


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, text: str) -> Made:
    folder = tmp_path_factory.mktemp("study")
    file, out = folder / "small.yaml", folder / "out"
    file.write_text(text)
    first, second = Watches(out, 7), Watches(out)
    with pytest.raises(KeyboardInterrupt):
        study(file, out, first)
    result = study(file, out, second, command="netwright study small.yaml")
    return Made(file, out, [*first.seen, *second.seen], result)


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
        assert population.frame()["attempts"].max() <= 1
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


def test_the_plan_trains_nothing(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", str(write()), "--plan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("small: 3 spaces, 2 comparisons, at most 30 trainings; 95% sure of all statements together")
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
