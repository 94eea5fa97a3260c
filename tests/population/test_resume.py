"""`open_or_create`: the same command resumes, more networks extend, anything else is refused with the difference."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from netwright.errors import PopulationError
from netwright.population import FILE, Population, difference

IDENTITY = {"space": {"name": "s", "limits": {"flops": [0, 4e8]}}, "recipe": {"epochs": 3}}


def test_the_same_again_resumes(resume):
    with resume() as population:
        population.begin(0)
        population.finish(0, error=10.0, seconds=1.0, curve=[])
    with resume() as population:
        assert population.counts()["done"] == 1
        assert population.errors() == [10.0]


def test_more_networks_extend_it_and_keep_what_was_done(resume, networks):
    with resume(3) as population:
        population.finish(1, error=10.0, seconds=1.0, curve=[])
        before = population.frame()
    with resume(6) as population:
        after = population.frame()
        assert population.counts() == {"waiting": 5, "running": 0, "done": 1, "failed": 0}
        assert [trial.arch for trial in population.trials()] == [a for i, a in enumerate(networks(6)) if i != 1]
    assert after[:3].equals(before)
    with resume(2) as population:  # fewer are there already
        assert len(population) == 6


def test_an_extension_renews_the_notes_and_a_resumption_does_not(resume):
    resume(3, notes={"account": {"draws": 30}, "command": "first"}).close()
    with resume(3, notes={"account": {"draws": 31}}) as population:
        assert population.notes == {"account": {"draws": 30}, "command": "first"}
    with resume(5, notes={"account": {"draws": 50}}) as population:
        assert population.notes == {"account": {"draws": 50}, "command": "first"}


def test_an_extension_gives_what_the_whole_would_have(resume, create, tmp_path, networks):
    resume(2).close()
    with resume(5) as population:
        grown = population.frame()
    with Population.create(tmp_path / "whole", networks=networks(5), seed=7, identity=IDENTITY) as population:
        assert population.frame().equals(grown)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"identity": IDENTITY | {"recipe": {"epochs": 4}}}, ["recipe.epochs: 3 -> 4"]),
        (
            {"identity": {"space": {"name": "t", "limits": {"flops": [0, 6e8]}}, "recipe": {"epochs": 3}}},
            ["space.name: 's' -> 't'", "space.limits.flops: [0, 400000000.0] -> [0, 600000000.0]"],
        ),
        ({"identity": {"recipe": {"epochs": 3}, "new": 1}}, ["space: {", "-> (absent)", "new: (absent) -> 1"]),
        ({"seed": 8}, ["seed: 7 -> 8"]),
        ({"seeds": [1, 2, 3, 4]}, ["trial 0.seed: ", "-> 1"]),
        ({"labels": ["", "pick", "", ""]}, ["trial 1.label: '' -> 'pick'"]),
    ],
)
def test_anything_else_is_refused_with_the_difference(changes, lines, resume, tmp_path):
    resume().close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(PopulationError) as caught:
        resume(**changes)
    for line in lines:
        assert line in str(caught.value)
    assert "or another folder to start over" in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == before


def test_other_networks_are_refused_with_the_first_that_differs(resume, networks):
    resume().close()
    with pytest.raises(PopulationError, match=r"trial 2\.network\.stages"):
        resume(networks=[*networks(2), *networks(5)[3:]])


def test_tuples_and_lists_are_the_same_identity(resume):
    resume(identity={"limits": (0, 1)}).close()
    resume(identity={"limits": [0, 1]}).close()


def test_what_is_said_of_a_space_may_change(resume):
    space = {"name": "s", "limits": {"flops": [0, 4e8]}}
    resume(identity={"space": space | {"summary": "quantised"}}).close()
    resume(identity={"space": space | {"summary": "quantized"}}).close()
    resume(identity={"space": space}).close()
    with pytest.raises(PopulationError, match=r"space\.name: 's' -> 't'\n"):
        resume(identity={"space": space | {"name": "t", "summary": "another"}})


def test_difference_names_each_leaf():
    assert difference({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [1]}}) == []
    assert difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "d": 3}}) == [
        "a.b: 1 -> 2",
        "a.c: 2 -> (absent)",
        "a.d: (absent) -> 3",
    ]


_CREATOR = """
import sys
from netwright.arch import Arch, Stage, Stem
from netwright.population import Population
networks = [Arch((Stage(1, 8 + 8 * i),), stem=Stem("cifar", 8)) for i in range(500)]
print("ready", flush=True)
Population.create(sys.argv[1], networks=networks, seed=0, identity={})
print("made", flush=True)
"""


@pytest.mark.slow
def test_a_kill_while_it_is_made_leaves_a_whole_one_or_none(tmp_path):
    caught_between = 0
    for attempt, patience in enumerate((0.0, 0.0, 0.02, 0.05)):
        folder = tmp_path / str(attempt)
        maker = subprocess.Popen([sys.executable, "-c", _CREATOR, str(folder)], stdout=subprocess.PIPE, text=True)
        while maker.poll() is None and not (folder / f".{FILE}.new").exists() and not (folder / FILE).exists():
            time.sleep(0.0005)
        time.sleep(patience)
        maker.kill()
        maker.communicate()
        if (folder / FILE).exists():
            with Population.open(folder) as population:
                assert len(population) == 500
        else:
            caught_between += 1
            Population.create(folder, networks=[], seed=0, identity={}).close()
        assert sorted(path.name for path in folder.iterdir() if "-" not in path.name) == [".lock", FILE]
    assert caught_between


_WRITER = """
import sys
from netwright.population import Population
with Population.open(sys.argv[1]) as population:
    for index in range(len(population)):
        population.begin(index)
        population.finish(index, error=index / 3, seconds=1.0, curve=[{"epoch": 1}] * 20)
        print(index, flush=True)
"""


def test_a_kill_while_trials_finish_keeps_every_finished_one(create, tmp_path):
    create(300).close()
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(next(writer.stdout)) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.communicate()[0].splitlines()]
    with Population.open(tmp_path) as population:
        frame = population.frame()
        assert (frame["state"][told] == "done").all()
        assert frame["error"][told].tolist() == [index / 3 for index in told]
        population.requeue()
        assert population.counts()["running"] == 0


def test_two_programs_that_begin_at_once_make_one_population(tmp_path, networks):
    """One makes it; the other resumes it or is told; nothing is overwritten."""
    outcomes: list[str] = []

    def begin(folder: Path) -> None:
        try:
            Population.create(folder, networks=networks(50), seed=0, identity={}).close()
            outcomes.append("made")
        except PopulationError:
            outcomes.append("refused")

    threads = [threading.Thread(target=begin, args=(tmp_path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("made") == 1
    with Population.open(tmp_path) as population:
        assert len(population) == 50
