"""Asking a server from Python, with nothing but the standard library and numpy."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
import numpy.typing as npt

from netwright.errors import ServeError

__all__ = ["Client"]

_AGAIN = {429, 503}


class Client:
    """A server's address, as http://127.0.0.1:8000. From several threads at once; each has its own connection.

    retries: how often a request that the server is too busy for is tried again, after the time that it names.
    ca_file: certificates to trust, for a server that signs its own.
    """

    def __init__(
        self, address: str, *, token: str = "", timeout: float = 60.0, retries: int = 3, ca_file: str | None = None
    ) -> None:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServeError(f"a server's address is like http://127.0.0.1:8000, not {address!r}.")
        try:
            self._host, self._port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise ServeError(f"a server's address is like http://127.0.0.1:8000, not {address!r}.") from error
        self._context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout, self._retries = timeout, retries
        self._local = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def predict(
        self, image: bytes | str | Path, *, top_k: int = 5, model: str = "", version: str = ""
    ) -> list[dict[str, Any]]:
        """The likeliest classes of an encoded image or a file: index, name, probability, perhaps description."""
        if not isinstance(image, bytes):
            try:
                image = Path(image).read_bytes()
            except OSError as error:
                raise ServeError(f"the image {image!s} cannot be read: {error.strerror or error}.") from error
        query = {"top_k": str(top_k), "model": model, "version": version}
        asked = urlencode({key: value for key, value in query.items() if value})
        body, _ = self.ask("POST", f"/predict?{asked}", image, {"Content-Type": "application/octet-stream"})
        classes: list[dict[str, Any]] = json.loads(body)["classes"]
        return classes

    def logits(
        self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32], *, model: str, version: str = ""
    ) -> npt.NDArray[np.float32]:
        """(N, classes). images: (N, H, W, C) uint8 of the network's own size, or (N, C, H, W) float32, normalized."""
        name, kind = ("pixels", "UINT8") if images.dtype == np.uint8 else ("input", "FP32")
        data = np.ascontiguousarray(images).tobytes()
        tensor = {"name": name, "datatype": kind, "shape": images.shape, "parameters": {"binary_data_size": len(data)}}
        wanted = {"name": "logits", "parameters": {"binary_data": True}}
        head = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
        place = f"/v2/models/{quote(model, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
        body, headers = self.ask(
            "POST", f"{place}/infer", head + data, {"Inference-Header-Content-Length": str(len(head))}
        )
        length = int(headers["inference-header-content-length"])
        shape = json.loads(body[:length])["outputs"][0]["shape"]
        return np.frombuffer(body, dtype="<f4", offset=length).reshape(shape)

    def models(self) -> list[dict[str, str]]:
        """Name, version, state and reason of everything there."""
        found: list[dict[str, str]] = json.loads(self.ask("POST", "/v2/repository/index", b"")[0])
        return found

    def load(self, model: str) -> list[dict[str, str]]:
        """Take up what the server's folder has of a model, also where it was unloaded: its part of `models`."""
        return self._steer(model, "load")

    def unload(self, model: str) -> list[dict[str, str]]:
        """Let a model go until it is loaded: its part of `models`."""
        return self._steer(model, "unload")

    def statistics(self, model: str = "", version: str = "") -> list[dict[str, Any]]:
        """Counts and nanoseconds of each version since the start, as Triton has them."""
        place = f"/{quote(model, safe='')}" if model else ""
        place += f"/versions/{quote(version, safe='')}" if version else ""
        found: list[dict[str, Any]] = json.loads(self.ask("GET", f"/v2/models{place}/stats")[0])["model_stats"]
        return found

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        try:
            self.ask("GET", "/v2/health/ready")
        except ServeError:
            return False
        return True

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Any request: the answer's body and headers, in lower case. ServeError with what the server says otherwise."""
        for tried in range(self._retries + 1):
            status, said, found = self._once(method, path, body, {**self._headers, **(headers or {})})
            if status < 400:
                return said, found
            if status not in _AGAIN or tried == self._retries:
                raise ServeError(f"the server answers {status}: {_message(said)}")
            time.sleep(min(self._timeout, float(found.get("retry-after", "1"))))
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        """Let the connections go."""
        for each in self._all:
            each.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _steer(self, model: str, what: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(
            self.ask("POST", f"/v2/repository/models/{quote(model, safe='')}/{what}", b"")[0]
        )
        return found

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        for attempt in ("kept", "fresh"):  # a kept connection may have been closed meanwhile: that is no answer
            connection = self._connection()
            is_fresh = connection.sock is None
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()}
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if isinstance(error, ssl.SSLCertVerificationError):
                    raise ServeError(
                        f"the certificate of {self._host} is not trusted: {error.verify_message}. Name the one that "
                        "signed it: ca_file, or --ca_file of `netwright client`."
                    ) from error
                is_timeout = isinstance(error, TimeoutError)
                if is_fresh or is_timeout or attempt == "fresh":
                    raise ServeError(
                        f"{self._host}:{self._port} does not answer: {str(error) or type(error).__name__}. Is the "
                        "server started (`netwright serve REF`), and is this its address?"
                    ) from error
        raise AssertionError("the second attempt returns or raises")

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            if self._context:
                found = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout, context=self._context
                )
            else:
                found = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._local.connection = found
            self._all.append(found)
        return found


def _message(body: bytes) -> str:
    try:
        said = json.loads(body)
        return str(said.get("error") or said.get("error_msg"))
    except (ValueError, AttributeError):
        return body[:300].decode("utf-8", "replace") or "nothing"
