import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.cli.main import COMMANDS, main, parser_of
from netwright.recipe import TrainConfig
from netwright.recipe.common_names import COMMON
from netwright.recipe.load import CLIP
from netwright.recipe.mindcv import MINDCV
from netwright.version import __version__

Run = Callable[..., Any]

# commands that take the flags of a training
_TRAININGS = ("train", "validate", "predict", "data show", "data bench")
# imported only by what needs them, so that help and mistakes are answered at once
_HEAVY = ("torch", "numpy", "pandas", "scipy", "PIL", "altair", "sklearn", "pyarrow")


@pytest.mark.parametrize("words", [["--help"], ["-h"], [], ["--version"], ["desing"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom netwright.cli.main import main\n"
        f"main({words!r})\nprint('HEAVY', [name for name in {_HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_starts_without_torch(command: str) -> None:
    program = (
        f"import sys\nfrom netwright.cli.main import main\ntry:\n    main([{command!r}, '--help'])\n"
        "finally:\n    sys.stdout.flush()\n    assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(netwright: Run, words: tuple[str, ...]) -> None:
    done = netwright(*words)
    assert done.status == 0
    for command, summary in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(summary)}$", done.out, re.MULTILINE)
    assert __version__ in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_explains_every_flag(netwright: Run, command: str) -> None:
    done = netwright(command, "--help")
    assert done.status == 0
    parser = parser_of(command)
    assert "--help" in done.out
    listed = [each for each in parser.arguments if each.help]
    for argument in listed:
        for name in argument.names if argument.is_flag else (argument.metavar,):
            assert name in done.out
    # names of other programs, which the help describes as a whole, and keys that matter to few
    hidden = {name for each in parser.arguments if not each.help for name in each.names}
    training = {f"--{key}" for key in (*TrainConfig().to_flat(), *MINDCV, *CLIP, *COMMON)}
    assert hidden <= (training if command in _TRAININGS else set())
    if command == "train":
        assert hidden.isdisjoint(f"--{key}" for key in TrainConfig().to_flat())


def test_the_version(netwright: Run) -> None:
    assert netwright("--version").out == f"netwright {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["desing"], "unknown command 'desing': did you mean 'design'?"),
        (["xyzzy"], "unknown command 'xyzzy': these are known: design, space"),
        (["design", "--epoch", "3"], "unknown flag '--epoch': did you mean '--epochs'?"),
        (["sweep", "regnetx", "--workerz=3"], "unknown flag '--workerz': did you mean '--workers'?"),
        (["design", "--qqqqqqqq"], "unknown flag '--qqqqqqqq': `netwright design --help` lists what there is."),
        (
            ["design", "extra"],
            "unrecognized arguments: extra. A folder of images is --data_dir FOLDER; a path with spaces",
        ),
        (["validate", "runs/x", "photos"], "unrecognized arguments: photos. A folder of images is --data_dir FOLDER"),
        (["copy", "a", "b", "c"], "unrecognized arguments: c\n"),
        (["design", "--trials", "many"], "argument --trials: a whole number of at least 1, not 'many'"),
        (["design", "--flops", "2M:1M"], "a window's low end is not above its high end: '2M:1M'"),
        (["design", "--max_flops", "much"], "a quantity is a number like 400M"),
        (["design", "--flip", "maybe"], "true or false, or auto, not 'maybe'"),
        (["sweep", "x", "--out=x", "--retry_failed", "some"], "true or false, or one of machine, all, not 'some'"),
        (["copy", "runs/x"], "the following arguments are required: TARGET"),
        (["design", "--precision", "fp8"], "invalid choice: 'fp8'"),
        (["design", "--space"], "expected one argument, NAME|FILE: design space (default: regnetx)"),
        (["design", "--policy"], "expected one argument, relevant, holm, all, relevant+order"),
        (["train", "--class_weights"], "expected one argument, balanced|FILE|none: balanced: an image counts by"),
        (["space", "lst"], "invalid choice: 'lst'"),
        (["sweep", "regnetx"], "the following arguments are required: --out"),
        (["sample"], "the following arguments are required: NAME|FILE"),
        (["compare", "a"], "the following arguments are required: B"),
    ],
)
def test_wrong_usage_is_status_2_and_short(netwright: Run, words: list[str], says: str) -> None:
    done = netwright(*words)
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize("command", ["design", "train"])
def test_a_folder_without_a_flag_is_the_data(netwright: Run, tmp_path: Path, command: str) -> None:
    done = netwright(command, str(tmp_path))
    assert (done.status, done.out) == (2, "")
    assert f"did you mean --data_dir {tmp_path}?" in done.err


def test_a_mistake_that_a_message_explains_is_status_1(netwright: Run) -> None:
    done = netwright("space", "show", "regnetq")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("netwright space: no design space is called 'regnetq'")


def test_ctrl_c_is_status_130_and_no_traceback(netwright: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("netwright.cli.space.run", interrupted)
    done = netwright("space", "list")
    assert done.status == 130
    assert "interrupted. What was finished is kept" in done.err


def test_a_bug_of_ours_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.cli.space.run", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        main(["space", "list"])


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = f"{sys.executable} -m netwright.cli.main space show regnetx"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} | head -n 1"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("name: regnetx\n", "")
