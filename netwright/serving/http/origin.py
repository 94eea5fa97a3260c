"""Which pages of browsers may read answers: by the origin of the page, and by the name that it calls the server."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING

from netwright.serving.errors import RequestError
from netwright.serving.settings import is_loopback

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["Origins", "check_host", "must_check_host"]

Headers = list[tuple[bytes, bytes]]

_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-max-age", b"600"),
]
_EXPOSED = b"Inference-Header-Content-Length, Retry-After, X-Request-Id"


class Origins:
    """The origins whose pages may ask, as `--cors` names them.

    Args:
        text: Origins with commas between, `*` for any, or empty for none.
    """

    def __init__(self, text: str) -> None:
        self._known = {each.strip().rstrip("/").encode() for each in text.split(",")} - {b""}

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """The headers of the response to a request with these; none where its page may not read it."""
        origin = asked.get(b"origin", b"")
        if not origin or not ({origin, b"*"} & self._known):
            return []
        named = b"*" if b"*" in self._known else origin
        return [
            (b"access-control-allow-origin", named),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight(self, method: str, asked: Mapping[bytes, bytes]) -> Headers:
        """The headers of the answer to a browser that asks whether a page may ask; none where it does not."""
        allowed = self.headers(asked)
        if method != "OPTIONS" or not allowed or b"access-control-request-method" not in asked:
            return []
        wanted = asked.get(b"access-control-request-headers", b"")
        return [*allowed, *_PREFLIGHT, *([(b"access-control-allow-headers", wanted)] if wanted else [])]


def must_check_host(settings: ServeSettings) -> bool:
    """Whether the name that a client calls the server matters.

    On a loopback address without a token, any page could give its own name this address, and its browser would let it
    read the answers (DNS rebinding).
    """
    return is_loopback(settings.host) and not settings.token and not settings.uds


def check_host(host: str, names: str) -> None:
    """RequestError where a client calls the server by a name that is not this machine's.

    Args:
        host: The header, perhaps empty.
        names: Others that are right, with commas between; `*` for any.
    """
    known = {each.strip().lower() for each in names.split(",")} - {""}
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    name = name.removesuffix(".")
    if not name or name == "localhost" or name.endswith(".localhost") or known & {name, "*"}:
        return
    try:
        ipaddress.ip_address(name)
    except ValueError:
        raise RequestError(
            "misdirected",
            f"this server answers to localhost and to addresses, not to {host[:100]!r}. Give its names as "
            "--host_names, or a --token.",
        ) from None
