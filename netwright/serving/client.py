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
from netwright.serving.answers import error_message, read_classes, read_json, read_logits, read_rows, retry_seconds
from netwright.serving.unix_socket import UnixConnection, socket_path
from netwright.system.deprecation import renamed_method

__all__ = ["Client"]

_RETRIED = {429, 503}  # statuses of a server that is busy
_LONGEST = 1e6  # seconds; far more is no time for a socket


class Client:
    """A client of `netwright serve`. Close it, or use it in a `with`; from several threads, each has its connection.

        with Client("http://127.0.0.1:8000") as client:
            for each in client.predict("photo.jpg", top_k=3):
                print(each["name"], each["probability"])

    Args:
        address: Of the server: http://127.0.0.1:8000, or with the path below which a proxy has it; unix:PATH for a
            Unix socket (`netwright serve --uds PATH`).
        token: The server's token, or empty.
        timeout: Seconds for an answer.
        retries: How often a request is tried again that the server is too busy for, after the time that it names.
        ca_file: Certificates to trust, PEM, for a server whose certificate is self-signed.

    Raises:
        ServeError: For an address, token, time or file of certificates that is none. Its methods raise it where the
            server refuses, does not answer, or is another program.
    """

    def __init__(
        self, address: str, *, token: str = "", timeout: float = 60.0, retries: int = 3, ca_file: str | None = None
    ) -> None:
        if not (isinstance(timeout, int | float) and 0 < timeout <= _LONGEST):
            raise ServeError(f"a timeout is above 0 and at most {_LONGEST:,.0f} seconds, not {timeout}.")
        if retries < 0:
            raise ServeError(f"retries are 0 or more, not {retries}.")
        if any(not 33 <= ord(letter) <= 126 for letter in token):
            raise ServeError(
                "a token is printable ASCII without spaces or line ends, since it travels in a header. Correct it."
            )
        self._socket = socket_path(address) if address.startswith("unix:") else ""
        scheme, self._host, self._port, self._prefix = _parts("localhost" if self._socket else address)
        self._context = _context(ca_file) if scheme == "https" else None
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout, self._retries = float(timeout), retries
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
        if not isinstance(image, bytes | str | Path):
            raise ServeError(
                f"an image is the bytes or the path of a file, not a {type(image).__name__}. Pixels are for logits()."
            )
        if not isinstance(image, bytes):
            try:
                image = Path(image).read_bytes()
            except (OSError, ValueError) as error:  # a null character in the path
                reason = error.strerror if isinstance(error, OSError) else error
                raise ServeError(f"the image {image!s} cannot be read: {reason or error}.") from error
        query = {"top_k": str(top_k), "model": model, "version": version}
        parameters = urlencode({key: value for key, value in query.items() if value})
        answer = self.request("POST", f"/predict?{parameters}", image, {"Content-Type": "application/octet-stream"})
        return read_json(*answer, self._whose, read_classes)

    def logits(
        self, images: npt.NDArray[np.uint8] | npt.NDArray[np.floating[Any]], *, model: str, version: str = ""
    ) -> npt.NDArray[np.float32]:
        """The logits of images.

        Args:
            images: (N, H, W, C) uint8 of the network's input size, or (N, C, H, W) floating-point, normalized; that is
                sent as float32.
            model: Its name.
            version: Its number; the highest where it is empty.

        Returns:
            (N, classes) float32.
        """
        name, kind, images = _tensor(images)
        data = images.tobytes()
        tensor = {"name": name, "datatype": kind, "shape": images.shape, "parameters": {"binary_data_size": len(data)}}
        output = {"name": "logits", "parameters": {"binary_data": True}}
        head = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
        path = f"/v2/models/{quote(model, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
        answer = self.request("POST", f"{path}/infer", head + data, {"Inference-Header-Content-Length": str(len(head))})
        return read_logits(*answer, self._whose)

    def models(self) -> list[dict[str, str]]:
        """The index of the server: name, version, state (READY or UNAVAILABLE) and reason of each version."""
        return read_json(*self.request("POST", "/v2/repository/index", b""), self._whose, read_rows)

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
        answer = self.request("GET", f"/v2/models{path}/stats")
        return read_json(*answer, self._whose, lambda found: list(found["model_stats"]))

    def is_ready(self) -> bool:
        """Whether the server takes requests."""
        try:
            answer = self.request("GET", "/v2/health/ready")
            return read_json(*answer, self._whose, lambda found: found["ready"] is True)
        except ServeError:
            return False

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Send any request.

        Args:
            method: Of HTTP.
            path: With its query, below the server's address: /v2/models/NAME.
            body: Its bytes.
            headers: Beside the token's.

        Returns:
            The body of the answer, and its headers, with names in lower case.

        Raises:
            ServeError: With the status and the message, where the server refuses; or where it does not answer, or leads
                elsewhere.
        """
        for tried in range(self._retries + 1):
            status, content, received = self._send(method, path, body, {**self._headers, **(headers or {})})
            if 200 <= status < 300:
                return content, received
            if 300 <= status < 400:
                there = received.get("location", "")[:300]
                raise ServeError(
                    f"{self._whose} answers {status}, which leads to {there or 'nowhere'}. Give the server's address."
                )
            if status not in _RETRIED or tried == self._retries:
                raise ServeError(f"the server answers {status}: {error_message(content)}")
            time.sleep(min(self._timeout, retry_seconds(received.get("retry-after", ""))))
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
        return read_json(*self.request("POST", path, b""), self._whose, read_rows)

    @property
    def _whose(self) -> str:
        return self._socket or f"{self._host}:{self._port}{self._prefix}"

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        for attempt in ("kept", "fresh"):  # the server may have closed a kept connection meanwhile
            connection = self._connection()
            is_fresh = connection.sock is None
            try:
                connection.request(method, self._prefix + path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()}
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                if is_fresh or isinstance(error, TimeoutError) or attempt == "fresh":
                    raise ServeError(_why_unsent(error, self._host, self._whose)) from error
        raise AssertionError("the second attempt returns or raises")

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._socket:
                connection = UnixConnection(self._socket, self._timeout)
            elif self._context:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout, context=self._context
                )
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            self._local.connection = connection
            self._all.append(connection)
        return connection


def _why_unsent(error: Exception, host: str, whose: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {host} is not trusted: {error.verify_message}. Give the certificate that signed it: "
            "ca_file, or --ca_file of `netwright client`."
        )
    is_answer = isinstance(error, OSError | http.client.HTTPException)
    if isinstance(error, http.client.InvalidURL) or not is_answer:  # control characters, or not ASCII
        return f"this is no request of HTTP: {error}. Correct its path or headers."
    return (
        f"{whose} does not answer: {str(error) or type(error).__name__}. Is the server started (`netwright serve REF`)"
        ", and is this its address?"
    )


def _parts(address: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, and the path below which the server is; ServeError for an address that is none."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        host.encode("idna")
    except ValueError as error:  # also of names that are too long, or empty between dots
        raise ServeError(f"a server's address is like http://127.0.0.1:8000, not {address!r}: {error}.") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username is not None:
        raise ServeError(f"a server's address is like http://127.0.0.1:8000, not {address!r}.")
    return parts.scheme, host, port, quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        reason = (error.strerror if isinstance(error, OSError) else "") or error
        raise ServeError(
            f"the certificates to trust are a file of PEM, and {ca_file} cannot be used: {reason}. Give another."
        ) from error


def _tensor(images: Any) -> tuple[str, str, npt.NDArray[Any]]:
    """Name and datatype of the input, and its values as they travel: contiguous, of the least byte first."""
    array = np.asarray(images)
    if array.dtype == np.uint8:
        return "pixels", "UINT8", np.ascontiguousarray(array)
    if array.dtype.kind != "f":
        raise ServeError(
            f"images are uint8 (N, H, W, C), or normalized floating-point numbers (N, C, H, W), not {array.dtype} of "
            f"shape {array.shape}. Convert them."
        )
    return "input", "FP32", np.ascontiguousarray(array, dtype="<f4")
