"""A client of the server, with nothing but the standard library and numpy."""

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
from netwright.system.deprecation import renamed_method

__all__ = ["Client"]

_RETRIED = {429, 503}  # statuses of a server that is busy


class Client:
    """A client of `netwright serve`. Close it, or use it in a `with`; from several threads, each has its connection.

        with Client("http://127.0.0.1:8000") as client:
            for each in client.predict("photo.jpg", top_k=3):
                print(each["name"], each["probability"])

    Args:
        address: Of the server: http://127.0.0.1:8000.
        token: The server's token, or empty.
        timeout: Seconds for an answer.
        retries: How often a request is tried again that the server is too busy for, after the time that it names.
        ca_file: Certificates to trust, PEM, for a server whose certificate is self-signed.

    Raises:
        ServeError: For an address that is none. Its methods raise it where the server refuses or does not answer.
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
        """The likeliest classes of an image.

        Args:
            image: An encoded image, or the path of a file.
            top_k: How many classes.
            model: Its name; may be empty where the server has one model.
            version: Its number; the highest where it is empty.

        Returns:
            For each class index, name, probability and, where known, description; the likeliest first.
        """
        if not isinstance(image, bytes):
            try:
                image = Path(image).read_bytes()
            except OSError as error:
                raise ServeError(f"the image {image!s} cannot be read: {error.strerror or error}.") from error
        query = {"top_k": str(top_k), "model": model, "version": version}
        parameters = urlencode({key: value for key, value in query.items() if value})
        body, _ = self.request("POST", f"/predict?{parameters}", image, {"Content-Type": "application/octet-stream"})
        classes: list[dict[str, Any]] = json.loads(body)["classes"]
        return classes

    def logits(
        self, images: npt.NDArray[np.uint8] | npt.NDArray[np.float32], *, model: str, version: str = ""
    ) -> npt.NDArray[np.float32]:
        """The logits of images.

        Args:
            images: (N, H, W, C) uint8 of the network's input size, or (N, C, H, W) float32, normalized.
            model: Its name.
            version: Its number; the highest where it is empty.

        Returns:
            (N, classes) float32.
        """
        name, kind = ("pixels", "UINT8") if images.dtype == np.uint8 else ("input", "FP32")
        data = np.ascontiguousarray(images).tobytes()
        tensor = {"name": name, "datatype": kind, "shape": images.shape, "parameters": {"binary_data_size": len(data)}}
        output = {"name": "logits", "parameters": {"binary_data": True}}
        head = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
        path = f"/v2/models/{quote(model, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
        body, headers = self.request(
            "POST", f"{path}/infer", head + data, {"Inference-Header-Content-Length": str(len(head))}
        )
        length = int(headers["inference-header-content-length"])
        shape = json.loads(body[:length])["outputs"][0]["shape"]
        return np.frombuffer(body, dtype="<f4", offset=length).reshape(shape)

    def models(self) -> list[dict[str, str]]:
        """The index of the server: name, version, state (READY or UNAVAILABLE) and reason of each version."""
        rows: list[dict[str, str]] = json.loads(self.request("POST", "/v2/repository/index", b"")[0])
        return rows

    def load(self, model: str) -> list[dict[str, str]]:
        """Load what is new of a model in the server's folder, also after `unload`. Returns its rows of `models`."""
        return self._control_model(model, "load")

    def unload(self, model: str) -> list[dict[str, str]]:
        """Unload a model until `load`. Returns its rows of `models`."""
        return self._control_model(model, "unload")

    def statistics(self, model: str = "", version: str = "") -> list[dict[str, Any]]:
        """Counts and nanoseconds since the start, as Triton has them.

        Args:
            model: Its name; all models where it is empty.
            version: Its number; all versions where it is empty.

        Returns:
            A dict for each version.
        """
        path = f"/{quote(model, safe='')}" if model else ""
        path += f"/versions/{quote(version, safe='')}" if version else ""
        rows: list[dict[str, Any]] = json.loads(self.request("GET", f"/v2/models{path}/stats")[0])["model_stats"]
        return rows

    def is_ready(self) -> bool:
        """Whether the server takes requests."""
        try:
            self.request("GET", "/v2/health/ready")
        except ServeError:
            return False
        return True

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Send any request.

        Args:
            method: Of HTTP.
            path: With its query: /v2/models/NAME.
            body: Its bytes.
            headers: Beside the token's.

        Returns:
            The body of the answer, and its headers, with names in lower case.

        Raises:
            ServeError: With the status and the message, where the server refuses; or where it does not answer.
        """
        for tried in range(self._retries + 1):
            status, content, received = self._send(method, path, body, {**self._headers, **(headers or {})})
            if status < 400:
                return content, received
            if status not in _RETRIED or tried == self._retries:
                raise ServeError(f"the server answers {status}: {_message(content)}")
            time.sleep(min(self._timeout, float(received.get("retry-after", "1"))))
        raise AssertionError("the last try returns or raises")

    ask = renamed_method("Client", "ask", "request")

    def close(self) -> None:
        """Close the connections."""
        for each in self._all:
            each.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _control_model(self, model: str, command: str) -> list[dict[str, str]]:
        path = f"/v2/repository/models/{quote(model, safe='')}/{command}"
        rows: list[dict[str, str]] = json.loads(self.request("POST", path, b"")[0])
        return rows

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        for attempt in ("kept", "fresh"):  # the server may have closed a kept connection meanwhile
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
                        f"the certificate of {self._host} is not trusted: {error.verify_message}. Give the certificate "
                        "that signed it: ca_file, or --ca_file of `netwright client`."
                    ) from error
                is_timeout = isinstance(error, TimeoutError)
                if is_fresh or is_timeout or attempt == "fresh":
                    raise ServeError(
                        f"{self._host}:{self._port} does not answer: {str(error) or type(error).__name__}. Is the "
                        "server started (`netwright serve REF`), and is this its address?"
                    ) from error
        raise AssertionError("the second attempt returns or raises")

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._context:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout, context=self._context
                )
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._local.connection = connection
            self._all.append(connection)
        return connection


def _message(body: bytes) -> str:
    try:
        content = json.loads(body)
        return str(content.get("error") or content.get("error_msg"))
    except (ValueError, AttributeError):
        return body[:300].decode("utf-8", "replace") or "nothing"
