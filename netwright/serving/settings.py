"""What a server is given: where it listens, how it batches, and what it refuses."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from netwright.errors import ServeError
from netwright.options import Constraint, check_options, option, options_of, read_value
from netwright.serving.formats import DEFAULT_FORMATS, FORMATS
from netwright.system.model_name import NAME_RULE, is_model_name
from netwright.system.suggest import suggest

__all__ = ["ServeSettings", "is_loopback"]

_SHORTEST_HEARTBEAT = 0.1  # seconds: as often as a supervisor looks
_LONGEST = 1e6  # seconds, or milliseconds
_LISTENING = "where it listens"
_COMPUTING = "how it computes"
_BATCHING = "batching"
_LIMITS = "limits, beyond which a request is refused"


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a server behaves. ServeError for an impossible value.

    Attributes:
        ref: What `open_runtime` takes, or a folder of models.
    """

    ref: str
    host: str = option("127.0.0.1", "127.0.0.1 is for this machine only", metavar="ADDRESS", group=_LISTENING)
    port: int = option(8000, "0 takes a free one", low=0, high=65535, metavar="PORT", group=_LISTENING)
    grpc_port: int | None = option(
        None, "also serve gRPC; 0 takes a free one", low=0, high=65535, metavar="PORT", group=_LISTENING
    )
    runtime: str = option(
        "auto",
        "auto (what the file is for; torch for weights), torch, onnx, openvino or litert",
        metavar="NAME",
        group=_COMPUTING,
    )
    precision: str | None = option(
        None,
        "fp32, bf16 or fp16, where the runtime can",
        metavar="NAME",
        default_text="the file's own",
        group=_COMPUTING,
    )
    device: str = option("cpu", "cpu; in torch also cuda, cuda:1, ..., or auto", metavar="DEVICE", group=_COMPUTING)
    threads: int | None = option(
        None,
        "threads of one computation; OMP_NUM_THREADS counts too",
        low=1,
        metavar="N",
        default_text="all processors, divided by the workers",
        group=_COMPUTING,
    )
    name: str = option(
        "",
        "of a single model, in addresses and answers; in FOLDER/NAME/1 it is NAME",
        metavar="NAME",
        default_text="the model's own",
        group=_COMPUTING,
    )
    class_order: str = option(
        "",
        "of weights without class names: a file with a class name a line, in the order of the outputs",
        metavar="FILE",
        default_text="outputs are numbered",
        group=_COMPUTING,
    )
    max_batch: int = option(16, "images computed together", low=1, metavar="N", group=_BATCHING)
    max_delay_ms: float = option(
        2.0,
        "how long an image waits for others while nothing is being computed",
        low=0.0,
        high=_LONGEST,
        metavar="MS",
        group=_BATCHING,
    )
    max_queue: int = option(
        128, "images that wait for one version in one worker (429)", low=1, metavar="N", group=_LIMITS
    )
    max_requests: int = option(256, "requests that one worker answers at once (429)", low=1, metavar="N", group=_LIMITS)
    max_connections: int = option(
        512,
        "connections of one client address in one worker, each for HTTP and gRPC; the most silent makes room. Behind a "
        "proxy, all clients have its address",
        low=1,
        metavar="N",
        group=_LIMITS,
    )
    max_body: int = option(
        32 << 20, "of one request (413)", low=1, metavar="BYTES", default_text="32 MiB", group=_LIMITS
    )
    max_json: int = option(
        16 << 20, "of the JSON of one request (413)", low=1, metavar="BYTES", default_text="16 MiB", group=_LIMITS
    )
    max_bytes: int = option(
        256 << 20,
        "of all bodies in one worker together (429)",
        low=1,
        metavar="BYTES",
        default_text="256 MiB",
        group=_LIMITS,
    )
    max_pixels: int = option(40_000_000, "of an encoded image (413)", low=1, metavar="N", group=_LIMITS)
    max_request_pixels: int = option(
        400_000_000, "of all encoded images of a request (413)", low=1, metavar="N", group=_LIMITS
    )
    max_waiting_pixels: int = option(
        1_600_000_000,
        "of all images that wait to be decoded in one worker; beyond it the request with the most is refused (429)",
        low=1,
        metavar="N",
        group=_LIMITS,
    )
    decode_memory: int = option(
        384 << 20,
        "in which one worker decodes images, at most three quarters of what is free when it starts; others wait, and "
        "one that takes more is refused (413)",
        low=1,
        metavar="BYTES",
        default_text="384 MiB",
        group=_LIMITS,
    )
    formats: tuple[str, ...] = option(
        DEFAULT_FORMATS,
        f"of images that are read (422): any of {', '.join(FORMATS)}",
        choices=tuple(FORMATS),
        metavar="NAME",
        group=_LIMITS,
    )
    timeout: float = option(
        30.0,
        "from the first byte of a request to its answer (504)",
        above=0.0,
        high=_LONGEST,
        metavar="SECONDS",
        group=_LIMITS,
    )
    body_timeout: float = option(
        20.0, "for a body to arrive (408)", above=0.0, high=_LONGEST, metavar="SECONDS", group=_LIMITS
    )
    grace: float = option(
        30.0,
        "that a stopping server waits for the requests it has accepted",
        low=0.0,
        high=_LONGEST,
        metavar="SECONDS",
        group=_LIMITS,
    )
    grpc_ping: float = option(
        0.5,
        "least time between two keepalive pings of a gRPC client; one that pings more often is disconnected",
        low=0.0,
        high=_LONGEST,
        metavar="SECONDS",
        group=_LIMITS,
    )
    poll: float = option(
        2.0,
        "between looks at FOLDER for new versions; 0: never",
        low=0.0,
        high=_LONGEST,
        metavar="SECONDS",
        group=_COMPUTING,
    )
    workers: int = option(1, "processes; one that dies or hangs is started again", low=1, metavar="N", group=_COMPUTING)
    heartbeat: float = option(
        15.0,
        "of silence after which a worker counts as hanging, also one whose network has computed for longer than this "
        "and than --timeout; 0: never",
        low=0.0,
        high=_LONGEST,
        metavar="SECONDS",
        group=_COMPUTING,
    )
    token: str = option(
        "",
        "clients send `Authorization: Bearer TOKEN`; better given as $NETWRIGHT_TOKEN",
        metavar="TOKEN",
        group=_LISTENING,
    )
    cors: str = option(
        "",
        "origins of pages that browsers let ask, such as https://example.org, with commas between; * for any",
        metavar="ORIGIN",
        group=_LISTENING,
    )
    host_names: str = option(
        "",
        "names that clients call it by, besides localhost, where it listens for this machine only and has no token; "
        "with commas between, * for any",
        metavar="NAMES",
        group=_LISTENING,
    )
    uds: str = option("", "listen for HTTP on this Unix socket instead of a port", metavar="PATH", group=_LISTENING)
    tls_cert: str = option("", "certificate chain, PEM", metavar="FILE", group=_LISTENING)
    tls_key: str = option("", "its key, PEM", metavar="FILE", group=_LISTENING)
    log_format: str = option("text", "of the lines on stderr", choices=("text", "json"))

    def __post_init__(self) -> None:
        check_options(self, ServeError)
        if 0 < self.heartbeat < _SHORTEST_HEARTBEAT:
            raise ServeError(
                f"heartbeat is 0, or {_SHORTEST_HEARTBEAT} seconds or more, not {self.heartbeat}. Raise heartbeat."
            )
        if not self.formats:
            raise ServeError(f"a server reads one format or more of {', '.join(FORMATS)}, not none. Give formats.")
        if self.name and not is_model_name(self.name):
            raise ServeError(f"the name of a model has {NAME_RULE}, and this is {self.name!r}. Give another --name.")
        if self.max_queue < self.max_batch:
            raise ServeError(
                f"as many images may wait as are computed together, and max_queue is {self.max_queue} with max_batch "
                f"{self.max_batch}. Raise max_queue."
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ServeError("TLS takes a certificate and its key. Give both tls_cert and tls_key.")
        if any(not 33 <= ord(letter) <= 126 for letter in self.token):
            raise ServeError("a token is printable ASCII without spaces, since it travels in a header. Give another.")

    @classmethod
    def from_options(cls, ref: str | Path, **options: Any) -> ServeSettings:
        """Settings by name, as the flags of `netwright serve` have them.

        Args:
            ref: What `open_runtime` takes, or a folder of models.
            **options: Attributes of this class. Without a token, it is that of the environment, $NETWRIGHT_TOKEN.

        Raises:
            ServeError: An unknown name, or an impossible value.
        """
        known = [item.name for item in options_of(cls)]
        for name in options:
            if name not in known:
                raise ServeError(f"unknown option {name!r} of a server: {suggest(name, known)}")
        if "formats" in options:  # a list, or the words of a command line
            options["formats"] = _formats(options["formats"])
        token = options.get("token") or os.environ.get("NETWRIGHT_TOKEN", "")
        return cls(str(ref), **options | {"token": token})

    @property
    def warning(self) -> str:
        """What to tell the owner before it listens; empty for nothing."""
        if is_loopback(self.host) or (self.uds and self.grpc_port is None):
            return ""
        if not self.token:
            return (
                f"everyone who reaches {self.host} can use this server: give --token, or stay on --host 127.0.0.1 "
                "behind a proxy that knows its users"
            )
        return "" if self.tls_cert else f"the token travels to {self.host} unencrypted: give --tls_cert and --tls_key"

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ServeSettings:
        """Read what `to_dict` wrote; unknown names, of another version, are left out."""
        known: dict[str, Any] = {item.name: values[item.name] for item in fields(cls) if item.name in values}
        if "formats" in known:
            known["formats"] = tuple(known["formats"])  # JSON has lists
        return cls(**known)


def _formats(given: Any) -> Any:
    written = ",".join(map(str, given)) if isinstance(given, list | tuple) else given
    return read_value("formats", written, tuple[str, ...], Constraint(choices=tuple(FORMATS)), ServeError)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
