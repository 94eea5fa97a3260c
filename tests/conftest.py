"""What all tests share: one design on the bundled digits, killed and finished by the same command; a browser."""

from __future__ import annotations

import base64
import gc
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock

Rows = list[tuple[int, float, int]]

_PATIENCE = 120.0  # seconds for the first trial on a busy machine
_SLOW = 5.0  # seconds from which a test is slow
# the least that narrows a space and tests the refinement; starting a worker takes longer than its trials
_SMALL = {"flops": "0.3M:0.6M", "trials": 12, "confirm_trials": 6, "epochs": 1, "final_epochs": 2, "final_seeds": 2}
_SMALL |= {"workers": 1, "policy": "all", "refine_from": 10}
_OUT = "runs/d"


@dataclass(frozen=True)
class Designed:
    """folder: where everything is. kept: (trial, error, attempts) that were done at the kill. errors, answer: stderr
    and stdout of the command that finished it. command: its words after `netwright`."""

    folder: Path
    kept: Rows
    answer: str
    errors: str
    command: tuple[str, ...]


def start(*words: str, cwd: Path) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(folder: Path) -> Rows:
    """(trial, error, attempts) of the trials that are done, read beside the program that writes them."""
    path = folder / "population.sqlite"
    if not path.exists():
        return []
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT trial, error, attempts FROM trials WHERE state = 'done' ORDER BY trial").fetchall()
    finally:
        db.close()


def wait_for_a_trial(program: subprocess.Popen[str], folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not finished(folder) and program.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert program.poll() is None, program.communicate()[1]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[[Path], str]:
    """The page at a path as a browser without a network shows it, as HTML: its scripts have run."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic", "extensions")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--proxy-server=127.0.0.1:9", "--virtual-time-budget=8000"]

    def draw(path: Path) -> str:
        words = [*command, "--dump-dom", path.as_uri()]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout

    return draw


@pytest.fixture(autouse=True)
def arithmetic_stays_exact() -> Iterator[None]:
    """No test leaves its process taking numbers near zero for zero: tests after it would compute differently."""
    yield
    if sys.float_info.min * 0.5 == 0:
        import torch

        torch.set_flush_denormal(False)  # one test fails, not all that come after it
        pytest.fail("flush_denormal was left on. Set it within process_settings.")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch computes with one thread, then with as many as before: networks in tests are so small that more cost."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_configure() -> None:
    """Ctrl-C reaches the programs that tests start, even where a background shell ignores it for us and so for them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ:
        # a core for each of the processes that run tests together, and for what these start
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    _set_up_ray()


def _set_up_ray() -> None:
    """The environment of every Ray cluster that a test starts. Ray reads it once a process, where it is first imported;
    a cluster that is started with other settings than those refuses the process. Ray writes no token into the home
    folder, sends no usage statistics, and starts in its own time."""
    # its 30 seconds are not enough where its programs are read from the disk for the first time
    os.environ["RAY_gcs_server_port_wait_time_s"] = "120"  # noqa: SIM112 - Ray writes it so
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ["RAY_AUTH_TOKEN"] = base64.b16encode(os.urandom(32)).decode()
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture(scope="module")
def ray_leaves_nothing() -> Iterator[None]:
    """Ray leaves its processes and files to the collector, which would complain in a test that comes later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.hookimpl(tryfirst=True)  # before those that -m leaves out are chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the designed run first waits until it is made."""
    for item in items:
        if "designed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests that took long without the mark `slow`: those that do so on a quiet machine should have it."""
    passed = [each for each in terminalreporter.stats.get("passed", ()) if each.when == "call"]
    for report in sorted(passed, key=lambda each: -each.duration):
        if report.duration > _SLOW and "slow" not in report.keywords:
            terminalreporter.write_line(f"not marked slow: {report.duration:.1f} s {report.nodeid}")


@pytest.fixture(scope="session")
def started() -> Callable[..., subprocess.Popen[str]]:
    """Start `netwright` as a process and, given `until=folder`, wait until a trial is finished there."""

    def begin(*words: str, cwd: Path, until: Path) -> subprocess.Popen[str]:
        program = start(*words, cwd=cwd)
        wait_for_a_trial(program, until)
        return program

    return begin


@pytest.fixture(scope="session")
def designed(tmp_path_factory: pytest.TempPathFactory, started: Callable[..., subprocess.Popen[str]]) -> Designed:
    """A copy for this process; of the processes that run tests together, the first to need it makes it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    record = shared / "designed.json"
    with FileLock(shared / "designed.lock"):
        if not record.exists():
            record.write_text(json.dumps(asdict(_design(shared / "designed", started)), default=str))
    made = Designed(**json.loads(record.read_text()))
    copy = tmp_path_factory.mktemp("designed") / "copy"
    shutil.copytree(shared / "designed", copy)
    kept = [(trial, error, attempts) for trial, error, attempts in made.kept]
    return replace(made, folder=copy / _OUT, kept=kept, command=tuple(made.command))


def _design(place: Path, started: Callable[..., subprocess.Popen[str]]) -> Designed:
    place.mkdir()
    command = ("design", *(f"--{name}={value}" for name, value in _SMALL.items()), "--out", _OUT)
    program = started(*command, cwd=place, until=place / _OUT)
    program.kill()
    program.communicate()
    kept = finished(place / _OUT)
    program = start(*command, cwd=place)
    answer, errors = program.communicate()
    assert program.returncode == 0, errors
    return Designed(place / _OUT, kept, answer, errors, command)
