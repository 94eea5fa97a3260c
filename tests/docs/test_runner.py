"""The runner of pages, in conftest.py: blocks in order, servers below them, and what goes wrong is found."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., list[int]]

SAMPLE = """# A page

```bash
exit 1  # unmarked: not run
```

<!-- test -->
```bash
echo 3 > number
netwright --version > version
```

<!-- test -->
```python
from pathlib import Path

n = int(Path("number").read_text())
```

<!-- test: echo $((1 + 1)) > instead -->
```bash
sleep 1000
```

<!-- test -->
```python
Path("n").write_text(str(n + 1))
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(SAMPLE)
    return path


def test_blocks_run_in_order_and_share_a_folder_and_names(page: Path, tmp_path: Path, run_page: Run) -> None:
    before = Path.cwd()
    run_page(page, tmp_path)
    assert (tmp_path / "n").read_text() == "4"
    assert (tmp_path / "instead").read_text() == "2\n"
    assert (tmp_path / "version").read_text().startswith("netwright ")
    assert Path.cwd() == before


def test_what_fails_is_found_with_its_place(page: Path, tmp_path: Path, run_page: Run) -> None:
    page.write_text("<!-- test -->\n```bash\nfalse | true\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md:1 ended with 1"):
        run_page(page, tmp_path)
    page.write_text("text\n\n<!-- test -->\n```python\nx = 1\n1 // 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_page(page, tmp_path)
    assert caught.traceback[-1].lineno == 5  # counted from 0


@pytest.mark.parametrize("below", ["", "\n```bash\ntrue\n```", "text", "```yaml\na: 1\n```"])
def test_a_marker_without_a_block_is_found(below: str, blocks_of: Callable[[str], Iterator[Any]]) -> None:
    with pytest.raises(AssertionError, match="line 2: directly below"):
        list(blocks_of(f"\n<!-- test -->\n{below}\n"))


# stands in for `netwright serve`: these tests are of the runner, and the pages run the real one
SERVER = """
import http.server, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/good" else 404)
        self.end_headers()
        self.wfile.write(b"first, then second")

    def log_message(self, *given):
        pass

def stop(number, frame):
    open("stopped", "a").write("x")
    sys.exit(int(sys.argv[1]))

signal.signal(signal.SIGTERM, stop)
assert sys.argv[-2:] == ["--port", "0"]
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"serving on http://127.0.0.1:{server.server_port}; Ctrl-C ends it", flush=True)
server.serve_forever()
"""
SERVED = """
<!-- serve -->
```bash
python server.py STATUS  # a comment
```

<!-- test says first, second -->
```bash
curl http://127.0.0.1:8000/good | tee answer
```

<!-- test says shown -->
```python
import urllib.request

Path("python").write_bytes(urllib.request.urlopen("http://127.0.0.1:8000/good").read())
print("shown")
```

<!-- serve -->
```bash
python server.py \\
    0
```
"""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


@pytest.fixture
def served(page: Path, tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text(SERVER)
    page.write_text("<!-- test -->\n```python\nfrom pathlib import Path\n```\n" + SERVED.replace("STATUS", "0"))
    return page


@needs_curl
def test_blocks_below_a_server_ask_it_and_it_ends(served: Path, tmp_path: Path, run_page: Run) -> None:
    assert run_page(served, tmp_path) == []
    assert (tmp_path / "answer").read_text() == (tmp_path / "python").read_text() == "first, then second"
    assert (tmp_path / "stopped").read_text() == "xx"


def test_blocks_with_curl_are_left_out_where_there_is_none(served: Path, tmp_path: Path, run_page: Run) -> None:
    assert run_page(served, tmp_path, has_curl=False) == [11]
    assert not (tmp_path / "answer").exists()
    assert (tmp_path / "python").exists()


@needs_curl
@pytest.mark.parametrize(
    ("was", "becomes", "constraint"),
    [
        ("/good |", "/bad |", r"page\.md:11 ended with 22"),
        ("first, second", "second, first", r"page\.md:11 does not say 'first'"),
        ("says shown", "says other", r"page\.md:16 does not say 'other'"),
        ("server.py 0  #", "server.py 3  #", r"page\.md:6 ended with 3"),
        ("server.py 0  #", "gone.py 0  #", r"page\.md:6 does not serve"),
    ],
)
def test_what_a_server_does_wrong_is_found(
    served: Path, tmp_path: Path, was: str, becomes: str, constraint: str, run_page: Run
) -> None:
    text = served.read_text()
    assert was in text
    served.write_text(text.replace(was, becomes))
    with pytest.raises(AssertionError, match=constraint):
        run_page(served, tmp_path)
