"""Why a request is not answered, and what that is called in HTTP and in gRPC."""

from __future__ import annotations

from netwright.errors import ServeError

__all__ = ["GRPC_CODES", "HTTP_STATUS", "Refused"]

# reason -> status of HTTP
HTTP_STATUS = {
    "malformed": 400,
    "unauthorized": 401,
    "unknown": 404,
    "slow": 408,
    "too_large": 413,
    "no_image": 422,
    "busy": 429,
    "damaged": 502,
    "unavailable": 503,
    "late": 504,
}
# reason -> name of a grpc.StatusCode
GRPC_CODES = {
    "malformed": "INVALID_ARGUMENT",
    "unauthorized": "UNAUTHENTICATED",
    "unknown": "NOT_FOUND",
    "slow": "DEADLINE_EXCEEDED",
    "too_large": "INVALID_ARGUMENT",
    "no_image": "INVALID_ARGUMENT",
    "busy": "RESOURCE_EXHAUSTED",
    "damaged": "INTERNAL",
    "unavailable": "UNAVAILABLE",
    "late": "DEADLINE_EXCEEDED",
}


class Refused(ServeError):  # noqa: N818 - what happened to the request
    """A request that is not answered. reason: a key of HTTP_STATUS; retry_after: seconds, where trying again helps."""

    def __init__(self, reason: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.retry_after = reason, retry_after

    @property
    def status(self) -> int:
        """Of HTTP."""
        return HTTP_STATUS[self.reason]
