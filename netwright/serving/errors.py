"""Why a request is refused, and the status of each reason in HTTP and in gRPC."""

from __future__ import annotations

from netwright.errors import ServeError

__all__ = ["GRPC_CODES", "HTTP_STATUS", "INTERNAL_ERROR", "RequestError"]

# reason -> HTTP status
HTTP_STATUS = {
    "malformed": 400,
    "unauthorized": 401,
    "unknown": 404,
    "slow": 408,
    "too_large": 413,
    "misdirected": 421,
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
    "misdirected": "INVALID_ARGUMENT",
    "no_image": "INVALID_ARGUMENT",
    "busy": "RESOURCE_EXHAUSTED",
    "damaged": "INTERNAL",
    "unavailable": "UNAVAILABLE",
    "late": "DEADLINE_EXCEEDED",
}
# what a client is told of a bug of ours; the log has the exception
INTERNAL_ERROR = "internal error of the server; its log has the details."


class RequestError(ServeError):
    """A request that is refused; the message is for the client.

    Attributes:
        reason: A key of HTTP_STATUS and GRPC_CODES.
        retry_after: Seconds after which another try may succeed; None where it would not.
    """

    def __init__(self, reason: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.retry_after = reason, retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return HTTP_STATUS[self.reason]
