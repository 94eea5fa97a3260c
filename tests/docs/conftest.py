"""Runs what a page shows.

A ```bash or ```python block directly below `<!-- test -->` is run; below `<!-- test: COMMAND -->` that command is run
in its place; $ROOT is the repository. The blocks of one file run in order, in one empty folder; its python blocks
share their names. Below `<!-- test says WORD, WORD -->` what is printed must hold these, in this order.

A ```bash block below `<!-- serve -->` is a `netwright serve`, which runs from there to the next one or the end of the
page, on ports that are free: 127.0.0.1:8000 (HTTP) and 127.0.0.1:8001 (gRPC) in the blocks below it stand for these.
curl fails where the server refuses; where there is no curl, blocks with it are left out, and the test says so.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

_MARK = re.compile(
    r"^<!-- *(?P<what>test|serve)\b *(?:says +(?P<says>[^:]*?))? *(?:: *(?P<instead>.*?))? *-->[ \t]*$", re.MULTILINE
)
_BLOCK = re.compile(r"\n```(?P<language>bash|python)\n(?P<code>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_SERVING = re.compile(r"^serving on https?://(?P<http>\S+?)(?:, gRPC on (?P<grpc>\S+))?;", re.MULTILINE)
_HTTP, _GRPC = "127.0.0.1:8000", "127.0.0.1:8001"
_SECONDS = 60  # for a server to start, and to stop
# curl: without its bar of progress, and with an exit status that tells of a refusal
_CURL = 'curl() { command curl --fail --silent --show-error "$@"; }\n'


@dataclass(frozen=True)
class Block:
    """line: of the marker, from 1. language: bash, python or serve. code: what is run. says: what it must print."""

    line: int
    language: str
    code: str
    says: tuple[str, ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """The marked blocks of a page; AssertionError for a marker with no block below it."""
    for mark in _MARK.finditer(text):
        line = text.count("\n", 0, mark.start()) + 1
        block = _BLOCK.match(text, mark.end())
        assert block, f"line {line}: directly below the marker there is no bash or python block"
        language = "bash" if mark["instead"] else block["language"]
        if mark["what"] == "serve":
            assert language == "bash", f"line {line}: what is served is a bash block"
            language = "serve"
        says = tuple(each.strip() for each in (mark["says"] or "").split(",") if each.strip())
        yield Block(line, language, mark["instead"] or block["code"], says)


def run(page: Path, folder: Path, *, has_curl: bool = shutil.which("curl") is not None) -> list[int]:
    """Every marked block, in order, in the folder. Returns the lines of those that were left out: no curl."""
    names: dict[str, Any] = {"__name__": "__main__"}
    left_out = []
    with contextlib.chdir(folder), contextlib.ExitStack() as servers:
        moved: Mapping[str, str] = {}
        for block in blocks(page.read_text(encoding="utf-8")):
            where = f"{page.name}:{block.line}"
            code = block.code
            for shown, actual in moved.items():
                code = code.replace(shown, actual)
            if block.language == "serve":
                servers.close()  # the one before has ended, well, before the next one starts
                moved = servers.enter_context(serving(code, where))
            elif block.language == "python":
                # blank lines above it: a traceback has the line of the page
                compiled = compile("\n" * (block.line + 1) + code, str(page), "exec")
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compiled, names)
                check_says(out.getvalue(), block, where)
            elif re.search(r"\bcurl\b", code) and not has_curl:
                left_out.append(block.line)
            else:
                check_says(run_script(_CURL + code, where), block, where)
    return left_out


def check_says(printed: str, block: Block, where: str) -> None:
    rest = printed
    for word in block.says:
        _, found, rest = rest.partition(word)
        assert found, f"{where} does not say {word!r}, after what it says before:\n{block.code}\n{printed}"


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path, "ROOT": str(ROOT)}


@contextlib.contextmanager
def serving(code: str, where: str) -> Iterator[dict[str, str]]:
    """The server of a command: addresses as pages show them -> as they are. Always ended, and its end is looked at."""
    words = shlex.split(code.replace("\\\n", " "), comments=True)
    given: dict[str, str] = {}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        given[name] = value
    ports = ["--port", "0"] + (["--grpc_port", "0"] if "--grpc_port" in words else [])
    with tempfile.TemporaryDirectory() as kept:
        out, log = Path(kept, "out"), Path(kept, "log")
        with out.open("wb") as out_file, log.open("wb") as log_file:
            process = subprocess.Popen(
                [*words, *ports],
                env=environment() | given,
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=log_file,
            )
        try:
            until = time.monotonic() + _SECONDS
            while not (found := _SERVING.search(out.read_text())):
                is_starting = process.poll() is None and time.monotonic() < until
                assert is_starting, f"{where} does not serve:\n{code}\n{log.read_text()}"
                time.sleep(0.05)
            yield {_HTTP: found["http"]} | ({_GRPC: found["grpc"]} if found["grpc"] else {})
            assert process.poll() is None, f"{where} ended with {process.returncode}:\n{code}\n{log.read_text()}"
            process.terminate()
            assert process.wait(_SECONDS) == 0, f"{where} ended with {process.returncode}:\n{log.read_text()}"
            assert "Traceback" not in log.read_text(), f"{where}:\n{log.read_text()}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def run_script(code: str, where: str) -> str:
    """What it prints."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{code}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"{where}:\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def blocks_of() -> Callable[[str], Iterator[Block]]:
    return blocks


@pytest.fixture(scope="session")
def run_page() -> Callable[..., list[int]]:
    return run
