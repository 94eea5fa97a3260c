"""What the studio does not answer."""

from __future__ import annotations

from netwright.errors import ServeError

__all__ = ["StudioError"]


class StudioError(ServeError):
    """A request that is refused; the message is for the person at the page.

    Attributes:
        status: Of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
