"""Real sweeps of tiny networks on a few digits, by real workers."""

import os
import runpy
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures.digits import digits, one_thread, recipe, split, tiny

from netwright.arch import Arch, Stem
from netwright.data import ImageSet
from netwright.sweeps import Executor, LocalExecutor, NullProgress, TrialEvent, TrialSpec

__all__ = ["digits", "one_thread", "recipe", "split", "tiny"]

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture(scope="session")
def program() -> SimpleNamespace:
    """path: of the program; and its parts."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)), path=PROGRAM)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def images(program: SimpleNamespace, cache: Path) -> ImageSet:
    return program.few_images(cache)


def trial(index: int, arch: Arch, recipe: object, **changes: object) -> TrialSpec:
    return TrialSpec(index, arch.to_dict(), recipe.to_dict(), seed=100 + index, **changes)


@pytest.fixture(scope="session")
def trials(program: SimpleNamespace) -> SimpleNamespace:
    """Functions index -> TrialSpec: one that works, and one for each way not to."""
    network = program.small_networks(1)[0]
    recipe = program.short(2)
    hot = program.short(30).with_(lr=100.0, momentum=1.0, warmup_epochs=0.0)
    return SimpleNamespace(
        good=lambda index, epochs=2, **more: trial(index, network, program.short(epochs), **more),
        crashing=lambda index: trial(index, replace(network, in_channels=3), recipe),
        # more bytes than a processor can address
        too_large=lambda index: trial(index, replace(network, stem=Stem("cifar", 10**13)), recipe),
        diverging=lambda index: trial(index, network, hot),
    )


class Killer(Executor):
    """Kills the worker of some trials (index -> how often) as soon as it has begun them."""

    signal = signal.SIGKILL

    def __init__(self, inner: Executor, victims: dict[int, int]) -> None:
        self.inner, self.victims = inner, victims

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        for event in self.inner.run(trials):
            if event.kind == "began" and self.victims.get(event.index, 0) > 0:
                self.victims[event.index] -= 1
                os.kill(event.values["pid"], self.signal)
            yield event

    def retry(self, trial: TrialSpec) -> None:
        self.inner.retry(trial)

    def close(self) -> None:
        self.inner.close()


class Stopper(Killer):
    """Stops the worker of some trials, as `kill -STOP` does: it neither works nor ends."""

    signal = signal.SIGSTOP


class Borrowed(Executor):
    """An executor that outlives the sweep: starting workers is what takes most of the time here."""

    def __init__(self, inner: Executor) -> None:
        self.inner = inner

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self.events = self.inner.run(trials)
        return self.events

    def retry(self, trial: TrialSpec) -> None:
        self.inner.retry(trial)

    def answer(self, index: int, *, stop: bool) -> None:
        self.inner.answer(index, stop=stop)

    def close(self) -> None:
        self.events.close()


@pytest.fixture(scope="session")
def _shared(images: ImageSet) -> Iterator[LocalExecutor]:
    with LocalExecutor(images.path, workers=2, threads=1) as executor:
        yield executor


@pytest.fixture
def crew(_shared: LocalExecutor) -> Executor:
    """Two workers that are there already."""
    return Borrowed(_shared)


@pytest.fixture
def workers(_shared: LocalExecutor) -> LocalExecutor:
    """The same two, which know how many they are: their sweep can be paused and extended."""
    return _shared


class Notes(NullProgress):
    """Keeps where a sweep was."""

    def __init__(self) -> None:
        self.updates: list[tuple[float, int, int, float | None, float | None]] = []

    def update(self, *values: float | None) -> None:
        self.updates.append(values)


@pytest.fixture
def killer() -> type[Killer]:
    return Killer


@pytest.fixture
def stopper() -> type[Stopper]:
    return Stopper


@pytest.fixture
def notes() -> Notes:
    return Notes()


def workers_of(manifest: Path | str) -> list[int]:
    """Process ids of the workers that live and have these images."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "netwright.sweeps.worker" in words and str(manifest) in words:
            found.append(int(folder.name))
    return found


def eventually(claim: Callable[[], object], seconds: float = 30.0) -> bool:
    """Whether the claim becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def watch() -> SimpleNamespace:
    return SimpleNamespace(workers_of=workers_of, eventually=eventually)
