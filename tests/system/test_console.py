import io
import subprocess
import sys

import pytest

from netwright.system.console import tolerate


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", "\u22120.42 \u00d7 caf\u00e9 ?"), ("ascii", "-0.42 x caf? ?")]
)
def test_what_an_encoding_lacks_is_written_as_near_as_it_can_be(encoding: str, written: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    tolerate(stream)
    stream.write("\u22120.42 \u00d7 caf\u00e9 \udce9")
    stream.flush()
    assert buffer.getvalue().decode(encoding) == written


def test_a_stream_that_has_its_own_way_keeps_it() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii", errors="backslashreplace")
    tolerate(stream)
    stream.write("\u2212")
    stream.flush()
    assert buffer.getvalue() == b"\\u2212"
    tolerate(None)
    tolerate(io.StringIO())


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_command_line_writes_to_terminals_of_any_encoding(encoding: str) -> None:
    program = "import sys; from netwright.cli.main import main; main(['\u2212caf\udce9'])"
    done = subprocess.run(
        [sys.executable, "-c", program.encode("unicode_escape").decode()],
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"netwright: unknown command")
