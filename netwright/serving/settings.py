"""What a server is told: where it listens, how it batches, and what it refuses."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, fields
from typing import Any

from netwright.errors import ServeError

__all__ = ["ServeSettings", "is_loopback"]

_SHORTEST_BEAT = 0.1  # seconds: as often as a supervisor looks


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a server behaves. Raises ServeError for what cannot be.

    ref: what `open_runtime` takes, or a folder of models. port, grpc_port: 0 takes a free one; a grpc_port of None
    serves no gRPC. runtime, precision, threads: of `open_runtime`. max_batch: images computed together. max_delay_ms:
    how long an image waits for company where nothing is being computed. max_queue: images that wait, of one model in
    one worker; more are refused (429). max_requests: requests of a worker in the making. max_body: bytes of a request;
    max_bytes: of all requests of a worker together. max_pixels: of an encoded image. timeout: seconds from a
    request's first byte to its answer; body_timeout: seconds for its body. grace: seconds that a stopping server gives
    what it has accepted. poll: seconds between looks at the folder, 0 for none. workers: processes. heartbeat:
    seconds of silence after which a worker hangs, as does one whose network has been at a single computation for longer
    than this and than timeout; 0 for never. log_format: text or json.
    """

    ref: str
    host: str = "127.0.0.1"
    port: int = 8000
    grpc_port: int | None = None
    runtime: str = "auto"
    precision: str | None = None
    threads: int | None = None
    name: str = ""
    max_batch: int = 16
    max_delay_ms: float = 2.0
    max_queue: int = 128
    max_requests: int = 256
    max_body: int = 32 << 20
    max_bytes: int = 256 << 20
    max_pixels: int = 40_000_000
    timeout: float = 30.0
    body_timeout: float = 20.0
    grace: float = 30.0
    poll: float = 2.0
    workers: int = 1
    heartbeat: float = 15.0
    token: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    log_format: str = "text"

    def __post_init__(self) -> None:
        for name in ("max_batch", "max_queue", "max_requests", "max_body", "max_bytes", "max_pixels", "workers"):
            if getattr(self, name) < 1:
                raise ServeError(f"{name} is 1 or more, not {getattr(self, name)}.")
        for name in ("max_delay_ms", "poll", "grace", "heartbeat"):
            if not 0 <= getattr(self, name) < 1e6:
                raise ServeError(f"{name} is 0 or more, not {getattr(self, name)}.")
        if 0 < self.heartbeat < _SHORTEST_BEAT:
            raise ServeError(f"heartbeat is 0, or {_SHORTEST_BEAT} seconds or more, not {self.heartbeat}.")
        for name in ("timeout", "body_timeout"):
            if not 0 < getattr(self, name) < 1e6:
                raise ServeError(f"{name} is above 0 seconds, not {getattr(self, name)}.")
        for name in ("port", "grpc_port"):
            if not 0 <= (getattr(self, name) or 0) <= 65535:
                raise ServeError(f"{name} is 0 (any free one) to 65535, not {getattr(self, name)}.")
        if self.max_queue < self.max_batch:
            raise ServeError(
                f"as many images may wait as are computed together, and max_queue is {self.max_queue} with max_batch "
                f"{self.max_batch}. Raise max_queue."
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ServeError("TLS takes a certificate and its key. Give both tls_cert and tls_key.")
        if self.log_format not in ("text", "json"):
            raise ServeError(f"log_format is text or json, not {self.log_format!r}.")
        if any(not 33 <= ord(letter) <= 126 for letter in self.token):
            raise ServeError("a token is printable ASCII without spaces: it travels in a header.")

    @property
    def warning(self) -> str:
        """What its owner should hear before it listens, or empty."""
        if is_loopback(self.host):
            return ""
        if not self.token:
            return (
                f"everyone who reaches {self.host} may use this server: give --token, or stay on --host 127.0.0.1 "
                "behind a proxy that knows its users"
            )
        return "" if self.tls_cert else f"the token travels to {self.host} unencrypted: give --tls_cert and --tls_key"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ServeSettings:
        """What `to_dict` gave."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
