"""Readers beside a writer that is killed in the middle: each sees one moment, and nothing finished is lost."""

import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from netwright.population import FILE, Population

PROGRAM = Path(__file__).with_name("writing_program.py")
TRIALS, READERS = 400, 8


def test_a_snapshot_is_of_one_moment(create, tmp_path: Path) -> None:
    with create(3) as population, Population.open(tmp_path) as reader:
        with reader.snapshot():
            before = reader.counts()
            population.begin(0)
            population.finish(0, error=1.0, seconds=1.0, curve=[])  # waits for nobody
            assert reader.counts() == before
            assert reader.frame()["error"].isna().all()
        assert reader.counts()["done"] == 1


def test_of_a_large_population_some_are_drawn_in_their_order(create) -> None:
    with create(30) as population:
        whole = population.frame()
        some = population.frame(most=10)
        assert len(some) == 10
        assert some["trial"].is_monotonic_increasing
        assert some["trial"].tolist() == population.frame(most=10)["trial"].tolist()
        assert some["trial"].tolist() != population.frame(most=10, seed=1)["trial"].tolist()
        assert some["arch"].tolist() == whole["arch"][some["trial"]].tolist()
        assert population.frame(most=30).equals(whole)


def read_on(folder: Path, over: threading.Event, mistakes: list[str]) -> None:
    """Look again and again: what is counted is what is there, and it never becomes less."""
    done = 0
    try:
        while not over.is_set():
            with Population.open(folder) as population, population.snapshot():
                counts, errors, frame = population.counts(), population.errors(), population.frame()
            now = counts["done"]
            if not now == len(errors) == int(frame["error"].notna().sum()) or now < done:
                mistakes.append(f"{done} were done, then {counts}, {len(errors)} errors")
            if errors != [float(index) for index in range(now)]:
                mistakes.append("an error is not the one that was written")
            done = now
    except Exception as error:
        mistakes.append(repr(error))


@pytest.mark.slow
def test_eight_readers_and_a_writer_that_is_killed_and_begun_again(create, tmp_path: Path) -> None:
    create(TRIALS).close()
    over, mistakes, chance = threading.Event(), [], random.Random(0)
    readers = [threading.Thread(target=read_on, args=(tmp_path, over, mistakes)) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    told = 0
    try:
        for _ in range(3):
            command = [sys.executable, str(PROGRAM), str(tmp_path), str(told)]
            writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert writer.stdout is not None
            for line in writer.stdout:
                told = int(line) + 1
                if told % 20 == 0:
                    break
            time.sleep(chance.uniform(0, 0.05))
            writer.kill()
            for line in writer.communicate()[0].splitlines():
                told = max(told, int(line) + 1) if line.isdigit() else told
            with Population.open(tmp_path) as population:
                done = population.counts()["done"]
            assert told <= done <= told + 1  # one may be finished that it had no time to tell
            told = done
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert mistakes == []
    assert told >= 40


def test_what_is_finished_is_in_the_file_whatever_becomes_of_sqlites_log(create, tmp_path: Path) -> None:
    """A log that a full or broken disk cut short, or that was not copied."""
    create(6).close()
    writer = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), "0"], capture_output=True, text=True, check=True
    )
    assert writer.stdout.split() == list("012345")
    population = Population.open(tmp_path)  # it keeps the log while it is open
    population.fail(0, "x" * 50_000)
    log = tmp_path / f"{FILE}-wal"
    content = log.read_bytes()
    assert len(content) > 50_000
    for length in (0, 1, 31, 32, 500, len(content) // 2, len(content) - 1):
        folder = tmp_path / f"cut{length}"
        folder.mkdir()
        shutil.copy(tmp_path / FILE, folder / FILE)
        (folder / f"{FILE}-wal").write_bytes(content[:length])
        with Population.open(folder) as cut:
            counts = cut.counts()
            assert (counts["done"], counts["failed"]) == (5, 1)
            assert cut.errors() == [1.0, 2.0, 3.0, 4.0, 5.0]
    population.close()
