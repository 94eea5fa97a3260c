"""A hub of models on this machine: what huggingface_hub asks for when it loads, makes a repository and commits."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40


@dataclass
class FakeHub:
    """files: (repository, name) -> content. statuses: repository -> (status, X-Error-Code) instead of an answer. calls:
    what was asked. made: what repositories were made with. refuses: writing without a token. lies: names of files that
    come damaged."""

    url: str = ""
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    statuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    lies: set[str] = field(default_factory=set)
    revisions: set[str] = field(default_factory=lambda: {"main", COMMIT})

    @property
    def loads(self) -> list[str]:
        return [call for call in self.calls if call.startswith("GET") and "/resolve/" in call]


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._file(with_content=False)

    def do_GET(self) -> None:
        self._file(with_content=True)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.calls.append(f"POST {self.path}")
        if not str(self.headers.get("Authorization", "")).startswith("Bearer hf_good"):
            self._answer(401, {"error": "Invalid username or password."})
        elif self.path == "/api/repos/create":
            made = json.loads(body)
            self.hub.made.append(made)
            owner = made.get("organization", "me")
            self._answer(200, {"url": f"{self.hub.url}/{owner}/{made['name']}"})
        elif self.path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [
                {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                for each in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})
        elif "/commit/" in self.path:
            self._commit(self.path.removeprefix("/api/models/").split("/commit/")[0], body)
        else:
            self._answer(404, {"error": f"no {self.path} here"})

    def _commit(self, repository: str, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                self.hub.messages.append(value["summary"])
            else:
                self.hub.files[repository, value["path"]] = base64.b64decode(value["content"])
        self._answer(200, {"commitUrl": f"{self.hub.url}/{repository}/commit/{COMMIT}", "commitOid": COMMIT})

    def _file(self, *, with_content: bool) -> None:
        self.hub.calls.append(f"{self.command} {self.path}")
        repository, _, rest = self.path.lstrip("/").removeprefix("api/models/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        status, code = self.hub.statuses.get(repository, (200, ""))
        content = self.hub.files.get((repository, name))
        if status != 200:
            self._answer(status, {"error": "no"}, code)
        elif not rest:
            self._answer(404, {"error": f"no {self.path} here"}, "RepoNotFound")
        elif not any(repository == known for known, _ in self.hub.files):
            self._answer(404, {"error": "no"}, "RepoNotFound")
        elif revision not in self.hub.revisions:
            self._answer(404, {"error": "no"}, "RevisionNotFound")
        elif content is None:
            self._answer(404, {"error": "no"}, "EntryNotFound")
        else:
            sent = bytes(255 - byte for byte in content) if name in self.hub.lies else content
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            if with_content:
                self.wfile.write(sent)

    def _answer(self, status: int, plain: dict[str, Any], code: str = "") -> None:
        content = json.dumps(plain).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running() -> Iterator[FakeHub]:
    state = FakeHub()
    handler = type("OfThisHub", (Handler,), {"hub": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_port}"
        yield state
        http.shutdown()
        thread.join()
