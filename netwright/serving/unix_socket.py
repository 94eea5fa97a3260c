"""The client's side of a Unix socket, as `netwright serve --uds` listens on one."""

from __future__ import annotations

import http.client
import socket

from netwright.errors import ServeError

__all__ = ["UnixConnection", "socket_path"]


class UnixConnection(http.client.HTTPConnection):
    """A connection over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            self.sock = None
            raise


def socket_path(address: str) -> str:
    """The path in unix:PATH or unix:///PATH. ServeError where there is none."""
    path = address.removeprefix("unix:")
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path or path.startswith("//") or "\0" in path or not hasattr(socket, "AF_UNIX"):
        raise ServeError(f"a Unix socket's address is like unix:/run/netwright.sock, not {address!r}.")
    return path
