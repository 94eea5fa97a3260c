import subprocess
import sys

import pytest

from netwright.system.closed_pipe import outlive_readers

_PROGRAM = """
import sys
from netwright.system.closed_pipe import outlive_readers

before = sys.stdout
with outlive_readers("netwright train"):
    assert sys.stdout.isatty() is False
    assert sys.stdout.encoding
    for line in range(20000):
        print("line", line, flush=line % 100 == 0)
    sys.stdout.writelines(["more"])
assert sys.stdout is before
print("done", file=sys.stderr)
"""


def test_a_program_outlives_the_reader_of_its_output():
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert (
        said == "netwright train: nobody reads the output any more. It goes on, and keeps its record as before.\ndone\n"
    )


def test_standard_error_may_have_the_same_reader():
    program = _PROGRAM.replace('print("done", file=sys.stderr)', "sys.exit(7)")
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 7


def test_an_error_passes_through(capsys):
    def fail() -> None:
        with outlive_readers("x"):
            print("said")
            raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        fail()
    assert capsys.readouterr().out == "said\n"
